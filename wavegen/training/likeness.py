"""A speaker's embedding found from recordings by gradient, with all other weights as they are.

Each table of speakers has a row for every one of them: two in the acoustic model, one in the
WaveNet. A row is some hundreds of numbers at most, so that half a minute of speech and a minute of
one core find it (as in the adaptation of embeddings alone, Arik et al. 2018, §3.2).
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from wavegen.audio.local_features import LocalFeatures
from wavegen.audio.reading import read_audio
from wavegen.data.windows import Batch, TrainingClip, Windows
from wavegen.errors import DataError
from wavegen.model.acoustic import AcousticModel
from wavegen.model.autoregressive import Autoregressive
from wavegen.model.content import ContentModel
from wavegen.model.precision import has_bf16
from wavegen.speech.fit import WEIGHTS, Corpus, Recording
from wavegen.voice import Voice

ACOUSTIC_STEPS, ACOUSTIC_RATE = 60, 0.02
WAVENET_STEPS, WAVENET_RATE = 40, 0.1
CONTENT_STEPS, CONTENT_RATE = 60, 0.02
MIX_STEPS, MIX_RATE = 15, 0.5
HEARD = 6.0
"""Seconds of a recording by which its mix of speakers is chosen."""
FAINT = 0.03
"""Weight below which a speaker is left out of it."""
SECONDS = 1.0
"""Of speech in each of the two windows of a step of the WaveNet."""
Progress = Callable[[int, int], None]


def fit_acoustic(
    model: AcousticModel,
    recordings: Sequence[Recording],
    speakers: Sequence[int],
    steps: int = ACOUSTIC_STEPS,
    progress: Progress = lambda done, total: None,
) -> None:
    """Fit the rows of speakers in an acoustic model, in place, to their aligned recordings."""
    corpus, rng = Corpus(recordings, torch.device("cpu")), random.Random(0)
    tables = [model.prosody.phones.speaker, model.spectrum.phones.speaker]

    def losses() -> Iterator[Tensor]:
        while True:
            for batch in corpus.batches(rng):
                found = model.loss(*corpus.batch(batch))
                yield torch.stack([WEIGHTS[n] * x for n, x in found._asdict().items()]).sum()

    _descend(model, tables, speakers, losses(), steps, ACOUSTIC_RATE, progress)


def fit_content(
    model: ContentModel,
    recordings: Sequence[LocalFeatures],
    speaker: int,
    steps: int = CONTENT_STEPS,
    progress: Progress = lambda done, total: None,
) -> None:
    """Fit the row of a speaker in a content model, in place, to the features of recordings."""
    who = torch.tensor([speaker])

    def losses() -> Iterator[Tensor]:
        for r in itertools.cycle(recordings):
            mel, mask = r.mel[None], torch.ones(1, 1, r.frames)
            made = model.spoken(
                model.content(mel, mask), who, r.voicing[None], r.octaves[None], mask
            )
            yield (made - mel).abs().mean()

    _descend(model, [model.speaker], [speaker], losses(), steps, CONTENT_RATE, progress)


def fit_wavenet(
    voice: Voice,
    clips: Sequence[TrainingClip],
    speakers: Sequence[int],
    steps: int = WAVENET_STEPS,
    progress: Progress = lambda done, total: None,
) -> None:
    """Fit the rows of speakers in a voice's WaveNet, in place, to their recordings."""
    table = voice.model.conditioning.speaker
    assert table is not None

    def losses() -> Iterator[Tensor]:
        for batch in batches(voice, clips):
            yield loss(voice.model, batch, batch.speaker)

    _descend(voice.model, [table], speakers, losses(), steps, WAVENET_RATE, progress)


def mix_of_recording(
    voice: Voice, file: Path, progress: Progress = lambda done, total: None
) -> dict[str, float]:
    """The `nearest_mix` of a recording of anybody, as a request takes it: names and weights.

    Args:
        voice: with speakers, and conditioned on nothing that needs a text.
        file: the recording, whose first `HEARD` seconds are listened to.
        progress: called with (steps done, steps).

    Raises:
        DataError: the recording can't be read, or is empty.
    """
    audio = torch.from_numpy(read_audio(file, voice.sample_rate).audio)
    audio = audio[: round(HEARD * voice.sample_rate)]
    if not len(audio):
        raise DataError(f"{file} holds no samples at {voice.sample_rate} Hz")
    local = voice.observe(audio, 0)
    clip = TrainingClip(len(audio), 0, lambda a, b: audio[a:b], lambda _: local)
    found = nearest_mix(voice, [clip], progress=progress).tolist()
    # A name with one of these can't stand in a mix, its id can.
    names = [str(i) if set(s) & set(",:>") else s for i, s in enumerate(voice.speakers)]
    kept = {s: w for s, w in zip(names, found, strict=True) if w >= min(FAINT, max(found))}
    mix = {s: round(w / sum(kept.values()), 2) for s, w in kept.items()}
    first = max(mix, key=lambda s: mix[s])
    return mix | {first: round(mix[first] + 1 - sum(mix.values()), 2)}  # hundredths that sum to 1


def nearest_mix(
    voice: Voice,
    clips: Sequence[TrainingClip],
    steps: int = MIX_STEPS,
    progress: Progress = lambda done, total: None,
) -> Tensor:
    """The mix of a voice's speakers under which recordings of anybody are the likeliest.

    Args:
        voice: with speakers.
        clips: the recordings.
        steps: of Adam.
        progress: called with (steps done, steps).

    Returns:
        (S,) weights of the speakers; they sum to 1.
    """
    logits = torch.zeros(len(voice.speakers), requires_grad=True)
    optimiser = torch.optim.Adam([logits], MIX_RATE)
    with _frozen(voice.model, []):
        for step, batch in enumerate(itertools.islice(batches(voice, clips), steps)):
            weights = logits.softmax(0).expand(len(batch.codes), -1)
            loss(voice.model, batch, weights).backward()  # type: ignore[no-untyped-call]
            for group in optimiser.param_groups:
                group["lr"] = MIX_RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
            optimiser.step()
            optimiser.zero_grad()
            progress(step + 1, steps)
    return logits.detach().softmax(0)


def batches(voice: Voice, clips: Sequence[TrainingClip]) -> Iterator[Batch]:
    """Windows of clips, two at a time, without end."""
    config = voice.config.replace(
        "train", batch_size=2, window_seconds=SECONDS, predicted=0.0, blank=0.0
    )
    windows = Windows(clips, config, voice.pause(1))
    for number in itertools.count():
        yield from map(windows.batch, windows.epoch(number))


def loss(model: Autoregressive, batch: Batch, speaker: Tensor) -> Tensor:
    """Mean bits of the samples of a batch, spoken by (B,) ids or (B, S) weights."""
    given = batch.past, speaker, batch.local, batch.before, batch.history, batch.lead, batch.given
    device = batch.codes.device
    with torch.autocast(device.type, torch.bfloat16, enabled=has_bf16(device)):
        logits = model(*given)
    nats = model.output.loss(logits, batch.codes)
    return (nats * batch.counted).sum() / batch.counted.sum().clamp_min(1) / math.log(2)


def _descend(
    model: nn.Module,
    tables: Sequence[nn.Embedding],
    rows: Sequence[int],
    losses: Iterator[Tensor],
    steps: int,
    rate: float,
    progress: Progress,
) -> None:
    """Take steps of Adam, with a learning rate that falls to zero, on some rows of tables."""
    weights = [table.weight for table in tables]
    others = ~torch.isin(torch.arange(len(weights[0])), torch.tensor(rows))
    with _frozen(model, weights):
        optimiser = torch.optim.Adam(weights, rate)
        for step, value in enumerate(itertools.islice(losses, steps)):
            value.backward()  # type: ignore[no-untyped-call]
            for w in weights:
                assert w.grad is not None
                w.grad[others] = 0
            for group in optimiser.param_groups:
                group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
            optimiser.step()
            optimiser.zero_grad()
            progress(step + 1, steps)


@contextmanager
def _frozen(model: nn.Module, but: Sequence[Tensor]) -> Iterator[None]:
    """A model as it generates, of which only some weights get gradients."""
    before = [(p, p.requires_grad) for p in model.parameters()]
    training = model.training
    model.eval()
    for p, _ in before:
        p.requires_grad_(any(p is w for w in but))
    try:
        yield
    finally:
        model.train(training)
        for p, needed in before:
            p.requires_grad_(needed)
