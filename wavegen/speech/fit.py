"""Train an acoustic model on aligned recordings."""

from __future__ import annotations

import itertools
import math
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from wavegen.model.acoustic import AcousticModel, Phones, whole
from wavegen.speech.alignment import Alignment

BATCH_FRAMES = 1500
"""Frames per batch, about: 15 seconds of speech."""
LEARNING_RATE = 1e-3
WARMUP = 100
ADAPTING = 3e-4, 20
"""Both for a model that has been fitted to other recordings."""
SAVE_SECONDS = 30.0
"""Between two states that are saved."""
PROBE = 20
"""Steps after which it is known how long the others take."""
DECAY = 0.998
"""Of the moving average of the weights."""
WEIGHTS = {
    "lengths": 0.15,
    "shares": 0.15,
    "voicing": 0.15,
    "pitch": 1.0,
    "pitch_flow": 0.3,
    "mel": 1.0,
    "mel_flow": 1.0,
}
"""Of the `Losses`."""
REST = 0.5
"""What is left of the standard deviation of a feature around its average prediction, about."""


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


def phones(
    alignments: Sequence[Alignment], speakers: Sequence[int] | Tensor
) -> tuple[Phones, Tensor]:
    """A batch of utterances, and the (B, N, 3) frames of their phonemes' states; speakers as in
    `Phones`."""
    symbols = [torch.tensor([s for w in a.words for s in w]) for a in alignments]
    starts = [
        torch.tensor([int(i == 0) for w in a.words for i in range(len(w))]) for a in alignments
    ]
    lengths = [torch.tensor(a.states) for a in alignments]
    padded = [pad_sequence(x, True) for x in (symbols, starts, lengths)]
    counts = torch.tensor([len(s) for s in symbols])
    return Phones(padded[0], padded[1], counts, torch.as_tensor(speakers)), padded[2]


def fit(
    model: AcousticModel,
    clips: Sequence[Recording],
    steps: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
    seconds: float = math.inf,
    state: dict[str, Any] | None = None,
    save: Callable[[dict[str, Any]], None] = lambda state: None,
    bf16: bool = False,
    adapting: bool = False,
) -> None:
    """Train in place, with Adam and a learning rate that falls to zero over the steps. The weights
    are then a moving average of those of the last steps.

    Args:
        model: on the device to train on.
        clips: the training recordings.
        steps: optimiser steps.
        seed: of the order of the clips, the dropout and the noise.
        progress: called with (steps done, steps).
        seconds: take fewer steps if they would take longer.
        state: go on from there; the rest must be as it was.
        save: called with a state every `SAVE_SECONDS`.
        bf16: multiply matrices in bf16.
        adapting: whether the model has been fitted to other recordings.
    """
    begin = saved = time.monotonic()
    device = model.spectrum.mel.weight.device
    corpus = Corpus(clips, device)
    peak, warmup = LEARNING_RATE, WARMUP
    if adapting:
        peak, warmup = ADAPTING
    else:
        corpus.set_scale(model)
    optimiser = torch.optim.AdamW(model.parameters(), peak, betas=(0.9, 0.98), fused=True)
    rng = random.Random(seed)
    weights = list(model.parameters())
    averages = [w.detach().clone() for w in weights]
    spread = torch.zeros((), device=device)
    model.train()
    batches: list[list[int]] = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        first = 0
        if state is not None:
            first, steps, batches = state["step"], state["steps"], state["batches"]
            _restore(state, model, optimiser, rng, [*averages, spread])
        for step in itertools.count(first):
            if step == PROBE and seconds < math.inf:
                each = (time.monotonic() - begin) / PROBE
                steps = min(steps, max(PROBE, int(seconds / each)))
            if step >= steps:
                break
            batches = batches or corpus.batches(rng)
            rate = peak * min(1.0, (step + 1) / warmup)
            for group in optimiser.param_groups:
                group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                losses = model.loss(*corpus.batch(batches.pop()))
            weighed = [WEIGHTS[name] * loss for name, loss in losses._asdict().items()]
            torch.autograd.backward(torch.stack(weighed).sum())
            for network in (model.prosody, model.spectrum):
                torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            # Faster at first, or the random initial weights would linger.
            decay = min(DECAY, (step + 1) / (step + 10))
            torch._foreach_lerp_(averages, [w.detach() for w in weights], 1 - decay)
            # The residual spread at the end, from which variations are drawn.
            spread.lerp_(losses.lengths.detach(), 0.01)
            progress(step + 1, steps)
            if step > PROBE and time.monotonic() - saved > SAVE_SECONDS:
                saved = time.monotonic()
                counts = {"step": step + 1, "steps": steps, "batches": batches}
                save(counts | _state(model, optimiser, rng, [*averages, spread]))
    for average, w in zip(averages, weights, strict=True):
        w.data.copy_(average)
    model.prosody.duration_spread.copy_(spread.sqrt())
    model.eval()


def _state(
    model: AcousticModel,
    optimiser: torch.optim.Optimizer,
    rng: random.Random,
    averages: Sequence[Tensor],
) -> dict[str, Any]:
    """All that a training in progress changes, as `torch.load` reads it with ``weights_only``."""
    device = averages[0].device
    return {
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "averages": list(averages),
        "order": rng.getstate(),
        "random": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


def _restore(
    state: dict[str, Any],
    model: AcousticModel,
    optimiser: torch.optim.Optimizer,
    rng: random.Random,
    averages: Sequence[Tensor],
) -> None:
    """Undo what has changed since `_state`."""
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    for average, kept in zip(averages, state["averages"], strict=True):
        average.copy_(kept)
    rng.setstate(state["order"])
    torch.set_rng_state(state["random"])
    if state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"], averages[0].device)


@torch.inference_mode()
def duration_spread(model: AcousticModel, clips: Sequence[Recording]) -> float:
    """Root mean square error of log durations on clips that the model was not fitted to: its own
    clips, which it partly knows by heart, would make it too small."""
    errors = []
    for clip in clips:
        batch, lengths = phones([clip.alignment], [clip.speaker])
        guess, _ = model.prosody.durations(model.prosody.phones(batch), batch.mask)
        errors.append(guess - whole(lengths).log1p())
    return float(torch.cat(errors, 1).square().mean().sqrt())


class Corpus:
    """Recordings on a device, end to end, so that a batch is read by its places alone."""

    def __init__(self, clips: Sequence[Recording], device: torch.device) -> None:
        self.frames = [sum(c.alignment.frames) for c in clips]
        self.device = device
        made, lengths = phones([c.alignment for c in clips], [c.speaker for c in clips])
        self.counts = made.counts.tolist()

        def moved(tracks: Iterable[Tensor]) -> Tensor:
            """(…, F) tracks end to end, and a last frame of zeros, frames first."""
            whole = torch.cat(list(tracks), -1)
            return F.pad(whole, (0, 1)).movedim(-1, 0).contiguous().to(device)

        self.phones = Phones(
            *(t.to(device) for t in (made.symbols, made.starts, made.counts, made.speaker))
        )
        self.lengths = lengths.to(device)
        self.tracks = [
            moved(c.voicing for c in clips),
            moved(c.octaves for c in clips),
            moved(c.mel for c in clips),
        ]
        self.begins = [0, *itertools.accumulate(self.frames)]

    def batch(self, which: Sequence[int]) -> tuple[Phones, Tensor, Tensor, Tensor, Tensor]:
        """The arguments of `AcousticModel.loss`."""
        places = [torch.arange(self.begins[n], self.begins[n + 1]) for n in which]
        at = pad_sequence(places, True, self.begins[-1]).to(self.device, non_blocking=True)
        rows = torch.tensor(which).to(self.device, non_blocking=True)
        longest = max(self.counts[n] for n in which)
        p = self.phones
        voicing, octaves, mel = (t[at].float() for t in self.tracks)
        return (
            Phones(
                p.symbols[rows, :longest], p.starts[rows, :longest], p.counts[rows], p.speaker[rows]
            ),
            self.lengths[rows, :longest],
            voicing,
            octaves,
            mel.transpose(1, 2),
        )

    def batches(self, rng: random.Random) -> list[list[int]]:
        """All recordings once, each batched with others of similar length."""
        order = sorted(
            range(len(self.frames)), key=lambda n: self.frames[n] * rng.uniform(0.9, 1.1)
        )
        out: list[list[int]] = [[]]
        for n in order:
            if (len(out[-1]) + 1) * self.frames[n] > BATCH_FRAMES and out[-1]:
                out.append([])
            out[-1].append(n)
        rng.shuffle(out)
        return out

    @torch.no_grad()
    def set_scale(self, model: AcousticModel) -> None:
        """Begin at the mean of the features, and set the units of the flows."""
        voicing, octaves, mel = (t[:-1].float() for t in self.tracks)
        share = voicing.sum().clamp_min(1)
        mean = octaves.sum() / share
        variance = ((octaves - mean).square() * voicing).sum() / share
        model.prosody.pitch_spread.copy_((REST * variance.sqrt()).clamp_min(1e-3))
        model.spectrum.mel_spread.copy_((REST * mel.std(0))[:, None].clamp_min(1e-3))
        assert model.prosody.pitch.bias is not None
        assert model.spectrum.mel.bias is not None
        model.prosody.pitch.bias[1] = mean
        model.spectrum.mel.bias.copy_(mel.mean(0))
