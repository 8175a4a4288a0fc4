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
from wavegen.model.speaker import Speaker
from wavegen.request import Request
from wavegen.speakers import SpeakerPath
from wavegen.speech.aligner import SILENCE, Alignment
from wavegen.speech.fit import phones

RHYTHM = 0.3
"""Share of the noise in durations: drawn one by one they would stumble, while a speaker's stray
together."""


@torch.inference_mode()
def predict_features(
    model: AcousticModel,
    words: Sequence[Sequence[int]],
    speaker: SpeakerPath,
    silent: int,
    request: Request,
    sample_rate: int,
    hop_length: int,
    span: tuple[float, float] = (0.0, 1.0),
) -> tuple[Alignment, LocalFeatures, Tensor]:
    """Durations and local features of a text, without phonemes' features.

    Args:
        model: the acoustic model.
        words: symbols of each word.
        speaker: who speaks; places on a path are spread evenly over the symbols.
        silent: number of silent symbols, which are the first; others last at least a frame.
        request: its length scale, pitch shift, noise scale and seed are read.
        sample_rate: Hz.
        hop_length: samples per frame.
        span: the part of the path that is spoken here.

    Returns:
        The alignment, the features, and the weights of the speakers: (F, S) if they change, else
        (1, S).
    """
    words = [[SILENCE], *words]  # recordings begin with a breath of silence
    symbols = [s for w in words for s in w]
    noise = _Noise((request.seed or 0, speaker.key, words), request.noise_scale)
    alignment = Alignment(tuple(map(tuple, words)), (0,) * len(symbols))
    prosody = model.prosody
    speakers = prosody.phones.speaker.num_embeddings
    weights = torch.from_numpy(speaker.weights(speakers, len(symbols), *span))
    batch, _ = phones([alignment], weights[None])
    encoded = prosody.phones(batch)
    log, shares = (x[0] for x in prosody.durations(encoded, batch.mask))
    # The mean of a log-normal distribution; its median would be too fast.
    log += prosody.duration_spread**2 / 2
    log += RHYTHM * noise.draw(*log.shape) * prosody.duration_spread
    shortest = torch.tensor([float(s >= silent) for s in symbols])  # frames
    lengths = _rounded(log.expm1().maximum(shortest) * request.length_scale)
    total = sum(lengths)
    states = torch.tensor(lengths)[:, None] * shares.exp()
    alignment = replace(alignment, frames=lengths, states=tuple(map(tuple, states.tolist())))
    frames = prosody.phones.frames(encoded, states[None], total)
    logit, mean, hidden = prosody.melodies(frames, torch.ones(1, 1, total))
    voicing = (logit > 0).float()
    slow = slow_noise(noise.draw(1, total + SLOW - 1))
    octaves = prosody.draw(mean, hidden, voicing, slow)
    octaves += voicing * request.pitch_shift / 12
    mel = _draw_mel(model, alignment, weights, voicing, octaves)
    turns = phase(hertz(voicing[0], octaves[0]), sample_rate, hop_length)
    local = LocalFeatures(mel, mel.mean(0), voicing[0], octaves[0], *turns)
    if speaker.glides:
        weights = weights.repeat_interleave(torch.tensor(lengths), 0)
    return alignment, local, weights


@torch.inference_mode()
def predict_mel(
    model: AcousticModel, local: LocalFeatures, alignment: Alignment, speaker: Speaker
) -> LocalFeatures:
    """A recording's features with the mel spectrogram predicted from its phonemes, their durations
    and its F0: always the same for the same recording."""
    mel = _draw_mel(model, alignment, speaker, local.voicing[None], local.octaves[None])
    return replace(local, mel=mel, loudness=mel.mean(0))


def _draw_mel(
    model: AcousticModel, alignment: Alignment, speaker: Speaker, voicing: Tensor, octaves: Tensor
) -> Tensor:
    """The (M, F) spectrogram of one utterance, of (1, F) voicing and F0."""
    spectrum = model.spectrum
    batch, lengths = phones([alignment], torch.as_tensor(speaker)[None])
    frames = spectrum.phones.frames(spectrum.phones(batch), lengths, voicing.shape[1])
    mean, hidden = spectrum.average(frames, voicing, octaves, torch.ones_like(frames[:, :1]))
    return spectrum.draw(mean, hidden)[0]


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
