"""Training: a data set and a configuration to a voice, resumable at any moment."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from wavegen.audio import whole_file
from wavegen.checkpoint import load_state, save_state
from wavegen.config import Config, to_toml
from wavegen.corpus import bits_per_sample, training_clip
from wavegen.data.dataset import Dataset
from wavegen.data.windows import Batch, Windows
from wavegen.errors import TrainingError
from wavegen.model.wavenet import WaveNet
from wavegen.speech.phones import pause_features
from wavegen.voice import Voice, load_voice

COUNTERS = ("step", "epoch", "index", "seen", "best", "seconds", "bits", "counted")
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
        device: where to train.
    """

    voice: Voice
    dataset: Dataset
    run: Path
    device: torch.device
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
        self.ema = AveragedModel(model, multi_avg_fn=_average(t.ema_decay))
        assert isinstance(self.ema.module, WaveNet)
        self.averaged = dataclasses.replace(self.voice, model=self.ema.module)
        clips = {
            part: [training_clip(self.voice, self.dataset, p) for p in paths]
            for part, paths in self.dataset.split.items()
        }
        self.validation, self.test = clips["validation"], clips["test"]
        pause = None
        if self.voice.symbols:
            pause = _cached_pause(len(self.voice.symbols))
        self.windows = Windows(clips["train"], self.config, pause)
        self.step = self.epoch = self.index = self.seen = self.saved = 0
        self.best = math.inf
        self.seconds = self.bits = self.counted = 0.0

    @property
    def config(self) -> Config:
        return self.voice.config

    # -- the loop ---------------------------------------------------------------------------

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
        for batch in self._batches():
            norm = self._update(batch)
            peak = max(peak, norm)
            if self.step % t.log_every == 0 or self.step == t.steps:
                now = time.monotonic()
                rate = (self.seen - mark_seen) / (now - mark)
                self.seconds += now - mark
                mean = self.bits / max(self.counted, 1)
                row = {
                    "step": self.step,
                    "loss_bits": mean,
                    "learning_rate": self.learning_rate(self.step),
                    "gradient_norm": norm,
                    "gradient_norm_max": peak,
                    "samples_per_second": rate,
                }
                self._log(row)
                lr = row["learning_rate"]
                self.hooks.progress(Progress(self.step, t.steps, mean, rate, validation, lr, norm))
                self.bits = self.counted = peak = 0.0
                mark, mark_seen = now, self.seen
            before = time.monotonic()
            if self.step % t.validate_every == 0 or self.step == t.steps:
                validation = self._validate()
            stop = self.hooks.stop()
            if self.step % t.checkpoint_every == 0 or self.step == t.steps or stop:
                self.save()
            if stop and self.step < t.steps:
                raise Stopped
            if t.sample_every and self.step % t.sample_every == 0:
                self.hooks.sample(self.averaged, self.step)
            mark += time.monotonic() - before  # the rate is that of training alone
        return self.best

    def _batches(self) -> Iterator[Batch]:
        while self.step < self.config.train.steps:
            batches = self.windows.epoch(self.epoch)
            while self.index < len(batches) and self.step < self.config.train.steps:
                batch = self.windows.batch(batches[self.index])
                self.index += 1
                yield batch
            if self.index >= len(batches):
                self.epoch, self.index = self.epoch + 1, 0

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then a half cosine to zero at the last step."""
        t = self.config.train
        if step <= t.warmup_steps:
            return t.learning_rate * step / max(t.warmup_steps, 1)
        through = (step - t.warmup_steps) / max(t.steps - t.warmup_steps, 1)
        return t.learning_rate * 0.5 * (1 + math.cos(math.pi * min(through, 1.0)))

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Mean loss in nats over counted samples; summed bits and number of speech samples."""
        to = self.device
        codes, counted = batch.codes.to(to), batch.counted.to(to)
        speech = batch.speech.to(to)
        bf16 = self.config.train.precision == "bf16"
        with torch.autocast(to.type, torch.bfloat16, enabled=bf16):
            logits = self.voice.model(
                codes,
                batch.speaker.to(to) if self.voice.speakers else None,
                None if batch.local is None else batch.local.to(to),
                batch.before.to(to),
            )
        nats = self.voice.model.output.loss(logits, codes)
        loss = (nats * counted).sum() / counted.sum()
        return loss, (nats.detach() * speech).sum() / math.log(2), speech.sum()

    def _update(self, batch: Batch) -> float:
        """One step; returns the norm of the gradient."""
        loss, bits, count = self.forward(batch)
        torch.autograd.backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(
            self.voice.model.parameters(), self.config.train.clip_norm
        )
        if not (loss.isfinite() and norm.isfinite()):
            what = "loss" if not loss.isfinite() else "gradient"
            raise TrainingError(
                f"the {what} is no longer finite at step {self.step + 1}; the state of step "
                f"{self.saved} is kept in {self.run} (a lower train.learning_rate may help)"
            )
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate(self.step + 1)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.ema.update_parameters(self.voice.model)
        self.step += 1
        self.seen += batch.codes.numel()
        self.bits += float(bits)
        self.counted += float(count)
        return float(norm)

    def calibrate(self, minutes: float) -> None:
        """Set the number of steps to what fits into so many minutes, from some trial steps that
        leave no trace."""
        batches = self.windows.epoch(0)
        times = []
        for windows in batches[:: max(1, len(batches) // 12)][:12]:
            start = time.perf_counter()
            loss, _, _ = self.forward(self.windows.batch(windows))
            torch.autograd.backward(loss)
            times.append(time.perf_counter() - start)
        self.optimiser.zero_grad(set_to_none=True)
        # The optimiser, validation and samples take some percent on top.
        steps = max(1, int(minutes * 60 / (statistics.mean(times[2:] or times) * 1.08)))
        self.voice.config = self.averaged.config = self.config.replace("train", steps=steps)

    # -- what is kept -----------------------------------------------------------------------

    def _validate(self) -> float | None:
        if not self.validation:
            return None
        self.ema.module.eval()
        bits = bits_per_sample(self.averaged, self.validation)
        self._log({"step": self.step, "val_bits": bits})
        if bits < self.best:
            self.best = bits
            self._save_voice("voice.safetensors", validation_bits=bits)
        return bits

    def _log(self, row: dict[str, float]) -> None:
        with (self.run / "metrics.jsonl").open("a") as f:
            f.write(json.dumps(row) + "\n")
        self.hooks.log(row)

    def _save_voice(self, name: str, **more: Any) -> None:
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
            **{name: getattr(self, name) for name in COUNTERS},
        }
        save_state(self.run, self.step, state, self.config.train.keep)
        self.saved = self.step
        self._save_voice("last.safetensors")
        if not self.validation:
            self._save_voice("voice.safetensors")

    def restore(self) -> None:
        """Continue from the newest whole state in the run directory.

        Raises:
            TrainingError: there is none, or it is of another configuration or other recordings.
        """
        state = load_state(self.run, self.device, self.hooks.warn)
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
        torch.set_rng_state(state["rng"].cpu())
        for name in COUNTERS:
            setattr(self, name, state[name])
        self.saved = self.step
        for group in self.optimiser.param_groups:
            group["weight_decay"] = self.config.train.weight_decay  # it may have been changed
        self._forget_later_rows()

    def _forget_later_rows(self) -> None:
        """Drop metrics written after the state was saved: those steps will be made again."""
        path = self.run / "metrics.jsonl"
        rows = path.read_text().splitlines(keepends=True) if path.exists() else []
        kept = [r for r in rows if r.endswith("\n") and json.loads(r)["step"] <= self.step]
        if len(kept) < len(rows):
            with whole_file(path) as beside:
                beside.write_text("".join(kept))

    def finish(self) -> float | None:
        """Measure the best voice on the test clips and note it in the voice file."""
        if not self.test:
            return None
        best = load_voice(self.run / "voice.safetensors")
        best.model.to(self.device)
        best.training["test_bits"] = bits_per_sample(best, self.test)
        best.save(self.run / "voice.safetensors")
        return float(best.training["test_bits"])


def write_run(run: Path, config: Config, dataset: Dataset) -> None:
    """Write split.json and config.toml; the latter marks the directory as a run."""
    with whole_file(run / "split.json") as beside:
        beside.write_text(json.dumps(dataset.split, indent=1, ensure_ascii=False), "utf-8")
    with whole_file(run / "config.toml") as beside:
        beside.write_text(to_toml(config), encoding="utf-8")


def recorded_split(run: Path, dataset: Dataset) -> Dataset:
    """The data set with the split that a run began with.

    Raises:
        TrainingError: there is none, or it is of other clips.
    """
    try:
        split = json.loads((run / "split.json").read_text("utf-8"))
        same = {p for part in split.values() for p in part} == dataset.clips.keys()
    except (OSError, ValueError, AttributeError, TypeError) as e:
        raise TrainingError(f"can't resume: {run / 'split.json'} is missing or broken") from e
    if not same:
        raise TrainingError(
            f"can't resume: {dataset.root} holds other clips than the run began with"
        )
    return dataclasses.replace(dataset, split=split)


def _average(decay: float) -> Any:
    def update(averages: Any, weights: Any, count: Any) -> None:
        # A young average forgets faster, or the first random weights would linger.
        d = min(decay, (1.0 + float(count)) / (10.0 + float(count)))
        torch._foreach_lerp_(list(averages), [w.detach() for w in weights], 1.0 - d)

    return update


def _cached_pause(symbols: int) -> Callable[[int], Tensor]:
    one = pause_features(1, symbols)
    return lambda frames: one.expand(-1, frames)
