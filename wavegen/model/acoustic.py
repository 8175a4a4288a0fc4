"""Non-autoregressive acoustic model: durations, F0 and mel spectrogram from phonemes.

The design of FastSpeech 2 (Ren et al. 2021, §2): phonemes are encoded, repeated for their
durations, and decoded with F0 as a further input. Here all layers are convolutions, for which an
hour of speech is enough, and durations and F0 have a network of their own. F0 and mel spectrogram
are predicted twice: as an average, which sounds flat and muffled, and as a distribution around it,
from which they are drawn (`model.flow`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavegen.model.flow import Flow
from wavegen.model.numpy.acoustic import (
    DECODER,
    ENCODER,
    MEL_STEPS,
    MELODY,
    PITCH_STEPS,
    PLACES,
    RHYTHM,
    SLOW,
    STATES,
)
from wavegen.model.residual import Residual
from wavegen.model.shapes import KERNEL, MEL_BLOCKS, PITCH_BLOCKS, PITCH_WIDTH
from wavegen.model.speaker import of_speakers

DROPOUT, PROSODY_DROPOUT = 0.1, 0.3


@dataclass(frozen=True)
class Phones:
    """Phonemes of a batch of utterances."""

    symbols: Tensor
    """(B, N) indices; padded with 0."""
    starts: Tensor
    """(B, N) 1 where a word begins, else 0."""
    counts: Tensor
    """(B,) phonemes in each row, without padding."""
    speaker: Tensor
    """(B,) ids, or weights of the speakers, (B, S) or, for each phoneme, (B, N, S)."""

    @property
    def mask(self) -> Tensor:
        """(B, 1, N) 1 where there is a phoneme."""
        return _mask(self.counts, self.symbols.shape[1])


class Losses(NamedTuple):
    """Of a batch; scalars."""

    lengths: Tensor
    """Mean square error of log durations."""
    shares: Tensor
    """Cross-entropy of the states' shares of them."""
    voicing: Tensor
    """Cross-entropy."""
    pitch: Tensor
    """Absolute error of the average F0 in voiced frames, in octaves."""
    pitch_flow: Tensor
    """See `Flow.loss`."""
    mel: Tensor
    """Absolute error of the average mel spectrogram."""
    mel_flow: Tensor
    """See `Flow.loss`."""


class AcousticModel(nn.Module):
    """Log lengths of phonemes, voicing and F0 of frames, and their mel spectrogram.

    Two networks that share nothing. An hour of speech says each phoneme thousands of times, but has
    only hundreds of sentences: what is right for the spectrum learns the rhythm and melody of each
    sentence by heart.

    Args:
        symbols: number of phoneme symbols.
        speakers: number of speakers (0 counts as one).
        mels: bands of the spectrogram.
        channels: of the layers that predict the spectrum; the others have half as many.
        flow: channels of the flow of the spectrum.
    """

    def __init__(self, symbols: int, speakers: int, mels: int, channels: int, flow: int) -> None:
        super().__init__()
        self.prosody = Prosody(symbols, speakers, channels // 2)
        self.spectrum = Spectrum(symbols, speakers, mels, channels, flow)

    def loss(
        self, phones: Phones, lengths: Tensor, voicing: Tensor, octaves: Tensor, mel: Tensor
    ) -> Losses:
        """Losses of the predictions.

        Args:
            phones: of B utterances.
            lengths: (B, N, 3) frames of the states of each phoneme.
            voicing: (B, F) 1 or 0.
            octaves: (B, F) F0, as by `features.octaves`.
            mel: (B, mels, F).
        """
        mask = _mask(whole(lengths).sum(1), mel.shape[2])
        return Losses(
            *self.prosody.loss(phones, lengths, voicing, octaves, mask),
            *self.spectrum.loss(phones, lengths, voicing, octaves, mel, mask),
        )


class PhoneEncoder(nn.Module):
    """Phonemes in their context, and the frames that they last.

    Args:
        symbols: as of `AcousticModel`, likewise the next.
        speakers: number.
        channels: of the encoding.
        dropout: probability, while training.
    """

    def __init__(self, symbols: int, speakers: int, channels: int, dropout: float) -> None:
        super().__init__()
        self.symbol = nn.Embedding(symbols, channels)
        self.start = nn.Embedding(2, channels)
        self.speaker = nn.Embedding(max(speakers, 1), channels)
        self.blocks = Residual(channels, ENCODER, dropout)
        self.place = nn.Conv1d(PLACES, channels, 1)

    def forward(self, phones: Phones) -> Tensor:
        """(B, channels, N)."""
        who = of_speakers(self.speaker.weight, phones.speaker)
        who = who[:, None] if who.dim() == 2 else who  # (B, 1 or N, channels)
        x = self.symbol(phones.symbols) + self.start(phones.starts) + who
        encoded: Tensor = self.blocks(x.transpose(1, 2), phones.mask)
        return encoded

    def frames(self, encoded: Tensor, lengths: Tensor, total: int) -> Tensor:
        """Repeat phonemes.

        Args:
            encoded: (B, channels, N).
            lengths: (B, N, 3) frames of the states of each phoneme, which may be fractions.
            total: F, frames of the longest utterance.

        Returns:
            (B, channels, F).
        """
        parts, lengths = lengths, whole(lengths)
        ends = lengths.long().cumsum(1)  # a GPU's sums of floats are not deterministic
        centre = torch.arange(total, device=ends.device).expand(len(ends), -1) + 0.5
        at = torch.searchsorted(ends.double(), centre.double(), right=True)
        at = at.clamp_(max=ends.shape[1] - 1)  # (B, F)
        size = lengths.gather(1, at).clamp_min(1)
        since = centre - (ends - lengths).gather(1, at)
        through = (since / size).clamp(0, 1)
        left = (size - since).clamp_min(0)
        places = [through, through**2, since.clamp(max=20) / 10, left.clamp(max=20) / 10]
        places += [size.clamp(max=40) / 20, (through * torch.pi).sin()]
        first, second, third = (x.gather(1, at) for x in parts.unbind(2))
        past = since - first, since - first - second  # frames since the second and third state
        places += [p.clamp(-10, 10) / 5 for p in past]
        places += [p.clamp(-0.5, 0.5) for p in past]  # the part of the frame that lies in them
        begin = torch.where(past[1] > 0, past[1], torch.where(past[0] > 0, past[0], since))
        state = torch.where(past[1] > 0, third, torch.where(past[0] > 0, second, first))
        places += [(begin / state.clamp_min(0.5)).clamp(0, 1)]
        x = encoded.gather(2, at[:, None].expand(-1, encoded.shape[1], -1))
        out: Tensor = x + self.place(torch.stack(places, 1).to(x.dtype))
        return out


class Prosody(nn.Module):
    """Durations, voicing and F0; arguments as those of `PhoneEncoder`."""

    duration_spread: Tensor
    """Standard deviation of log durations around the prediction."""
    pitch_spread: Tensor
    """Unit of the flow of F0, in octaves: about its standard deviation around the average."""

    def __init__(self, symbols: int, speakers: int, channels: int) -> None:
        super().__init__()
        self.phones = PhoneEncoder(symbols, speakers, channels, PROSODY_DROPOUT)
        self.rhythm = Residual(channels, RHYTHM, PROSODY_DROPOUT)
        self.length = nn.Conv1d(channels, 1 + STATES, 1)
        assert self.length.bias is not None
        nn.init.zeros_(self.length.bias)
        nn.init.constant_(self.length.bias[:1], math.log(9))  # eight frames initially
        self.melody = Residual(channels, MELODY, PROSODY_DROPOUT)
        self.pitch = nn.Conv1d(channels, 2, 1)
        self.pitch_flow = Flow(1, channels + 1, PITCH_WIDTH, PITCH_BLOCKS)
        for head in (self.length, self.pitch):
            nn.init.zeros_(head.weight)
        self.register_buffer("duration_spread", torch.tensor(0.0))
        self.register_buffer("pitch_spread", torch.tensor(1.0))

    def durations(self, encoded: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, channels, N) phonemes, and a (B, 1, N) mask, to (B, N), the log of one more than the
        frames of each phoneme, and to (B, N, 3), the log of its states' shares of them."""
        out: Tensor = self.length(self.rhythm(encoded, mask))
        return out[:, 0], out[:, 1:].transpose(1, 2).log_softmax(2)

    def melodies(self, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Voicing and average F0.

        Args:
            frames: (B, channels, F).
            mask: (B, 1, F).

        Returns:
            The logit of voicing and F0 as by `features.octaves`, both (B, F), and what `draw`
            needs to know, (B, channels, F).
        """
        hidden = self.melody(frames, mask)
        voiced, octaves = self.pitch(hidden).unbind(1)
        return voiced, octaves, hidden

    def draw(self, octaves: Tensor, hidden: Tensor, voicing: Tensor, noise: Tensor) -> Tensor:
        """Draw the F0 of one utterance, smooth as the noise is.

        Args:
            octaves: (1, F) the average, from `melodies`.
            hidden: (1, channels, F), likewise.
            voicing: (1, F) 1 or 0.
            noise: (1, F), from `slow_noise`.

        Returns:
            (1, F) as by `features.octaves`; 0 where unvoiced.
        """
        where = voicing[:, None]
        conditions = torch.cat([hidden, where], 1)
        mask = torch.ones_like(where)
        drawn = self.pitch_flow.sample(noise[:, None], conditions, mask, where, PITCH_STEPS)[:, 0]
        return (octaves + drawn * self.pitch_spread) * voicing

    def loss(
        self, phones: Phones, lengths: Tensor, voicing: Tensor, octaves: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The first five `Losses`; arguments as of `AcousticModel.loss`, and a (B, 1, F) mask."""
        encoded = self.phones(phones)
        known = phones.mask
        frames = whole(lengths)
        guess, shares = self.durations(encoded, known)
        log = (guess - frames.log1p()).square() * known[:, 0]
        wanted = lengths / frames.clamp_min(1)[:, :, None]
        entropy = -(wanted * shares).sum(2) * known[:, 0]
        total = mask.shape[2]
        logit, melody, hidden = self.melodies(self.phones.frames(encoded, lengths, total), mask)
        bce = F.binary_cross_entropy_with_logits(logit, voicing, reduction="none")
        off = octaves - melody
        where = voicing[:, None]
        flow = self.pitch_flow.loss(
            (off * voicing / self.pitch_spread)[:, None].detach(),
            slow_noise(torch.randn(len(mask), total + SLOW - 1, device=mask.device))[:, None],
            torch.cat([hidden, where], 1),
            mask,
            where,
        )
        return (
            log.sum() / known.sum(),
            entropy.sum() / known.sum(),
            (bce * mask[:, 0]).sum() / mask.sum(),
            (off.abs() * voicing).sum() / voicing.sum().clamp_min(1),
            flow,
        )


class Spectrum(nn.Module):
    """Mel spectrogram; arguments as those of `AcousticModel`."""

    mel_spread: Tensor
    """(mels, 1) unit of the flow: about the standard deviation around the average, of each band."""

    def __init__(self, symbols: int, speakers: int, mels: int, channels: int, flow: int) -> None:
        super().__init__()
        self.phones = PhoneEncoder(symbols, speakers, channels, DROPOUT)
        self.tone = nn.Conv1d(2, channels, KERNEL, padding=KERNEL // 2)
        self.decoder = Residual(channels, DECODER, DROPOUT)
        self.mel = nn.Conv1d(channels, mels, 1)
        self.mel_flow = Flow(mels, channels, flow, MEL_BLOCKS)
        nn.init.zeros_(self.mel.weight)
        self.register_buffer("mel_spread", torch.ones(mels, 1))

    def average(
        self, frames: Tensor, voicing: Tensor, octaves: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The average mel spectrogram.

        Args:
            frames: (B, channels, F).
            voicing: (B, F) 1 or 0.
            octaves: (B, F) F0, as by `features.octaves`.
            mask: (B, 1, F).

        Returns:
            (B, mels, F), and what `draw` needs to know, (B, channels, F).
        """
        tone = self.tone(torch.stack([voicing, octaves], 1))
        hidden = self.decoder(frames + tone, mask)
        return self.mel(hidden), hidden

    def draw(self, mel: Tensor, hidden: Tensor) -> Tensor:
        """Draw the mel spectrogram of one utterance.

        It begins at the middle of the noise: what random noise adds is heard as roughness and costs
        intelligibility.

        Args:
            mel: (1, mels, F) the average, from `average`.
            hidden: (1, channels, F), likewise.

        Returns:
            (1, mels, F).
        """
        middle, mask = torch.zeros_like(mel), torch.ones_like(mel[:, :1])
        return mel + self.mel_flow.sample(middle, hidden, mask, mask, MEL_STEPS) * self.mel_spread

    def loss(
        self,
        phones: Phones,
        lengths: Tensor,
        voicing: Tensor,
        octaves: Tensor,
        mel: Tensor,
        mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """The last two `Losses`; arguments as of `AcousticModel.loss`, and a (B, 1, F) mask."""
        frames = self.phones.frames(self.phones(phones), lengths, mel.shape[2])
        average, hidden = self.average(frames, voicing, octaves, mask)
        far = mel - average
        away = (far / self.mel_spread).detach()
        flow = self.mel_flow.loss(away, torch.randn_like(mel), hidden, mask, mask)
        return (far.abs() * mask).sum() / (mask.sum() * mel.shape[1]), flow


def whole(lengths: Tensor) -> Tensor:
    """(B, N, 3) frames of the states of phonemes to the (B, N) whole frames of the phonemes."""
    return lengths.sum(2).round()


def slow_noise(noise: Tensor) -> Tensor:
    """(B, F + SLOW − 1) normal to (B, F), normal too, but smooth in time: a Hann window's mean.
    Speakers raise and lower their voices over syllables, not frames."""
    window = torch.hann_window(SLOW, device=noise.device)
    kernel = window / window.square().sum().sqrt()
    return F.conv1d(noise[:, None], kernel[None, None])[:, 0]


def _mask(counts: Tensor, longest: int) -> Tensor:
    return (torch.arange(longest, device=counts.device) < counts[:, None]).float()[:, None]
