"""Tables keep names in one piece at any width, and are plain rows in a pipe."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable

import pytest
from helpers import DIGITS, Result, terminal
from rich.cells import cell_len
from rich.console import Console

from wavegen.cli.tables import listed, print_facts, print_table

HEADER = ("voice", "speakers", "size", "first file")
ROWS = [
    ("kathleen", "-", "11.4 MB", "a folder/with spaces/and a [bracket].wav"),
    ("digits", listed(["0 george w.", "1 jackson", "2 Ольга", "3 中村 明"]), "6.2 MB", "b.wav"),
]
NAMES = [*HEADER, "11.4 MB", ROWS[0][3], "0 george w.", "1 jackson", "2 Ольга", "3 中村 明"]
SPEAKERS = [f"{i} {name}" for i, name in enumerate(("george", "jackson", "lucas", "nicolas"))]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(width: int, show: Callable[[Console], None], file: io.StringIO) -> list[str]:
    show(Console(file=file, width=width, markup=False, highlight=False, color_system=None))
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [1, 10, 20, 40, 50, 60, 80, 100, 200])
def test_no_name_is_broken_on_a_terminal(width: int) -> None:
    lines = shown(width, lambda c: print_table(HEADER, ROWS, c), Terminal())
    for name in NAMES:
        assert any(name in line for line in lines)
    widest = max(map(cell_len, NAMES))
    assert max(map(cell_len, lines)) <= max(width, widest + 2)
    assert "…" not in "".join(lines)


def test_a_wide_terminal_shows_columns_with_numbers_to_the_right() -> None:
    lines = shown(200, lambda c: print_table(HEADER, ROWS, c), Terminal())
    assert len(lines) == 3
    ends = [
        cell_len(line[: line.index(part) + len(part)])
        for line, part in zip(lines, ("size", "11.4 MB", "6.2 MB"), strict=True)
    ]
    assert len(set(ends)) == 1


def test_a_pipe_gets_a_line_for_each_row_with_tabs_whatever_the_width() -> None:
    lines = shown(20, lambda c: print_table(HEADER, ROWS, c), io.StringIO())
    assert [line.split("\t") for line in lines] == [
        [*HEADER],
        [*map(str, ROWS[0])],
        ["digits", "0 george w., 1 jackson, 2 Ольга, 3 中村 明", "6.2 MB", "b.wav"],
    ]
    facts = [("folder", "odd\nname\t.wav"), ("text", ["a", "long", "text"] * 9)]
    lines = shown(20, lambda c: print_facts(facts, c), io.StringIO())
    assert lines == ["folder\todd name .wav", "text\t" + " ".join(["a long text"] * 9)]


@pytest.mark.parametrize("width", [1, 20, 40, 80])
def test_a_value_too_wide_to_stand_beside_its_name_stands_below_it(width: int) -> None:
    facts = [("sha256", "0" * 64), ("speakers", listed(SPEAKERS)), ("rate", "8000 Hz")]
    lines = shown(width, lambda c: print_facts(facts, c), Terminal())
    for name in ("0" * 64, *SPEAKERS, "8000 Hz"):
        assert any(name in line for line in lines)
    assert ("sha256" in lines) == (width < 76)


@pytest.mark.parametrize(
    ("command", "names"),
    [
        (["voices"], ["yweweler", "CC BY-SA 4.0"]),
        (["info", "digits"], [*SPEAKERS, "conditioning.linear_prediction"]),
        (["inspect", DIGITS, "--recipe", "digits"], ["yweweler 0.1 min", "6_jackson_11.wav"]),
    ],
)
def test_voices_info_and_inspect_keep_names_in_one_piece(
    command: list[object], names: list[str]
) -> None:
    text = terminal([sys.executable, "-m", "wavegen", *command], columns=44)
    lines = re.sub(r"\x1b\[[\d;]*m", "", text).splitlines()
    for name in names:
        assert any(name in line for line in lines), text


def test_voices_info_and_inspect_print_unwrapped_rows_into_a_pipe(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    speakers = ", ".join([*SPEAKERS, "4 theo", "5 yweweler"])
    [row] = [x for x in cli("voices").out.splitlines() if x.startswith("digits\t")]
    assert row.split("\t")[1:3] == ["6", "8000 Hz"]
    shown = cli("info", "digits").out.splitlines()
    assert f"speakers\t{speakers}" in shown
    assert all(len(x.split("\t")) == 2 for x in shown)
    shown = cli("inspect", DIGITS, "--recipe", "digits").out.splitlines()
    assert "speaker\tminutes\tclips\ttrain\tvalidation\ttest" in shown
    assert "text\t60 clips, 10 different words" in shown
