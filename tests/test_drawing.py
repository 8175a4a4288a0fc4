"""From planned utterances to their sound: some at once, or as they come."""

import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import free_voice

from wavegen import generation
from wavegen.drawing import PAUSE, Live, draw
from wavegen.errors import WavegenError
from wavegen.generation.job import Job
from wavegen.generation.numba.group import Group
from wavegen.generation.spec import EngineSpec, Pieces
from wavegen.generation.waiting import Arrivals
from wavegen.library import load_voice
from wavegen.request import Request
from wavegen.synth import plan, synthesize
from wavegen.utterance import Audio, Utterance
from wavegen.voice import Voice


def test_voiced_frames_of_a_voice_with_a_mel_spectrogram_have_a_lower_temperature(
    tiny_voice: Voice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Job] = []

    def generate(model: object, jobs: Iterable[Job], *options: object) -> Pieces:
        asked.extend(jobs)
        return iter(())

    monkeypatch.setattr(
        "wavegen.drawing.choose_engine", lambda *_: EngineSpec(generate, streams=True, arrays=True)
    )
    free = load_voice(str(free_voice(tmp_path / "free.safetensors")))
    request = Request(text="one", temperature=0.5)
    [spoken] = plan(tiny_voice, request)
    assert spoken.local is not None
    voicing = np.arange(spoken.local.frames) % 5 > 2
    local = replace(spoken.local, voicing=voicing.astype(np.float32))
    spoken = replace(spoken, local=local)
    [noise] = plan(free, replace(request, text=None, seconds=0.1))
    assert [*draw(tiny_voice, [spoken]), *draw(free, [noise])] == []
    [job, plain] = asked
    expected = np.where(voicing, 0.3, 0.45)
    hop = tiny_voice.config.hop_length
    assert np.allclose(job.temperatures(0, spoken.samples, hop)[::hop], expected)
    assert plain.temperature == 0.5
    assert job.predictor is not None
    assert plain.predictor is None


def take(voice: Voice, text: str, seed: int = 0) -> Utterance:
    return next(plan(voice, Request(text=text, seed=seed)))


class Listener:
    """Keeps what is delivered."""

    def __init__(self) -> None:
        self.pieces: list[Audio] = []
        self.error: Exception | None = None
        self.begun, self.ended = threading.Event(), threading.Event()

    def __call__(self, piece: Audio | Exception | None) -> None:
        if isinstance(piece, np.ndarray):
            self.pieces.append(piece)
            self.begun.set()
        else:
            self.error = piece
            self.ended.set()

    def heard(self) -> Audio:
        """The complete sound."""
        assert self.ended.wait(30)
        assert self.error is None
        return np.concatenate(self.pieces)


@pytest.mark.parametrize("threads", [1, 2])
def test_utterances_that_come_while_others_are_drawn_sound_as_alone(
    tiny_voice_file: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr("wavegen.generation.numba.engine.default_threads", lambda: threads)
    voice = load_voice(tiny_voice_file)
    utterances = [take(voice, f"{word} two", n) for n, word in enumerate(["one", "six"] * 10)]
    live = Live(voice)
    listeners = [Listener() for _ in utterances]
    for number, (u, listener) in enumerate(zip(utterances, listeners, strict=True)):
        live.add(u, listener)
        if number in (0, 9):
            assert listener.begun.wait(30)
    live.close()
    for listener, alone in zip(listeners, synthesize(voice, utterances), strict=True):
        assert np.array_equal(listener.heard(), alone)


def test_an_utterance_that_is_stopped_frees_its_lane(
    tiny_voice_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wavegen.generation.numba.engine.default_threads", lambda: 1)
    voice = load_voice(tiny_voice_file)
    endless, short = replace(take(voice, "one"), samples=10**9), take(voice, "two three")
    live, others, listener = Live(voice), [Listener() for _ in range(9)], Listener()
    stops = [live.add(endless, other) for other in others]  # more than there are lanes
    assert others[7].begun.wait(30)
    live.add(short, listener)
    for stop in stops:
        stop()
    [alone] = synthesize(voice, [short])
    assert np.array_equal(listener.heard(), alone)
    live.close()
    assert not others[8].begun.is_set()


def test_those_of_the_lowest_rank_are_drawn_first_and_idle_threads_before_busy_ones() -> None:
    job = Job(np.zeros((1, 1)), 1, "")
    arrivals = Arrivals()
    for number, rank in enumerate((3.0, 1.0, 2.0)):
        arrivals.put(number, job, rank)
    assert [arrivals.take() for _ in range(4)] == [(1, job), (2, job), (0, job), None]
    taken: list[Any] = []
    idle = threading.Thread(target=lambda: taken.append(arrivals.take(wait=True)))
    idle.start()
    while not arrivals._idle:
        time.sleep(0.001)
    arrivals.put(7, job)
    assert arrivals.take() is None
    idle.join(30)
    assert taken == [(7, job)]
    arrivals.close()
    assert arrivals.take(wait=True) is None


@pytest.mark.parametrize("starts", [True, False])
def test_an_engine_that_fails_ends_what_it_draws_and_goes_on(
    tiny_voice_file: Path, monkeypatch: pytest.MonkeyPatch, starts: bool
) -> None:
    """Also where it fails again when it is started."""
    voice = load_voice(tiny_voice_file)
    u = take(voice, "one")
    live, listeners = Live(voice), (Listener(), Listener())

    working, broken = Group.advance, True

    def advance(group: Group, count: int) -> Any:
        if broken and (count or group.size or not starts):
            raise RuntimeError("no power")
        return working(group, count)

    monkeypatch.setattr(Group, "advance", advance)
    live.add(u, listeners[0])
    assert listeners[0].ended.wait(30)
    assert str(listeners[0].error) == "no power"
    if not starts:
        later = Listener()
        live.add(u, later)
        assert later.ended.wait(30)
        assert str(later.error) == "no power"
    broken = False
    time.sleep(0 if starts else 4 * PAUSE)  # until no start is under way that fails
    live.add(u, listeners[1])
    assert np.array_equal(listeners[1].heard(), synthesize(voice, [u])[0])
    live.close()


def test_requests_need_an_engine_that_takes_them_while_it_draws(tiny_voice: Voice) -> None:
    with pytest.raises(WavegenError, match="engine cached takes no requests"):
        Live(tiny_voice, "cached")


def test_an_engine_that_fails_here_gives_way_to_the_next_unless_it_is_asked_for(
    tiny_voice: Voice, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    u = take(tiny_voice, "one")
    expected = synthesize(tiny_voice, [u], "cached")

    def check(*args: Any, **options: Any) -> None:
        raise WavegenError("engine numba fails on this CPU: no power")

    broken = {
        "numba": replace(generation.ENGINES["numba"], check=check),
        "triton": replace(generation.ENGINES["triton"], lacks=lambda device: "a GPU"),
    }
    monkeypatch.setattr(generation, "ENGINES", generation.ENGINES | broken)
    assert np.array_equal(synthesize(tiny_voice, [u])[0], expected[0])
    assert [r.getMessage() for r in caplog.records] == [
        "engine numba fails on this CPU: no power; engine cached draws instead"
    ]
    for how in [("numba", None), (None, "int8")]:
        with pytest.raises(WavegenError, match=r"^engine numba fails on this CPU: no power$"):
            synthesize(tiny_voice, [u], *how)
    with pytest.raises(WavegenError, match=r"^engine numba fails on this CPU: no power$"):
        Live(tiny_voice)
