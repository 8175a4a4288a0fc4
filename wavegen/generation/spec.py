"""What an engine can do, so that nothing else needs to know engines by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from wavegen.config import Kind, WeightPrecision
from wavegen.generation.job import Job
from wavegen.generation.waiting import Arrivals
from wavegen.model.weights import Network

BATCH = 64
"""Utterances drawn together by an engine that takes no endless jobs."""
Pieces = Iterator[tuple[int, Any]]
"""(index of a job, the next (n,) int64 codes of it; none where it has ended by itself); arrays, or
tensors of an engine that needs torch."""


@dataclass(frozen=True)
class EngineSpec:
    """One engine."""

    generate: Callable[..., Pieces]
    """Draws the samples of jobs; arguments and result as those of `naive.generate`, and a `Network`
    where it takes ``arrays``."""
    lacks: Callable[[str], str | None] = lambda device: None
    """What it lacks to run on this type of torch device, on this machine; None if nothing."""
    check: Callable[..., None] = lambda *args, **options: None
    """Finds out, by trying, whether it can draw from a network; its arguments are the network, the
    samples per row, the order of linear prediction and, named, ``precision`` and ``devices`` of
    `draw`. Raises `WavegenError`, which says in a line why it can't."""
    kinds: tuple[Kind, ...] = get_args(Kind)
    """Kinds of networks that it draws from."""
    precisions: tuple[WeightPrecision, ...] = ()
    """Weight precisions that ``generate`` takes as ``precision``. Without any, the engine computes
    with the weights as they are."""
    streams: bool = False
    """``generate`` takes jobs without end, as utterances finish or as jobs arrive, and jobs whose
    prompts differ in length. Otherwise all jobs are one batch that advances together."""
    arrays: bool = False
    """It runs without torch."""
    spreads: bool = False
    """``generate`` takes ``devices`` that share the jobs."""
    bytes_per_sample: Callable[[Network, WeightPrecision], int] | None = None
    """Weights read for a sample of a lone utterance, where reading them limits the speed."""
    read_rate: Callable[[int], float] | None = None
    """Measures the bytes per second that a thread reads from a buffer of that size, in the way the
    engine reads its weights."""

    def draw(
        self,
        network: Network,
        jobs: Iterable[Job] | Arrivals,
        hop_length: int,
        block: int,
        precision: WeightPrecision | None = None,
        devices: Sequence[str] = (),
    ) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Draw the samples of any number of jobs, which are read as the engine has room for them.

        Args:
            network: to draw from.
            jobs: in batches of `BATCH` where the engine does not stream, which takes no `Arrivals`.
            hop_length: samples per row of conditioning.
            block: most samples per piece.
            precision: one of ``precisions`` (default: the engine's own).
            devices: for an engine that ``spreads`` (default: the network's).

        Yields:
            As `Pieces`, but always arrays.
        """
        model = network if self.arrays else network.module
        if self.streams:
            options = self._options(precision, devices)
            pieces = self.generate(model, jobs, hop_length, block, **options)
        else:
            assert not isinstance(jobs, Arrivals)
            pieces = self._in_batches(model, iter(jobs), hop_length, block)
        if self.arrays:
            return pieces
        return ((index, codes.cpu().numpy()) for index, codes in pieces)

    def try_out(
        self,
        network: Network,
        hop_length: int,
        order: int,
        precision: WeightPrecision | None = None,
        devices: Sequence[str] = (),
    ) -> None:
        """`check` this engine; arguments as in `draw`, and the order of linear prediction.

        Raises:
            WavegenError: it can't draw from this network here.
        """
        model = network if self.arrays else network.module
        self.check(model, hop_length, order, **self._options(precision, devices))

    def _options(self, precision: WeightPrecision | None, devices: Sequence[str]) -> dict[str, Any]:
        options: dict[str, Any] = {"precision": precision} if precision else {}
        return options | {"devices": devices} if self.spreads and devices else options

    def _in_batches(self, model: Any, jobs: Iterator[Job], hop_length: int, block: int) -> Pieces:
        first = 0
        while batch := [*islice(jobs, BATCH)]:
            for index, codes in self.generate(model, batch, hop_length, block):
                yield first + index, codes
            first += len(batch)
