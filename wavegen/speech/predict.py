"""Local features predicted from phonemes by the acoustic model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen.audio.features import hertz, phase
from wavegen.audio.local_features import LocalFeatures
from wavegen.model.acoustic import AcousticModel
from wavegen.request import Request
from wavegen.speech.aligner import SILENCE, Alignment
from wavegen.speech.fit import phones

DRIFT = 20
"""Frames between the random values that F0 deviates by; it is interpolated between them."""


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
    alignment = Alignment(tuple(map(tuple, words)), (0,) * len(symbols))
    batch, _ = phones([alignment], [speaker])
    encoded = model.encode(batch)
    noise = torch.Generator().manual_seed((request.seed or 0) % 2**64)
    log = model.durations(encoded, batch.mask)[0]
    log += torch.randn(log.shape, generator=noise) * model.duration_spread * request.noise_scale
    shortest = torch.tensor([float(s >= silent) for s in symbols])  # frames
    lengths = _rounded(log.expm1().maximum(shortest) * request.length_scale)
    frames = model.frames(encoded, torch.tensor([lengths]))
    mask = torch.ones(1, 1, frames.shape[2])
    logit, octaves = (x[0] for x in model.melodies(frames, mask))
    drift = torch.randn(len(octaves) // DRIFT + 2, generator=noise)
    drift = F.interpolate(drift[None, None], size=len(octaves), mode="linear")[0, 0]
    octaves += drift * model.pitch_spread * request.noise_scale + request.pitch_shift / 12
    voicing = (logit > 0).float()
    octaves = octaves * voicing
    mel = model.spectra(frames, voicing[None], octaves[None], mask)[0]
    turns = phase(hertz(voicing, octaves), sample_rate, hop_length)
    local = LocalFeatures(mel, mel.mean(0), voicing, octaves, *turns)
    return replace(alignment, frames=lengths), local


@torch.inference_mode()
def predict_mel(
    model: AcousticModel, local: LocalFeatures, alignment: Alignment, speaker: int
) -> LocalFeatures:
    """A recording's features with the mel spectrogram predicted from its phonemes, their durations
    and its F0."""
    batch, lengths = phones([alignment], [speaker])
    frames = model.frames(model.encode(batch), lengths)
    mask = torch.ones(1, 1, frames.shape[2])
    mel = model.spectra(frames, local.voicing[None], local.octaves[None], mask)[0]
    return replace(local, mel=mel, loudness=mel.mean(0))


def _rounded(frames: Tensor) -> tuple[int, ...]:
    """Whole numbers of frames; rounding errors are carried over, so that the sum is right."""
    ends = frames.cumsum(0).round().int()
    return tuple(ends.diff(prepend=ends.new_zeros(1)).tolist())
