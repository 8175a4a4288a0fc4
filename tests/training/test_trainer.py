"""Training: resumable, stoppable, and it learns."""

import errno
import itertools
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers import TINY, resumed, rows, trainer

from wavegen.config import Config
from wavegen.data.windows import Batch
from wavegen.errors import TrainingError
from wavegen.library import load_voice
from wavegen.recipe import load_config, to_toml
from wavegen.training.checkpoint import states
from wavegen.training.hooks import Stopped


def test_a_stopped_and_resumed_run_equals_an_undisturbed_one(
    tmp_path: Path, tiny_config: Config
) -> None:
    config = tiny_config.replace("train", steps=40)  # more than one epoch
    whole = trainer(tmp_path / "whole", config)
    assert len(whole.windows.epoch(0)) < 40
    whole.train()
    for stop_at in (7, 31):
        part = resumed(tmp_path / "part") if stop_at > 7 else trainer(tmp_path / "part", config)
        part.hooks.stop = lambda t=part, n=stop_at: t.step == n
        with pytest.raises(Stopped):
            part.train()
        assert part.step == stop_at
    last = resumed(tmp_path / "part")
    last.train()
    for a, b in ((whole.voice, last.voice), (whole.averaged, last.averaged)):
        for name, t in a.model.state_dict().items():
            assert torch.equal(t, b.model.state_dict()[name]), name
    assert whole.best == last.best
    measured = [
        [(r["step"], r.get("loss_bits"), r.get("val_bits")) for r in rows(tmp_path / d)]
        for d in ("whole", "part")
    ]
    assert measured[0] == measured[1]


def test_training_learns_a_tone(
    tmp_path: Path, tone: Callable[..., Path], tiny_config: Config
) -> None:
    for n in range(4):
        tone(tmp_path / "audio" / f"{n}.wav", seconds=1.0)
    config = tiny_config.replace("train", steps=300, learning_rate=2e-2, warmup_steps=20)
    config = config.replace("train", log_every=100, validate_every=100, checkpoint_every=300)
    t = trainer(tmp_path / "run", config, tmp_path / "audio")
    before = t.measure(t.voice, t.validation)
    best = t.train()
    assert before > 7.5
    assert best < 4.0
    assert load_voice(tmp_path / "run" / "voice.safetensors").training["validation_bits"] == best


def test_a_loss_that_is_not_finite_stops_with_the_last_good_state(
    tmp_path: Path, tiny_config: Config
) -> None:
    t = trainer(tmp_path / "run", tiny_config.replace("train", checkpoint_every=3))
    good: dict[str, torch.Tensor] = {}

    def poison() -> bool:
        if t.step == 3:
            good.update({k: v.clone() for k, v in t.voice.model.state_dict().items()})
            real = t.stepper.forward

            def nan(batch: object) -> object:
                nats, tally = real(batch)  # type: ignore[arg-type]
                return nats * float("nan"), tally

            t.stepper.forward = nan  # type: ignore[method-assign, assignment]
        return False

    t.hooks.stop = poison
    with pytest.raises(TrainingError, match="no longer finite at step 4; the state of step 3"):
        t.train()
    again = resumed(tmp_path / "run")
    assert again.step == 3
    for name, w in again.voice.model.state_dict().items():
        assert torch.equal(w, good[name])


def test_a_batch_that_does_not_fit_is_computed_in_parts_and_counts_once(
    tmp_path: Path, tiny_config: Config
) -> None:
    config = tiny_config.replace("train", steps=1, log_every=1, batch_size=4, accumulate=2)
    whole, t = (trainer(tmp_path / d, config) for d in ("whole", "parts"))
    whole.train()
    real, calls, warned = t.stepper.forward, itertools.count(), []
    t.hooks.warn = warned.append

    def small(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        if next(calls) == 1:  # the first part has been counted
            raise torch.OutOfMemoryError
        return real(batch)

    t.stepper.forward = small  # type: ignore[method-assign]
    t.train()
    assert warned == ["out of memory: each batch is now computed in 4 parts"]
    assert rows(t.run)[0]["loss_bits"] == pytest.approx(rows(whole.run)[0]["loss_bits"], rel=1e-5)


@pytest.mark.parametrize(
    "said", ["no good checkpoint", "the network is a different one", "another version"]
)
def test_a_state_that_cannot_be_resumed_is_a_clear_error(
    tmp_path: Path, tiny_config: Config, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer(tmp_path / "run", tiny_config)
    if said == "another version":
        monkeypatch.setattr("wavegen.training.trainer.FORMAT", 99)
    if said == "no good checkpoint":
        states(tmp_path / "run")[0].unlink()
    if said == "the network is a different one":
        wider = tiny_config.replace("model", residual_channels=10)
        (tmp_path / "run" / "config.toml").write_text(to_toml(wider))
    with pytest.raises(TrainingError, match=said):
        resumed(tmp_path / "run")


@pytest.mark.parametrize("damage", ["half", "bit", "empty"])
def test_a_broken_state_is_passed_over_with_a_warning(
    tmp_path: Path, tiny_config: Config, damage: str
) -> None:
    t = trainer(tmp_path / "run", tiny_config.replace("train", checkpoint_every=2, keep=2))
    t.train()
    newest, before = states(tmp_path / "run")
    assert [int(p.stem[:9]) for p in (newest, before)] == [8, 6]
    data = bytearray(newest.read_bytes())
    if damage == "bit":
        data[len(data) // 2] ^= 1
    newest.write_bytes({"half": data[: len(data) // 2], "bit": data, "empty": b""}[damage])
    warned: list[str] = []
    again = resumed(tmp_path / "run", warn=warned.append)
    assert again.step == 6
    assert [newest.name in w for w in warned] == [True]


def test_a_full_disk_stops_with_the_last_good_state(
    tmp_path: Path, tiny_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = trainer(tmp_path / "run", tiny_config.replace("train", checkpoint_every=3))

    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def stop() -> bool:
        if t.step == 4:
            monkeypatch.setattr(Path, "write_bytes", full)
        return False

    t.hooks.stop = stop
    with pytest.raises(OSError, match="No space left on device"):
        t.train()
    monkeypatch.undo()
    again = resumed(tmp_path / "run")
    assert again.step == 3
    assert not list((tmp_path / "run").rglob(".wavegen-*"))


@pytest.mark.slow
def test_the_network_knows_more_of_voiced_speech_than_the_frequency_of_its_samples(
    tmp_path: Path,
) -> None:
    changes = {
        "model": {"layers": 8, "dilation_cycle": 8, "residual_channels": 24, "skip_channels": 24},
        "train": {"steps": 200, "batch_size": 4, "learning_rate": 2e-2, "predicted": 0.0}
        | dict.fromkeys(("log_every", "validate_every", "checkpoint_every"), 200),
    }
    table = {name: values | changes.get(name, {}) for name, values in TINY.items()}
    t = trainer(tmp_path / "run", load_config(table, "test"))
    t.train()
    bits, codes = [], []
    for clip in t.validation.clips + t.test.clips:
        local = clip.local(False)
        assert local is not None
        audio = clip.audio(0, clip.samples)
        nats = t.averaged.nll(audio, clip.speaker, local)
        voiced = local.voicing.repeat_interleave(t.config.hop_length)[: clip.samples] > 0
        bits.append(nats[voiced] / math.log(2))
        codes.append(t.averaged.samples(audio, local)[0][voiced])
    _, counts = torch.cat(codes).unique(return_counts=True)
    frequency = counts / counts.sum()
    entropy = -(frequency * frequency.log2()).sum()  # what the best guess without a past costs
    assert torch.cat(bits).mean() < entropy - 0.15
