"""Training: a data set and a configuration to a voice, resumable at any moment."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from wavegen.config import Config
from wavegen.data.dataset import Dataset
from wavegen.data.prefetch import prefetch
from wavegen.data.windows import TrainingClip, Window, Windows
from wavegen.errors import TrainingError
from wavegen.library import load_voice, read_about
from wavegen.training.checkpoint import forget_later_rows, load_state, save_state
from wavegen.training.corpus import total_bits, training_clip
from wavegen.training.optimizer_step import Share, Stepper
from wavegen.training.schedule import learning_rate
from wavegen.voice import FORMAT, Voice

COUNTERS = ("step", "epoch", "index", "seen", "best", "seconds")
"""What a trainer counts, and a saved state holds."""


class Stopped(Exception):
    """Training stopped on request, with everything saved."""


@dataclass
class Progress:
    """What a caller may show while training runs."""

    step: int
    steps: int
    bits: float
    """Mean bits per sample since the last row."""
    samples_per_second: float
    validation: float | None
    learning_rate: float
    gradient_norm: float
    waiting: float
    """Share of the time spent waiting for data."""
    unit: str
    """Of the samples whose bits these are."""


@dataclass
class Hooks:
    """What a caller may do while training runs."""

    stop: Callable[[], bool] = lambda: False
    """Asked after every step."""
    progress: Callable[[Progress], None] = lambda p: None
    sample: Callable[[Voice, int], None] = lambda voice, step: None
    """Called every ``train.sample_every`` steps with the averaged voice."""
    log: Callable[[dict[str, float]], None] = lambda row: None
    """Called with every row of metrics.jsonl."""
    warn: Callable[[str], None] = warnings.warn


@dataclass
class Trainer:
    """One training run in its directory.

    Args:
        voice: from `new_voice`; its weights are trained in place.
        dataset: the data.
        run: the run directory; must exist.
        accelerator: the device, and the other processes: each takes its share of every batch, so
            that any number of them train the same voice, and the first one writes.
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
        self.averaged = dataclasses.replace(self.voice, model=self.stepper.averaged)
        clips = {
            part: [training_clip(self.voice, self.dataset, p) for p in paths]
            for part, paths in self.dataset.split.items()
        }
        self.validation, self.test = clips["validation"], clips["test"]
        self.windows = Windows(clips["train"], self.config, self.voice.pause(1))
        self.step = self.epoch = self.index = self.seen = self.saved = 0
        self.best, self.seconds = math.inf, 0.0

    @property
    def config(self) -> Config:
        return self.voice.config

    @property
    def device(self) -> torch.device:
        return torch.device(self.accelerator.device)

    def train(self) -> float:
        """Train to the last step; returns the best validation bits per sample.

        Raises:
            Stopped: the stop hook asked for it; everything is saved.
            TrainingError: the loss or the gradient is no longer finite, or nothing more can be
                written; the last checkpoint, which was well, stays.
        """
        try:
            return self._train()
        except OSError as e:
            raise TrainingError(
                f"can't write into {self.run}: {e.strerror or e}; the state of step {self.saved} "
                "is kept there, and --resume goes on from it"
            ) from e

    def _train(self) -> float:
        t = self.config.train
        self.voice.model.train()
        mark, mark_seen, validation, peak = time.monotonic(), self.seen, None, 0.0
        waited, asked = 0.0, time.monotonic()
        for share in self._shares():
            waited += time.monotonic() - asked
            norm = self._update(share)
            peak = max(peak, norm)
            if self.step % t.log_every == 0 or self.step == t.steps:
                now = time.monotonic()
                rate, waiting = (self.seen - mark_seen) / (now - mark), waited / (now - mark)
                self.seconds += now - mark
                bits, speech = self._sum(*self.stepper.tally)
                mean = bits / max(speech, 1)
                row = {
                    "step": self.step,
                    "loss_bits": mean,
                    "learning_rate": learning_rate(t, self.step),
                    "gradient_norm": norm,
                    "gradient_norm_max": peak,
                    "samples_per_second": rate,
                    "waiting_for_data": waiting,
                }
                self._log(row)
                lr = row["learning_rate"]
                unit = self.voice.unit
                self.hooks.progress(
                    Progress(self.step, t.steps, mean, rate, validation, lr, norm, waiting, unit)
                )
                self.stepper.tally.zero_()
                peak = waited = 0.0
                mark, mark_seen = now, self.seen
            before = time.monotonic()
            if self.step % t.validate_every == 0 or self.step == t.steps:
                validation = self._validate()
            stop = bool(self._sum(self.hooks.stop())[0])
            if self.step % t.checkpoint_every == 0 or self.step == t.steps or stop:
                self.save()
            if stop and self.step < t.steps:
                raise Stopped
            if t.sample_every and self.step % t.sample_every == 0:
                self.hooks.sample(self.averaged, self.step)
            asked = time.monotonic()
            mark += asked - before  # the rate is that of training alone
        return self.best

    def _shares(self) -> Iterator[Share]:
        """This process's shares of the batches from where the counters stand on."""

        def planned() -> Iterator[tuple[int, int, int, list[Window]]]:
            epoch, index = self.epoch, self.index
            while True:
                batches = self.windows.epoch(epoch)
                for i in range(index, len(batches)):
                    yield epoch, i, len(batches), batches[i]
                epoch, index = epoch + 1, 0

        # A CPU that trains has no core to spare: reading meanwhile would cost it 3 %.
        ahead = 0 if self.device.type == "cpu" else 2
        read = prefetch(planned(), lambda plan: self.stepper.share(self.windows, plan[3]), ahead)
        with closing(read):
            while self.step < self.config.train.steps:
                (epoch, i, batches, _), share = next(read)
                last = i + 1 == batches
                self.epoch, self.index = (epoch + 1, 0) if last else (epoch, i + 1)
                yield share

    def _update(self, share: Share) -> float:
        """One step; returns the norm of the gradient."""
        norm = self.stepper.update(share, self.step + 1)
        if not math.isfinite(norm):
            raise TrainingError(
                f"the loss or its gradient is no longer finite at step {self.step + 1}; the state "
                f"of step {self.saved} is kept in {self.run} (a lower train.learning_rate may help)"
            )
        self.step += 1
        self.seen += share.counted
        return norm

    def _sum(self, *values: float | Tensor) -> list[float]:
        """Sums over all processes."""
        total = torch.stack([torch.as_tensor(v, dtype=torch.float64).cpu() for v in values])
        summed: Tensor = self.accelerator.reduce(total.to(self.device), "sum")
        return summed.tolist()

    def speed(self, seconds: float = 2.0) -> tuple[float, float]:
        """Seconds that a step takes here, and samples it counts, on average.

        Measured on some batches, for about so many seconds; leaves no trace.
        """
        tally = self.stepper.tally.clone()
        batches = self.windows.epoch(0)
        times, counted = [], []
        for windows in batches[:: max(1, len(batches) // 12)][:12]:
            share = self.stepper.share(self.windows, windows)
            start = time.perf_counter()
            self.stepper.gradients(share)
            self._sum(0.0)  # the device has finished
            times.append(time.perf_counter() - start)
            counted.append(share.counted)
            if self._sum(sum(times))[0] > seconds * self.accelerator.num_processes:
                break
        self.stepper.forget()
        self.stepper.tally.copy_(tally)
        warm = min(2, len(times) - 1)  # the first ones take longer
        took, count = sum(times[warm:]), sum(counted[warm:])
        # The optimiser, validation and samples take some percent on top.
        took = self._sum(took)[0] / self.accelerator.num_processes * 1.08
        return took / len(times[warm:]), count / len(times[warm:])

    def calibrate(self, minutes: float) -> None:
        """Set the number of steps to what fits into so many minutes."""
        steps = max(1, int(minutes * 60 / self.speed(20.0)[0]))
        self.voice.config = self.averaged.config = self.config.replace("train", steps=steps)
        self.stepper.config = self.config.train

    def _measure(self, voice: Voice, clips: list[TrainingClip]) -> float:
        """Mean bits per sample; each process measures its share of the clips."""
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        bits, samples = self._sum(*total_bits(voice, clips[rank::world]))
        return bits / max(samples, 1)

    def _validate(self) -> float | None:
        if not self.validation:
            return None
        self.stepper.averaged.eval()
        bits = self._measure(self.averaged, self.validation)
        self._log({"step": self.step, "val_bits": bits})
        if bits < self.best:
            self.best = bits
            self._save_voice("voice.safetensors", validation_bits=bits)
        return bits

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
        self.averaged.training = {
            "steps": self.step,
            "samples_seen": self.seen,
            "hours": round(self.seconds / 3600, 3),
            "clips": len(self.windows.clips),
            "minutes_of_audio": round(
                sum(self.dataset.seconds(self.voice.sample_rate).values()) / 60, 2
            ),
            "data_sha256": self.dataset.content_hash(),
            "licence": data.licence,
            "attribution": data.attribution,
            "unit": self.voice.unit,
            **more,
        }
        self.averaged.save(self.run / name)

    def save(self) -> None:
        """Write a resumable state and last.safetensors (and voice.safetensors where there are no
        validation clips)."""
        state = {
            **self.stepper.state(),
            "speech": {k: part.state_dict() for k, part in self.voice.speech().items()},
            "rng": torch.get_rng_state(),
            "format": FORMAT,
            "data": self.dataset.content_hash(),
            "tally": self._sum(*self.stepper.tally),
            **{name: getattr(self, name) for name in COUNTERS},
        }
        if self.accelerator.is_main_process:
            save_state(self.run, self.step, state, self.config.train.keep)
        self.saved = self.step
        self._save_voice("last.safetensors")
        if not self.validation:
            self._save_voice("voice.safetensors")
        self.accelerator.wait_for_everyone()

    def restore(self) -> None:
        """Continue from the newest whole state in the run directory.

        Raises:
            TrainingError: there is none, or it is of another configuration or other recordings.
        """
        state = load_state(self.run, self.hooks.warn)
        try:
            if state.get("format") != FORMAT:
                raise ValueError("it was begun with another version of wavegen")
            if state["data"] != self.dataset.content_hash():
                raise ValueError("the recordings have changed since the run began")
            self.stepper.restore(state)
            for name, part in self.voice.speech().items():
                part.load_state_dict(state["speech"][name])
        except RuntimeError as e:
            raise TrainingError(f"can't resume from {self.run}: its network is another") from e
        except (ValueError, KeyError) as e:
            raise TrainingError(f"can't resume from {self.run}: {e}") from e
        torch.set_rng_state(state["rng"])
        for name in COUNTERS:
            setattr(self, name, state[name])
        self.saved = self.step
        if self.accelerator.is_main_process:
            self.stepper.tally.copy_(torch.tensor(state["tally"], dtype=torch.float64))
            forget_later_rows(self.run, self.step)

    def finish(self) -> float | None:
        """Measure the best voice on the test clips and note it in the voice file."""
        if not self.test:
            return None
        self.accelerator.wait_for_everyone()
        best = load_voice(self.run / "voice.safetensors")
        best.model.to(self.device)
        best.training["test_bits"] = self._measure(best, self.test)
        if self.accelerator.is_main_process:
            best.save(self.run / "voice.safetensors")
        return float(best.training["test_bits"])

    def close(self) -> None:
        """Part from the other processes, once all are done."""
        self.accelerator.wait_for_everyone()
        self.stepper.network = self.voice.model
        self.accelerator.free_memory()  # or its wrapper would outlive the process group
        self.accelerator.end_training()


def fold_bits(run: Path) -> dict[int, float]:
    """Test bits per sample of all finished folds of a cross-validation, from the directory of one
    (``fold-K-of-N``)."""
    pattern = re.sub(r"\d+", "*", run.name, count=1)
    out = {}
    for voice in run.parent.glob(f"{pattern}/voice.safetensors"):
        bits = read_about(voice)["training"].get("test_bits")
        if bits is not None:
            out[int(voice.parent.name.split("-")[1])] = bits
    return dict(sorted(out.items()))
