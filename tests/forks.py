"""Processes of the program that begin at once: forked from one that has imported all of it."""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

from wavegen.cli.app import main

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        *("wavegen.rendering.render", "wavegen.report.train", "wavegen.api"),
        *("soundfile", "espeakng_loader", "pydantic"),
        *("torch._dynamo", "torch.utils.tensorboard", "preloaded"),
    ]
)


def start(*args: object, said: Path = Path(os.devnull)) -> BaseProcess:
    """Run `wavegen ARGS…` in a process of its own, whose standard error goes to a file."""
    process = FORKS.Process(target=_run, args=([*map(str, args)], said))
    process.start()
    return process


def code(process: BaseProcess) -> int | None:
    """Wait for the process; its exit code, or -N if signal N has killed it."""
    process.join()
    return process.exitcode


def _run(args: list[str], said: Path) -> None:
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.argv = ["wavegen", *args]
    main()
