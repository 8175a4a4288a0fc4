"""Engines agree with the parallel forward and with each other."""

import gc
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from networks import (
    HOP,
    VARIANTS,
    draw,
    given_inputs,
    network,
    random_features,
    random_predictor,
    random_rows,
)
from torch import Tensor

from wavegen.audio.local_features import LocalFeatures
from wavegen.generation import ENGINES, cached, naive, queues
from wavegen.generation.feedback import Feedback
from wavegen.generation.job import Job
from wavegen.generation.numba import engine
from wavegen.generation.numba.group import Group
from wavegen.generation.numba.packing import pack
from wavegen.generation.uniforms import Endings, Uniforms
from wavegen.model.wavenet import WaveNet
from wavegen.outputs import OUTPUTS

HERE = [spec for spec in ENGINES.values() if spec.lacks("cpu") is None]
"""The engines that run on a CPU; Triton's where it interprets."""


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("cycle", [1, 3, 6])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("conditioned", [False, True])
def test_cached_logits_are_those_of_the_parallel_forward(
    kernel: int, cycle: int, batch: int, conditioned: bool
) -> None:
    model = network(kernel_size=kernel, dilation_cycle=cycle, conditioned=conditioned)
    frames = 12
    rows = random_rows(model, batch, frames)
    codes = torch.randint(0, 256, (batch, frames * HOP))
    with torch.inference_mode():
        whole = model.run(codes, rows.expand(-1, frames, -1))
        weights, state = queues.Weights.from_model(model), queues.initial_state(model, batch)
        for t in range(codes.shape[1]):
            frame = min(t // HOP, rows.shape[1] - 1)
            logits = queues.step(weights, state, model.conditioning.project(rows[:, frame]))
            assert (logits - whole[:, t]).abs().max() < 1e-4
            state.code = codes[:, t]


@pytest.mark.parametrize("conditioned", [False, True])
def test_engines_draw_the_same_free_running_samples_in_float64(conditioned: bool) -> None:
    model = network(conditioned=conditioned).double()
    rows = random_rows(model, 3, 100)
    jobs = [
        Job(rows[0], 2000, "a"),
        Job(rows[1, :50], 700, "b", temperature=0.7),
        Job(rows[2], 400, "c", temperature=0.0),
    ]
    slow, fast = draw(naive.generate, model, jobs), draw(cached.generate, model, jobs)
    assert [len(c) for c in slow] == [2000, 700, 400]
    assert len(slow[0].unique()) > 100
    for a, b in zip(slow, fast, strict=True):
        assert torch.equal(a, b)


def test_blocks_do_not_change_the_samples() -> None:
    model = network().double()
    jobs = [Job(random_rows(model, 1, 1)[0], 100, "x")]
    a, b = (draw(cached.generate, model, jobs, block=n) for n in (7, 100))
    assert torch.equal(a[0], b[0])


def test_memory_does_not_grow_with_length() -> None:
    model = network()
    jobs = [Job(random_rows(model, 1, 1)[0], 10**9, "x")]
    blocks = cached.generate(model, jobs, HOP, block=100)

    def held() -> int:
        gc.collect()
        return sum(o.untyped_storage().nbytes() for o in gc.get_objects() if type(o) is Tensor)

    list(itertools.islice(blocks, 2))
    before = held()
    list(itertools.islice(blocks, 20))
    assert held() <= before


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("conditioned", [False, True])
def test_every_variant_of_the_network_steps_as_it_runs(
    variant: dict[str, Any], conditioned: bool
) -> None:
    model = network(conditioned, **variant)
    frames = 12
    rows = random_rows(model, 3, frames)
    codes = torch.randint(0, model.output.levels, (3, frames * HOP))
    jobs = [Job(r, 1, "", predictor=random_predictor(frames - 2)) for r in rows]
    with torch.inference_mode():
        heard = model.output.companded(codes)
        first = torch.zeros(3, dtype=torch.int64)
        context = [c.window(c(heard), first, codes.shape[1]) for c in model.stacks]
        whole = model.run(
            codes, rows.expand(-1, frames, -1), None, context, given=all_given(model, jobs, codes)
        )
        weights, state = queues.Weights.from_model(model), queues.initial_state(model, 3)
        feedback = Feedback(model, jobs, HOP)
        for t in range(codes.shape[1]):
            queues.update_stacks(weights, state)
            parts = [model.conditioning.project(rows[:, min(t // HOP, rows.shape[1] - 1)])]
            parts += [tuple(s.gates) for s in state.contexts]
            gates = [sum(p) for p in zip(*parts, strict=True)]
            logits = queues.step(weights, state, gates, given=feedback.inputs())
            assert (logits - whole[:, t]).abs().max() < 1e-4
            state.code = codes[:, t]
            feedback.append(state.code)


def all_given(model: WaveNet, jobs: list[Job], codes: Tensor) -> Tensor:
    """(B, T, G)."""
    pairs = zip([j.predictor for j in jobs], codes, strict=True)
    return torch.stack([given_inputs(model, p, c) for p, c in pairs if p is not None])


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("prompted", [0, 1, 37, 192, 205])
def test_every_variant_of_the_network_draws_the_same_with_any_engine(
    variant: dict[str, Any], prompted: int
) -> None:
    model = network(True, **variant).double()
    rows = random_rows(model, 2, 40)
    prompt = torch.randint(0, model.output.levels, (prompted,)) if prompted else None
    jobs = [
        Job(rows[0], 300, "a", prompt=prompt, ends=True, predictor=random_predictor(9)),
        Job(rows[1, :8], 200, "b", 0.5 + torch.rand(7), prompt, predictor=random_predictor(40)),
    ]
    slow, fast = draw(naive.generate, model, jobs), draw(cached.generate, model, jobs)
    for a, b in zip(slow, fast, strict=True):
        assert torch.equal(a, b)
    assert len(slow[1]) == 200
    if model.output.end is not None:
        assert len(slow[0]) < 300  # with one chance in 257 or 149 a sample (this seed's)


@pytest.mark.parametrize("signal", [False, True])
@pytest.mark.parametrize("period", [False, True])
@pytest.mark.parametrize("output", ["categorical", "gaussian_mixture"])
def test_what_is_drawn_is_what_teacher_forcing_draws_from_its_sound(
    signal: bool, period: bool, output: str
) -> None:
    model = network(True, signal=signal, period=period, output=output).double()
    rows, hot = random_rows(model, 2, 20), 0.3 + torch.rand(2, 9)
    jobs = [
        Job(r, 500, str(i), t, predictor=random_predictor(f))
        for i, (r, t, f) in enumerate(zip(rows, hot, (20, 31), strict=True))
    ]
    codes = torch.stack(draw(naive.generate, model, jobs))
    frames = 32
    at = torch.arange(frames).clamp(max=19)
    padded = torch.nn.functional.pad(codes, (0, frames * HOP - 500))
    with torch.inference_mode():
        logits = model.run(padded, rows[:, at], given=all_given(model, jobs, padded))
        for i in range(2):
            u = torch.from_numpy(Uniforms(str(i)).draw(500))
            each = hot[i, (torch.arange(500) // HOP).clamp(max=8)].double()[:, None]
            again = model.output.sample(logits[i, :500], u, each)
            assert torch.equal(again, codes[i])


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_clip_that_ends_says_so_with_an_empty_piece(output: str) -> None:
    model = network(ends=True, output=output)
    with torch.no_grad():
        model.head.bias[-1] = 7.0
    rows = random_rows(model, 1, 1)
    jobs = [Job(rows[0], 40, str(i), ends=i > 0) for i in range(6)]
    for spec in HERE:
        pieces: dict[int, list[int]] = {}
        for i, codes in spec.generate(model, jobs, HOP, block=15):
            assert (codes < model.output.levels).all()
            pieces.setdefault(i, []).append(len(codes))
        assert sum(pieces[0]) == 40
        assert 0 not in pieces[0]
        for i in range(1, 6):
            assert sum(pieces[i]) < 40
            assert pieces[i].index(0) == len(pieces[i]) - 1


def test_any_engine_corrects_where_clips_end() -> None:
    """Not in the first 50 samples, however likely, and at once in the next."""
    model = network(ends=True, output="logistic_mixture", mixtures=3)
    rows, odds = random_rows(model, 1, 1), np.array([-50.0, 50.0])
    for begin in (0, 20):
        prompt = torch.randint(0, model.output.levels, (begin,)) if begin else None
        jobs = [
            Job(rows[0], 90, str(i), prompt=prompt, ends=True, endings=Endings(odds, 50))
            for i in range(3)
        ]
        for spec in HERE:
            drawn = draw(spec.generate, model, jobs, block=15)
            assert [len(codes) for codes in drawn] == [50 - begin] * 3


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("count", [5, 192, 1000])
def test_a_prompt_leaves_the_state_that_stepping_leaves(
    variant: dict[str, Any], count: int
) -> None:
    model = network(True, **variant)
    rows = random_rows(model, 2, 80)
    prompt = torch.randint(0, model.output.levels, (count,))
    jobs = [Job(r, 1, "", prompt=prompt, predictor=random_predictor(9)) for r in rows]
    with torch.inference_mode():
        heard = Feedback(model, [replace(j, prompt=None) for j in jobs], HOP)
        weights, stepped = queues.Weights.from_model(model), queues.initial_state(model, 2)
        for t, code in enumerate(prompt):
            queues.update_stacks(weights, stepped)
            parts = [model.conditioning.project(rows[:, min(t // HOP, 79)])]
            parts += [tuple(s.gates) for s in stepped.contexts]
            gates = [sum(p) for p in zip(*parts, strict=True)]
            queues.step(weights, stepped, gates, given=heard.inputs())
            stepped.code = code.expand(2)
            heard.append(stepped.code)
        filled = queues.prompted_state(model, jobs, HOP)
        for state in (stepped, filled):
            queues.update_stacks(weights, state)
        assert (Feedback(model, jobs, HOP).inputs() - heard.inputs()).abs().sum() < 1e-9
    assert filled.time == stepped.time == count
    assert torch.equal(filled.code, stepped.code)
    for a, b in zip(filled.queues, stepped.queues, strict=True):
        assert (a - b).abs().max() < 1e-4
    for x, y in zip(filled.contexts, stepped.contexts, strict=True):
        assert x.frames == y.frames
        assert torch.equal(
            x.codes[:, : count % x.codes.shape[1]], y.codes[:, : count % x.codes.shape[1]]
        )
        for a, b in zip([*x.queues, *x.gates], [*y.queues, *y.gates], strict=True):
            assert (a - b).abs().max() < 1e-4


def phased_jobs(model: WaveNet, local: LocalFeatures, prompt: Tensor | None = None) -> list[Job]:
    phases = model.conditioning.phase_codes(local, HOP)
    assert phases is not None
    with torch.no_grad():
        rows = model.conditioning.encode(2, torch.tensor([0, 2]), local.to(model.skip_bias.dtype))
    assert rows.dtype == model.skip_bias.dtype
    # The first goes on beyond its features, where there is no voice.
    return [
        Job(rows[0, :20], 500, "a", prompt=prompt, phase=phases[0, : 20 * HOP]),
        Job(rows[1], 300, "b", prompt=prompt, phase=phases[1]),
    ]


@pytest.mark.parametrize("prompted", [0, 1, 100])
def test_engines_draw_the_same_with_the_phase(prompted: int) -> None:
    model = network(True, phase=True).double()
    prompt = torch.randint(0, 256, (prompted,)) if prompted else None
    asked = phased_jobs(model, random_features(2, 40), prompt)
    slow, fast = draw(naive.generate, model, asked), draw(cached.generate, model, asked)
    for a, b in zip(slow, fast, strict=True):
        assert torch.equal(a, b)
    model.float()
    asked = phased_jobs(model, random_features(2, 40), prompt)
    steps = draw(cached.generate, model, asked, block=50)
    compiled = draw(engine.generate, model, asked, precision="f32", block=37)
    for a, b in zip(steps, compiled, strict=True):
        assert torch.equal(a[:100], b[:100])  # until a rounding falls the other way


def test_the_phase_in_teacher_forcing_in_pieces_and_compiled() -> None:
    model = network(True, phase=True)
    local, speaker = random_features(2, 12), torch.tensor([0, 2])
    codes = torch.randint(0, 256, (2, 12 * HOP))
    with torch.inference_mode():
        whole = model(codes, speaker, local)
        deaf = replace(local, phase_step=torch.zeros(2, 12))
        assert (model(codes, speaker, deaf) - whole).abs().max() > 0.01
        rows, phases = (
            model.conditioning.encode(2, speaker, local),
            model.conditioning.phase_codes(local, HOP),
        )
    assert phases is not None
    pieces = model.nll(codes, rows, HOP, chunk_frames=3, phase=phases)
    assert torch.allclose(pieces, model.output.loss(whole, codes), atol=1e-4)
    group = Group(pack(model, HOP, "f32"), 2)
    for i in range(2):
        group.add(i, Job(rows[i], codes.shape[1] + 1, str(i), phase=phases[i]), model)
    out = np.empty((2, codes.shape[1], 256), np.float32)
    group.advance(codes.shape[1], codes.numpy(), out)
    assert (torch.from_numpy(out) - whole).abs().max() < 1e-4
    with pytest.raises(ValueError, match="needs the phase"):
        model.run(codes, rows)
    for spec in HERE:
        with pytest.raises(ValueError, match="needs the phase"):
            draw(spec.generate, model, [Job(rows[0], 10, "x")])


def test_a_network_that_takes_the_inputs_of_linear_prediction_needs_a_predictor() -> None:
    model = network(True, signal=True)
    rows = random_rows(model, 1, 3)
    with pytest.raises(ValueError, match="needs the inputs of linear prediction"):
        model.run(torch.randint(0, 256, (1, 3 * HOP)), rows)
    for spec in HERE:
        with pytest.raises(ValueError, match="needs the inputs of linear prediction"):
            draw(spec.generate, model, [Job(rows[0], 10, "x")])
