"""What to look at while a voice trains: TensorBoard, audio samples, spectrograms."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.writing import write_audio
from wavegen.files import atomic_write
from wavegen.request import Request
from wavegen.synth import plan, plan_copy, synthesize
from wavegen.utterance import Utterance
from wavegen.voice import ConditionedVoice, SpeakingVoice, Voice

SAID = "said.json"
"""File in the samples folder: the text and the speaker of each sample, in order."""
EXTRA = "pip install 'wavegen[report]' adds TensorBoard and spectrograms"


class Recorder:
    """Writes TensorBoard events, and samples with their spectrograms, into a run directory.

    Without the ``report`` extra it warns once, and writes the audio only.
    """

    TEXTS = 4

    def __init__(
        self, run: Path, warn: Callable[[str], None], held_out: Sequence[Path] = ()
    ) -> None:
        self.run = run
        self.held_out = held_out
        self.warn = warn
        self.board: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(run / "tensorboard"))
        except ImportError:
            warn(EXTRA)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        if self.board is not None:
            with suppress(OSError):  # what a full disk didn't take has been reported
                self.board.close()

    def log(self, row: dict[str, float]) -> None:
        """Write a row of metrics.jsonl as TensorBoard scalars."""
        if self.board is not None:
            for name, value in row.items():
                if name != "step":
                    self.board.add_scalar(name, value, int(row["step"]))

    def sample(self, voice: Voice, step: int) -> list[NDArray[np.float32]]:
        """Speak a few texts (or copy held-out recordings, if the voice was trained without texts),
        write ``samples/STEP-N.wav`` and ``.png``, and return the audio."""
        folder = self.run / "samples"
        folder.mkdir(exist_ok=True)
        if isinstance(voice, ConditionedVoice) and not isinstance(voice, SpeakingVoice):
            utterances = [plan_copy(voice, p, Request()) for p in self.held_out[: self.TEXTS]]
        else:
            utterances = sample_utterances(voice, self.TEXTS)
        titles = [f"{u.text} {u.speaker.label}".rstrip() for u in utterances]
        with atomic_write(folder / SAID) as beside:
            beside.write_text(json.dumps(titles))
        audios = list(synthesize(voice, utterances))
        for n, (title, audio) in enumerate(zip(titles, audios, strict=True)):
            name = f"{step:07d}-{n}"
            write_audio(folder / f"{name}.wav", audio, voice.sample_rate)
            with suppress(ImportError):  # the constructor has said so
                spectrogram(folder / f"{name}.png", audio, voice.sample_rate, title)
            if self.board is not None:
                self.board.add_audio(f"sample {n}", audio, step, voice.sample_rate)
        return audios


def sample_utterances(voice: Voice, count: int) -> list[Utterance]:
    """Short utterances of words that the voice knows, spread over its speakers."""
    speakers = max(1, len(voice.speakers))
    ids = [n * speakers // count if speakers >= count else n % speakers for n in range(count)]
    chosen = [voice.speakers[i] if voice.speakers else None for i in ids]
    if not isinstance(voice, SpeakingVoice):
        seconds = None if voice.model.output.end is not None else 2.0
        timed = Request(seconds=seconds, max_seconds=4.0)
        return [next(plan(voice, replace(timed, speaker=s))) for s in chosen]
    step = max(1, len(voice.words) // count)
    size = min(voice.longest, 6)
    words = voice.words
    texts = (
        " ".join(words[(n * step + i) % len(words)] for i in range(size)) for n in range(count)
    )
    requests = [Request(text=t, speaker=s) for t, s in zip(texts, chosen, strict=True)]
    return [next(plan(voice, r)) for r in requests]


def spectrogram(path: Path, audio: NDArray[np.float32], sample_rate: int, title: str) -> None:
    """Plot waveform and log spectrogram as a PNG; raises ImportError without matplotlib."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    wave, spec = figure.subplots(2, 1, sharex=True, height_ratios=[1, 3])
    seconds = np.arange(len(audio)) / sample_rate
    wave.plot(seconds, audio, linewidth=0.4)
    wave.set(ylim=(-1, 1), title=title)
    size = 256 if sample_rate <= 12000 else 512
    if len(audio) >= size:
        # A floor at -120 dB keeps digital silence from dividing by zero.
        noise = np.random.default_rng(0).normal(0, 1e-6, len(audio))
        spec.specgram(audio + noise, NFFT=size, Fs=sample_rate, noverlap=size * 3 // 4, vmin=-120)
    spec.set(xlabel="seconds", ylabel="Hz")
    with atomic_write(path) as beside:
        figure.savefig(beside, dpi=90)
