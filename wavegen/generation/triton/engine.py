"""Many utterances at once on a CUDA device: a kernel draws thousands of samples of each in one
launch, as `numba` does on a CPU (`kernel`).

A program of the kernel has a group of 16 lanes, whose utterances share each load of the weights
and the products of tensor cores; between two launches, lanes whose utterances have ended take other
jobs. While the device draws, the pieces of the launch before are handed out and the next jobs are
read.

Weights and activations are f16 by default, as weights are in a voice file; sums, gates, sampling
and linear prediction are f32 and f64.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch

from wavegen.config import WeightPrecision
from wavegen.errors import WavegenError
from wavegen.generation.job import Job
from wavegen.generation.spec import Pieces
from wavegen.generation.waiting import Arrivals, JobQueue
from wavegen.model.wavenet import WaveNet

if TYPE_CHECKING:
    from wavegen.generation.triton.group import Group, Launch
    from wavegen.generation.triton.layout import Sizes

LANES = 1024
"""Utterances that one device draws at once, at most."""
LOOKAHEAD = 64
"""Of so many jobs, the last ones, the longest start first."""
FILL_SECONDS = 0.1
"""Jobs are read for at most this long before what is there is drawn: reading one can take longer
than drawing it."""


def generate(
    model: WaveNet,
    jobs: Iterable[Job] | Arrivals,
    hop_length: int,
    block: int = 400,
    precision: WeightPrecision = "f16",
    lanes: int | None = None,
    devices: Sequence[str] = (),
) -> Pieces:
    """Draw the samples of jobs; arguments and result as `naive.generate`, and:

    Args:
        model: the network.
        jobs: any number, or those that arrive, taken by whichever device has a free lane.
        hop_length: samples per row.
        block: samples per launch, and most per piece.
        precision: of weights and activations.
        lanes: utterances per device that advance together, at most (default: `LANES`).
        devices: to share the jobs (default: the model's).
    """
    from wavegen.generation.triton.group import Group
    from wavegen.generation.triton.packing import pack

    lanes = lanes or LANES
    places = _places(model, devices)
    waiting = jobs if isinstance(jobs, Arrivals) else JobQueue(jobs, LOOKAHEAD)
    first = waiting.take(wait=True)
    if first is None:
        return
    predictor = first[1].predictor
    order = predictor.order if predictor else 0
    check(model, hop_length, order, precision, devices)
    sizes = _sizes(model, hop_length, order, precision, places)
    groups = [Group(model, pack(model, sizes, d), sizes, d) for d in places]
    groups[0].add(*first)
    launches: list[Launch | None] = [None] * len(groups)
    while True:
        _fill(groups, waiting, lanes, wait=not any(launches))
        begun = [g.launch(block) if g.lanes else None for g in groups]
        if not any([*begun, *launches]):
            return
        for group, launch in zip(groups, launches, strict=True):
            if launch is not None:
                yield from group.collect(launch)
        launches = begun


def check(
    model: WaveNet,
    hop_length: int,
    order: int,
    precision: WeightPrecision = "f16",
    devices: Sequence[str] = (),
) -> None:
    """Compile the kernel and run it once; a network of the same sizes needs no more than that.

    Args:
        model: the network.
        hop_length: samples per row.
        order: of linear prediction.
        precision, devices: as in `generate`.

    Raises:
        WavegenError: it can't be compiled for one of the devices, or fails there.
    """
    for place in _places(model, devices):
        try:
            _run_once(model, hop_length, order, precision, place)
        except Exception as e:  # of the compilers that Triton calls, of the driver, or of torch
            name = torch.cuda.get_device_name(place) if place.type == "cuda" else str(place)
            why = " ".join(f"{type(e).__name__}: {e}".split())
            raise WavegenError(f"engine triton fails on {name}: {why:.300}") from e


def _run_once(
    model: WaveNet, hop_length: int, order: int, precision: WeightPrecision, place: torch.device
) -> None:
    from wavegen.generation.triton.group import Group
    from wavegen.generation.triton.packing import pack

    sizes = _sizes(model, hop_length, order, precision, [place])
    if (sizes, place) not in _ran:
        Group(model, pack(model, sizes, place), sizes, place).run_once()
        _ran.add((sizes, place))


_ran: set[tuple[Sizes, torch.device]] = set()
"""What has run once, in this process."""


def _places(model: WaveNet, devices: Sequence[str]) -> list[torch.device]:
    return [torch.device(d) for d in devices] or [model.skip_bias.device]


def _sizes(
    model: WaveNet,
    hop_length: int,
    order: int,
    precision: WeightPrecision,
    places: Sequence[torch.device],
) -> Sizes:
    from wavegen.generation.triton.packing import shared_memory, sizes_of

    shared = min(map(shared_memory, places))
    return sizes_of(model, hop_length, precision, order, shared=shared)


def _fill(
    groups: Sequence[Group], waiting: JobQueue | Arrivals, lanes: int, wait: bool = False
) -> None:
    """Give free lanes to the next jobs, on whichever device has the fewest; ``wait`` for one if
    there is nothing to draw."""
    for group in groups:
        group.drop_unwanted()
    wait = wait and not any(g.lanes for g in groups)
    start = time.monotonic()
    while wait or time.monotonic() < start + FILL_SECONDS:
        group = min(groups, key=lambda g: len(g.lanes))
        if len(group.lanes) >= lanes or (job := waiting.take(wait)) is None:
            return
        group.add(*job)
        wait = False
