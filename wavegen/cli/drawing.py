"""Drawing samples with a progress bar, as the commands that make sound do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wavegen.cli import show
from wavegen.config import Engine, WeightPrecision

if TYPE_CHECKING:
    from wavegen.utterance import Audio, Utterance
    from wavegen.voice import Voice


def draw_all(
    voice: Voice,
    utterances: Sequence[Utterance],
    engine: Engine | None,
    precision: WeightPrecision | None,
    device: str,
) -> tuple[list[Audio], float]:
    """`synthesize` on a device and under a progress bar; the audio, and how many times as fast as
    real time it was drawn once the engine was ready."""
    from wavegen.generation import choose_device
    from wavegen.synth import synthesize

    voice.to(choose_device(device, len(utterances), engine, precision))
    start = 0.0
    with show.progress_bar("drawing", "samples") as bar:

        def progress(done: int, total: int) -> None:
            nonlocal start
            start = start if done else time.perf_counter()
            bar(done, total)

        audios = synthesize(voice, utterances, engine, precision, progress)
        took = time.perf_counter() - start
    return audios, sum(map(len, audios)) / voice.sample_rate / max(took, 1e-9)
