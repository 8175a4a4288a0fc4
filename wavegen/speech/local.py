"""The kinds of local features, made of what is known of an utterance's frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from wavegen.audio.features import mel_silence
from wavegen.speech.align import Alignment
from wavegen.speech.phones import pause_features, phone_channels, phone_features


@dataclass(frozen=True)
class Spoken:
    """What is known of F frames, of a recording or as predicted. What a kind does not use may be
    None."""

    alignment: Alignment | None = None
    octaves: Tensor | None = None
    """(2, F), from `features.octaves`."""
    mel: Tensor | None = None
    """(M, F), from `features.mel`."""
    phase: Tensor | None = None
    """(2, F), from `features.phase`."""


@dataclass(frozen=True)
class Local:
    """One kind of local features."""

    channels: Callable[[int, int], int]
    """Number of phoneme symbols, and of mel bands, to C."""
    make: Callable[[Spoken, int], Tensor]
    """What is known, and the number of symbols, to (C, F)."""
    text: bool = True
    """Needs phonemes."""


def _phones(spoken: Spoken, symbols: int) -> Tensor:
    assert spoken.alignment is not None
    a = spoken.alignment
    if all(s == 0 for w in a.words for s in w):
        return pause_features(sum(a.frames), symbols)
    return phone_features(a.words, a.frames, sum(a.frames), symbols)


def _phones_f0(spoken: Spoken, symbols: int) -> Tensor:
    assert spoken.octaves is not None
    assert spoken.mel is not None
    loudness = spoken.mel.mean(0, keepdim=True)
    return torch.cat([_phones(spoken, symbols), spoken.octaves, loudness])


def _mel(spoken: Spoken, symbols: int) -> Tensor:
    assert spoken.octaves is not None
    assert spoken.mel is not None
    return torch.cat([spoken.mel, spoken.octaves])


FEATURES = {
    "phones_f0": Local(lambda symbols, mels: phone_channels(symbols) + 3, _phones_f0),
    "mel": Local(lambda symbols, mels: mels + 2, _mel, text=False),
}


def pause(frames: int, mels: int) -> Spoken:
    """Silence."""
    return Spoken(
        Alignment(((0,),), (frames,)),
        torch.zeros(2, frames),
        torch.full((mels, frames), mel_silence()),
        torch.zeros(2, frames),
    )
