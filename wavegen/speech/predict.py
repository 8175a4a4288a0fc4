"""Local features predicted from phonemes by the acoustic model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from wavegen.audio.features import hertz, phase
from wavegen.audio.local_features import LocalFeatures
from wavegen.model.acoustic import SLOW, AcousticModel, slow_noise
from wavegen.request import NOISE_SCALE, Request
from wavegen.speech.aligner import SILENCE, Alignment
from wavegen.speech.fit import phones

RHYTHM = 0.3
"""Share of the noise in durations: drawn one by one they would stumble, while a speaker's stray
together."""

SPECTRUM = 0.3
"""Share of the noise in spectra: more of it is heard as roughness and costs intelligibility."""


@torch.inference_mode()
def predict_features(
    model: AcousticModel,
    words: Sequence[Sequence[int]],
    speaker: int,
    silent: int,
    request: Request,
    sample_rate: int,
    hop_length: int,
) -> tuple[Alignment, LocalFeatures]:
    """Durations and local features of a text, without phonemes' features.

    Args:
        model: the acoustic model.
        words: symbols of each word.
        speaker: id.
        silent: number of silent symbols, which are the first; others last at least a frame.
        request: its length scale, pitch shift, noise scale and seed are read.
        sample_rate: Hz.
        hop_length: samples per frame.
    """
    words = [[SILENCE], *words]  # recordings begin with a breath of silence
    symbols = [s for w in words for s in w]
    noise = _Noise((request.seed or 0, speaker, words), request.noise_scale)
    alignment = Alignment(tuple(map(tuple, words)), (0,) * len(symbols))
    batch, _ = phones([alignment], [speaker])
    encoded = model.encode(batch)
    log = model.durations(encoded, batch.mask)[0]
    # The mean of a log-normal distribution; its median would be too fast.
    log += model.duration_spread**2 / 2
    log += RHYTHM * noise.draw(*log.shape) * model.duration_spread
    shortest = torch.tensor([float(s >= silent) for s in symbols])  # frames
    lengths = _rounded(log.expm1().maximum(shortest) * request.length_scale)
    total = sum(lengths)
    frames = model.frames(encoded, torch.tensor([lengths]), total)
    mask = torch.ones(1, 1, total)
    logit, mean, hidden = model.melodies(frames, mask)
    voicing = (logit > 0).float()
    slow = slow_noise(noise.draw(1, total + SLOW - 1))
    octaves = model.draw_pitch(mean, hidden, voicing, slow)
    octaves += voicing * request.pitch_shift / 12
    mel = _draw_mel(model, frames, voicing, octaves, noise)
    turns = phase(hertz(voicing[0], octaves[0]), sample_rate, hop_length)
    local = LocalFeatures(mel, mel.mean(0), voicing[0], octaves[0], *turns)
    return replace(alignment, frames=lengths), local


@torch.inference_mode()
def predict_mel(
    model: AcousticModel, local: LocalFeatures, alignment: Alignment, speaker: int
) -> LocalFeatures:
    """A recording's features with the mel spectrogram predicted from its phonemes, their durations
    and its F0: always the same for the same recording."""
    batch, lengths = phones([alignment], [speaker])
    frames = model.frames(model.encode(batch), lengths, local.frames)
    noise = _Noise((speaker, alignment), NOISE_SCALE)
    mel = _draw_mel(model, frames, local.voicing[None], local.octaves[None], noise)
    return replace(local, mel=mel, loudness=mel.mean(0))


def _draw_mel(
    model: AcousticModel, frames: Tensor, voicing: Tensor, octaves: Tensor, noise: _Noise
) -> Tensor:
    """The (M, F) spectrogram of one utterance; arguments as those of `AcousticModel.spectra`."""
    mean, hidden = model.spectra(frames, voicing, octaves, torch.ones_like(frames[:, :1]))
    return model.draw_mel(mean, hidden, SPECTRUM * noise.draw(*mean.shape))[0]


class _Noise:
    """A stream of normal numbers.

    Args:
        key: what they depend on, of any type whose `repr` tells its values.
        scale: their standard deviation.
    """

    def __init__(self, key: object, scale: float) -> None:
        digest = hashlib.sha256(repr(key).encode()).digest()
        self._generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little"))
        self._scale = scale

    def draw(self, *shape: int) -> Tensor:
        return self._scale * torch.randn(shape, generator=self._generator)


def _rounded(frames: Tensor) -> tuple[int, ...]:
    """Whole numbers of frames; rounding errors are carried over, so that the sum is right."""
    ends = frames.cumsum(0).round().int()
    return tuple(ends.diff(prepend=ends.new_zeros(1)).tolist())
