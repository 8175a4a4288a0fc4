"""Training: a data set and a configuration to a voice, resumable at any moment."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from wavegen.checkpoint import forget_later_rows, load_state, save_state
from wavegen.config import Config
from wavegen.corpus import total_bits, training_clip
from wavegen.data.dataset import Dataset
from wavegen.data.windows import Batch, TrainingClip, Window, Windows
from wavegen.errors import TrainingError
from wavegen.model.wavenet import WaveNet
from wavegen.optim import average, learning_rate
from wavegen.speech.phones import pause_features
from wavegen.voice import Voice, load_voice

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
    """Mean bits per sample (µ-law 8-bit) since the last row."""
    samples_per_second: float
    validation: float | None
    learning_rate: float
    gradient_norm: float


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
        t = self.config.train
        model = self.voice.model.to(self.device)
        self.optimiser = torch.optim.AdamW(
            model.parameters(),
            lr=t.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=t.weight_decay,
            fused=True,
        )
        self.network = self.accelerator.prepare_model(model)
        self.ema = AveragedModel(model, multi_avg_fn=average(t.ema_decay))
        assert isinstance(self.ema.module, WaveNet)
        self.averaged = dataclasses.replace(self.voice, model=self.ema.module)
        clips = {
            part: [training_clip(self.voice, self.dataset, p) for p in paths]
            for part, paths in self.dataset.split.items()
        }
        self.validation, self.test = clips["validation"], clips["test"]
        pause = _cached_pause(len(self.voice.symbols)) if self.voice.symbols else None
        self.windows = Windows(clips["train"], self.config, pause)
        self.parts = self.config.train.accumulate
        self.step = self.epoch = self.index = self.seen = self.saved = 0
        self.best, self.seconds = math.inf, 0.0
        self.tally = torch.zeros(2, dtype=torch.float64, device=self.device)

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
        for windows in self._batches():
            norm = self._update(windows)
            peak = max(peak, norm)
            if self.step % t.log_every == 0 or self.step == t.steps:
                now = time.monotonic()
                rate = (self.seen - mark_seen) / (now - mark)
                self.seconds += now - mark
                bits, speech = self._sum(*self.tally)
                mean = bits / max(speech, 1)
                row = {
                    "step": self.step,
                    "loss_bits": mean,
                    "learning_rate": learning_rate(t, self.step),
                    "gradient_norm": norm,
                    "gradient_norm_max": peak,
                    "samples_per_second": rate,
                }
                self._log(row)
                lr = row["learning_rate"]
                self.hooks.progress(Progress(self.step, t.steps, mean, rate, validation, lr, norm))
                self.tally.zero_()
                peak = 0.0
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
            mark += time.monotonic() - before  # the rate is that of training alone
        return self.best

    def _batches(self) -> Iterator[list[Window]]:
        while self.step < self.config.train.steps:
            batches = self.windows.epoch(self.epoch)
            while self.index < len(batches) and self.step < self.config.train.steps:
                self.index += 1
                yield batches[self.index - 1]
            if self.index >= len(batches):
                self.epoch, self.index = self.epoch + 1, 0

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Nats summed over the counted samples; bits and number of the speech samples, (2,)."""
        to = self.device
        codes, counted, speech = (t.to(to) for t in (batch.codes, batch.counted, batch.speech))
        local = batch.local
        if local is not None:
            local = local.to(to, self.voice.model.skip_bias.dtype)
        bf16 = self.config.train.precision == "bf16"
        with torch.autocast(to.type, torch.bfloat16, enabled=bf16):
            logits = self.network(
                codes,
                batch.speaker.to(to) if self.voice.speakers else None,
                local,
                batch.before.to(to),
            )
        nats = self.voice.model.output.loss(logits, codes)
        bits = (nats.detach() * speech).sum().double() / math.log(2)
        return (nats * counted).sum(), torch.stack([bits, speech.sum()])

    def _backward(self, windows: list[Window]) -> None:
        """Gradients of the mean loss over a batch, of which this process takes its share."""
        world, rank = self.accelerator.num_processes, self.accelerator.process_index
        # Of the whole batch, since an encoder sees a little of the padding.
        frames = max(map(self.windows.frames, windows))
        counted = sum(map(self.windows.counted, windows))
        mine = windows[rank::world]
        parts = [part for i in range(self.parts) if (part := mine[i :: self.parts])]
        # A process without a share goes through the motions: the others wait for its gradients.
        for i, part in enumerate(parts or [windows[:1]]):
            last = i >= len(parts) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.network):
                nats, tally = self.forward(self.windows.batch(part, frames))
                # Gradients are averaged over processes; times their number it is a sum.
                torch.autograd.backward(nats * (world / counted if parts else 0.0))
            if parts:
                self.tally += tally

    def _fits(self, windows: list[Window]) -> bool:
        """`_backward`, and whether memory was enough; if not, nothing of it remains."""
        tally = self.tally.clone()
        try:
            self._backward(windows)
            return True
        except torch.OutOfMemoryError:
            self.tally = tally
        # Not in the handler: there the error still holds all that was computed.
        self.optimiser.zero_grad(set_to_none=True)
        torch.cuda.empty_cache()
        return False

    def _update(self, windows: list[Window]) -> float:
        """One step; returns the norm of the gradient."""
        while not self._fits(windows):
            if self.accelerator.num_processes > 1 or self.parts >= len(windows):
                raise TrainingError(
                    "out of memory: a smaller train.window_seconds or train.batch_size, a larger "
                    "train.accumulate, or fewer model.residual_channels need less"
                )
            self.parts *= 2
            self.hooks.warn(f"out of memory: each batch is now computed in {self.parts} parts")
        norm = torch.nn.utils.clip_grad_norm_(
            self.voice.model.parameters(), self.config.train.clip_norm
        )
        if not norm.isfinite():
            raise TrainingError(
                f"the loss or its gradient is no longer finite at step {self.step + 1}; the state "
                f"of step {self.saved} is kept in {self.run} (a lower train.learning_rate may help)"
            )
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.config.train, self.step + 1)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.ema.update_parameters(self.voice.model)
        self.step += 1
        self.seen += sum(map(self.windows.counted, windows))
        return float(norm)

    def _sum(self, *values: float | Tensor) -> list[float]:
        """Sums over all processes."""
        total = torch.stack([torch.as_tensor(v, dtype=torch.float64).cpu() for v in values])
        summed: Tensor = self.accelerator.reduce(total.to(self.device), "sum")
        return summed.tolist()

    def calibrate(self, minutes: float) -> None:
        """Set the number of steps to what fits into so many minutes, from some trial steps that
        leave no trace."""
        batches = self.windows.epoch(0)
        times = []
        for windows in batches[:: max(1, len(batches) // 12)][:12]:
            start = time.perf_counter()
            self._backward(windows)
            times.append(time.perf_counter() - start)
        self.optimiser.zero_grad(set_to_none=True)
        self.tally.zero_()
        [seconds] = self._sum(statistics.mean(times[2:] or times))
        # The optimiser, validation and samples take some percent on top.
        steps = max(1, int(minutes * 60 / (seconds / self.accelerator.num_processes * 1.08)))
        self.voice.config = self.averaged.config = self.config.replace("train", steps=steps)

    def _measure(self, voice: Voice, clips: list[TrainingClip]) -> float:
        """Mean bits per sample; each process measures its share of the clips."""
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        bits, samples = self._sum(*total_bits(voice, clips[rank::world]))
        return bits / max(samples, 1)

    def _validate(self) -> float | None:
        if not self.validation:
            return None
        self.ema.module.eval()
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
            "unit": self.voice.model.output.unit,
            **more,
        }
        self.averaged.save(self.run / name)

    def save(self) -> None:
        """Write a resumable state and last.safetensors (and voice.safetensors where there are no
        validation clips)."""
        state = {
            "model": self.voice.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "speech": {k: part.state_dict() for k, part in self.voice.speech().items()},
            "rng": torch.get_rng_state(),
            "data": self.dataset.content_hash(),
            "tally": self._sum(*self.tally),
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
            if state["data"] != self.dataset.content_hash():
                raise ValueError("the recordings have changed since the run began")
            self.voice.model.load_state_dict(state["model"])
            self.ema.load_state_dict(state["ema"])
            self.optimiser.load_state_dict(state["optimiser"])
            for name, part in self.voice.speech().items():
                part.load_state_dict(state["speech"][name])
        except (ValueError, KeyError, RuntimeError) as e:
            raise TrainingError(f"can't resume from {self.run}: {e}") from e
        torch.set_rng_state(state["rng"])
        for name in COUNTERS:
            setattr(self, name, state[name])
        self.saved = self.step
        if self.accelerator.is_main_process:
            self.tally.copy_(torch.tensor(state["tally"], dtype=torch.float64))
        for group in self.optimiser.param_groups:
            group["weight_decay"] = self.config.train.weight_decay  # it may have been changed
        if self.accelerator.is_main_process:
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
        self.network = self.voice.model
        self.accelerator.free_memory()  # or its wrapper would outlive the process group
        self.accelerator.end_training()


def _cached_pause(symbols: int) -> Callable[[int], Tensor]:
    one = pause_features(1, symbols)
    return lambda frames: one.expand(-1, frames)
