"""Forced alignment by hidden Markov models trained on the data set itself.

Each phoneme is three left-to-right states with one diagonal Gaussian over MFCCs, trained by Viterbi
segmentation from a flat start (Rabiner 1989, §VI); silence is one state that may be skipped, at the
ends and between words. Cepstra are normalised by speaker, so that speakers share the Gaussians.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

STATES = 3
ROUNDS = 10
SILENCE = 0
"""The pause is symbol 0 of every voice."""
Words = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Alignment:
    """Symbols of a clip with their lengths; silences are words of their own."""

    words: tuple[tuple[int, ...], ...]
    frames: tuple[int, ...]
    """Of each symbol, in order; they sum to the frames of the clip."""


class Aligner(nn.Module):
    """Gaussians of every state, and the normalisation of every speaker.

    Args:
        symbols: number of symbols; 0 is silence.
        speakers: number of speakers (0 counts as one).
        channels: D of the features.
    """

    mean: Tensor
    """(symbols, 3, D)."""
    variance: Tensor
    offset: Tensor
    """(speakers, D)."""
    scale: Tensor

    def __init__(self, symbols: int, speakers: int, channels: int = 26) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(symbols, STATES, channels))
        self.register_buffer("variance", torch.ones(symbols, STATES, channels))
        self.register_buffer("offset", torch.zeros(max(speakers, 1), channels))
        self.register_buffer("scale", torch.ones(max(speakers, 1), channels))

    def align(self, features: Tensor, words: Words, speaker: int) -> Alignment:
        """The likeliest segmentation.

        Args:
            features: (F, D) of the clip.
            words: symbols of each word.
            speaker: id.

        Returns:
            The alignment; evenly spread where the clip is too short for all states.
        """
        x = ((features - self.offset[speaker]) / self.scale[speaker]).numpy()
        states = _states(words)
        if len(x) < sum(not s.skippable for s in states):
            return _even(words, len(x))
        path = self._viterbi(x, states)
        return _lengths(states, path)

    def fit(
        self,
        features: Sequence[Tensor],
        texts: Sequence[Words],
        speakers: Sequence[int],
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Train on clips: features (F, D) each, the symbols of their words, speaker ids.

        ``progress`` is called with (rounds done, rounds).
        """
        for s in range(len(self.offset)):
            mine = [f for f, who in zip(features, speakers, strict=True) if who == s]
            if mine:
                every = torch.cat(mine)
                self.offset[s], self.scale[s] = every.mean(0), every.std(0).clamp_min(1e-3)
        clips = [
            (((f - self.offset[s]) / self.scale[s]).numpy(), _states(w))
            for f, w, s in zip(features, texts, speakers, strict=True)
        ]
        clips = [(x, st) for x, st in clips if len(x) >= sum(not s.skippable for s in st)]
        if not clips:
            return
        self._estimate(clips, [_flat_start(x, st) for x, st in clips])
        for done in range(ROUNDS):
            self._estimate(clips, [self._viterbi(x, st) for x, st in clips])
            progress(done + 1, ROUNDS)

    def _estimate(self, clips: list[_Clip], paths: list[NDArray[np.int64]]) -> None:
        x = np.concatenate([x for x, _ in clips])
        cell = np.concatenate(
            [np.array([s.cell for s in st])[p] for (_, st), p in zip(clips, paths, strict=True)]
        )
        cells = self.mean.shape[0] * STATES
        count = np.bincount(cell, minlength=cells)[:, None]
        first = np.zeros((cells, x.shape[1]))
        second = np.zeros((cells, x.shape[1]))
        np.add.at(first, cell, x)
        np.add.at(second, cell, x.astype(np.float64) ** 2)
        mean = first / np.maximum(count, 1)
        # A few frames' worth of the overall variance (1) keeps rare states from collapsing.
        variance = (second - count * mean**2 + 4) / (count + 4)
        self.mean.copy_(torch.from_numpy(mean).view_as(self.mean))
        self.variance.copy_(torch.from_numpy(variance).clamp_min(0.02).view_as(self.mean))

    def _viterbi(self, x: NDArray[np.float32], states: list[_State]) -> NDArray[np.int64]:
        """(F,) index into states of each frame."""
        cells = np.array([s.cell for s in states])
        mean = self.mean.view(-1, x.shape[1]).numpy()[cells]
        variance = self.variance.view(-1, x.shape[1]).numpy()[cells]
        # log N(x) of every frame and state, by expanding the square
        w = 1 / variance
        score = -0.5 * ((x**2) @ w.T - 2 * x @ (mean * w).T)
        score -= 0.5 * ((mean**2 * w).sum(1) + np.log(variance).sum(1))
        jump = np.array([i > 1 and states[i - 1].skippable for i in range(len(states))])
        best = np.full(len(states), -np.inf)
        best[0] = score[0, 0]
        if len(states) > 1 and states[0].skippable:
            best[1] = score[0, 1]
        back = np.zeros(score.shape, np.int8)
        for t in range(1, len(x)):
            one = np.concatenate([[-np.inf], best[:-1]])
            two = np.where(jump, np.concatenate([[-np.inf, -np.inf], best[:-2]]), -np.inf)
            options = np.stack([best, one, two])
            back[t] = options.argmax(0)
            best = options.max(0) + score[t]
        s = len(states) - 1
        if states[s].skippable and best[s - 1] > best[s]:
            s -= 1
        path = np.empty(len(x), np.int64)
        for t in range(len(x) - 1, -1, -1):
            path[t] = s
            s -= back[t, s]
        return path


@dataclass(frozen=True)
class _State:
    cell: int
    """Symbol · STATES + place in the symbol."""
    word: int
    """−1 for silence."""
    phone: int
    """Running number of the symbol in the clip."""
    skippable: bool


_Clip = tuple[NDArray[np.float32], list[_State]]


def _states(words: Words) -> list[_State]:
    """Silence, the states of the first word, silence, … of a clip."""
    out = [_State(SILENCE * STATES, -1, 0, True)]
    phone = 0
    for n, word in enumerate(words):
        for symbol in word:
            phone += 1
            out += [_State(symbol * STATES + k, n, phone, False) for k in range(STATES)]
        phone += 1
        out.append(_State(SILENCE * STATES, -1, phone, True))
    return out


def _flat_start(x: NDArray[np.float32], states: list[_State]) -> NDArray[np.int64]:
    """Quiet frames at the ends are silence, the rest is spread evenly over the other states."""
    loud = np.flatnonzero(x[:, 0] > np.percentile(x[:, 0], 95) - 2.5)  # c₀ in standard deviations
    speech = [i for i, s in enumerate(states) if not s.skippable]
    begin, end = loud[0], loud[-1] + 1
    if end - begin < len(speech):
        begin, end = 0, len(x)
    path = np.zeros(len(x), np.int64)
    path[end:] = len(states) - 1
    even = np.arange(end - begin) * len(speech) // (end - begin)
    path[begin:end] = np.array(speech)[even]
    return path


def _lengths(states: list[_State], path: NDArray[np.int64]) -> Alignment:
    words: list[tuple[int, ...]] = []
    frames: list[int] = []
    last: tuple[int, int] | None = None
    for i in path:
        s = states[i]
        if last is not None and s.phone == last[1]:
            frames[-1] += 1
            continue
        symbol = s.cell // STATES
        if s.word >= 0 and last is not None and s.word == last[0]:
            words[-1] += (symbol,)
        else:
            words.append((symbol,))
        frames.append(1)
        last = (s.word, s.phone)
    return Alignment(tuple(words), tuple(frames))


def _even(words: Words, frames: int) -> Alignment:
    """Symbols of equal length; some get none where there are too few frames."""
    count = sum(len(w) for w in words)
    cuts = [frames * k // count for k in range(count + 1)]
    lengths = tuple(b - a for a, b in itertools.pairwise(cuts))
    return Alignment(tuple(tuple(w) for w in words), lengths)
