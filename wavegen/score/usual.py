"""What is usual in recordings, and how unusual a stretch of a recording is.

Each track is compared with its mean and deviation in the same phoneme or, without texts, in frames
of a similar spectrum. The means over windows of several lengths then show what is loud for a
moment as well as what is faint but lasts (a scan statistic; Glaz, Naus and Wallenstein 2001). How
high they rise in usual recordings follows a Gumbel distribution, by which they are comparable; it
is found from recordings that are compared with others, and moves with the number of windows, so
that long recordings aren't more unusual than short ones.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wavegen.score.tracks import WINDOWS, Tracks

Doubles = NDArray[np.float64]
Key = tuple[str, float]
"""A track and the seconds of a window."""

STEADY = ("background", "tones")
"""Tracks that hardly change in a recording. They don't depend on the phoneme, and of how much they
vary a speaker's few recordings don't tell."""
MOMENTS = ("click", "repeats", "rivals")
"""Tracks of single events, which are rare in any phoneme and of any speaker."""
EACH = ("tones",)
"""Tracks whose greatest value counts, and not how far all of them are from the usual."""
KINDS = 24
"""Of spectra, where there are no texts."""
PRIOR = 100.0
"""Frames by which a phoneme's mean and variance, and a speaker's, are drawn to those of all."""
HIGH = 0.95
"""Share of usual recordings that are below what tells how far the others rise."""
LEAST_SCALE = 0.25
"""Deviations of a track by which the highest may vary, even if those of usual recordings don't."""
FOLDS = 5
"""Usual recordings are compared with the others, a fifth of them at a time."""
PARTS = 20
"""For the threshold, the distributions of maxima are fitted without the recordings that they are
applied to, a twentieth of them at a time, or one."""
CERTAIN = 30.0
"""Bits of surprise beyond which a recording is unusual, however far: among few usual recordings, a
single one would otherwise raise the threshold without bound."""
RIDGE = 0.1
"""Share of white noise in the covariance of a spectrum's bands."""
APART = 5
"""Frames between two unusual parts; what is nearer belongs to the more unusual one."""
FEWEST = 8
"""Recordings from which it is told what is usual."""


@dataclass(frozen=True)
class Gumbel:
    """The distribution of a maximum (Gumbel 1958)."""

    location: float
    scale: float

    @classmethod
    def of(cls, maxima: Doubles, windows: Doubles | float = 1.0) -> Gumbel:
        """By the median and the quantile `HIGH`. The highest rise further than the middle half lets
        expect, and it is they that are false alarms. Anomalies among the usual move neither, as
        long as they are rarer than what is beyond `HIGH`.

        Args:
            maxima: (N,).
            windows: (N,) of how many independent values each is the maximum. The distribution found
                is that of a single one.
        """
        scale = LEAST_SCALE
        for _ in range(40):  # the scale that is that of what it leaves
            middle, high = np.quantile(maxima - scale * np.log(windows), (0.5, HIGH))
            found = (high - middle) / (math.log(math.log(2)) - math.log(-math.log(HIGH)))
            scale = max((scale + found) / 2, LEAST_SCALE)
        return cls(float(middle + scale * math.log(math.log(2))), float(scale))

    def surprise(self, value: Doubles, windows: Doubles | float = 1.0) -> Doubles:
        """−log₂ of the probability that the maximum of so many values is this or more."""
        z = (value - self.location) / self.scale - np.log(windows)
        beyond = -np.expm1(-np.exp(-np.clip(z, -5, 30)))
        return np.where(z > 30, z / math.log(2), -np.log2(beyond))

    def threshold(self, probability: float) -> float:
        """What a maximum exceeds with this probability."""
        return float(self.location - self.scale * math.log(-math.log1p(-probability)))


@dataclass(frozen=True)
class Normal:
    """Means and deviations of a track of D values by label, with the correlation of all."""

    mean: Doubles
    """(labels, D)."""
    deviation: Doubles
    """(labels, D)."""
    whitening: Doubles
    """(D, D)."""

    @classmethod
    def of(cls, values: Doubles, labels: NDArray[np.int64], count: int) -> Normal:
        """Of (N, D) frames with labels below ``count``."""
        frames = np.bincount(labels, minlength=count)[:, None] + PRIOR
        overall, spread = values.mean(0), values.var(0) + 1e-9
        mean = (_sums(values, labels, count) + PRIOR * overall) / frames
        square = _sums((values - mean[labels]) ** 2, labels, count)
        deviation = np.sqrt((square + PRIOR * spread) / frames)
        z = (values - mean[labels]) / deviation[labels]
        width = values.shape[1]
        covariance = (1 - RIDGE) * (z.T @ z) / len(z) + RIDGE * np.eye(width)
        return cls(mean, deviation, np.linalg.inv(np.linalg.cholesky(covariance)).T)

    def adapted(self, mean: bool, deviation: bool) -> Normal:
        """The same, of which only the means or the deviations, or neither, are used."""
        return Normal(
            self.mean if mean else np.zeros_like(self.mean),
            self.deviation if deviation else np.ones_like(self.deviation),
            self.whitening if deviation else np.eye(len(self.whitening)),
        )

    def white(self, values: Doubles, labels: NDArray[np.int64]) -> Doubles:
        """(F, D) values as numbers that are usually standard normal."""
        z: Doubles = (values - self.mean[labels]) / self.deviation[labels] @ self.whitening
        return z


def _sums(values: Doubles, labels: NDArray[np.int64], count: int) -> Doubles:
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, labels, values)
    return sums


@dataclass(frozen=True)
class Stretch:
    """An unusual part of a recording."""

    first: int
    """Frame."""
    end: int
    """The frame after it."""
    surprise: float
    """Bits: −log₂ of the share of usual recordings that have one as unusual in this track, with
    windows of this length."""
    track: str
    """That shows it."""


class Frames:
    """What is usual of the frames of recordings, which all have the same tracks: in each phoneme
    and then, of what the phoneme leaves, in each speaker.

    Args:
        recordings: at least one.
        centres: (K, M) kinds of spectra, where there are no texts.
    """

    def __init__(self, recordings: Sequence[Tracks], centres: Doubles) -> None:
        said = [r.phonemes for r in recordings if r.phonemes is not None]
        self.phonemes: list[str] = np.unique(np.concatenate(said)).tolist() if said else []
        self.centres = centres
        self.speakers = sorted({r.speaker for r in recordings})
        count = max(len(self.phonemes) + 1, len(centres))
        of_speaker = np.concatenate([self._speaker(r) for r in recordings])
        self.normal, self.own = {}, {}
        for name in recordings[0].values:
            values = np.concatenate([r.values[name] for r in recordings]).astype(np.float64)
            labels = np.concatenate([self.labels(r, name) for r in recordings])
            normal = Normal.of(values, labels, count)
            if name in EACH + MOMENTS:
                normal = replace(normal, whitening=np.eye(values.shape[1]))
            if name in MOMENTS:  # if by chance there are none, any would be infinitely unusual
                normal = replace(normal, deviation=np.maximum(normal.deviation, 1.0))
            self.normal[name] = normal
            rest = normal.white(values, labels)
            own = Normal.of(rest, of_speaker, len(self.speakers) + 1)
            self.own[name] = own.adapted(name not in MOMENTS, name not in STEADY + MOMENTS)

    def labels(self, recording: Tracks, name: str) -> NDArray[np.int64]:
        """(F,) what each frame of a track is compared with: its phoneme, of which an unknown one is
        as all frames are, or the nearest kind of spectrum. Some tracks don't depend on either."""
        if name in STEADY + MOMENTS:
            return np.zeros(recording.frames, np.int64)
        if self.phonemes:
            number = {p: n for n, p in enumerate(self.phonemes)}
            assert recording.phonemes is not None
            return np.array([number.get(p, len(number)) for p in recording.phonemes])
        from scipy.cluster.vq import vq

        found: NDArray[np.int64] = vq(recording.values["spectrum"], self.centres)[0]
        return found.astype(np.int64)

    def _speaker(self, recording: Tracks) -> NDArray[np.int64]:
        """(F,) the number of who speaks; one who is in none of the recordings is as all are."""
        known = recording.speaker in self.speakers
        number = self.speakers.index(recording.speaker) if known else len(self.speakers)
        return np.full(recording.frames, number)

    def expected(self, recording: Tracks, name: str) -> tuple[Doubles, Doubles]:
        """(F, D) usual values of a track, and their deviations."""
        labels, normal = self.labels(recording, name), self.normal[name]
        speaker, own = self._speaker(recording), self.own[name]
        mean, deviation = normal.mean[labels], normal.deviation[labels]
        shift = own.mean[speaker] @ np.linalg.inv(normal.whitening)
        return mean + deviation * shift, deviation * own.deviation[speaker]

    def scan(self, recording: Tracks) -> dict[Key, Doubles]:
        """By track and window, the distance from the usual of every window."""
        out = {}
        for name, values in recording.values.items():
            rest = self.normal[name].white(values.astype(np.float64), self.labels(recording, name))
            white = self.own[name].white(rest, self._speaker(recording))
            total = np.cumsum(np.pad(white, ((1, 0), (0, 0))), 0)
            for seconds in WINDOWS[name]:
                n = window(seconds, recording)
                sums = (total[n:] - total[:-n]) / math.sqrt(n)
                most = sums.shape[1] == 1 or name in EACH  # more of it is worse
                out[name, seconds] = sums.max(1) if most else np.linalg.norm(sums, axis=1)
        return out


class Usual:
    """What is usual in some recordings. All have the same tracks.

    Args:
        recordings: at least `FEWEST`.
    """

    def __init__(self, recordings: Sequence[Tracks]) -> None:
        centres = np.zeros((0, 0))
        if recordings[0].phonemes is None:
            centres = _centres(np.concatenate([r.values["spectrum"] for r in recordings]))
        self.frames = Frames(recordings, centres)
        self.others = [
            Frames([r for n, r in enumerate(recordings) if n % FOLDS != k], centres)
            for k in range(FOLDS)
        ]
        scans = [self.others[n % FOLDS].scan(r) for n, r in enumerate(recordings)]
        highest = {key: np.array([scan[key].max() for scan in scans]) for key in scans[0]}
        windows = {key: np.array([_windows(key[1], r) for r in recordings]) for key in highest}
        self.gumbel = {key: Gumbel.of(v, windows[key]) for key, v in highest.items()}
        self.alone = np.zeros(len(recordings))
        """Of each recording, compared with others, the surprise of its most unusual part, at most
        `CERTAIN`. The distributions of maxima are those of other recordings, too: by one that it
        belongs to, none would surprise much."""
        parts = np.arange(len(recordings)) % PARTS
        for part, (key, v) in itertools.product(range(max(parts) + 1), highest.items()):
            mine, n = parts == part, windows[key]
            found = Gumbel.of(v[~mine], n[~mine]).surprise(v[mine], n[mine])
            self.alone[mine] = np.maximum(self.alone[mine], np.minimum(found, CERTAIN))

    def surprises(self, recording: Tracks, frames: Frames | None = None) -> dict[Key, Doubles]:
        """Bits of surprise of every window, by track and window.

        Args:
            recording: that is compared.
            frames: what it is compared with (default: all usual recordings).
        """
        scan = (frames or self.frames).scan(recording)
        return {
            key: self.gumbel[key].surprise(values, _windows(key[1], recording))
            for key, values in scan.items()
        }


def window(seconds: float, recording: Tracks) -> int:
    """Frames of a window in a recording."""
    return int(min(max(1.0, seconds / recording.frame), recording.frames))


def _windows(seconds: float, recording: Tracks) -> float:
    """How many windows lie in a recording, side by side."""
    return recording.frames / window(seconds, recording)


def _centres(spectra: NDArray[np.float32]) -> Doubles:
    """(K, M) kinds of spectra, by k-means."""
    from scipy.cluster.vq import kmeans2

    some = spectra[:: max(1, len(spectra) // 20_000)].astype(np.float64)
    count = min(KINDS, len(some))
    return np.asarray(kmeans2(some, count, minit="++", rng=np.random.default_rng(0))[0])


def stretches(
    surprises: dict[Key, Doubles], recording: Tracks, threshold: float, most: int
) -> list[Stretch]:
    """Unusual parts of a recording, apart from each other, the most unusual first.

    Args:
        surprises: of `Usual.surprises`.
        recording: of which they are.
        threshold: least surprise, in bits.
        most: parts.
    """
    found = []
    for (name, seconds), values in surprises.items():
        n = window(seconds, recording)
        for first in np.flatnonzero(values >= threshold).tolist():
            found.append(Stretch(first, first + n, float(values[first]), name))
    kept: list[Stretch] = []
    for s in sorted(found, key=lambda s: -s.surprise):
        if len(kept) < most and all(max(s.first - k.end, k.first - s.end) >= APART for k in kept):
            kept.append(s)
    return kept
