"""Train the network that draws codes from nothing.

Of a discrete code of sound, a second network learns which codes follow which (van den Oord, Vinyals
and Kavukcuoglu 2017, §3.3). It is a WaveNet whose samples are symbols: of each time F0, if there is
any, and then the code of each book. Where among them a sample lies, the phase tells.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from wavegen.audio.coarse import places
from wavegen.audio.local_features import LocalFeatures
from wavegen.model.autoregressive import Autoregressive
from wavegen.speech.descent import Descent, descend
from wavegen.transfer import sent

BATCH, WINDOW = 4096, 1024
"""Symbols of a batch, and of a row of it."""
BEGINNINGS = 0.6
"""Share of the rows that begin where a clip does, as what is drawn from nothing has to begin
somewhere; the others begin anywhere in a recording that is longer than a row."""
WRONG = 0.05
"""Share of the symbols that the network hears wrong in training. What it draws is never quite what
it has learned, and without this it could not find its way back."""


class Drawn(NamedTuple):
    """A recording to learn from, of one clip or of several that follow each other."""

    speaker: int
    symbols: Tensor
    """(K, S) of each time."""
    begins: tuple[int, ...] = (0,)
    """Times at which its clips begin."""


def fit(
    model: Autoregressive,
    recordings: Sequence[Drawn],
    how: Descent,
) -> None:
    """Train in place.

    Args:
        model: on the device to train on.
        recordings: each is followed by others of its speaker.
        how: see `descend`.
    """
    rows = _Rows(recordings, model.skip_bias.device)
    local = _places(rows.length, recordings[0].symbols.shape[1], rows.device)

    def loss(rng: random.Random, batches: list[Any]) -> Tensor:
        symbols, speaker = rows.batch(rng)
        return _nats(model, symbols, speaker, local, _mistaken(symbols)).mean()

    descend([model], loss, how)


@torch.inference_mode()
def bits(model: Autoregressive, recordings: Sequence[Drawn]) -> float:
    """Bits of the symbols of one time, on the average of recordings by themselves."""
    total = 0.0
    for r in recordings:
        speaker = torch.tensor([r.speaker], device=model.skip_bias.device)
        times, each = r.symbols.shape
        local = _places(times, each, speaker.device)
        total += float(_nats(model, r.symbols[None].to(speaker.device), speaker, local).sum())
    return total / math.log(2) / sum(len(r.symbols) for r in recordings)


def _mistaken(symbols: Tensor) -> Tensor:
    """(B, K, S) symbols of which some are those of other times."""
    other = symbols[:, torch.randperm(symbols.shape[1], device=symbols.device)]
    return torch.where(torch.rand(symbols.shape, device=symbols.device) < WRONG, other, symbols)


def _nats(
    model: Autoregressive,
    symbols: Tensor,
    speaker: Tensor,
    local: LocalFeatures,
    heard: Tensor | None = None,
) -> Tensor:
    """(B, K · S) nats of each of (B, K, S) symbols in their `_places`, after those that are heard
    (default: the same)."""
    local = local.each(lambda t: t.expand(len(symbols), *t.shape[1:]))
    codes = symbols.flatten(1)
    before = codes if heard is None else heard.flatten(1)
    return model.output.loss(model(before, speaker, local), codes)


def _places(times: int, symbols: int, device: torch.device) -> LocalFeatures:
    """Features that tell where among the symbols of its time each lies, of a batch of one."""
    return LocalFeatures.stack([places(times, symbols)]).to(device)


class _Rows:
    """Recordings, one after the other in rows of the same length on a device."""

    def __init__(self, recordings: Sequence[Drawn], device: torch.device):
        self.recordings, self.device = recordings, device
        self.length = WINDOW // recordings[0].symbols.shape[1]
        self.count = BATCH // WINDOW
        self.weights = [len(r.symbols) for r in recordings]
        self.own: dict[int, list[int]] = {}
        for i, r in enumerate(recordings):
            self.own.setdefault(r.speaker, []).append(i)

    def batch(self, rng: random.Random) -> tuple[Tensor, Tensor]:
        """(B, K, S) symbols and (B,) speakers."""
        first = rng.choices(range(len(self.recordings)), self.weights, k=self.count)
        speakers = torch.tensor([self.recordings[n].speaker for n in first])
        symbols = torch.stack([self._row(n, rng) for n in first])
        return sent(symbols, self.device), sent(speakers, self.device)

    def _row(self, first: int, rng: random.Random) -> Tensor:
        """Symbols of a recording, and of those that follow it."""
        chosen = self.recordings[first]
        beyond = len(chosen.symbols) - self.length
        anywhere = beyond > 0 and rng.random() >= BEGINNINGS
        begin = rng.randint(0, beyond) if anywhere else rng.choice(chosen.begins)
        parts = [chosen.symbols[begin:]]
        known = len(parts[0])
        while known < self.length:
            following = self.recordings[rng.choice(self.own[chosen.speaker])]
            parts.append(following.symbols[rng.choice(following.begins) :])
            known += len(parts[-1])
        return torch.cat(parts)[: self.length]
