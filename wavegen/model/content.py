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
from wavegen.model.numpy.acoustic import STATES
from wavegen.model.shapes import CODE
from wavegen.model.spectra import SpectrumModel, convolution

NOISE = 0.1
"""Standard deviation of the noise in the code in training; that of the code is 1."""


class ContentLosses(NamedTuple):
    """Of a batch; scalars."""

    mel: Tensor
    """Absolute error of the spectrogram."""
    phones: Tensor
    """Cross-entropy of the phonemes' states in each frame."""


class ContentModel(SpectrumModel):
    """Mel spectrograms to what is said, and that to mel spectrograms of a speaker.

    Args:
        symbols: number of phoneme symbols.
        speakers: number of speakers (0 counts as one).
        mels: M, bands of the spectrogram.
        channels: of the layers.
    """

    shares: Tensor
    """(symbols, 3) of the frames of the training recordings that each state has, about."""

    def __init__(self, symbols: int, speakers: int, mels: int, channels: int) -> None:
        super().__init__(speakers, mels, channels, CODE)
        self.register_buffer("shares", torch.full((symbols, STATES), 1 / (symbols * STATES)))
        self.phones = convolution(CODE, channels, 1)
        self.symbol = nn.Embedding(symbols, STATES * channels)
        nn.init.normal_(self.symbol.weight, std=channels**-0.5)

    def content(self, mel: Tensor, mask: Tensor) -> Tensor:
        """What is said: (B, M, F) spectrograms, and a (B, 1, F) mask, to (B, F, `CODE`) of mean 0
        and variance 1 in each frame."""
        code = convolve(self.hear(mel, mask).transpose(1, 2), self.code)
        return F.layer_norm(code.float(), (CODE,))

    def states(self, content: Tensor) -> Tensor:
        """(B, F, symbols · 3) logits of the states of phonemes, from `content`."""
        x = F.relu(convolve(content, self.phones))
        return F.linear(x, self.symbol.weight.view(-1, x.shape[2]))

    def likelihoods(self, mel: Tensor) -> Tensor:
        """(F, symbols · 3) log densities of the frames of (M, F) mel under each state, but for a
        constant of each frame: how likely it is, over how often (Bourlard and Morgan 1994, hybrid
        recognisers)."""
        heard = self.content(mel[None], torch.ones_like(mel[None, :1]))
        return self.states(heard)[0].float().log_softmax(1) - self.shares.log().flatten()

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
