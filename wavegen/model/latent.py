"""A discrete code of what is said in a recording, and the spectrogram of anybody who says it.

A vector-quantised autoencoder (van den Oord, Vinyals and Kavukcuoglu 2017, VQ-VAE) of mel
spectrograms. As its decoder is told the speaker and F0, the code need not hold them. For speech
there are a few dozen codes a second, and in training some are replaced by their neighbours, so that
each tells of a stretch of sound by itself (Chorowski et al. 2019, §II-C). With texts, the code can
learn to tell the phonemes, too (`PhoneHead`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavegen.model.convolution import convolve
from wavegen.model.numpy.latent import UNUSED
from wavegen.model.residual import Residual
from wavegen.model.shapes import JOINING, VECTOR
from wavegen.model.spectra import SpectrumModel, convolution

DECAY = 0.99
"""Of the moving averages that make the codebook (γ in appendix A.1 of the former)."""
COMMITMENT = 0.25
"""Weight of the commitment loss (β)."""
JITTER = 0.12
"""Probability that a code is replaced by one of its neighbours in training."""


class Quantised(NamedTuple):
    """Vectors and their codes."""

    vectors: Tensor
    """(B, K, D) of the codebooks; their gradient is that of the latents."""
    codes: Tensor
    """(B, K, N), one of each of the N books."""
    commitment: Tensor
    """(B, K) mean squared distance of the latents from their vectors, which moves the latents."""


class LatentModel(SpectrumModel):
    """Mel spectrograms to codes, and these to mel spectrograms of a speaker.

    Args:
        speakers: number of speakers (0 counts as one).
        mels: M, bands of the spectrogram.
        channels: of the layers.
        codes: number of codes in each book.
        frames: that one code stands for.
        books: N, each of which tells what those before it leave over.
    """

    codebook: Tensor
    """(N, codes, D) the vectors."""
    usage: Tensor
    """(N, codes) moving average of how often each code occurs in a batch (N in the paper)."""
    total: Tensor
    """(N, codes, D) moving average of the sum of its latents (m)."""
    pitch: Tensor
    """(speakers,) usual F0 of each, as by `features.octaves`."""

    def __init__(
        self, speakers: int, mels: int, channels: int, codes: int, frames: int, books: int = 1
    ) -> None:
        super().__init__(speakers, mels, channels, VECTOR)
        self.frames = frames
        self.stride = nn.Conv1d(channels, channels, 2 * frames, frames)
        self.joining = Residual(channels, JOINING)
        drawn = F.layer_norm(torch.randn(books, codes, VECTOR), (VECTOR,))
        self.register_buffer("codebook", drawn / 2.0 ** torch.arange(books)[:, None, None])
        self.register_buffer("usage", torch.zeros(books, codes))
        self.register_buffer("total", torch.zeros(books, codes, VECTOR))
        self.register_buffer("pitch", torch.zeros(max(speakers, 1)))

    def latents(self, mel: Tensor, mask: Tensor) -> Tensor:
        """(B, M, F) spectrograms, and a (B, 1, F) mask, to (B, K, D), K = ceil(F / frames), each of
        mean 0 and variance 1."""
        s, beyond = self.frames, -mel.shape[2] % self.frames
        x = F.pad(self.hear(mel, mask), (s // 2, s - s // 2 + beyond))
        x = self.joining(F.relu(self.stride(x)), self.of_codes(mask))
        return F.layer_norm(convolve(x.transpose(1, 2), self.code).float(), (VECTOR,))

    def of_codes(self, mask: Tensor) -> Tensor:
        """(B, 1, F) mask of frames to that of codes, (B, 1, K)."""
        return F.max_pool1d(F.pad(mask, (0, -mask.shape[2] % self.frames)), self.frames)

    def quantise(self, latents: Tensor) -> Quantised:
        """The nearest vectors (VQ-VAE, eq. 1 to 3), book by book of what is left over (residual
        quantisation, Zeghidour et al. 2021, §III-C): their gradients pass straight through to the
        latents, since there are none through the choice."""
        exact = torch.autocast(latents.device.type, enabled=False)
        with torch.no_grad(), exact:
            rest, codes = latents, []
            for book in self.codebook:
                distances = book.square().sum(1) - 2 * rest @ book.T
                codes.append(distances.argmin(2))
                rest = rest - book[codes[-1]]
        commitment = (latents - (latents - rest).detach()).square().mean(2)
        return Quantised(latents - rest, torch.stack(codes, 2), commitment)

    def jitter(self, vectors: Tensor) -> Tensor:
        """(B, K, D) with each replaced by one of its neighbours with probability `JITTER`."""
        count = vectors.shape[1]
        drawn = torch.rand(vectors.shape[:2], device=vectors.device)
        moved = (drawn < JITTER / 2).long() - (drawn > 1 - JITTER / 2).long()
        at = (torch.arange(count, device=vectors.device) + moved).clamp(0, count - 1)
        return vectors.gather(1, at[:, :, None].expand_as(vectors))

    def at_frames(self, vectors: Tensor, frames: int) -> Tensor:
        """(B, K, D), each repeated for its frames, to (B, F, D)."""
        return vectors.repeat_interleave(self.frames, 1)[:, :frames]

    @torch.no_grad()
    def update(self, latents: Tensor, codes: Tensor) -> None:
        """Move the codebooks towards the mean of what each code stands for (VQ-VAE, appendix A.1).

        Args:
            latents: (L, D).
            codes: (L, N) of them; −1 where there is nothing.
        """
        for book, usage, total, chosen in zip(
            self.codebook, self.usage, self.total, codes.T, strict=True
        ):
            one = occurrences(chosen, len(book)).to(latents.dtype)
            rest = latents - book[chosen]
            usage.lerp_(one.sum(0), 1 - DECAY)
            with torch.autocast(latents.device.type, enabled=False):
                total.lerp_(one.T @ latents, 1 - DECAY)
            _restart(book, usage, total)
            means = total / usage.clamp_min(1e-9)[:, None]
            book.copy_(torch.where(usage[:, None] > 0, means, book))
            latents = rest

    def loss(
        self,
        disguised: Tensor,
        mel: Tensor,
        speaker: Tensor,
        voicing: Tensor,
        octaves: Tensor,
        mask: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The error of the spectrogram that is made of what is heard, with the commitment loss; the
        (L, N) codes of it, L = B · K, −1 beyond the ends; and (B, K, D) their vectors. In training,
        the codebook is updated.

        Args:
            disguised: (B, M, F) what is heard.
            mel: (B, M, F) what is to be made of it.
            speaker: (B,) ids.
            voicing: as of `spoken`, likewise the next.
            octaves: likewise.
            mask: (B, 1, F) 1 where there is a frame.
        """
        latents = self.latents(disguised, mask)
        found = self.quantise(latents)
        content = self.at_frames(self.jitter(found.vectors), mel.shape[2])
        made = self.spoken(content, speaker, voicing, octaves, mask)
        error = ((made - mel).abs() * mask).sum() / (mask.sum() * mel.shape[1])
        there = self.of_codes(mask)[:, 0]
        commitment = (found.commitment * there).sum() / there.sum()
        codes = found.codes.masked_fill(there[:, :, None] == 0, -1).flatten(0, 1)
        if self.training:
            self.update(latents.detach().flatten(0, 1), codes)
        return error + COMMITMENT * commitment, codes, found.vectors


class PhoneHead(nn.Module):
    """Tells by a code which phonemes are said, one after another: connectionist temporal
    classification (CTC, Graves et al. 2006). Only training needs it.

    Args:
        channels: of the layer.
        phones: number of phonemes; they count from 1, and 0 is the blank.
    """

    def __init__(self, channels: int, phones: int) -> None:
        super().__init__()
        self.first = convolution(VECTOR, channels, 3)
        self.last = convolution(channels, phones + 1, 1)

    def forward(self, vectors: Tensor) -> Tensor:
        """(B, K, D) vectors of codes, zeros beyond the ends, to (B, K, 1 + phones) logits."""
        return convolve(F.relu(convolve(vectors, self.first)), self.last).float()

    def loss(self, vectors: Tensor, codes: Tensor, phones: Sequence[Tensor]) -> Tensor:
        """Nats per phoneme.

        Args:
            vectors: (B, K, D).
            codes: (B,) how many there are in each row.
            phones: (P,) of each row, which has at least `codes_needed` codes.
        """
        there = torch.arange(vectors.shape[1]) < codes[:, None]
        logits = self(vectors * there[:, :, None].to(vectors.device))
        # On a GPU its gradient would not be deterministic.
        told = logits.log_softmax(2).transpose(0, 1).cpu()
        return F.ctc_loss(told, torch.cat([*phones]), codes, torch.tensor([*map(len, phones)]))


def occurrences(codes: Tensor, number: int) -> Tensor:
    """(…, number) bool: which each of (…) codes is; none where it is −1."""
    return codes[..., None] == torch.arange(number, device=codes.device)


def codes_needed(phones: Tensor) -> int:
    """The least number of codes that (P,) phonemes can be told by: a blank is between two that are
    the same."""
    return len(phones) + int((phones[1:] == phones[:-1]).sum())


def _restart(book: Tensor, usage: Tensor, total: Tensor) -> None:
    """Let unused codes share the latents of the most used ones, whose vectors are split in two
    (Linde, Buzo and Gray 1980)."""
    order = usage.argsort(descending=True, stable=True)
    half = len(order) // 2
    most, least = order[:half], order.flip(0)[:half]
    bound = UNUSED * usage.mean()
    split = (usage[least] <= bound) & (usage[most] > 2 * bound)
    share = torch.where(split, usage[most] / 2, usage[least])
    rest = torch.where(split, share, usage[most])
    middle = total[most] / usage[most].clamp_min(1e-9)[:, None]
    beside = torch.lerp(middle, book[least], 0.02)  # on the side where it was
    new = torch.where(split[:, None], beside * share[:, None], total[least])
    total[most] = torch.where(split[:, None], middle * rest[:, None], total[most])
    total[least] = new
    usage[most], usage[least] = rest, share


def perplexity(counts: Tensor) -> float:
    """The number of codes that, evenly used, would tell as much as those of (codes,) counts."""
    shares = counts.double() / counts.sum().clamp_min(1)
    return float(torch.special.entr(shares).sum().exp())
