"""Train an acoustic model on aligned recordings."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from wavegen.model.acoustic import AcousticModel, Phones, whole
from wavegen.speech.alignment import Alignment
from wavegen.speech.descent import Descent, descend
from wavegen.transfer import sent

BATCH_FRAMES = 1500
"""Frames per batch, about: 15 seconds of speech."""
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
    how: Descent,
) -> None:
    """Train in place.

    Args:
        model: on the device to train on.
        clips: the training recordings.
        how: see `descend`.
    """
    device = model.spectrum.mel.weight.device
    corpus = Corpus(clips, device)
    if not how.adapting:
        corpus.set_scale(model)
    spread = torch.zeros((), device=device)

    def loss(rng: random.Random, batches: list[list[int]]) -> Tensor:
        if not batches:
            batches += corpus.batches(rng)
        losses = model.loss(*corpus.batch(batches.pop()))
        # The residual spread at the end, from which variations are drawn.
        spread.lerp_(losses.lengths.detach(), 0.01)
        return torch.stack([WEIGHTS[name] * x for name, x in losses._asdict().items()]).sum()

    networks = model.prosody, model.spectrum
    descend(networks, loss, how, [spread])
    model.prosody.duration_spread.copy_(spread.sqrt())
    model.eval()


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
        at = sent(pad_sequence(places, True, self.begins[-1]), self.device)
        rows = sent(torch.tensor(which), self.device)
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
