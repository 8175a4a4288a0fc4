"""`wavegen align`."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from helpers import DIGITS, Result


def tiers(text: str) -> dict[str, list[tuple[float, float, str]]]:
    """The tiers of a TextGrid."""
    found = {}
    for part in text.split("item [")[2:]:
        name = re.search(r'name = "(.*)"', part)
        rows = re.findall(r'\]:\nxmin = (\S+)\nxmax = (\S+)\ntext = "(.*)"', part)
        assert name
        assert f"intervals: size = {len(rows)}" in part
        found[name[1]] = [(float(a), float(b), t) for a, b, t in rows]
    return found


def test_align_writes_intervals_that_tile_each_clip(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = cli(
        "align", DIGITS, "--recipe", "digits", "-o", out, *("--plot", "7_yweweler_12.wav"), "--json"
    )
    assert done.code == 0, done.err
    rows = json.loads(done.out)
    assert len(rows) == 60
    for row in rows:
        assert json.loads(Path(row["file"]).read_text())["misfit"] == row["misfit"]
    assert "aligned 60 clips" in done.err
    assert (out / "7_yweweler_12.png").stat().st_size > 10_000
    grids = sorted(out.glob("*.TextGrid"))
    assert len(grids) == 60
    for grid in grids:
        found = tiers(grid.read_text("utf-8"))
        assert list(found) == ["words", "phones"]
        about = json.loads(grid.with_suffix(".json").read_text("utf-8"))
        assert about["clip"] == f"{grid.stem}.wav"
        for name, rows in found.items():
            ends = [b for _, b, _ in rows]
            assert [a for a, _, _ in rows] == [0.0, *ends[:-1]]
            assert (np.diff([0.0, *ends]) > 0).all()
            said = [{"label": t, "start": a, "end": b} for a, b, t in rows if t]
            assert said == about[name]
        assert len(about["words"]) == 1
    again = cli("align", DIGITS, "--recipe", "digits", "-o", out)
    assert again.code == 2
    assert "--force" in again.err


def test_wrong_arguments_of_align(
    cli: Callable[..., Result], tone: Callable[..., Path], tmp_path: Path
) -> None:
    done = cli("align", DIGITS, "--recipe", "digits", "-o", tmp_path / "a", "--plot", "x.wav")
    assert done.code == 2
    assert "x.wav" in done.err
    assert not (tmp_path / "a").exists()
    tone(tmp_path / "b" / "tone.wav")
    done = cli("align", tmp_path / "b", "-o", tmp_path / "c")
    assert done.code == 2
    assert "has a text" in done.err
    done = cli("align", DIGITS, "-o", tmp_path / "b" / "tone.wav")
    assert done.code == 2
    assert "is a file" in done.err
