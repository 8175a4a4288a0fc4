"""A plot of how likely a voice finds a recording, as a PNG file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wavegen.errors import WavegenError
from wavegen.files import atomic_write
from wavegen.report.clip_plots import check_matplotlib
from wavegen.score import Score
from wavegen.score.spans import spans


def plot_score(score: Score, frame: float, title: str, file: Path) -> None:
    """Plot waveform, bits per sample of every frame, and the phonemes, where the text is known.

    Args:
        score: of the recording.
        frame: seconds of a frame.
        title: the title.
        file: PNG to write; it appears complete or not at all.

    Raises:
        WavegenError: matplotlib is missing, or the file can't be written.
    """
    check_matplotlib("leave out --plot")
    from matplotlib.figure import Figure

    width = min(max(8.0, 5 * score.seconds), 200.0)
    figure = Figure(figsize=(width, 5), layout="constrained")
    wave, bits = figure.subplots(2, sharex=True)
    wave.plot(np.arange(score.samples) / score.sample_rate, score.audio, linewidth=0.4)
    wave.set(ylabel="amplitude", title=title.replace("$", r"\$"), xlim=(0, score.seconds))
    parts = spans(score, "frame", frame)
    edges = [*(s.start for s in parts), parts[-1].end]
    values = [s.bits_per_sample for s in parts]
    bits.stairs(values, edges, baseline=None)
    bits.axhline(score.bits_per_sample, color="grey", linewidth=0.6, linestyle="--")
    bits.set(ylabel="bits per sample", xlabel="seconds")
    for phone in score.phones:
        for axes in (wave, bits):
            axes.axvline(phone.end, color="grey", linewidth=0.6)
        bits.text(
            (phone.start + phone.end) / 2,
            0.93,
            phone.label,
            transform=bits.get_xaxis_transform(),
            ha="center",
        )
    try:
        with atomic_write(file) as beside:
            figure.savefig(beside, dpi=100)
    except OSError as e:
        raise WavegenError(f"can't write {file}: {e.strerror or e}") from e
