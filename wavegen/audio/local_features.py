"""Local conditioning: the features of every frame of an utterance, by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wavegen.audio.f0 import hertz
from wavegen.audio.mel_scale import mel_silence

if TYPE_CHECKING:
    import torch

Array = Any
"""An array of NumPy, as in speaking, or a tensor, as in training."""


@dataclass(frozen=True)
class LocalFeatures:
    """Features of the F frames of an utterance, or of a batch of B utterances.

    All are arrays, or all are tensors. Frames are the last dimension of each; in a batch, which is
    of tensors, utterances are the first.
    """

    mel: Array
    """(…, M, F) log-mel spectrogram, see `features.mel`."""
    loudness: Array
    """(…, F) mean of the spectrogram over the bands."""
    voicing: Array
    """(…, F) 1 where voiced, else 0."""
    octaves: Array
    """(…, F) F0, see `features.octaves`; 0 where unvoiced."""
    phase: Array
    """(…, F) phase of the fundamental at each frame's first sample, see `features.phase`."""
    phase_step: Array
    """(…, F) periods per sample from there to the next frame; 0 where unvoiced."""
    phones: Array | None = None
    """(…, P, F) phonemes in context, for a voice that is conditioned on them."""
    coarse: Array | None = None
    """(…, F) the sound at a lower rate, see `wavegen.audio.coarse`, for a voice of several scales,
    which takes no other features but the phase."""
    compressed: Array | None = None
    """(…, F) the same, compressed so that quiet passages count, too."""

    @property
    def frames(self) -> int:
        """F."""
        return int(self.voicing.shape[-1])

    @property
    def f0(self) -> Array:
        """(…, F) Hz, 0 where unvoiced."""
        return hertz(self.voicing, self.octaves)

    @property
    def tracks(self) -> dict[str, Array]:
        """The arrays or tensors by name."""
        return {name: t for name, t in vars(self).items() if t is not None}

    def each(self, change: Callable[[Array], Array]) -> LocalFeatures:
        """Apply a function to each."""
        return dataclasses.replace(self, **{name: change(t) for name, t in self.tracks.items()})

    def to(self, target: torch.device | torch.dtype) -> LocalFeatures:
        """Move tensors to a device, or convert them to a type."""
        return self.each(lambda t: t.to(target))

    def cut(self, begin: int, end: int) -> LocalFeatures:
        """Frames ``begin…end``."""
        return self.each(lambda t: t[..., begin:end])

    def repeat(self, frames: int) -> LocalFeatures:
        """Repeat a single frame."""
        return self.each(lambda t: t.expand(*t.shape[:-1], frames))

    def select(self, names: Sequence[str]) -> Array:
        """(…, C, F) the named features, in this order, as channels of one array.

        Raises:
            ValueError: a feature is missing.
        """
        channels = []
        for name in names:
            t = getattr(self, name)
            if t is None:
                raise ValueError(f"these local features have no {name}")
            channels.append(t if t.ndim > self.voicing.ndim else t[..., None, :])
        return _concatenated(channels, -2)

    @staticmethod
    def cat(parts: Sequence[LocalFeatures]) -> LocalFeatures:
        """Concatenate in time."""
        return _joined(parts, lambda tracks: _concatenated(tracks, -1))

    @staticmethod
    def stack(utterances: Sequence[LocalFeatures]) -> LocalFeatures:
        """Batch utterances of the same number of frames, as tensors."""
        import torch

        return _joined(utterances, lambda tracks: torch.stack([*map(torch.as_tensor, tracks)]))


def _joined(parts: Sequence[LocalFeatures], join: Callable[[list[Array]], Array]) -> LocalFeatures:
    tracks = [p.tracks for p in parts]
    return LocalFeatures(**{name: join([t[name] for t in tracks]) for name in tracks[0]})


def _concatenated(arrays: Sequence[Array], axis: int) -> Array:
    if isinstance(arrays[0], np.ndarray):
        return np.concatenate(arrays, axis)
    import torch

    return torch.cat([*arrays], axis)


def silence(frames: int, mel_channels: int) -> LocalFeatures:
    """The features of digital silence, without phonemes, as arrays."""
    bands = np.full((mel_channels, frames), mel_silence(), np.float32)
    none = np.zeros(frames, np.float32)
    return LocalFeatures(bands, bands.mean(0), none, none, none, none)
