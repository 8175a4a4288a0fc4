"""Autoencoders of mel spectrograms whose decoder is told the speaker and F0."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wavegen.model.convolution import convolve
from wavegen.model.numpy.acoustic import DECODER
from wavegen.model.residual import Residual
from wavegen.model.shapes import HEARING, KERNEL
from wavegen.model.speaker import of_speakers


def convolution(taken: int, given: int, kernel: int = KERNEL) -> nn.Conv1d:
    """A convolution that keeps the length."""
    return nn.Conv1d(taken, given, kernel, padding=kernel // 2)


class SpectrumModel(nn.Module):
    """Mel spectrograms to a code, and that to mel spectrograms of a speaker.

    Args:
        speakers: number of speakers (0 counts as one).
        mels: M, bands of the spectrogram.
        channels: C, of the layers.
        code: numbers of the code in each frame.
    """

    mean: Tensor
    """(M, 1) of the spectrograms."""
    spread: Tensor
    """(M, 1) standard deviation of them."""

    def __init__(self, speakers: int, mels: int, channels: int, code: int) -> None:
        super().__init__()
        self.first = convolution(mels, channels)
        self.encoder = Residual(channels, HEARING)
        self.code = convolution(channels, code, 1)
        self.last = convolution(code, channels)
        self.tone = convolution(2, channels)
        self.speaker = nn.Embedding(max(speakers, 1), channels)
        self.decoder = Residual(channels, DECODER)
        self.mel = convolution(channels, mels, 1)
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

    def hear(self, mel: Tensor, mask: Tensor) -> Tensor:
        """(B, M, F) spectrograms, and a (B, 1, F) mask, to (B, C, F) before the code."""
        x = (mel - self.mean) / self.spread * mask
        heard: Tensor = self.encoder(convolve(x.transpose(1, 2), self.first).transpose(1, 2), mask)
        return heard

    def spoken(
        self, content: Tensor, speaker: Tensor, voicing: Tensor, octaves: Tensor, mask: Tensor
    ) -> Tensor:
        """The spectrogram of a speaker.

        Args:
            content: (B, F, code).
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
