"""Batch rendering on a Ray cluster, of one machine or many.

Every machine needs wavegen, and the voices at the same paths; clips come back to the one that
asked, which writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import torch

from wavegen.errors import WavegenError
from wavegen.rendering.jobs import FailedJob, RenderJob
from wavegen.rendering.render import Renderer, Result

CHUNK = 64
"""Jobs in one task: enough to keep all lanes of the engine full, few enough to lose."""
AHEAD = 2
"""Tasks handed to a worker at a time, so that it never waits for the next."""
RETRIES = 3
"""How often a task is retried whose worker died."""


class Worker:
    """Holds the voices; one for each core of the cluster."""

    def __init__(self, options: tuple[Any, ...]) -> None:
        torch.set_num_threads(1)
        self.renderer = Renderer(*options)

    def render(self, jobs: list[RenderJob]) -> list[Result]:
        return [*self.renderer.render(jobs)]


def lost(error: Exception, jobs: Iterable[RenderJob]) -> Iterator[FailedJob]:
    """Yield the jobs of a task that failed with one of Ray's errors.

    Raises:
        WavegenError: what the worker raised, as it would be raised without Ray.
    """
    cause = getattr(error, "cause", None)  # of RayTaskError: the worker lives
    if isinstance(cause, WavegenError):
        raise cause
    died = f"its worker died {RETRIES + 1} times ({type(error).__name__})"
    failed = f"its worker failed: {type(cause).__name__}: {cause}"
    for job in jobs:
        yield FailedJob(job.line, died if cause is None else failed, job.fields())


def on_ray(
    renderer: Renderer, address: str | None = None
) -> Callable[[Iterable[RenderJob]], Iterator[Result]]:
    """Return a function that renders jobs like ``renderer``, but on a cluster.

    A worker that dies is restarted, and its tasks are retried; after that their jobs fail.

    Args:
        renderer: its options are sent to all workers.
        address: of the cluster (default: one that is started on this machine).

    Raises:
        WavegenError: Ray is not installed, or the cluster can't be reached.
    """
    try:
        import ray
    except ImportError as e:
        raise WavegenError("--ray needs Ray: pip install 'wavegen[ray]'") from e
    try:
        ray.init(address, logging_level="ERROR", log_to_driver=False, include_dashboard=False)
    except (ConnectionError, OSError, RuntimeError, ValueError) as e:
        raise WavegenError(f"--ray: no cluster at {address or 'this machine'}: {e}") from e
    options = renderer.finish, renderer.engine, renderer.precision, renderer.device, renderer.times

    def run(jobs: Iterable[RenderJob]) -> Iterator[Result]:
        chunks = iter(jobs)
        cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
        actor = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=RETRIES)(Worker)
        at_work: dict[Any, tuple[Any, list[RenderJob]]] = {}
        free = [actor.remote(options) for _ in range(cores)] * AHEAD
        try:
            while True:
                while free and (chunk := [*islice(chunks, CHUNK)]):
                    worker = free.pop()
                    at_work[worker.render.remote(chunk)] = worker, chunk
                if not at_work:
                    return
                [done], _ = ray.wait([*at_work])
                worker, chunk = at_work.pop(done)
                try:
                    yield from ray.get(done)
                except ray.exceptions.RayError as e:
                    yield from lost(e, chunk)
                free.append(worker)
        finally:
            ray.shutdown()

    return run
