"""Local conditioning: the features of every frame of an utterance, by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wavegen.audio.features import hertz, mel, mel_silence, octaves, phase, pitch


@dataclass(frozen=True)
class LocalFeatures:
    """Features of the F frames of an utterance, or of a batch of B utterances.

    Frames are the last dimension of every tensor; in a batch, utterances are the first.
    """

    mel: Tensor
    """(…, M, F) log-mel spectrogram, see `features.mel`."""
    loudness: Tensor
    """(…, F) mean of the spectrogram over the bands."""
    voicing: Tensor
    """(…, F) 1 where voiced, else 0."""
    octaves: Tensor
    """(…, F) F0, see `features.octaves`; 0 where unvoiced."""
    phase: Tensor
    """(…, F) phase of the fundamental at each frame's first sample, see `features.phase`."""
    phase_step: Tensor
    """(…, F) periods per sample from there to the next frame; 0 where unvoiced."""
    phones: Tensor | None = None
    """(…, P, F) phonemes in context, for a voice that is conditioned on them."""

    @property
    def frames(self) -> int:
        """F."""
        return self.voicing.shape[-1]

    @property
    def f0(self) -> Tensor:
        """(…, F) Hz, 0 where unvoiced."""
        return hertz(self.voicing, self.octaves)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {name: t for name, t in vars(self).items() if t is not None}

    def each(self, change: Callable[[Tensor], Tensor]) -> LocalFeatures:
        """Apply a function to every tensor."""
        return dataclasses.replace(self, **{name: change(t) for name, t in self.tensors.items()})

    def to(self, target: torch.device | torch.dtype) -> LocalFeatures:
        """Move to a device, or convert to a type."""
        return self.each(lambda t: t.to(target))

    def cut(self, begin: int, end: int) -> LocalFeatures:
        """Frames ``begin…end``."""
        return self.each(lambda t: t[..., begin:end])

    def repeat(self, frames: int) -> LocalFeatures:
        """Repeat a single frame."""
        return self.each(lambda t: t.expand(*t.shape[:-1], frames))

    def select(self, names: Sequence[str]) -> Tensor:
        """(…, C, F) the named features, in this order, as channels of one tensor.

        Raises:
            ValueError: a feature is missing.
        """
        channels = []
        for name in names:
            t = getattr(self, name)
            if t is None:
                raise ValueError(f"these local features have no {name}")
            channels.append(t if t.dim() > self.voicing.dim() else t.unsqueeze(-2))
        return torch.cat(channels, -2)

    @staticmethod
    def cat(parts: Sequence[LocalFeatures]) -> LocalFeatures:
        """Concatenate in time."""
        return _joined(parts, lambda tensors: torch.cat(tensors, -1))

    @staticmethod
    def stack(utterances: Sequence[LocalFeatures]) -> LocalFeatures:
        """Batch utterances of the same number of frames."""
        return _joined(utterances, torch.stack)


def _joined(
    parts: Sequence[LocalFeatures], join: Callable[[list[Tensor]], Tensor]
) -> LocalFeatures:
    tensors = [p.tensors for p in parts]
    return LocalFeatures(**{name: join([t[name] for t in tensors]) for name in tensors[0]})


def analyse(
    audio: Tensor, sample_rate: int, hop_length: int, mel_channels: int, f0: Tensor | None = None
) -> LocalFeatures:
    """Extract the features of a recording, without phonemes.

    Args:
        audio: (T,) float32 in [-1, 1].
        sample_rate: Hz.
        hop_length: samples per frame.
        mel_channels: M, bands of the spectrogram.
        f0: (F,) Hz, if it is known already; F = ceil(T / hop_length).
    """
    if f0 is None:
        f0 = torch.from_numpy(pitch(audio.numpy(), sample_rate, hop_length))
    bands = mel(audio, sample_rate, hop_length, mel_channels)
    turns = phase(f0, sample_rate, hop_length, audio)
    return LocalFeatures(bands, bands.mean(0), *octaves(f0), *turns)


def silence(frames: int, mel_channels: int) -> LocalFeatures:
    """The features of digital silence, without phonemes."""
    bands = torch.full((mel_channels, frames), mel_silence())
    none = torch.zeros(frames)
    return LocalFeatures(bands, bands.mean(0), none, none, none, none)
