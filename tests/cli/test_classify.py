"""`wavegen classify`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import DIGITS, Result, one_clear_line


def test_the_likeliest_comes_first_and_the_probabilities_sum_to_one(
    cli: Callable[..., Result], tiny_voice_file: Path
) -> None:
    args = ("classify", DIGITS / "1_theo_6.wav", "--voice", tiny_voice_file)
    for more, count in (
        (("-s", "theo", "-t", "one|two"), 2),
        (("--speakers",), 6),
        (("--speakers", "-t", "one", "-t", "two"), 12),
    ):
        found = json.loads(cli(*args, *more, "--json").out)["hypotheses"]
        assert len(found) == count
        assert sum(h["probability"] for h in found) == pytest.approx(1)
        bits = [h["bits_per_sample"] for h in found]
        assert bits == sorted(bits)
    table = cli(*args, "-s", "theo", "-t", "one|two").out
    assert {"text", "one", "two", "probability"} <= {*table.split()}


def test_the_likelihoods_are_those_of_score(
    cli: Callable[..., Result], tiny_voice_file: Path
) -> None:
    args = (DIGITS / "1_theo_6.wav", "--voice", tiny_voice_file, "-s", "theo", "--json")
    found = json.loads(cli("classify", *args, "-t", "one|two").out)["hypotheses"]
    for h in found:
        scored = json.loads(cli("score", *args, "-t", h["text"]).out)
        assert h["bits_per_sample"] == pytest.approx(scored["bits_per_sample"], abs=1e-6)


def test_a_choice_needs_something_to_choose_from(
    cli: Callable[..., Result], tiny_voice_file: Path
) -> None:
    args = ("classify", DIGITS / "1_theo_6.wav", "--voice", tiny_voice_file)
    one_clear_line(cli(*args), "--texts")
    one_clear_line(cli(*args, "-t", "one"), "--texts")
    one_clear_line(cli(*args, "-t", "one|two"), "--speaker")
    one_clear_line(cli(*args, "-s", "theo", "--speakers"), "not both")
