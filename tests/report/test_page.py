"""`wavegen report`: one page that holds all it shows, of any run, and escapes what it is given."""

import json
import shutil
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import DIGITS, TINY, Result, one_clear_line, trainer, write_recipe

from wavegen.config import Config
from wavegen.recipe import load_config, to_toml
from wavegen.report import page_plots
from wavegen.report.measure import conditioning_worth
from wavegen.report.page import SHOWN_STEPS
from wavegen.report.provenance import describe, read_rows
from wavegen.training.corpus import training_clip
from wavegen.training.held_out import HeldOut


class Page(HTMLParser):
    """Tags, what they load, and the text."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [v or "" for k, v in attrs if k in ("src", "href", "data", "poster")]

    def handle_data(self, data: str) -> None:
        self.text += " ".join(data.split()) + " "


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished tiny run on its own copy of the digits."""
    here = tmp_path_factory.mktemp("report")
    shutil.copytree(DIGITS, here / "audio")
    recipe = write_recipe(here / "tiny.toml", sample_every=4, seed=1)
    with pytest.MonkeyPatch.context() as m:
        m.setenv("WAVEGEN_CACHE", str(here / "cache"))
        args = ["train", here / "audio", "--recipe", recipe, "--out", here / "run"]
        m.setattr(sys, "argv", ["wavegen", *map(str, args)])
        from wavegen.cli.app import main

        with pytest.raises(SystemExit) as done:
            main()
    assert not done.value.code
    return here / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of it to spoil; its recordings stay where they are."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def test_the_page_holds_all_that_it_shows(cli: Callable[..., Result], run: Path) -> None:
    done = cli("report", run)
    assert done.code == 0, done.err
    page = Page(run / "report.html")
    assert page.loads
    assert all(x.startswith("data:") for x in page.loads)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert page.tags.count("audio") == 8
    assert page.tags.count("img") == 9
    for part in (
        "8 of 8, finished",
        "validation",
        "right conditioning",
        "local features zeroed",
        "speaker replaced by the mean",
        "step 4",
        "step 8",
        "eight george",
        "60 (54 train, 6 validation, 0 test); 0 files left out",
        "6 speakers have under a minute",
        "residual_channels",
        "torchaudio",
        "wavegen train",
    ):
        assert part in page.text


def test_a_run_that_has_hardly_begun_has_a_page(
    cli: Callable[..., Result], finished: Path, tmp_path: Path
) -> None:
    run, out = tmp_path / "early", tmp_path / "page.html"
    run.mkdir()
    shutil.copy(finished / "config.toml", run)
    assert cli("report", run, "-o", out).code == 0
    text = Page(out).text
    for part in (
        "0 of 8, not finished",
        "no voice has been saved yet",
        "No step has been logged",
        "there is no voice yet",
        "None yet",
        "no data.json",
    ):
        assert part in text


def test_an_unfinished_run_with_a_half_written_row_has_a_page(
    cli: Callable[..., Result], run: Path
) -> None:
    metrics = run / "metrics.jsonl"
    kept = metrics.read_text().splitlines()[:2]
    metrics.write_text("\n".join([*kept, '{"step": 6, "loss_']))
    (run / "voice.safetensors").unlink()
    (run / "samples" / "0000004-0.wav").write_bytes(b"RIFF")
    soundfile.write(run / "samples" / "0000004-1.wav", np.zeros((50, 2)), 44100)
    assert cli("report", run).code == 0
    text = Page(run / "report.html").text
    assert "4 of 8, not finished" in text
    assert "to last.safetensors" in text
    assert "Unreadable: 0000004-0.wav" in text


def test_names_from_the_data_are_escaped(
    cli: Callable[..., Result], tmp_path: Path, tone: Callable[..., Path]
) -> None:
    for speaker in ('<img src=x onerror="1">', "a&amp;b'"):
        for n in range(3):
            tone(tmp_path / "audio" / speaker / f"{n}<script>.wav")
    (tmp_path / "audio" / "a&amp;b'" / "<b>.wav").write_bytes(b"")
    recipe = write_recipe(tmp_path / "tiny.toml", sample_every=8)
    run = tmp_path / "<u>run"
    args = ("--recipe", recipe, "--out", run, "--allow-bad")
    done = cli("train", tmp_path / "audio", *args)
    assert done.code == 0, done.err
    assert cli("report", run).code == 0
    page = Page(run / "report.html")
    assert not {"script", "b>", "u"} & set(page.tags)
    assert all(x.startswith("data:") for x in page.loads)
    for part in ('<img src=x onerror="1">', "a&amp;b'", "<b>.wav", "<u>run"):
        assert part in page.text


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda file: file.unlink(), "is no longer there"),
        (lambda file: file.write_bytes(b"other"), "has changed since the run began"),
    ],
)
def test_recordings_that_are_gone_or_changed_are_said_so(
    cli: Callable[..., Result],
    run: Path,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    said: str,
) -> None:
    audio = Path(shutil.copytree(DIGITS, tmp_path / "audio"))
    data = json.loads((run / "data.json").read_text())
    (run / "data.json").write_text(json.dumps({**data, "folder": str(audio)}))
    for probe in data["probes"]:
        spoil(audio / probe["path"])
    assert cli("report", run).code == 0
    text = Page(run / "report.html").text
    assert f"Not measured: {audio / data['probes'][0]['path']} {said}" in text


def test_right_conditioning_is_what_validation_measures(
    tmp_path: Path, tiny_config: Config
) -> None:
    t = trainer(tmp_path / "run", tiny_config.replace("data", validation=0.3))
    data = describe(t.dataset, 8000)
    worth = conditioning_worth(t.voice, DIGITS, data.probes)
    paths = t.dataset.split["validation"]
    assert {p["path"] for p in data.probes} <= set(paths)
    chosen = [training_clip(t.voice, t.dataset, p["path"]) for p in data.probes]
    assert 6 <= len(chosen) <= 12
    measured = t.measure(t.voice, HeldOut(chosen))
    assert worth.bits["right conditioning"] == pytest.approx(measured, abs=1e-4)
    assert len(worth.bits) == len(set(worth.bits.values())) == 4


def test_the_page_tells_what_context_stacks_are_worth_to_a_voice_without_conditioning(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    recipe = tmp_path / "free.toml"
    free = {"data": {"layout": "flat"}, "conditioning": {"features": "none"}}
    model = TINY["model"] | {"context": [{"pool": 64, "layers": 2, "channels": 4}]}
    recipe.write_text(to_toml(load_config(TINY | free | {"model": model}, "free")))
    assert cli("train", DIGITS, "--recipe", recipe, "--out", tmp_path / "run").code == 0
    assert cli("report", tmp_path / "run").code == 0
    page = Page(tmp_path / "run" / "report.html").text
    assert "context stacks zeroed" in page
    assert "s through context stacks" in page


def test_only_some_of_many_steps_are_on_the_page(cli: Callable[..., Result], run: Path) -> None:
    clip = run / "samples" / "0000008-0.wav"
    for step in range(10, 60):
        shutil.copy(clip, run / "samples" / f"{step:07d}-0.wav")
    assert cli("report", run).code == 0
    text = Page(run / "report.html").text
    assert f"{SHOWN_STEPS} of 52 steps are shown" in text
    assert "step 4 " in text
    assert "step 59 " in text


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        (["{tmp}/nothing"], ["nothing is not a folder", "--out"]),
        (["{tmp}"], ["holds no run (no config.toml)"]),
        (["{run}", "-o", "{tmp}/a.txt"], ["a.txt", ".html"]),
        (["{run}", "-o", "{tmp}/no/a.html"], ["the folder", "does not exist"]),
        (["{run}", "-o", "{tmp}/there.html"], ["there.html exists", "--force"]),
    ],
)
def test_wrong_arguments_of_report(
    cli: Callable[..., Result], run: Path, tmp_path: Path, args: list[str], parts: list[str]
) -> None:
    (tmp_path / "there.html").write_text("precious")
    before = sorted(tmp_path.rglob("*"))
    one_clear_line(cli("report", *(a.format(tmp=tmp_path, run=run) for a in args)), *parts)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "there.html").read_text() == "precious"
    if "--force" in parts:
        assert cli("report", run, "-o", tmp_path / "there.html", "--force").code == 0
        assert "precious" not in (tmp_path / "there.html").read_text()


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("metrics.jsonl", '{"step": 1, "loss_bits": "x"}\n', "metrics.jsonl"),
        ("starts.jsonl", '{"step": 1}\n', "starts.jsonl"),
        ("config.toml", "[train]\nsteps = true\n", "train.steps"),
    ],
)
def test_a_broken_record_is_a_clear_error(
    cli: Callable[..., Result], run: Path, name: str, content: str, part: str
) -> None:
    (run / name).write_text(content)
    one_clear_line(cli("report", run), part, "must be int" if name == "config.toml" else "broken")
    assert not (run / "report.html").exists()


def test_without_the_extra_the_error_says_what_to_install(
    cli: Callable[..., Result], run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    one_clear_line(cli("report", run), "matplotlib", "wavegen[report]")


def test_the_largest_gradient_between_two_rows_is_logged(finished: Path) -> None:
    logged = [r for r in read_rows(finished / "metrics.jsonl") if "loss_bits" in r]
    assert len(logged) == 4
    assert all(r["gradient_norm_max"] >= r["gradient_norm"] > 0 for r in logged)
    assert any(r["gradient_norm_max"] > r["gradient_norm"] for r in logged)


def test_the_curves_show_y_limits() -> None:
    rows = [
        {"step": n, "loss_bits": 3.8 + (4.2 if n < 5 else 0), "gradient_norm": 1.0}
        for n in range(1, 101)
    ]
    steps, bits = page_plots.series(rows, "loss_bits")
    val_steps, val = np.array([3.0, 90.0]), np.array([8.0, 4.1])
    limits = page_plots._y_limits(steps, bits, val_steps, val)
    assert limits is not None
    assert 3.7 < limits[0] < 3.8
    assert 4.1 < limits[1] < 4.2
    assert page_plots.curves(rows, Config()).lstrip().startswith(b"<?xml")
    assert page_plots.curves(rows, Config()) == page_plots.curves(rows, Config())


def test_rows_that_are_not_whole_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    assert read_rows(file) == []
    file.write_text('{"step": 1}\n7\n{"no": 1}\n{"step": 2, "x": 1}\n{"st')
    assert read_rows(file) == [{"step": 1}, {"step": 2, "x": 1}]


def test_long_curves_are_thinned_and_gaps_left_out() -> None:
    rows = [{"step": n, "a": float(n % 7)} for n in range(100_000)]
    rows[5]["a"] = float("nan")
    steps, values = page_plots.thinned(*page_plots.series(rows, "a"), np.max)
    assert len(steps) == len(values) == page_plots.MOST_POINTS
    assert set(values) == {6.0}
    assert len(page_plots.series(rows, "b")[0]) == 0
