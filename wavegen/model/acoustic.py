"""Non-autoregressive acoustic model: durations, F0 and mel spectrogram from phonemes.

The design of FastSpeech 2 (Ren et al. 2021, §2): phonemes are encoded, repeated for their
durations, and decoded with F0 as a further input. Here all layers are convolutions, for which an
hour of speech is enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

KERNEL = 5
DROPOUT = 0.1
PLACES = 6
"""Channels that encode the position of a frame in its phoneme."""


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
    """(B,) ids."""

    @property
    def mask(self) -> Tensor:
        """(B, 1, N) 1 where there is a phoneme."""
        return _mask(self.counts, self.symbols.shape[1])


class AcousticModel(nn.Module):
    """Log lengths of phonemes, voicing and F0 of frames, and their mel spectrogram.

    Args:
        symbols: number of phoneme symbols.
        speakers: number of speakers (0 counts as one).
        mels: bands of the spectrogram.
        channels: of every layer.
    """

    duration_spread: Tensor
    """Standard deviation of log durations around the prediction."""
    pitch_spread: Tensor
    """The same of F0, in octaves."""

    def __init__(self, symbols: int, speakers: int, mels: int, channels: int) -> None:
        super().__init__()
        self.symbol = nn.Embedding(symbols, channels)
        self.start = nn.Embedding(2, channels)
        self.speaker = nn.Embedding(max(speakers, 1), channels)
        self.encoder = _Blocks(channels, (1, 1, 1, 2))
        self.rhythm = _Blocks(channels, (1, 1))
        self.length = nn.Conv1d(channels, 1, 1)
        nn.init.zeros_(self.length.weight)
        assert self.length.bias is not None
        nn.init.constant_(self.length.bias, math.log(9))  # eight frames initially
        self.place = nn.Conv1d(PLACES, channels, 1)
        self.melody = _Blocks(channels, (1, 2, 4))
        self.pitch = nn.Conv1d(channels, 2, 1)
        self.tone = nn.Conv1d(2, channels, KERNEL, padding=KERNEL // 2)
        self.decoder = _Blocks(channels, (1, 2, 4, 1, 2))
        self.mel = nn.Conv1d(channels, mels, 1)
        self.register_buffer("duration_spread", torch.tensor(0.0))
        self.register_buffer("pitch_spread", torch.tensor(0.0))

    def encode(self, phones: Phones) -> Tensor:
        """(B, channels, N)."""
        who = self.speaker(phones.speaker)[:, None]
        x = self.symbol(phones.symbols) + self.start(phones.starts) + who
        encoded: Tensor = self.encoder(x.transpose(1, 2), phones.mask)
        return encoded

    def durations(self, encoded: Tensor, mask: Tensor) -> Tensor:
        """(B, channels, N), and a (B, 1, N) mask, to (B, N): the log of one more than the frames of
        each phoneme."""
        out: Tensor = self.length(self.rhythm(encoded, mask))[:, 0]
        return out

    def frames(self, encoded: Tensor, lengths: Tensor) -> Tensor:
        """Repeat phonemes: (B, channels, N), and (B, N) frames of each, to (B, channels, F)."""
        ends = lengths.cumsum(1)
        total = int(ends[:, -1].max())
        centre = torch.arange(total, device=ends.device).expand(len(ends), -1) + 0.5
        at = torch.searchsorted(ends.double(), centre.double(), right=True)
        at = at.clamp_(max=ends.shape[1] - 1)  # (B, F)
        size = lengths.gather(1, at).clamp_min(1)
        since = centre - (ends - lengths).gather(1, at)
        through = (since / size).clamp(0, 1)
        left = (size - since).clamp_min(0)
        places = [through, through**2, since.clamp(max=20) / 10, left.clamp(max=20) / 10]
        places += [size.clamp(max=40) / 20, (through * torch.pi).sin()]
        x = encoded.gather(2, at[:, None].expand(-1, encoded.shape[1], -1))
        out: Tensor = x + self.place(torch.stack(places, 1).to(x.dtype))
        return out

    def melodies(self, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, channels, F), and a (B, 1, F) mask, to the logit of voicing and to F0 as by
        `features.octaves`, both (B, F)."""
        voiced, octaves = self.pitch(self.melody(frames, mask)).unbind(1)
        return voiced, octaves

    def spectra(self, frames: Tensor, voicing: Tensor, octaves: Tensor, mask: Tensor) -> Tensor:
        """The mel spectrogram.

        Args:
            frames: (B, channels, F).
            voicing: (B, F) 1 or 0.
            octaves: (B, F) F0, as by `features.octaves`.
            mask: (B, 1, F).

        Returns:
            (B, mels, F).
        """
        tone = self.tone(torch.stack([voicing, octaves], 1))
        out: Tensor = self.mel(self.decoder(frames + tone, mask))
        return out

    def loss(
        self, phones: Phones, lengths: Tensor, voicing: Tensor, octaves: Tensor, mel: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Losses of the predictions.

        Args:
            phones: of B utterances.
            lengths: (B, N) frames of each phoneme.
            voicing: (B, F) 1 or 0.
            octaves: (B, F) F0, as by `features.octaves`.
            mel: (B, mels, F).

        Returns:
            Mean square error of log lengths; cross-entropy of voicing plus absolute error of voiced
            F0; absolute error of the mel spectrogram.
        """
        encoded = self.encode(phones)
        known = phones.mask
        wanted = lengths.to(encoded.dtype).log1p()
        log = (self.durations(encoded, known) - wanted).square() * known[:, 0]
        frames = self.frames(encoded, lengths)
        mask = _mask(lengths.sum(1), frames.shape[2])
        logit, melody = self.melodies(frames, mask)
        bce = F.binary_cross_entropy_with_logits(logit, voicing, reduction="none")
        off = ((melody - octaves).abs() * voicing).sum() / voicing.sum().clamp_min(1)
        far = ((self.spectra(frames, voicing, octaves, mask) - mel).abs() * mask).sum()
        total = mask.sum()
        return (
            log.sum() / known.sum(),
            (bce * mask[:, 0]).sum() / total + off,
            far / (total * mel.shape[1]),
        )


class _Blocks(nn.Module):
    """Residual convolutions over (B, C, T)."""

    def __init__(self, channels: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv1d(channels, channels, KERNEL, padding=KERNEL // 2 * d, dilation=d)
            for d in dilations
        )
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in dilations)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            y = F.relu(conv(x * mask)).transpose(1, 2)  # padding acts as zeros
            x = x + F.dropout(norm(y), DROPOUT, self.training).transpose(1, 2)
        return x * mask


def _mask(counts: Tensor, longest: int) -> Tensor:
    return (torch.arange(longest, device=counts.device) < counts[:, None]).float()[:, None]
