"""Train a latent model on recordings."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from wavegen.model.latent import LatentModel, perplexity
from wavegen.speech.descent import Descent, descend
from wavegen.speech.hearing import Heard, Pieces

log = logging.getLogger(__name__)

LOG_EVERY = 500
"""Steps between two notes of how many codes are used."""
COLLAPSED = 0.1
"""Part of the codes that are told apart, by their perplexity, below which the codebook has
collapsed."""


class Use(NamedTuple):
    """Of a codebook, or on the average of several."""

    used: float
    """Codes that occur."""
    perplexity: float
    codes: int
    """All that there are."""
    books: int

    @property
    def collapsed(self) -> str | None:
        """A warning in words, if few of the codes are in use."""
        if self.perplexity >= COLLAPSED * self.codes:
            return None
        return (
            f"the codebook has collapsed: {self.used:.0f} of {self.codes} codes are used, with a "
            f"perplexity of {self.perplexity:.1f}; try more conditioning.latent_steps, or fewer "
            "conditioning.codes"
        )

    def __str__(self) -> str:
        each = "" if self.books == 1 else f" in each of {self.books} books"
        told = f"{self.used:.0f} of {self.codes} codes{each}"
        return f"{told}, perplexity {self.perplexity:.1f}"


def use(counts: Tensor) -> Use:
    """By (N, codes) counts."""
    used = float((counts > 0).sum(1).double().mean())
    books, codes = counts.shape
    return Use(used, sum(map(perplexity, counts)) / books, codes, books)


def occurrences(codes: Tensor, number: int) -> Tensor:
    """(N, number) how often each occurs in each of N books, by (L, N) codes."""
    return torch.stack([torch.bincount(c, minlength=number) for c in codes.T])


def fit(
    model: LatentModel,
    clips: Sequence[Heard],
    frequencies: Tensor | None,
    how: Descent,
) -> Use:
    """Train in place; the arguments are those of `hearing.fit`.

    Args:
        frequencies: None if what is heard is not to be disguised.

    Returns:
        The use of the codes by the recordings.
    """
    device = model.mean.device
    if not how.adapting:
        model.begin_at(torch.cat([c.mel for c in clips], 1).float().to(device))
    model.pitch.copy_(usual_pitch(clips, len(model.pitch)))
    pieces = Pieces(clips, frequencies, device)
    counts = torch.zeros(model.usage.shape, device=device)

    def loss(rng: random.Random, batches: list[Any]) -> Tensor:
        heard, mel, speaker, voicing, octaves, _, mask = pieces.batch(rng)
        value, codes = model.loss(heard, mel, speaker, voicing, octaves, mask)
        counts.add_(occurrences(codes, counts.shape[1]))
        return value

    def told(done: int, total: int) -> None:
        if done % LOG_EVERY == 0 and done < total:
            log.info(f"latent code, step {done:,}: {use(counts)}")
            counts.zero_()
        how.progress(done, total)

    descend([model], loss, replace(how, progress=told), [counts])
    return use(usage(model, clips))


@torch.inference_mode()
def usage(model: LatentModel, clips: Sequence[Heard]) -> Tensor:
    """(N, codes) how often each code occurs in recordings."""
    counts = torch.zeros(model.usage.shape)
    for clip in clips:
        mel = clip.mel[None].float().to(model.mean.device)
        latents = model.latents(mel, torch.ones_like(mel[:, :1]))
        counts += occurrences(model.quantise(latents).codes[0].cpu(), counts.shape[1])
    return counts


def usual_pitch(clips: Sequence[Heard], speakers: int) -> Tensor:
    """(speakers,) median F0 of each, as by `features.octaves`, or of all where one has none."""
    own: list[list[Tensor]] = [[] for _ in range(speakers)]
    for c in clips:
        own[c.speaker].append(c.octaves[c.voicing > 0])
    everyone = torch.cat([t for some in own for t in some])
    middle = everyone.median() if len(everyone) else torch.zeros(())
    found = [torch.cat(some) if some else everyone[:0] for some in own]
    return torch.stack([t.median() if len(t) else middle for t in found])
