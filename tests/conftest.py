"""Shared fixtures: small real audio, a tiny trained-looking voice, and the command line."""

from __future__ import annotations

import os
from pathlib import Path

# Before torch is imported. Tests run in a process for each core: threads of their own would wait
# for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Compiled code is kept from run to run, apart from the user's.
os.environ.setdefault(
    "NUMBA_CACHE_DIR", str(Path(__file__).parent.parent / ".pytest_cache" / "numba")
)

import signal
import sys
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
import torch
from helpers import DIGITS, TINY, Result

# Before triton is imported: without a GPU its kernels are interpreted.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

from wavegen.cli.app import main
from wavegen.config import Config
from wavegen.data.dataset import open_dataset
from wavegen.model.flow import Flow
from wavegen.recipe import load_config
from wavegen.training.corpus import fit_speech, new_voice
from wavegen.voice import SpeakingVoice, Voice


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The one place where tests marked `gpu` are skipped."""
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or fills the user's cache, or depends on the terminal."""
    monkeypatch.setenv("WAVEGEN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell leaves it in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.manual_seed(0)


@pytest.fixture
def cli(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    """Run `wavegen ARGS…` in this process."""

    def run(*args: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["wavegen", *map(str, args)])
        capfd.readouterr()
        try:
            main()
            code = 0
        except SystemExit as e:
            code = int(e.code or 0)
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return run


@pytest.fixture(scope="session")
def tiny_config() -> Config:
    return load_config(TINY, "tiny")


@pytest.fixture(scope="session")
def tiny_voice(tmp_path_factory: pytest.TempPathFactory, tiny_config: Config) -> SpeakingVoice:
    """An untrained voice with the digits' speakers and phonemes."""
    cache = tmp_path_factory.mktemp("tiny-cache")
    dataset = open_dataset(DIGITS, tiny_config, cache)
    config = tiny_config.replace("conditioning", features="mel")
    voice = new_voice(config, dataset)
    assert isinstance(voice, SpeakingVoice)
    fit_speech(voice, dataset)
    voice.name = "tiny"
    for part in (voice.model, *voice.speech().values()):
        part.half().float()  # as its file stores it
    return voice


@pytest.fixture(scope="session")
def tiny_voice_file(tmp_path_factory: pytest.TempPathFactory, tiny_voice: Voice) -> Path:
    path = tmp_path_factory.mktemp("voice") / "tiny.safetensors"
    tiny_voice.save(path)
    return path


@pytest.fixture
def lengths_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts are planned in a tenth of the time: with the usual lengths, but noise for features."""
    monkeypatch.setattr(Flow, "sample", lambda self, noise, *rest: noise)


@pytest.fixture
def tone() -> Callable[..., Path]:
    """Write a sine as a real file."""

    def write(
        path: Path, rate: int = 8000, seconds: float = 0.5, channels: int = 1, **how: str
    ) -> Path:
        t = np.arange(round(rate * seconds)) / rate
        audio = 0.5 * np.sin(2 * np.pi * 220 * t)
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.repeat(audio[:, None], channels, 1), rate, **how)
        return path

    return write
