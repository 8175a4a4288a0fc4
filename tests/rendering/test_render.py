"""Batch rendering: whole clips, nothing twice, nothing lost."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import forks
import pytest
import soundfile
from helpers import Result

from wavegen.errors import VoiceError
from wavegen.rendering.jobs import FailedJob, RenderJob
from wavegen.rendering.render import Renderer, render
from wavegen.rendering.render import Result as Rendered
from wavegen.request import Request

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def write_jobs(path: Path, count: int, words: int = 6) -> Path:
    """So many jobs, each of 1 to ``words`` words."""
    rng = random.Random(0)
    rows = [
        {
            "text": " ".join(rng.choices(WORDS, k=rng.randint(1, words))),
            "speaker": rng.randrange(6),
            "output_file": f"{i % 3}/{i:03d}.wav",
        }
        for i in range(count)
    ]
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def job(voice: Path, line: int, file: str, text: str, seed: int | None = None) -> RenderJob:
    return RenderJob(line, file, Request(text=text, voice=str(voice), seed=seed))


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and p.name != "manifest.jsonl"
    }


def test_only_what_is_missing_or_changed_is_rendered(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    jobs, out = write_jobs(tmp_path / "jobs.jsonl", 9), tmp_path / "out"
    command = ("render", jobs, "-o", out, "--voice", tiny_voice_file)
    dry = cli(*command, "--dry-run")
    assert dry.code == 0, dry.err
    assert dry.out.startswith("9 clips to render (0 are there), ")
    assert not out.exists()
    done = cli(*command)
    assert done.code == 0, done.err
    assert f"{out}: 9 clips" in done.err
    first = files(out)
    assert len(first) == 9
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    for row in rows:
        info = soundfile.info(out / row["output_file"])
        assert info.frames / 8000 == pytest.approx(row["duration"], abs=1e-3)
    assert "0 clips" in (again := cli(*command)).err
    assert "9 were there" in again.err

    lines = jobs.read_text().splitlines()
    lines[0] = lines[0].replace('"text": "', '"text": "six ')
    jobs.write_text("\n".join(lines))
    (out / "1" / "001.wav").unlink()
    (out / "2" / "002.wav").write_bytes(first["2/002.wav"][:-100])
    assert "3 clips" in cli(*command).err
    now = files(out)
    assert {name for name in first if now[name] != first[name]} == {"0/000.wav"}
    assert "9 clips" in cli(*command, "--volume", "0.5").err  # every clip is another


def test_a_changed_lexicon_makes_a_changed_clip(tmp_path: Path, tiny_voice_file: Path) -> None:
    lexicon, renderer = tmp_path / "names.tsv", Renderer()
    request = Request(text="Zorn", voice=str(tiny_voice_file), lexicon=str(lexicon))
    hashes = set()
    for said in ("one", "two"):
        lexicon.write_text(f"# for the test of {said}\nZorn\t{said}\n")
        hashes.add(renderer.hash(RenderJob(1, "a.wav", request)))
    assert len(hashes) == 2


def test_a_clip_is_that_of_synth(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    job = {"text": "one. two!", "speaker": "theo", "seed": 3, "length_scale": 1.2}
    (tmp_path / "jobs.jsonl").write_text(json.dumps(job) + '\n{"text": "three four"}')
    cli("render", tmp_path / "jobs.jsonl", "-o", tmp_path / "out", "--voice", tiny_voice_file)
    cli(
        *("synth", "one. two!", "-s", "theo", "--seed", 3, "--length-scale", 1.2),
        *("--voice", tiny_voice_file, "-o", tmp_path / "one.wav"),
    )
    assert (tmp_path / "out" / "000001.wav").read_bytes() == (tmp_path / "one.wav").read_bytes()


def test_failed_jobs_are_listed_and_can_be_tried_again(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    out, jobs = tmp_path / "out", tmp_path / "jobs.jsonl"
    rows = [
        {"text": "one"},
        {"text": "one", "speaker": "bob"},
        {"text": "???"},
        {"text": "one", "voice": "nobody"},
        {"text": "one", "output_file": "../x.wav"},
        {"text": "two", "seconds": 3},
        {"text": "two", "max_seconds": 0.01},
        {"text": "one", "voice": "a" * 300},
    ]
    jobs.write_text("".join(json.dumps(r) + "\n" for r in rows))
    done = cli("render", jobs, "-o", out, "--voice", tiny_voice_file)
    assert done.code == 1
    parts = ("bob", "no words", "nobody", "inside", "in seconds", "max-s", "too long")
    for line, part in enumerate(parts, 2):
        [said] = [x for x in done.err.splitlines() if x.startswith(f"line {line}: ")]
        assert part in said
    assert "7 jobs failed" in done.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["jobs.jsonl", "out"]
    failed = out / "failed.jsonl"
    assert cli("render", failed, "-o", out, "--voice", tiny_voice_file).code == 1
    mended = failed.read_text().replace("bob", "theo").replace("???", "four")
    failed.write_text("".join(mended.splitlines(keepends=True)[:2]))
    again = cli("render", failed, "-o", out)
    assert again.code == 0, again.err
    assert sorted(files(out)) == ["000001.wav", "000002.wav", "000003.wav"]


def test_failed_jobs_of_another_list_stay(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    out = tmp_path / "out"
    for name, rows in (
        ("one", '{"text": "?", "output_file": "a.wav"}\nnonsense\n'),
        ("two", '{"text": "two", "output_file": "b.wav"}\n'),
        ("three", '{"text": "two", "output_file": "a.wav"}\n'),
    ):
        (tmp_path / f"{name}.jsonl").write_text(rows)
        done = cli("render", tmp_path / f"{name}.jsonl", "-o", out, "--voice", tiny_voice_file)
        assert done.code == (name == "one"), done.err
    [left] = (out / "failed.jsonl").read_text().splitlines()
    assert json.loads(left)["row"] == "nonsense"
    assert cli("render", out / "failed.jsonl", "-o", out, "--voice", tiny_voice_file).code == 1
    assert json.loads((out / "failed.jsonl").read_text())["row"] == "nonsense"


def test_failed_jobs_come_in_order(tiny_voice_file: Path) -> None:
    texts = ["?", "!", "...", "one"]
    jobs = [job(tiny_voice_file, i, f"{i}.wav", t) for i, t in enumerate(texts)]
    lines = [r.line for r in Renderer().render(jobs) if isinstance(r, FailedJob)]
    assert lines == [0, 1, 2]


def test_the_newest_clip_counts_whichever_list_names_it(
    tmp_path: Path, tiny_voice_file: Path
) -> None:
    one = Request(text="one", voice=str(tiny_voice_file), noise_scale=0.0)  # clips of one length
    a, b = (RenderJob(1, "a.wav", replace(one, seed=s)) for s in (1, 2))
    assert render([a], tmp_path, Renderer(), (1, 2)).made == 1
    size = (tmp_path / "a.wav").stat().st_size
    assert render([b], tmp_path, Renderer()).made == 1
    assert (tmp_path / "a.wav").stat().st_size == size
    (tmp_path / "manifest-2-of-2.jsonl").touch()
    assert render([a], tmp_path, Renderer(), (1, 2)).made == 1
    assert render([a], tmp_path, Renderer()).kept == 1


def test_no_link_leads_out_of_the_folder(tmp_path: Path, tiny_voice_file: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "link").symlink_to(tmp_path)
    jobs = [
        job(tiny_voice_file, i, name, "one")
        for i, name in enumerate(("link/a.wav", "link/sub/a.wav", "b.wav"))
    ]
    summary = render(jobs, out, Renderer())
    assert sorted(f.line for f in summary.failed) == [0, 1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]
    assert (out / "b.wav").exists()


@pytest.mark.parametrize("engine", ["cached", "naive"])
def test_other_engines_render_the_same_lengths(
    tmp_path: Path, tiny_voice_file: Path, engine: str
) -> None:
    jobs = [job(tiny_voice_file, i, f"{i}.wav", WORDS[i]) for i in range(3)]
    render(jobs, tmp_path / "numba", Renderer())
    render(jobs, tmp_path / "other", Renderer(engine=engine))  # type: ignore[arg-type]
    for i in range(3):
        a, b = (soundfile.info(tmp_path / d / f"{i}.wav").frames for d in ("numba", "other"))
        assert a == b


@pytest.mark.parametrize("shard", ["1/2", "auto"])
def test_shards_do_their_part_and_share_the_folder(
    cli: Callable[..., Result],
    tmp_path: Path,
    tiny_voice_file: Path,
    shard: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs, out = write_jobs(tmp_path / "jobs.jsonl", 5), tmp_path / "out"
    command = ("render", jobs, "-o", out, "--voice", tiny_voice_file)
    assert cli(*command, "--shard", "auto").code == 2
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_NTASKS", "2")
    assert "2 clips" in cli(*command, "--shard", shard).err
    assert "3 clips" in cli(*command, "--shard", "2/2").err
    done = cli(*command)
    assert "5 were there" in done.err
    assert sorted(p.name for p in out.iterdir() if p.is_file()) == [
        "manifest-1-of-2.jsonl",
        "manifest-2-of-2.jsonl",
    ]


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (("missing.jsonl", "-o", "out"), "can't read missing.jsonl"),
        (("empty.txt", "-o", "out"), "the job list is empty"),
        (("jobs.txt", "-o", "jobs.txt"), "is a file; it must name a folder"),
        (("jobs.txt", "-o", "out", "--shard", "3/2"), "--shard 3/2: give K/N"),
        (("blank.txt", "-o", "out"), "the job list is empty"),
        (("jobs.txt", "-o", "/proc/out"), "can't write into /proc/out"),
        (("jobs.txt", "-o", "/proc/self"), "can't write into /proc/self"),
        (("jobs.txt", "-o", "o" * 300), "File name too long"),
        (("jobs.txt", "-o", "has-failed", "--dry-run"), "has-failed/failed.jsonl is a folder"),
        (("jobs.txt", "-o", "has-made", "--dry-run"), "can't read has-made/manifest.jsonl"),
        (("jobs.txt", "-o", "has-made"), "can't read has-made/manifest.jsonl"),
        (("jobs.txt", "-o", "out", "--voice", "nobody", "--dry-run"), "no voice 'nobody'"),
        (("jobs.txt", "-o", "out", "-s", "nobody", "--dry-run"), "no speaker 'nobody'"),
        (("jobs.txt", "-o", "out", "--shard", "auto"), "RANK=2 must be a number from 0, below"),
    ],
)
def test_wrong_arguments_are_one_clear_line(
    cli: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...],
    part: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").touch()
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "2")
    (tmp_path / "jobs.txt").write_text("one\ntwo\n")
    (tmp_path / "blank.txt").write_text("\n \n")
    (tmp_path / "has-failed" / "failed.jsonl").mkdir(parents=True)
    (tmp_path / "has-made" / "manifest.jsonl").mkdir(parents=True)
    there = sorted(tmp_path.rglob("*"))
    done = cli("render", *args)
    assert done.code == 2
    [line] = done.err.splitlines()
    assert line.startswith("error: ")
    assert part in line
    assert sorted(tmp_path.rglob("*")) == there


def start(jobs: Path, out: Path, voice: Path) -> BaseProcess:
    return forks.start("render", jobs, "-o", out, "--voice", voice)


def test_two_renders_into_one_folder_do_not_harm_each_other(
    tmp_path: Path, tiny_voice_file: Path
) -> None:
    jobs = write_jobs(tmp_path / "jobs.jsonl", 40, words=1)
    both = [start(jobs, tmp_path / "two", tiny_voice_file) for _ in range(2)]
    one = start(jobs, tmp_path / "one", tiny_voice_file)
    assert [forks.code(p) for p in (*both, one)] == [0, 0, 0]
    assert files(tmp_path / "one") == files(tmp_path / "two")
    rows = (tmp_path / "two" / "manifest.jsonl").read_text().splitlines()
    assert {json.loads(r)["output_file"] for r in rows} == set(files(tmp_path / "one"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_says_how_to_go_on(
    tmp_path: Path, tiny_voice_file: Path, number: int, code: int
) -> None:
    jobs, said = write_jobs(tmp_path / "jobs.jsonl", 300, words=1), tmp_path / "said"
    command = ("render", jobs, "-o", tmp_path / "out", "--voice", tiny_voice_file)
    process = forks.start(*command, said=said)
    while not (tmp_path / "out" / "manifest.jsonl").exists():
        time.sleep(0.05)
        assert process.is_alive()
    assert process.pid
    os.kill(process.pid, number)
    assert forks.code(process) == code
    assert "of 300 clips done; the same command does the rest" in said.read_text()
    assert not any((tmp_path / "out").rglob(".*"))


@pytest.mark.slow
def test_a_render_killed_at_twenty_random_moments_ends_as_an_undisturbed_one(
    tmp_path: Path, tiny_voice_file: Path
) -> None:
    jobs, out = write_jobs(tmp_path / "jobs.jsonl", 60, words=1), tmp_path / "killed"
    manifest = out / "manifest.jsonl"
    assert forks.code(start(jobs, tmp_path / "calm", tiny_voice_file)) == 0

    def made() -> int:
        return len(manifest.read_bytes().splitlines()) if manifest.exists() else 0

    rng, killed = random.Random(0), 0
    while killed < 20:
        process = start(jobs, out, tiny_voice_file)
        if rng.random() < 0.75:  # once there are some more clips; otherwise also while it starts
            enough = made() + rng.randint(1, 5)
            while made() < enough and process.is_alive():
                time.sleep(0.005)
            time.sleep(rng.uniform(0, 0.05))
        else:
            time.sleep(rng.uniform(0, 0.5))
        process.kill()
        code = forks.code(process)
        assert code in (-signal.SIGKILL, 0)
        killed += code != 0
        if code == 0:  # it got to the end: begin again
            shutil.rmtree(out)
    assert forks.code(start(jobs, out, tiny_voice_file)) == 0
    assert files(out) == files(tmp_path / "calm")


def test_what_a_rendering_worker_raises_is_told_from_its_death() -> None:
    from wavegen.rendering.ray import lost

    class TaskError(Exception):
        cause: Exception | None = None

    error, jobs = TaskError(), [RenderJob(3, "a.wav")]
    assert "its worker died" in next(lost(error, jobs)).error
    error.cause = ZeroDivisionError("by zero")
    assert next(lost(error, jobs)).error == "its worker failed: ZeroDivisionError: by zero"
    error.cause = VoiceError("no voice")
    with pytest.raises(VoiceError, match="no voice"):
        next(lost(error, jobs))


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_no_clip(
    tmp_path: Path, tiny_voice_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wavegen.rendering import ray
    from wavegen.rendering.ray import on_ray

    monkeypatch.setattr(ray, "CHUNK", 8)
    jobs = [job(tiny_voice_file, i, f"{i}.wav", " ".join(WORDS[: 1 + i % 3])) for i in range(36)]
    render(jobs, tmp_path / "here", Renderer())
    killed: list[int] = []

    def progress(result: Rendered) -> None:
        if not killed:
            killed.append(ray_worker())
            os.kill(killed[0], signal.SIGKILL)

    renderer = Renderer()
    summary = render(jobs, tmp_path / "ray", renderer, run=on_ray(renderer), progress=progress)
    assert killed
    assert (summary.made, summary.failed) == (36, [])
    assert files(tmp_path / "ray") == files(tmp_path / "here")


def ray_worker() -> int:
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and b"ray::Worker" in (entry / "cmdline").read_bytes():
                return int(entry.name)
        except OSError:
            continue
    raise AssertionError("no worker runs")
