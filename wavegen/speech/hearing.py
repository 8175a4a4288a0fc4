"""Train a content model on aligned recordings."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen.model.content import ContentLosses, ContentModel
from wavegen.model.numpy.acoustic import STATES
from wavegen.speech.alignment import Alignment
from wavegen.speech.descent import Descent, descend
from wavegen.speech.disguise import disguise
from wavegen.speech.fit import Recording
from wavegen.transfer import sent

BATCH_FRAMES, CROP = 1600, 200
"""Frames of a batch, about, which is 16 seconds of speech, and of a piece at most."""
PHONES = 0.3
"""Weight of the phonemes' loss beside that of the spectrogram."""
UNHEARD = 0.1
"""Share of a state that doesn't occur, by the mean of all, about."""


def frame_states(alignment: Alignment) -> Tensor:
    """(F,) symbol · 3 + number of its state, in each frame."""
    symbols = torch.tensor([s for word in alignment.words for s in word])
    lengths = torch.tensor(alignment.frames)
    at = torch.repeat_interleave(torch.arange(len(symbols)), lengths)
    since = torch.arange(len(at)) + 0.5 - (lengths.cumsum(0) - lengths)[at]
    ends = torch.tensor(alignment.states).cumsum(1)[at]  # (F, 3)
    state = (since[:, None] > ends).sum(1).clamp(max=STATES - 1)
    return symbols[at] * STATES + state


class Heard(NamedTuple):
    """A recording to learn from."""

    speaker: int
    voicing: Tensor
    """(F,), as in `LocalFeatures`."""
    octaves: Tensor
    """(F,), likewise."""
    mel: Tensor
    """(M, F), of any float type."""
    states: Tensor
    """(F,) from `frame_states`, or zeros where the phonemes aren't known."""


class Pieces:
    """Recordings on a device, in pieces: a speaker of an hour is heard twice as often as one of a
    quarter.

    Args:
        clips: the recordings.
        frequencies: of the bands, see `disguise`; None if what is heard is not to be disguised.
        device: of the batches.
        longest: frames of a piece at most. The longer pieces are, the fewer are in a batch.
    """

    def __init__(
        self,
        clips: Sequence[Heard],
        frequencies: Tensor | None,
        device: torch.device,
        longest: int = CROP,
    ) -> None:
        self.device, self.longest = device, longest
        self.frequencies = None if frequencies is None else frequencies.to(device)
        self.mels = [c.mel for c in clips]
        self.tracks = [(c.voicing, c.octaves, c.states) for c in clips]
        self.speakers = [c.speaker for c in clips]
        frames = [m.shape[1] for m in self.mels]
        used = sum(min(n, longest) for n in frames)
        self.rows = max(1, round(BATCH_FRAMES * len(frames) / used))
        total: dict[int, int] = {}
        for s, n in zip(self.speakers, frames, strict=True):
            total[s] = total.get(s, 0) + n
        self.weights = [n / total[s] ** 0.5 for s, n in zip(self.speakers, frames, strict=True)]

    def draw(self, rng: random.Random) -> list[int]:
        """The numbers of the recordings that the pieces of a batch are of."""
        return rng.choices(range(len(self.mels)), self.weights, k=self.rows)

    def batch(self, rng: random.Random, rows: Sequence[int] | None = None) -> tuple[Tensor, ...]:
        """The arguments of `ContentModel.loss`, as long as the longest piece; of recordings that
        are drawn, if not given."""
        rows = self.draw(rng) if rows is None else rows
        most = self.longest
        longest = max(min(self.mels[n].shape[1], most) for n in rows)
        mels, others, masks = [], [], []
        for n in rows:
            frames = self.mels[n].shape[1]
            begin = rng.randint(0, max(0, frames - most))
            beyond = longest - min(most, frames - begin)
            voicing, octaves, states = (t[begin : begin + most] for t in self.tracks[n])
            mels.append(F.pad(self.mels[n][:, begin : begin + most].float(), (0, beyond)))
            others.append((F.pad(voicing, (0, beyond)), F.pad(octaves, (0, beyond))))
            masks.append(F.pad(states, (0, beyond), value=-1))
        made = mels, masks, *zip(*others, strict=True)
        mel, states, voicing, octaves = (sent(torch.stack([*t]), self.device) for t in made)
        speaker = sent(torch.tensor([self.speakers[n] for n in rows]), self.device)
        heard = mel
        if self.frequencies is not None:
            generator = torch.Generator(self.device).manual_seed(rng.getrandbits(63))
            heard = disguise(mel, self.frequencies, generator)
        return heard, mel, speaker, voicing, octaves, states, (states >= 0).float()[:, None]


def weighed(losses: ContentLosses) -> Tensor:
    """What is minimised."""
    return losses.mel + PHONES * losses.phones


def fit(
    model: ContentModel,
    clips: Sequence[Recording],
    frequencies: Tensor,
    how: Descent,
) -> None:
    """Train in place.

    Args:
        model: on the device to train on.
        clips: the training recordings.
        frequencies: of the bands, see `disguise`.
        how: see `descend`.
    """
    if not how.adapting:
        model.begin_at(torch.cat([c.mel for c in clips], 1).float().to(model.mean.device))
    heard = [
        Heard(c.speaker, c.voicing, c.octaves, c.mel, frame_states(c.alignment)) for c in clips
    ]
    if not how.adapting:  # a few recordings lack most states
        counts = torch.cat([h.states for h in heard]).bincount(minlength=model.shares.numel())
        shares = counts / counts.sum() + UNHEARD / len(counts)
        model.shares.copy_((shares / shares.sum()).view_as(model.shares))
    pieces = Pieces(heard, frequencies, model.mean.device)

    def loss(rng: random.Random, batches: list[Any]) -> Tensor:
        return weighed(model.loss(*pieces.batch(rng)))

    descend([model], loss, how)
