"""A second thread that shares the work on a lone utterance changes nothing but the speed."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from typing import Any, get_args

import numpy as np
import pytest
import torch
from networks import HOP, STACKS, VARIANTS, draw, network, random_predictor, random_rows

from wavegen.config import WeightPrecision
from wavegen.generation.job import Job
from wavegen.generation.numba import engine, follower
from wavegen.generation.numba.engine import generate
from wavegen.generation.numba.follower import LONGEST, Follower
from wavegen.generation.numba.group import NO_CODES, NO_LOGITS, Group, run
from wavegen.generation.numba.packing import pack
from wavegen.generation.numba.state import CODES, DRAWN, GATES, Part
from wavegen.model.wavenet import WaveNet
from wavegen.training.pruning import Pruning


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Two threads share each call, on whatever machine; the shares that they drew together."""
    shares: list[float] = []
    monkeypatch.setattr(engine, "_cores", lambda: 2)
    monkeypatch.setattr(follower, "_core_is_idle", lambda: True)
    monkeypatch.setattr(Follower, "report", lambda self, share: shares.append(share))
    return shares


def job(model: WaveNet, length: int, seed: int = 0) -> Job:
    prompt = torch.randint(0, model.output.levels, (77,)) if seed % 2 else None
    return Job(
        random_rows(model, 1, 20)[0],
        length,
        f"job {seed}",
        0.8,
        prompt,
        seed % 3 == 0,
        predictor=random_predictor(40, 30),
    )


def both(model: WaveNet, j: Job, precision: WeightPrecision, block: int) -> list[Any]:
    """The samples of a job from one thread and from two."""
    return [
        draw(generate, model, [j], precision=precision, threads=n, block=b)[0]
        for n, b in ((1, 400), (2, block))
    ]


@pytest.mark.parametrize(
    ("precision", "kernel", "variant"),
    [
        *itertools.product(get_args(WeightPrecision), [2, 3], [{}]),
        *(("int8", 2, v) for v in VARIANTS),
        ("int8", 2, {"context": STACKS}),
    ],
    ids=str,
)
def test_two_threads_draw_the_samples_of_one(
    precision: WeightPrecision, kernel: int, variant: dict[str, Any], shared: list[float]
) -> None:
    sizes = {"kernel_size": kernel, "dilation_cycle": 5, "residual_channels": 40, "layers": 7}
    model = network(conditioned=True, **sizes, **variant)
    for seed, block in enumerate((37, 1, 500, 4)):
        one, two = both(model, job(model, 600, seed), precision, block)
        assert torch.equal(one, two)
    assert shared


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_two_threads_draw_from_a_sparse_network(
    precision: WeightPrecision, shared: list[float]
) -> None:
    model = network(True, residual_channels=40, skip_channels=100, layers=7, signal=True)
    Pruning(model).prune(0.7)
    with torch.no_grad():
        model.layers[6].w_skip.zero_()
        model.layers[2].w_skip[:, 16:32] = 1.0  # one group has more blocks than others
    assert len(pack(model, HOP, precision).matrices.picks)
    one, two = both(model, job(model, 3000), precision, 400)
    assert torch.equal(one, two)


@pytest.mark.parametrize("precision", ["f32", "int8"])
@pytest.mark.parametrize("output", ["categorical", "logistic_mixture"])
def test_a_follower_draws_the_sample_whose_gates_it_is_told(
    precision: WeightPrecision, output: str
) -> None:
    model = network(True, residual_channels=40, layers=7, output=output)
    group = Group(pack(model, HOP, precision), 1)
    group.add(0, job(model, 9), model)
    group.advance(5)
    number, layers = 70, len(group.net.dilations)
    uniforms = np.full((1, 1, group.net.draws), 0.4)
    rest = (np.zeros((1, 3, group.net.row), np.float32).reshape(-1), 3, NO_CODES)
    rest += (_no_feedback(), uniforms, np.ones((1, 1)), NO_CODES)
    drawn = np.zeros((1, 1), np.int64)
    parts = group.net, group.state, 1, 1
    rest = (number, *rest, drawn, NO_LOGITS)
    assert run(*parts, int(Part.LEAD), *rest) == 1
    following = group.net, group._following, 1, 1, int(Part.FOLLOW), *rest
    for gates in range(layers):  # not yet all of them
        group.state.link[GATES] = number * layers + gates
        assert run(*following) == 0
        assert group.state.link[DRAWN] == 0
    group.state.link[GATES] = (number + 1) * layers
    assert run(*following) == 1
    assert group.state.link[DRAWN] == (number + 1) * CODES + drawn[0, 0]
    group.state.link[GATES] = (number + 1) * layers + 1  # of a later call
    group.state.link[DRAWN] = 0
    assert run(*following) == 1
    assert group.state.link[DRAWN] == 0


def _no_feedback() -> Any:
    from wavegen.generation.numba.feedback import gather

    return gather([], 1, 1)


def test_with_all_cores_busy_two_threads_draw_the_same(shared: list[float]) -> None:
    model = network(conditioned=True, residual_channels=32, layers=7)
    spin = [sys.executable, "-I", "-S", "-c", "while True: pass"]
    busy = [subprocess.Popen(spin) for _ in range(3)]
    try:
        for seed in range(2):
            one, two = both(model, job(model, 1500, seed), "int8", 200)
            assert torch.equal(one, two)
    finally:
        for process in busy:
            process.kill()
            process.wait()


@pytest.mark.parametrize("end", ["close", "throw"])
def test_no_thread_is_left(end: str, shared: list[float]) -> None:
    model = network()
    before = threading.active_count()
    pieces: Any = generate(model, [job(model, 10**9)], HOP, threads=2)
    next(pieces)
    assert threading.active_count() == before + 1
    if end == "close":
        pieces.close()
    else:
        with pytest.raises(KeyboardInterrupt):
            pieces.throw(KeyboardInterrupt)
    assert threading.active_count() == before
    assert len(shared) >= 1


def test_the_last_utterance_of_several_is_shared(shared: list[float]) -> None:
    model = network(residual_channels=32)
    jobs = [job(model, n) for n in (50, 30000)]
    alone = [draw(generate, model, [j], threads=1)[0] for j in jobs]
    together = draw(generate, model, jobs, threads=2, block=400)
    assert all(map(torch.equal, alone, together))
    assert shared


def wanted(helper: Follower) -> int:
    """Calls until the follower is lent."""
    for n in range(1000):
        with helper.lent(True) as lent:
            if lent:
                return n
    raise AssertionError


def test_a_follower_that_comes_too_late_is_lent_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follower, "_core_is_idle", lambda: True)
    helper, waits = Follower(), []
    for _ in range(6):
        waits.append(wanted(helper))
        helper.report(0.1)
    assert waits == [0, 8, 32, LONGEST, LONGEST, LONGEST]
    assert wanted(helper) == LONGEST
    helper.report(0.9)
    assert wanted(helper) == 0


def test_a_follower_is_lent_once_and_only_where_a_core_is_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    helper = Follower()
    monkeypatch.setattr(follower, "_core_is_idle", lambda: True)
    with helper.lent(True) as first, helper.lent(True) as second:
        assert (first, second) == (helper, None)
    with helper.lent(False) as unwanted:
        assert unwanted is None
    monkeypatch.setattr(follower, "_core_is_idle", lambda: False)
    for _ in range(1 + 8 + 1):  # it is asked, waits for eight calls, is asked
        with helper.lent(True) as busy:
            assert busy is None
    assert helper._left == 32
    helper.report(0.9)  # its core has been used well
    assert wanted(helper) == 0
