"""What is said in each frame of a recording, whoever says it, and the spectrogram of another who
says it.

An autoencoder of mel spectrograms whose decoder is told the speaker and F0. What its code holds is
kept to what is said in three ways: its input is disguised in training (`speech.disguise`; Choi et
al. 2021, NANSY, §3.1) and has to become the true spectrogram; the code tells the phonemes, as the
bottlenecks of recognisers do (Sun et al. 2016, phonetic posteriorgrams); and noise bounds how much
it holds.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavegen.model.convolution import convolve
from wavegen.model.numpy.acoustic import DECODER, STATES
from wavegen.model.residual import Residual
from wavegen.model.shapes import CODE, HEARING, KERNEL
from wavegen.model.speaker import of_speakers

NOISE = 0.1
"""Standard deviation of the noise in the code in training; that of the code is 1."""


class ContentLosses(NamedTuple):
    """Of a batch; scalars."""

    mel: Tensor
    """Absolute error of the spectrogram."""
    phones: Tensor
    """Cross-entropy of the phonemes' states in each frame."""


class ContentModel(nn.Module):
    """Mel spectrograms to what is said, and that to mel spectrograms of a speaker.

    Args:
        symbols: number of phoneme symbols.
        speakers: number of speakers (0 counts as one).
        mels: M, bands of the spectrogram.
        channels: of the layers.
    """

    mean: Tensor
    """(M, 1) of the spectrograms."""
    spread: Tensor
    """(M, 1) standard deviation of them."""

    def __init__(self, symbols: int, speakers: int, mels: int, channels: int) -> None:
        super().__init__()

        def convolution(taken: int, given: int, kernel: int = KERNEL) -> nn.Conv1d:
            return nn.Conv1d(taken, given, kernel, padding=kernel // 2)

        self.first = convolution(mels, channels)
        self.encoder = Residual(channels, HEARING)
        self.code = convolution(channels, CODE, 1)
        self.phones = convolution(CODE, channels, 1)
        self.symbol = nn.Embedding(symbols, STATES * channels)
        self.last = convolution(CODE, channels)
        self.tone = convolution(2, channels)
        self.speaker = nn.Embedding(max(speakers, 1), channels)
        self.decoder = Residual(channels, DECODER)
        self.mel = convolution(channels, mels, 1)
        nn.init.normal_(self.symbol.weight, std=channels**-0.5)
        nn.init.zeros_(self.mel.weight)
        self.register_buffer("mean", torch.zeros(mels, 1))
        self.register_buffer("spread", torch.ones(mels, 1))

    @torch.no_grad()
    def begin_at(self, mel: Tensor) -> None:
        """Take the scale of (M, F) spectrograms, before training."""
        self.mean.copy_(mel.mean(1, keepdim=True))
        self.spread.copy_(mel.std(1, keepdim=True).clamp_min(1e-3))
        assert self.mel.bias is not None
        self.mel.bias.copy_(self.mean[:, 0])

    def content(self, mel: Tensor, mask: Tensor) -> Tensor:
        """What is said: (B, M, F) spectrograms, and a (B, 1, F) mask, to (B, F, `CODE`) of mean 0
        and variance 1 in each frame."""
        x = (mel - self.mean) / self.spread * mask
        x = convolve(x.transpose(1, 2), self.first).transpose(1, 2)
        code = convolve(self.encoder(x, mask).transpose(1, 2), self.code)
        return F.layer_norm(code.float(), (CODE,))

    def states(self, content: Tensor) -> Tensor:
        """(B, F, symbols · 3) logits of the states of phonemes, from `content`."""
        x = F.relu(convolve(content, self.phones))
        return F.linear(x, self.symbol.weight.view(-1, x.shape[2]))

    def spoken(
        self, content: Tensor, speaker: Tensor, voicing: Tensor, octaves: Tensor, mask: Tensor
    ) -> Tensor:
        """The spectrogram of a speaker.

        Args:
            content: (B, F, `CODE`).
            speaker: (B,) ids, or (B, S) weights of the speakers.
            voicing: (B, F) 1 or 0.
            octaves: (B, F) F0, as by `features.octaves`.
            mask: (B, 1, F) 1 where there is a frame.

        Returns:
            (B, M, F).
        """
        who = of_speakers(self.speaker.weight, speaker)[:, None]
        tone = convolve(torch.stack([voicing, octaves], 2), self.tone)
        x = (convolve(content, self.last) + tone + who).transpose(1, 2)
        return convolve(self.decoder(x, mask).transpose(1, 2), self.mel).transpose(1, 2)

    def loss(
        self,
        disguised: Tensor,
        mel: Tensor,
        speaker: Tensor,
        voicing: Tensor,
        octaves: Tensor,
        states: Tensor,
        mask: Tensor,
    ) -> ContentLosses:
        """Losses of what is heard in spectrograms, and of what is made of it.

        Args:
            disguised: (B, M, F) what is heard.
            mel: (B, M, F) what is to be made of it.
            speaker: (B,) ids.
            voicing: as of `spoken`, likewise the next.
            octaves: likewise.
            states: (B, F) symbol · 3 + number of its state; −1 where there is no frame.
            mask: (B, 1, F) 1 where there is a frame.
        """
        content = self.content(disguised, mask)
        content = content + NOISE * torch.randn_like(content)
        made = self.spoken(content, speaker, voicing, octaves, mask)
        error = ((made - mel).abs() * mask).sum() / (mask.sum() * mel.shape[1])
        told = self.states(content).float().flatten(0, 1)
        return ContentLosses(error, F.cross_entropy(told, states.flatten(), ignore_index=-1))
