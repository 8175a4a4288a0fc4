"""Forced alignment by hidden Markov models trained on the data set itself.

Each phoneme is three left-to-right states with one diagonal Gaussian over MFCCs, trained by Viterbi
segmentation from a flat start (Rabiner 1989, §VI). Silence may be skipped, at the ends, between
words and at punctuation marks; it is a mixture of three Gaussians, since with one the fading end of
a sentence goes to the last phoneme. Cepstra are normalised by speaker, so that speakers share the
Gaussians.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wavegen.audio.features import mfcc
from wavegen.model.numpy.acoustic import STATES
from wavegen.model.speaker import Speaker, of_speakers
from wavegen.speech.alignment import CHANNELS, PAUSED, SILENCE, Alignment, Words, collect

ROUNDS = 10
RATE = 200
"""Frames per second, so that the three states of a phoneme need 15 ms only."""
SHORTEST = 6
"""Frames of the shortest silence, 30 ms: shorter ones are the closures of stops."""
PRIOR = 20.0
"""Frames that each state of a prior counts as."""
FLOOR = 0.1
"""Least variance, of the overall one."""


class Aligner(nn.Module):
    """Gaussians of every state, and the normalisation of every speaker.

    Args:
        symbols: number of symbols.
        speakers: number of speakers (0 counts as one).
        silent: number of leading symbols that are silence: the pause, and punctuation marks.
    """

    mean: Tensor
    """(symbols, 3, D), D = `CHANNELS`; the rows of symbol 0 are the mixture of silence."""
    variance: Tensor
    offset: Tensor
    """(speakers, D)."""
    scale: Tensor

    def __init__(self, symbols: int, speakers: int, silent: int = 1) -> None:
        super().__init__()
        self.silent = silent
        self.register_buffer("mean", torch.zeros(symbols, STATES, CHANNELS))
        self.register_buffer("variance", torch.ones(symbols, STATES, CHANNELS))
        self.register_buffer("offset", torch.zeros(max(speakers, 1), CHANNELS))
        self.register_buffer("scale", torch.ones(max(speakers, 1), CHANNELS))

    @staticmethod
    def hop(sample_rate: int) -> int:
        """Samples per frame of audio at ``sample_rate`` Hz."""
        return round(sample_rate / RATE)

    @classmethod
    def features(cls, audio: Tensor, sample_rate: int) -> Tensor:
        """The features for `fit` and `align`: (F, D) of audio (T,) at ``sample_rate`` Hz."""
        return mfcc(audio, sample_rate, cls.hop(sample_rate))

    def align(self, features: Tensor, words: Words, speaker: Speaker | None) -> Alignment:
        """Find the most likely segmentation.

        Args:
            features: (F, D) of the clip.
            words: symbols of each word; a mark is a word of one silent symbol.
            speaker: id, or (S,) weights, by which means and deviations are mixed; or None for
                somebody else, of whom only these features are known.

        Returns:
            The alignment; uniform if the clip is too short for all states.
        """
        chain = self._chain(words)
        if len(features) < chain.needs:
            return _even(words, len(features))
        from wavegen.speech.viterbi import best_path

        score = self._score(self._normalised(features, speaker))
        path = best_path(score, chain.cells, chain.leap, chain.last)
        cells = chain.cells[path]
        score[:, 1 : STATES * self.silent] = -np.inf  # only the first of them is a state
        ratio = score[np.arange(len(score)), cells] - score.max(1)
        ratio = ratio[cells != SILENCE]
        spoken = chain.place[path] * STATES + cells % STATES  # all silence is a first state
        states = np.bincount(spoken, minlength=len(chain.symbols) * STATES).reshape(-1, STATES)
        quiet = np.array([p < self.silent for _, p in chain.symbols])
        parts = np.where(quiet[:, None], states.sum(1, keepdims=True) / STATES, states)
        return collect(chain.symbols, parts, float(ratio.mean()) if len(ratio) else 0.0)

    def fit(
        self,
        features: Sequence[Tensor],
        texts: Sequence[Words],
        speakers: Sequence[int],
        progress: Callable[[int, int], None] = lambda done, total: None,
        first: int = 0,
        prior: Aligner | None = None,
    ) -> None:
        """Train on clips: (F, D) features, the symbols of the words, and the speaker of each.

        ``progress`` is called with (rounds done, rounds) after each of them. Training goes on from
        round ``first`` if the aligner is loaded as it was then. With a prior, an aligner of the
        same symbols, this is its maximum a posteriori adaptation (Gauvain and Lee 1994): states of
        which the clips have few frames hardly change.
        """
        from wavegen.speech.viterbi import best_path

        self.normalise(features, speakers)
        clips = [
            (f, s, chain)
            for f, w, s in zip(features, texts, speakers, strict=True)
            if len(f) >= (chain := self._chain(w)).needs
        ]
        if not clips:
            return
        for done in range(first, ROUNDS + 1):
            sums = _Sums.zeros(*self.mean.shape)
            if prior is not None:
                sums.add_prior(prior.mean.numpy(), prior.variance.numpy())
            for f, s, chain in clips:
                x = self._normalised(f, s)
                if done:
                    score = self._score(x)
                    cells = chain.cells[best_path(score, chain.cells, chain.leap, chain.last)]
                    quiet = cells == SILENCE
                    cells[quiet] = self._densities(x[quiet])[:, :STATES].argmax(1)
                else:
                    cells = _flat_start(x, chain)
                sums.add(x, cells)
            mean, variance = sums.gaussians()
            self.mean.copy_(torch.from_numpy(mean).view_as(self.mean))
            self.variance.copy_(torch.from_numpy(variance).view_as(self.mean))
            progress(done, ROUNDS)

    def normalise(self, features: Sequence[Tensor], speakers: Sequence[int]) -> None:
        """Set the mean and deviation of every speaker who has clips."""
        for s in set(speakers):
            mine = [f for f, who in zip(features, speakers, strict=True) if who == s]
            frames = sum(len(f) for f in mine)
            mean = torch.stack([f.double().sum(0) for f in mine]).sum(0) / frames
            square = torch.stack([((f - mean) ** 2).sum(0) for f in mine]).sum(0) / frames
            self.offset[s], self.scale[s] = mean, square.sqrt().clamp_min(1e-3)

    def likelihoods(self, features: Tensor, speaker: Speaker | None) -> NDArray[np.float32]:
        """(F, symbols · 3) log density of frames (F, D) under each state of each symbol; that of
        silence is the first, and those of marks, which are no sounds, are −inf.

        ``features`` and ``speaker`` are as those of `align`.
        """
        score = self._score(self._normalised(features, speaker))
        score[:, 1 : STATES * self.silent] = -np.inf  # only the first of them is a state
        return score

    def _normalised(self, features: Tensor, speaker: Speaker | None) -> NDArray[np.float32]:
        if speaker is None:
            scale, offset = torch.std_mean(features, 0, correction=0)
            scale = scale.clamp_min(1e-3)
        else:
            who = torch.as_tensor(speaker)
            offset, scale = of_speakers(self.offset, who), of_speakers(self.scale, who)
        x: NDArray[np.float32] = ((features - offset) / scale).numpy()
        return x

    def _densities(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """(F, symbols · STATES) log density of frames (F, D) under every Gaussian."""
        mean = self.mean.view(-1, x.shape[1]).numpy()
        variance = self.variance.view(-1, x.shape[1]).numpy()
        w = 1 / variance
        constant = (mean**2 * w).sum(1) + np.log(2 * math.pi * variance).sum(1)
        twice = 2 * (x @ (mean * w).T) - (x * x) @ w.T - constant
        out: NDArray[np.float32] = (twice / 2).astype(np.float32, copy=False)
        return out

    def _score(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """`_densities`, the first column that of silence."""
        score = self._densities(x)
        score[:, SILENCE] = score[:, :STATES].max(1)
        score[:, SILENCE] -= math.log(STATES)
        return score

    def _chain(self, words: Words) -> _Chain:
        """Silence, the states of the first word, silence, … of a clip."""
        symbols: list[tuple[int, int]] = []
        cells: list[int] = []
        place: list[int] = []
        leap: list[int] = []
        spoken = -2  # the last state of speech so far
        quiet = False  # after a silence

        def silence(word: int, symbol: int) -> None:
            nonlocal quiet
            symbols.append((word, symbol))
            if not quiet:  # of several marks in a row the first is the silence
                cells.extend([SILENCE] * SHORTEST)
                leap.extend([-1] * SHORTEST)
                place.extend([len(symbols) - 1] * SHORTEST)
            quiet = True

        for n, word in enumerate(words):
            if all(p < self.silent for p in word):
                for p in word:
                    silence(n, p)
                continue
            if not quiet:
                silence(PAUSED, SILENCE)
            for p in word:
                symbols.append((n, p))
                leap.extend([spoken if quiet else -1, *[-1] * (STATES - 1)])
                cells.extend(range(p * STATES, (p + 1) * STATES))
                place.extend([len(symbols) - 1] * STATES)
                spoken = len(cells) - 1
                quiet = False
        if not quiet:
            silence(PAUSED, SILENCE)
        needs = sum(c != SILENCE for c in cells) or len(cells)
        last = spoken if spoken >= 0 else len(cells) - 1
        return _Chain(symbols, np.array(cells), np.array(place), np.array(leap), last, needs)


@dataclass(frozen=True)
class _Chain:
    """The states of a clip; `viterbi.best_path` tells what ``leap`` and ``last`` mean."""

    symbols: list[tuple[int, int]]
    """(number of the word or `PAUSED`, symbol)."""
    cells: NDArray[np.int64]
    """Symbol · STATES + place in the symbol; `SILENCE` for all silence."""
    place: NDArray[np.int64]
    """Index of each state's symbol."""
    leap: NDArray[np.int64]
    last: int
    needs: int
    """Fewest frames."""


@dataclass(frozen=True)
class _Sums:
    """Sufficient statistics of each cell's frames: number, sum and sum of squares."""

    count: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]

    @classmethod
    def zeros(cls, symbols: int, states: int, channels: int) -> _Sums:
        cells = symbols * states
        return cls(np.zeros(cells), np.zeros((cells, channels)), np.zeros((cells, channels)))

    def add(self, x: NDArray[np.float32], cells: NDArray[np.int64]) -> None:
        from wavegen.speech.viterbi import gather

        gather(x, cells, self.count, self.first, self.second)

    def add_prior(self, mean: NDArray[np.float32], variance: NDArray[np.float32]) -> None:
        """Count `PRIOR` frames of each Gaussian."""
        self.count[:] += PRIOR
        self.first[:] += PRIOR * mean.reshape(self.first.shape)
        self.second[:] += PRIOR * (variance + mean**2).reshape(self.second.shape)

    def gaussians(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and variance of each cell."""
        count = self.count[:, None]
        mean = self.first / np.maximum(count, 1)
        # A few frames' worth of the overall variance (1) keeps rare states from collapsing.
        variance = (self.second - count * mean**2 + 4) / (count + 4)
        return mean, np.maximum(variance, FLOOR)


def _flat_start(x: NDArray[np.float32], chain: _Chain) -> NDArray[np.int64]:
    """(F,) cells: quiet frames at the ends are silence, shared by level among its Gaussians; the
    rest is spread evenly over the other states."""
    level = x[:, 0]  # c₀ in standard deviations
    loud = np.flatnonzero(level > np.percentile(level, 95) - 2.5)
    speech = chain.cells[chain.cells != SILENCE]
    begin, end = int(loud[0]), int(loud[-1]) + 1
    if end - begin < len(speech):
        begin, end = 0, len(x)
    cells = np.zeros(len(x), np.int64)
    quiet = np.r_[0:begin, end : len(x)]
    if len(quiet):
        cells[quiet[level[quiet].argsort()]] = np.arange(len(quiet)) * STATES // len(quiet)
    if len(speech):
        cells[begin:end] = speech[np.arange(end - begin) * len(speech) // (end - begin)]
    return cells


def _even(words: Words, frames: int) -> Alignment:
    """Symbols of equal duration; some have none if there are too few frames."""
    count = sum(len(w) for w in words)
    cuts = [frames * k // count for k in range(count + 1)]
    lengths = tuple(b - a for a, b in itertools.pairwise(cuts))
    return Alignment(tuple(tuple(w) for w in words), lengths, -math.inf)
