"""Train an acoustic model on aligned recordings."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen.model.acoustic import AcousticModel, Phones
from wavegen.speech.aligner import Alignment

BATCH_FRAMES = 6000
"""Frames per batch, about: a minute of speech."""
LEARNING_RATE = 1e-3
WARMUP = 100
PROSODY_WEIGHT = 0.15
"""Weight of the losses of F0 and durations relative to that of the mel spectrogram."""


@dataclass(frozen=True)
class Recording:
    """An aligned clip."""

    alignment: Alignment
    speaker: int
    voicing: Tensor
    """(F,), as in `LocalFeatures`."""
    octaves: Tensor
    """(F,), likewise."""
    mel: Tensor
    """(M, F), of any float type."""


def phones(alignments: Sequence[Alignment], speakers: Sequence[int]) -> tuple[Phones, Tensor]:
    """A batch of utterances, and the (B, N) frames of their phonemes."""
    symbols = [torch.tensor([s for w in a.words for s in w]) for a in alignments]
    starts = [
        torch.tensor([int(i == 0) for w in a.words for i in range(len(w))]) for a in alignments
    ]
    lengths = [torch.tensor(a.frames) for a in alignments]
    padded = [torch.nn.utils.rnn.pad_sequence(x, True) for x in (symbols, starts, lengths)]
    counts = torch.tensor([len(s) for s in symbols])
    return Phones(padded[0], padded[1], counts, torch.tensor(list(speakers))), padded[2]


def fit(
    model: AcousticModel,
    clips: Sequence[Recording],
    steps: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Train in place, with Adam and a learning rate that falls to zero over the steps.

    Args:
        model: on the device to train on.
        clips: the training recordings.
        steps: optimiser steps.
        seed: of the order of the clips and the dropout.
        progress: called with (steps done, steps).
    """
    device = model.mel.weight.device
    optimiser = torch.optim.AdamW(model.parameters(), LEARNING_RATE, betas=(0.9, 0.98))
    rng = random.Random(seed)
    spread = torch.zeros(2, device=device)
    model.train()
    batches: list[list[Recording]] = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for step in range(steps):
            batches = batches or _batches(clips, rng)
            batch = _batch(batches.pop(), device)
            rate = LEARNING_RATE * min(1.0, (step + 1) / WARMUP)
            for group in optimiser.param_groups:
                group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
            lengths, tone, mel = model.loss(*batch)
            torch.autograd.backward(mel + PROSODY_WEIGHT * (tone + lengths))
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            # The residual spread at the end, from which variations are drawn.
            spread.lerp_(torch.stack([lengths.detach(), tone.detach()]), 0.01)
            progress(step + 1, steps)
    model.eval()
    model.duration_spread.copy_(spread[0].sqrt())
    model.pitch_spread.copy_(spread[1])


def _batch(
    clips: Sequence[Recording], device: torch.device
) -> tuple[Phones, Tensor, Tensor, Tensor, Tensor]:
    """The arguments of `AcousticModel.loss`."""
    p, lengths = phones([c.alignment for c in clips], [c.speaker for c in clips])
    longest = int(lengths.sum(1).max())

    def padded(tracks: Iterable[Tensor]) -> Tensor:
        same = [F.pad(t.float(), (0, longest - t.shape[-1])) for t in tracks]
        return torch.stack(same).to(device)

    return (
        Phones(*(t.to(device) for t in (p.symbols, p.starts, p.counts, p.speaker))),
        lengths.to(device),
        padded(c.voicing for c in clips),
        padded(c.octaves for c in clips),
        padded(c.mel for c in clips),
    )


def _batches(clips: Sequence[Recording], rng: random.Random) -> list[list[Recording]]:
    """All clips once, batched with others of similar length."""
    order = sorted(clips, key=lambda c: sum(c.alignment.frames) * rng.uniform(0.9, 1.1))
    out: list[list[Recording]] = [[]]
    for c in order:
        if (len(out[-1]) + 1) * sum(c.alignment.frames) > BATCH_FRAMES and out[-1]:
            out.append([])
        out[-1].append(c)
    rng.shuffle(out)
    return out
