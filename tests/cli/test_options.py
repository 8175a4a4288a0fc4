"""Options that are made of the fields of a request."""

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Result, one_clear_line

from wavegen.request import Finish, Request, options


@pytest.mark.parametrize("command", ["synth", "render", "continue", "vocode"])
def test_commands_have_the_fields_as_options(cli: Callable[..., Result], command: str) -> None:
    shown = cli(command, "--help").out
    names = {*options(Request), *options(Finish)}
    if command == "render":
        names.remove("text")
    if command == "vocode":
        names = {"voice", "speaker", "speaker_path", "seed", "temperature", *options(Finish)}
    for name in names:
        assert f"--{name.replace('_', '-')}" in shown
    assert ("output_file, text, voice" in shown) == (command == "render")


@pytest.mark.parametrize("command", ["synth", "render"])
@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--length-scale", "nan", "must be a number from 0.1 to 10, not nan"),
        ("--length_scale", "0", "must be a number from 0.1 to 10, not 0.0"),
        ("--temperature", "inf", "must be a number from 0, not inf"),
        ("--volume", "101", "must be a number from 0 to 100, not 101.0"),
        ("--sample-rate", "10", "must be a whole number from 1000 to 384000"),
    ],
)
def test_a_value_out_of_range_is_named_by_its_flag(
    cli: Callable[..., Result], tmp_path: Path, command: str, flag: str, value: str, message: str
) -> None:
    (tmp_path / "jobs.txt").write_text("one")
    args = ["one"] if command == "synth" else [tmp_path / "jobs.txt", "-o", tmp_path / "out"]
    done = cli(command, *args, flag, value)
    one_clear_line(done, f"{flag.replace('_', '-')} {message}")
