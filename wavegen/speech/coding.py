"""Train a latent model on recordings."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from wavegen.model.latent import LatentModel, perplexity
from wavegen.speech.descent import descend
from wavegen.speech.hearing import Heard, Pieces

log = logging.getLogger(__name__)

LOG_EVERY = 500
"""Steps between two notes of how many codes are used."""
COLLAPSED = 0.1
"""Part of the codes that are told apart, by their perplexity, below which the codebook has
collapsed."""


class Use(NamedTuple):
    """Of a codebook."""

    used: int
    """Codes that occur."""
    perplexity: float
    codes: int
    """All that there are."""

    @property
    def collapsed(self) -> str | None:
        """A warning in words, if few of the codes are in use."""
        if self.perplexity >= COLLAPSED * self.codes:
            return None
        return (
            f"the codebook has collapsed: {self.used} of {self.codes} codes are used, with a "
            f"perplexity of {self.perplexity:.1f}; try more conditioning.latent_steps, or fewer "
            "conditioning.codes"
        )

    def __str__(self) -> str:
        return f"{self.used} of {self.codes} codes, perplexity {self.perplexity:.1f}"


def use(counts: Tensor) -> Use:
    """By (codes,) counts."""
    return Use(int((counts > 0).sum()), perplexity(counts), len(counts))


def fit(
    model: LatentModel,
    clips: Sequence[Heard],
    frequencies: Tensor,
    steps: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
    seconds: float = math.inf,
    state: dict[str, Any] | None = None,
    save: Callable[[dict[str, Any]], None] = lambda state: None,
    bf16: bool = False,
    adapting: bool = False,
) -> Use:
    """Train in place; the arguments are those of `hearing.fit`.

    Returns:
        The use of the codes by the recordings.
    """
    device = model.mean.device
    if not adapting:
        model.begin_at(torch.cat([c.mel for c in clips], 1).float().to(device))
    model.pitch.copy_(usual_pitch(clips, len(model.pitch)))
    pieces = Pieces(clips, frequencies, device)
    counts = torch.zeros(len(model.codebook), device=device)

    def loss(rng: random.Random, batches: list[Any]) -> Tensor:
        heard, mel, speaker, voicing, octaves, _, mask = pieces.batch(rng)
        value, codes = model.loss(heard, mel, speaker, voicing, octaves, mask)
        counts.add_(torch.bincount(codes, minlength=len(counts)))
        return value

    def told(done: int, total: int) -> None:
        if done % LOG_EVERY == 0 and done < total:
            log.info(f"latent code, step {done:,}: {use(counts)}")
            counts.zero_()
        progress(done, total)

    descend([model], loss, steps, seed, told, seconds, state, save, bf16, adapting, [counts])
    return use(usage(model, clips))


@torch.inference_mode()
def usage(model: LatentModel, clips: Sequence[Heard]) -> Tensor:
    """(codes,) how often each code occurs in recordings."""
    counts = torch.zeros(len(model.codebook))
    for clip in clips:
        mel = clip.mel[None].float().to(model.mean.device)
        latents = model.latents(mel, torch.ones_like(mel[:, :1]))
        codes = model.quantise(latents).codes.flatten().cpu()
        counts += torch.bincount(codes, minlength=len(counts))
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
