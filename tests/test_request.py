"""Requests: every field is checked as it is set, with one message wherever it comes from."""

import inspect
import math

import pytest

from wavegen.api import Synthesizer
from wavegen.errors import WavegenError
from wavegen.request import Finish, Option, Request, options

ALL = [(cls, option) for cls in (Request, Finish) for option in options(cls).values()]
NUMBERS = [(cls, o) for cls, o in ALL if o.low > -math.inf]


@pytest.mark.parametrize(("cls", "option"), NUMBERS, ids=lambda x: getattr(x, "name", ""))
def test_a_number_is_finite_and_in_its_range(cls: type, option: Option) -> None:
    wrong = [math.nan, math.inf, -math.inf, "nan", "x", [], True, option.low - 1]
    wrong += [option.high + 1] * (option.high < math.inf)
    for value in wrong:
        with pytest.raises(WavegenError, match=rf"^{option.name} must be a (whole )?number from "):
            cls(**{option.name: value})
    ends = [option.low] + [option.high] * (option.high < math.inf)
    for value in ends:
        assert getattr(cls(**{option.name: str(round(value, 3))}), option.name) == value


def test_numbers_and_ids_are_converted() -> None:
    request = Request(speaker=3, seed="7", temperature="0.5")  # type: ignore[arg-type]
    assert (request.speaker, request.seed, request.temperature) == ("3", 7, 0.5)
    for given, ssml in ((True, True), ("false", False), ("True", True)):
        assert Request(ssml=given).ssml is ssml  # type: ignore[arg-type]
    for value in (1, "yes", None):
        with pytest.raises(WavegenError, match=r"^ssml must be true or false"):
            Request(ssml=value)  # type: ignore[arg-type]
    for name, value in (("seed", 1.5), ("text", ["a"]), ("voice", True), ("temperature", None)):
        with pytest.raises(WavegenError, match=f"^{name} must be a"):
            Request(**{name: value})  # type: ignore[arg-type]
    with pytest.raises(WavegenError, match="bits must be one of 16, 24, float"):
        Finish(bits="8")  # type: ignore[arg-type]


def test_python_takes_every_field_as_an_argument_with_the_same_default() -> None:
    given = inspect.signature(Synthesizer.synthesize).parameters
    fields = options(Request)
    assert set(fields) - {"voice"} == set(given) - {"self", "engine", "precision"}
    for name in fields.keys() - {"voice", "text", "speaker", "seed", "max_seconds"}:
        assert given[name].default == fields[name].default
