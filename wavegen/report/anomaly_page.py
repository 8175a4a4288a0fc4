"""One self-contained HTML page with unusual recordings, to see and to hear."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.writing import encode
from wavegen.data.dataset import Dataset
from wavegen.report.html import data_uri, template, write_page
from wavegen.score.anomalies import Judged, Verdict
from wavegen.score.tracks import MEANING

SHOWN = 50
"""At most this many recordings are on the page, the most unusual."""
AROUND = 0.3
"""Seconds before and after an anomaly that are heard with it."""


@dataclass(frozen=True)
class Part:
    """An anomaly on the page."""

    start: float
    """Seconds."""
    end: float
    surprise: float
    shown_by: str
    words: str
    sound: str
    """Data URI of it, with what is around it."""


@dataclass(frozen=True)
class Shown:
    """A recording on the page."""

    file: str
    surprise: float
    picture: str
    sound: str
    parts: list[Part]


def write_anomalies(
    verdict: Verdict, dataset: Dataset, sample_rate: int, false_alarms: float, target: Path
) -> None:
    """Write the page.

    Args:
        verdict: on the recordings.
        dataset: they are from.
        sample_rate: Hz, of its prepared audio.
        false_alarms: share of usual recordings that are called anomalies.
        target: the HTML file.

    Raises:
        WavegenError: it can't be written.
    """
    page = template("anomalies.html").render(
        folder=str(dataset.root),
        recordings=len(verdict.judged),
        found=len(verdict.anomalous),
        threshold=verdict.threshold,
        false_alarms=false_alarms,
        texts=verdict.texts,
        meaning=MEANING,
        shown=[_shown(j, dataset, sample_rate) for j in verdict.anomalous[:SHOWN]],
    )
    write_page(page, target)


def _shown(judged: Judged, dataset: Dataset, rate: int) -> Shown:
    audio = dataset.audio(judged.path)
    file, begin = dataset.origin(judged.path, rate)
    frame = judged.tracks.frame
    parts = []
    for s in judged.stretches:
        start, end = s.first * frame, min(s.end * frame, len(audio) / rate)
        heard = audio[max(0, round((start - AROUND) * rate)) : round((end + AROUND) * rate)]
        parts.append(
            Part(
                begin + start,
                begin + end,
                s.surprise,
                s.track,
                judged.words(s),
                data_uri(encode(heard, ".wav", rate), "audio/wav"),
            )
        )
    picture = data_uri(plot(judged, audio, rate, begin), "image/png")
    return Shown(
        file, judged.surprise, picture, data_uri(encode(audio, ".wav", rate), "audio/wav"), parts
    )


def plot(judged: Judged, audio: NDArray[np.float32], rate: int, begin: float) -> bytes:
    """The waveform, and bits over time beside the usual ones, as a PNG.

    Args:
        judged: the recording.
        audio: (T,) of it.
        rate: Hz.
        begin: second at which it begins in its file.
    """
    from matplotlib.figure import Figure

    from wavegen.report.page_plots import BLUE, GREY, ORANGE, PALE

    tracks = judged.tracks
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    wave, bits = figure.subplots(2, sharex=True, height_ratios=[1, 1.6])
    wave.plot(begin + np.arange(len(audio)) / rate, audio, linewidth=0.4, color=GREY)
    wave.set(ylabel="amplitude", xlim=(begin, begin + len(audio) / rate))
    edges = begin + np.arange(tracks.frames + 1) * tracks.frame
    mean, deviation = (v[:, 0] for v in judged.usual.expected(tracks, "bits"))
    spread = np.stack([mean - 2 * deviation, mean + 2 * deviation])
    bits.stairs(spread[1], edges, baseline=spread[0], fill=True, color=PALE, label="usual")
    bits.stairs(tracks.values["bits"][:, 0], edges, baseline=None, color=BLUE)
    bits.set(ylabel="bits per sample", xlabel="seconds")
    bits.legend(frameon=False, loc="upper right")
    for phone in tracks.phones:
        middle = begin + (phone.start + phone.end) / 2
        bits.text(
            middle, 0.02, phone.label, transform=bits.get_xaxis_transform(), ha="center", size=8
        )
    for axes in (wave, bits):
        axes.spines[["top", "right"]].set_visible(False)
        for s in judged.stretches:
            axes.axvspan(edges[s.first], edges[s.end], color=ORANGE, alpha=0.25, linewidth=0)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=90)
    return out.getvalue()
