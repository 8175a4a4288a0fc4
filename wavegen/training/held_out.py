"""Clips on which a voice is measured, again and again while it is trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from wavegen.audio.local_features import LocalFeatures
from wavegen.data.windows import TrainingClip
from wavegen.model.inputs import PHASES
from wavegen.voice import Voice

KEPT = 100_000_000
"""Numbers computed of clips that are kept in memory; those of other clips are computed each
time."""
TOGETHER = 1 << 20
"""Samples of clips that a GPU measures at a time."""


class _Known(NamedTuple):
    """What no training changes: local features, and what `Voice.samples` returns."""

    local: LocalFeatures | None
    codes: Tensor
    given: Tensor | None

    def numbers(self) -> int:
        tensors = [] if self.local is None else list(self.local.tracks.values())
        tensors += [self.codes] if self.given is None else [self.codes, self.given]
        return sum(t.numel() for t in tensors)


class HeldOut:
    """Clips that are not trained on.

    Args:
        clips: of one data set. All voices that are measured on them must have the same
            configuration.
        together: samples of clips that are measured at a time; 0 for clip by clip, without padding.
    """

    def __init__(self, clips: Sequence[TrainingClip], together: int = 0) -> None:
        self.clips = sorted(clips, key=lambda c: c.samples)
        self._together = together
        self._kept: dict[int, _Known] = {}
        self._room = KEPT

    def bits(
        self,
        voice: Voice,
        part: slice = slice(None),
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> tuple[float, int]:
        """Bits and samples of the clips, each with its right speaker and text.

        Args:
            voice: on any device.
            part: the clips to measure.
            progress: called with (clips done, clips).
        """
        chosen = range(len(self.clips))[part]
        nats, samples, done = 0.0, 0, 0
        for group in self._groups(chosen):
            nats += self._nats(voice, group)
            samples += sum(self.clips[i].samples for i in group)
            done += len(group)
            progress(done, len(chosen))
        return nats / math.log(2), samples

    def _groups(self, chosen: Sequence[int]) -> Iterator[list[int]]:
        """Clips of similar length."""
        group: list[int] = []
        for i in chosen:
            longest = self.clips[i].samples
            if group and (len(group) + 1) * longest > self._together:
                yield group
                group = []
            group.append(i)
        if group:
            yield group

    def _nats(self, voice: Voice, group: Sequence[int]) -> float:
        known = [self._known(voice, i) for i in group]
        rows = [
            voice.encode(self.clips[i].speaker, k.local)[0]
            for i, k in zip(group, known, strict=True)
        ]
        phases = [voice.phase_codes(k.local) for k in known]
        given = [k.given for k in known if k.given is not None]
        nats = voice.model.nll(
            pad_sequence([k.codes for k in known], batch_first=True),
            pad_sequence(rows, batch_first=True),
            voice.config.hop_length,
            phase=_padded([p[0] for p in phases if p is not None], PHASES),
            given=_padded(given, 0),
        )
        lengths = torch.tensor([len(k.codes) for k in known], device=nats.device)
        inside = torch.arange(nats.shape[1], device=nats.device) < lengths[:, None]
        return float(nats.double().where(inside, 0).sum())

    def _known(self, voice: Voice, index: int) -> _Known:
        if index in self._kept:
            return self._kept[index]
        clip = self.clips[index]
        local = clip.local(False)
        known = _Known(local, *voice.samples(clip.audio(0, clip.samples), local))
        if known.numbers() <= self._room:
            self._room -= known.numbers()
            self._kept[index] = known
        return known


def _padded(rows: list[Tensor], value: int) -> Tensor | None:
    return pad_sequence(rows, batch_first=True, padding_value=value) if rows else None
