"""The training loop: steps, validation and checkpoints, resumable at any moment."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from wavegen.config import Config
from wavegen.data.dataset import Dataset
from wavegen.data.windows import Windows
from wavegen.errors import TrainingError
from wavegen.library import load_voice
from wavegen.training.checkpoint import forget_later_rows, load_state, save_state
from wavegen.training.corpus import training_clip
from wavegen.training.endings import measured_endings
from wavegen.training.held_out import TOGETHER, HeldOut
from wavegen.training.hooks import Hooks, Speed, Stopped
from wavegen.training.optimizer_step import Norms, Stepper
from wavegen.training.reading import LocalBatch, Reader, variants
from wavegen.training.scales import with_coarser
from wavegen.training.schedule import learning_rate
from wavegen.voice import FORMAT, SpeakingVoice, Voice

COUNTERS = ("step", "epoch", "index", "seen", "best", "seconds")
"""What a trainer counts, and a saved state holds."""
STOP_EVERY = 10
"""Steps between those at which several processes agree whether to stop."""


@dataclass
class Trainer:
    """One training run in its directory.

    Args:
        voice: from `new_voice`; its weights are trained in place.
        dataset: the recordings.
        run: the run directory, which must exist.
        accelerator: the device, and the other processes. Each computes a part of every batch, so
            that any number of them train the same voice; the first one writes.
        hooks: what the caller wants to know.
    """

    voice: Voice
    dataset: Dataset
    run: Path
    accelerator: Accelerator
    hooks: Hooks = field(default_factory=Hooks)

    def __post_init__(self) -> None:
        self.stepper = Stepper(
            self.voice.model,
            self.config.train,
            self.accelerator,
            lambda message: self.hooks.warn(message),  # hooks may be replaced
        )
        self.averaged = self.voice.with_model(self.stepper.averaged)
        clips = {
            part: [training_clip(self.voice, self.dataset, p) for p in paths]
            for part, paths in self.dataset.split.items()
        }
        together = TOGETHER if self.device.type == "cuda" else 0
        self.validation, self.test = (HeldOut(clips[p], together) for p in ("validation", "test"))
        self.windows = Windows(clips["train"], self.config, self.voice.pause(1))
        self.step = self.epoch = self.index = self.seen = self.saved = 0
        self.best, self.seconds = math.inf, 0.0
        self.minutes: float | None = None  # by which the steps were chosen
        self._asked = False

    @property
    def config(self) -> Config:
        return self.voice.config

    @cached_property
    def reader(self) -> Reader:
        """Reads the training set."""
        progress = partial(self.hooks.progress, "copying the training set to the GPU")
        kinds = variants(self.config, isinstance(self.voice, SpeakingVoice))
        return Reader(self.windows, self.accelerator, kinds, progress)

    @property
    def device(self) -> torch.device:
        return torch.device(self.accelerator.device)

    def train(self) -> float:
        """Train to the last step; returns the lowest bits per sample on the validation clips.

        Raises:
            Stopped: the stop hook asked for it; everything is saved.
            TrainingError: the loss or the gradient is no longer finite; the last good checkpoint is
                kept.
            OSError: the run directory can't be written to; likewise.
        """
        t = self.config.train
        self.voice.model.train()
        self.hooks.progress("training", self.step, t.steps)
        mark, mark_seen = time.monotonic(), self.seen
        waited, asked = 0.0, time.monotonic()
        for batch in self._batches():
            waited += time.monotonic() - asked
            self.stepper.update(batch, self.step + 1)
            self.step += 1
            self.seen += batch.counted
            last = self.step == t.steps
            if self.step % t.log_every == 0 or last:
                norms = self._finite()
                now = time.monotonic()
                elapsed = now - mark
                self.seconds += elapsed
                bits, speech = self._sum(*self.stepper.sums)
                self._log(
                    {
                        "step": self.step,
                        "loss_bits": bits / max(speech, 1),
                        "learning_rate": learning_rate(t, self.step),
                        "gradient_norm": norms.last,
                        "gradient_norm_max": norms.peak,
                        "samples_per_second": (self.seen - mark_seen) / elapsed,
                        "waiting_for_data": waited / elapsed,
                    }
                )
                self.stepper.reset()
                waited = 0.0
                mark, mark_seen = now, self.seen
            before = time.monotonic()
            if self.step % t.validate_every == 0 or last:
                self._finite()
                self._validate()
            self.hooks.progress("training", self.step, t.steps)
            stop = self._stops()
            if self.step % t.checkpoint_every == 0 or last or stop:
                self._finite()
                self.save()
            if stop and not last:
                raise Stopped
            if t.sample_every and self.step % t.sample_every == 0:
                self.hooks.sample(self.averaged, self.step)
            asked = time.monotonic()
            mark += asked - before  # the speed is that of training alone
        return self.best

    def _batches(self) -> Iterator[LocalBatch]:
        """The batches that follow the last step, to the end of training."""
        batches = self.reader.batches(self.epoch, self.index)
        while self.step < self.config.train.steps:
            self.epoch, self.index, batch = next(batches)
            yield batch

    def _finite(self) -> Norms:
        """The norms of the gradient, all finite; this waits for the device."""
        norms = self.stepper.norms()
        if norms.diverged:
            raise TrainingError(
                f"the loss or its gradient is no longer finite at step {norms.diverged}; the state "
                f"of step {self.saved} is kept in {self.run} (a lower train.learning_rate may help)"
            )
        return norms

    def _stops(self) -> bool:
        """Whether to stop, in all processes alike."""
        self._asked = self.hooks.stop() or self._asked
        if self.accelerator.num_processes == 1:
            return self._asked
        t = self.config.train  # asking the others at every step would make each wait for all
        due = self.step % STOP_EVERY == 0 or self.step == t.steps
        return due and bool(self._sum(self._asked)[0])

    def _sum(self, *values: float | Tensor) -> list[float]:
        """Sums over all processes."""
        numbers = [torch.as_tensor(v, dtype=torch.float64, device=self.device) for v in values]
        summed: Tensor = self.accelerator.reduce(torch.stack(numbers), "sum")
        return summed.tolist()

    def speed(self, seconds: float = 2.0) -> Speed:
        """Measure how fast this machine trains, on a few batches and in about ``seconds``.

        Neither the weights nor the counters change.
        """
        sums = self.stepper.sums.clone()
        batches = self.windows.epoch(0)
        batches = batches[:: max(1, len(batches) // 12)][:12]
        times, counted = [], []
        for done, windows in enumerate(batches):
            self.hooks.progress("measuring the speed", done, len(batches))
            batch = self.reader.read(windows)
            self.stepper.settle(batch)
            for _ in range(self.stepper.unlike):
                self.stepper.gradients(batch)
            self._sum(0.0)  # waits for the device
            start = time.perf_counter()
            if self.reader.resident:  # others read meanwhile
                batch = self.reader.read(windows)
            self.stepper.gradients(batch)
            self._sum(0.0)
            times.append(time.perf_counter() - start)
            counted.append(batch.counted)
            if self._sum(sum(times))[0] > seconds * self.accelerator.num_processes:
                break
        self.hooks.progress("measuring the speed", len(batches), len(batches))
        self.stepper.zero_grad()
        self.stepper.sums.copy_(sums)
        warm = min(2, len(times) - 1)  # the first ones take longer
        took, count = sum(times[warm:]), sum(counted[warm:])
        # The optimiser, validation and samples add some percent.
        took = self._sum(took)[0] / self.accelerator.num_processes * 1.08
        return Speed(took / len(times[warm:]), count / len(times[warm:]))

    def calibrate(self, seconds: float) -> None:
        """Set the number of steps to what takes about ``seconds``, this measurement included."""
        begin = time.monotonic()
        step = self.speed(min(20.0, seconds / 10)).seconds
        [left] = self._sum(seconds - (time.monotonic() - begin))
        steps = max(1, int(left / self.accelerator.num_processes / step))
        self.voice.config = self.averaged.config = self.config.replace("train", steps=steps)
        self.stepper.config = self.config.train

    def measure(self, voice: Voice, clips: HeldOut, phase: str = "") -> float:
        """Mean bits per sample; each process measures some of the clips."""
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        progress = partial(self.hooks.progress, phase) if phase else lambda done, total: None
        bits, samples = self._sum(*clips.bits(voice, slice(rank, None, world), progress))
        return bits / max(samples, 1)

    def _validate(self) -> None:
        if not self.validation.clips:
            return
        self.stepper.averaged.eval()
        bits = self.measure(self.averaged, self.validation)
        self._log({"step": self.step, "val_bits": bits})
        if bits < self.best:
            self.best = bits
            self._save_voice("voice.safetensors", validation_bits=bits)

    def _log(self, row: dict[str, float]) -> None:
        if not self.accelerator.is_main_process:
            return
        with (self.run / "metrics.jsonl").open("a") as f:
            f.write(json.dumps(row) + "\n")
        self.hooks.log(row)

    def _save_voice(self, name: str, **more: Any) -> None:
        if not self.accelerator.is_main_process:
            return
        data = self.config.data
        minutes = {s: t / 60 for s, t in self.dataset.seconds(self.voice.sample_rate).items()}
        self.averaged.training = {
            **self.voice.training,
            "steps": self.step,
            "samples_seen": self.seen,
            "hours": round(self.seconds / 3600, 3),
            "clips": len(self.windows.clips),
            "minutes_of_audio": round(sum(minutes.values()), 2),
            "speaker_minutes": self.voice.training.get("speaker_minutes", {})
            | {s: round(m, 2) for s, m in minutes.items() if s},
            "data_sha256": self.dataset.content_hash(),
            "licence": data.licence,
            "attribution": data.attribution,
            "unit": self.voice.unit,
            **more,
        }
        with_coarser(self.averaged, self.run, name).save(self.run / name)

    def save(self) -> None:
        """Write a checkpoint and last.safetensors (and voice.safetensors if there are no validation
        clips)."""
        state = {
            **self.stepper.state(),
            "speech": {k: part.state_dict() for k, part in self.voice.speech().items()},
            "rng": torch.get_rng_state(),
            "format": FORMAT,
            "data": self.dataset.content_hash(),
            "tally": self._sum(*self.stepper.sums),
            **({"minutes": self.minutes} if self.minutes is not None else {}),
            **{name: getattr(self, name) for name in COUNTERS},
        }
        if self.accelerator.is_main_process:
            save_state(self.run, self.step, state, self.config.train.keep)
        self.saved = self.step
        self._save_voice("last.safetensors")
        if not self.validation.clips:
            self._save_voice("voice.safetensors")
        self.accelerator.wait_for_everyone()

    def restore(self) -> None:
        """Continue from the newest good checkpoint in the run directory.

        Raises:
            TrainingError: there is none, or it was made with another network or other recordings.
        """
        state = load_state(self.run, self.hooks.warn)
        try:
            if state.get("format") != FORMAT:
                raise ValueError("it was started with another version of wavegen")
            if state["data"] != self.dataset.content_hash():
                raise ValueError("the recordings have changed since the run began")
            self.stepper.restore(state)
            for name, part in self.voice.speech().items():
                part.load_state_dict(state["speech"][name])
        except RuntimeError as e:
            raise TrainingError(
                f"can't resume from {self.run}: the network is a different one"
            ) from e
        except (ValueError, KeyError) as e:
            raise TrainingError(f"can't resume from {self.run}: {e}") from e
        torch.set_rng_state(state["rng"])
        for name in COUNTERS:
            setattr(self, name, state[name])
        self.saved, self.minutes = self.step, state.get("minutes")
        if self.accelerator.is_main_process:
            self.stepper.sums.copy_(torch.tensor(state["tally"], dtype=torch.float64))
            forget_later_rows(self.run, self.step)

    def finish(self) -> float | None:
        """Measure the best voice on the test clips, and write the bits per sample into its file;
        likewise where its clips end, and those of the last weights, if they have an end."""
        ends = self.voice.model.output.end is not None
        if not self.test.clips and not ends:
            return None
        self.accelerator.wait_for_everyone()
        best = load_voice(self.run / "voice.safetensors")
        best.model.to(self.device)
        if self.test.clips:
            best.training["test_bits"] = self.measure(best, self.test, "testing")
        if self.accelerator.is_main_process:
            if ends:
                last = load_voice(self.run / "last.safetensors")
                last.model.to(self.device)
                progress = partial(self.hooks.progress, "measuring where clips end")
                for voice in (best, last):
                    voice.endings = measured_endings(voice, self.windows.clips, progress)
                last.save(self.run / "last.safetensors")
            best.save(self.run / "voice.safetensors")
        bits: float | None = best.training.get("test_bits")
        return bits

    def close(self) -> None:
        """Wait for the other processes and leave their group."""
        self.accelerator.wait_for_everyone()
        self.stepper.network = self.voice.model
        if self.stepper.graphs is not None:
            self.stepper.graphs.clear()  # another run may follow in this process
        self.accelerator.free_memory()  # or its wrapper outlives the process group
        self.accelerator.end_training()
