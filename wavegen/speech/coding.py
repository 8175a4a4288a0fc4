"""Train a latent model on recordings."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from wavegen.errors import TrainingError
from wavegen.model.latent import LatentModel, PhoneHead, codes_needed, occurrences, perplexity
from wavegen.speech.descent import Descent, descend
from wavegen.speech.frontend import Unit, silent_symbols, symbol_ids, symbol_table
from wavegen.speech.hearing import CROP, Heard, Pieces

log = logging.getLogger(__name__)

LOG_EVERY = 500
"""Steps between two notes of how many codes are used."""
WHOLE = 1000
"""Most frames of a recording whose phonemes the code learns to tell: it is heard as a whole, since
it isn't known where in it each is said."""
COLLAPSED = 0.1
"""Part of the codes that are told apart, by their perplexity, below which the codebook has
collapsed."""


class Said(NamedTuple):
    """What is said in recordings, where it is known."""

    phones: list[Tensor]
    """(P,) phonemes of each, from 1; none where they aren't known."""
    number: int
    """Of different phonemes."""
    weight: float
    """Of the loss by which the code learns to tell them."""

    @classmethod
    def of(cls, units: Sequence[Unit | None], weight: float) -> Said:
        """By the texts of recordings; pauses and marks are silent, and not told."""
        symbols = symbol_table(u for u in units if u is not None)
        silent = silent_symbols(symbols)
        words = [symbol_ids(u, symbols) if u is not None else [] for u in units]
        phones = [[i - silent + 1 for word in w for i in word if i >= silent] for w in words]
        made = [torch.tensor(p, dtype=torch.int64) for p in phones]
        return cls(made, len(symbols) - silent, weight)


class Telling:
    """By which a code learns to tell what is said in recordings.

    Raises:
        TrainingError: there is none with phonemes, of at most `WHOLE` frames, and long enough.
    """

    def __init__(self, said: Said, clips: Sequence[Heard], model: LatentModel) -> None:
        frames = [c.mel.shape[1] for c in clips]
        self.said, self.codes = said, [-(-n // model.frames) for n in frames]
        known = zip(said.phones, frames, self.codes, strict=True)
        self.told = [len(p) > 0 and n <= WHOLE and codes_needed(p) <= k for p, n, k in known]
        if not any(self.told):
            raise TrainingError(
                "conditioning.code_phonemes: there is no training clip with a text that has at "
                f"most {WHOLE} frames and as many codes as phonemes"
            )
        self.head = PhoneHead(model.first.out_channels, said.number).to(model.mean.device)

    def loss(self, vectors: Tensor, rows: Sequence[int]) -> Tensor:
        """Weighed, of the (B, K, D) vectors of codes of recordings; those that are not told don't
        count."""
        told = [b for b, n in enumerate(rows) if self.told[n]]
        if not told:
            return vectors.new_zeros(())
        codes = torch.tensor([self.codes[rows[b]] for b in told])
        phones = [self.said.phones[rows[b]] for b in told]
        return self.said.weight * self.head.loss(vectors[told], codes, phones)


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
    counts = counts.cpu()  # some numbers are asked of them
    used = float((counts > 0).sum(1).double().mean())
    books, codes = counts.shape
    return Use(used, sum(map(perplexity, counts)) / books, codes, books)


def fit(
    model: LatentModel,
    clips: Sequence[Heard],
    frequencies: Tensor | None,
    how: Descent,
    said: Said | None = None,
) -> Use:
    """Train in place; the arguments are those of `hearing.fit`.

    Args:
        frequencies: None if what is heard is not to be disguised.
        said: in the recordings, if the code is to tell it.

    Returns:
        The use of the codes by the recordings.

    Raises:
        TrainingError: see `Telling`.
    """
    device = model.mean.device
    if not how.adapting:
        model.begin_at(torch.cat([c.mel for c in clips], 1).float().to(device))
    model.pitch.copy_(usual_pitch(clips, len(model.pitch)))
    pieces = Pieces(clips, frequencies, device, CROP if said is None else WHOLE)
    counts = torch.zeros(model.usage.shape, device=device)
    with torch.random.fork_rng():
        torch.manual_seed(how.seed)
        telling = None if said is None else Telling(said, clips, model)

    def loss(rng: random.Random, batches: list[Any]) -> Tensor:
        rows = pieces.draw(rng)
        heard, mel, speaker, voicing, octaves, _, mask = pieces.batch(rng, rows)
        value, codes, vectors = model.loss(heard, mel, speaker, voicing, octaves, mask)
        counts.add_(occurrences(codes, counts.shape[1]).sum(0))
        return value if telling is None else value + telling.loss(vectors, rows)

    def told(done: int, total: int) -> None:
        if done % LOG_EVERY == 0 and done < total:
            log.info(f"latent code, step {done:,}: {use(counts)}")
            counts.zero_()
        how.progress(done, total)

    networks = [model] if telling is None else [model, telling.head]
    descend(networks, loss, replace(how, progress=told), [counts])
    return use(usage(model, clips))


@torch.inference_mode()
def usage(model: LatentModel, clips: Sequence[Heard]) -> Tensor:
    """(N, codes) how often each code occurs in recordings."""
    counts = torch.zeros_like(model.usage)
    for clip in clips:
        mel = clip.mel[None].float().to(model.mean.device)
        latents = model.latents(mel, torch.ones_like(mel[:, :1]))
        counts += occurrences(model.quantise(latents).codes[0], counts.shape[1]).sum(0)
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
