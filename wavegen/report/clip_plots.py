"""Plots of a data set and of its clips, as PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.librosa_cache import one_process_compiles
from wavegen.data.dataset import Dataset
from wavegen.errors import WavegenError, counted
from wavegen.files import atomic_write, check_output_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLOTS = ("durations.png", "levels.png", "speakers.png")
MOST_SPEAKERS = 40
"""At most this many speakers have a bar."""
F0_RANGE = (60, 500)
"""Hz."""


def check_matplotlib(instead: str) -> None:
    """Raise `WavegenError`, which says what to do ``instead``, if matplotlib is missing."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as e:
        message = f"plots need matplotlib: pip install 'wavegen[report]', or {instead}"
        raise WavegenError(message) from e


def check_plots(folder: Path, force: bool) -> None:
    """Raise `WavegenError` if plots can't be made or written, before any work is done."""
    check_matplotlib("leave out -o")
    check_output_folder(folder)
    there = [folder / name for name in PLOTS if (folder / name).exists()]
    if there and not force:
        raise WavegenError(f"{there[0]} exists; --force replaces it")


def plot_dataset(dataset: Dataset, sample_rate: int, folder: Path) -> list[Path]:
    """Plot durations, levels and, if there are any, speakers of a data set (most audio first).

    The folder is created if it is missing.

    Returns:
        The files written, named as in `PLOTS`.

    Raises:
        WavegenError: they can't be written.
    """
    entries = [dataset.entry(p) for p in dataset.clips]
    seconds = np.array([e.samples for e in entries]) / sample_rate
    draw: dict[str, Any] = {
        "durations.png": lambda axes: _durations(axes, seconds),
        "levels.png": lambda axes: _levels(axes, dataset),
    }
    if dataset.speakers:
        draw["speakers.png"] = lambda axes: _speakers(axes, dataset.seconds(sample_rate))
    from matplotlib.figure import Figure

    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, into in draw.items():
            rows = min(len(dataset.speakers), MOST_SPEAKERS) if name == "speakers.png" else 0
            figure = Figure(figsize=(8, max(4.5, 1 + 0.22 * rows)), layout="constrained")
            into(figure.subplots())
            with atomic_write(folder / name) as beside:
                figure.savefig(beside, dpi=100)
            written.append(folder / name)
    except OSError as e:
        raise WavegenError(f"can't write plots into {folder}: {e.strerror or e}") from e
    return written


def plot_clip(
    audio: NDArray[np.float32],
    rate: int,
    phones: Sequence[tuple[str, float, float]],
    title: str,
    file: Path,
) -> None:
    """Plot waveform, mel spectrogram and F0 (pYIN, Mauch & Dixon 2014) with phoneme boundaries.

    Args:
        audio: (T,) in [-1, 1].
        rate: sample rate in Hz.
        phones: label, start and end (seconds) of each phoneme.
        title: the title.
        file: PNG to write; it appears complete or not at all.

    Raises:
        WavegenError: it can't be written.
    """
    from matplotlib.figure import Figure

    seconds = len(audio) / rate
    hop = max(1, rate // 200)
    window = 1 << (rate // 40).bit_length()
    # Half a pYIN frame must hold a period of the lowest F0.
    frame = 1 << (3 * rate // F0_RANGE[0]).bit_length()
    with one_process_compiles("pyin"):
        import librosa

        f0, _, _ = librosa.pyin(
            audio, fmin=F0_RANGE[0], fmax=min(F0_RANGE[1], rate / 4), sr=rate, frame_length=frame
        )
    mel = librosa.feature.melspectrogram(
        y=audio, sr=rate, n_fft=window, hop_length=hop, n_mels=40 if rate < 16000 else 80
    )
    figure = Figure(figsize=(max(8.0, 5 * seconds), 7), layout="constrained")
    wave, spectrum, pitch = figure.subplots(3, sharex=True, height_ratios=(1, 2, 1))
    wave.plot(np.arange(len(audio)) / rate, audio, linewidth=0.4)
    wave.set(ylabel="amplitude", title=title.replace("$", r"\$"), xlim=(0, seconds))
    level = librosa.power_to_db(mel, ref=np.max, top_db=80)
    extent = (0.0, mel.shape[1] * hop / rate, 0.0, float(len(mel)))
    spectrum.imshow(level, origin="lower", aspect="auto", extent=extent, cmap="magma")
    spectrum.set(ylabel="mel band", xlim=(0, seconds))
    pitch.plot(np.arange(len(f0)) * (frame // 4) / rate, f0, ".-")
    pitch.set(ylabel="F0, Hz", xlabel="seconds")
    for label, start, end in phones:
        for axes in (wave, spectrum, pitch):
            axes.axvline(end, color="grey", linewidth=0.6)
        height = 0.93 * len(mel)
        label = label.replace("$", r"\$")
        spectrum.text((start + end) / 2, height, label, color="white", ha="center", fontsize=9)
    try:
        with atomic_write(file) as beside:
            figure.savefig(beside, dpi=100)
    except OSError as e:
        raise WavegenError(f"can't write {file}: {e.strerror or e}") from e


def _durations(axes: Axes, seconds: np.ndarray[Any, Any]) -> None:
    axes.hist(seconds, bins=min(60, max(10, len(seconds) // 10)))
    title = f"{counted(len(seconds), 'clip')}, median {np.median(seconds):.2f} s"
    axes.set(xlabel="duration of a clip, seconds", ylabel="clips", title=title, ylim=(0, None))


def _levels(axes: Axes, dataset: Dataset) -> None:
    rms, peak = dataset.levels()
    low = max(-100.0, np.floor(min(rms.min(), 0.0)))
    bins = np.linspace(low, 0, 61).tolist()
    for values, label in ((rms, "RMS"), (peak, "peak")):
        axes.hist(np.maximum(values, low), bins=bins, alpha=0.6, label=label)
    axes.legend()
    axes.set(xlabel="level of a clip, dB of full scale", ylabel="clips", title="levels")


def _speakers(axes: Axes, seconds: dict[str, float]) -> None:
    ranked = sorted(seconds.items(), key=lambda item: -item[1])
    bars = {name: s / 60 for name, s in ranked[:MOST_SPEAKERS]}
    # A "$" in a name would start a formula.
    names = [n[:30].replace("$", r"\$") for n in bars]
    axes.barh(range(len(bars)), list(bars.values()), tick_label=names)
    axes.invert_yaxis()
    rest = "" if len(ranked) == len(bars) else f", the {len(bars)} with the most audio"
    axes.set(xlabel="minutes", title=f"{counted(len(ranked), 'speaker')}{rest}")
