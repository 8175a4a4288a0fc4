"""`wavegen read`."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import av
import imageio_ffmpeg
import pytest
import soundfile
from helpers import Result, one_clear_line

from wavegen.books import Book, Chapter
from wavegen.rendering.book import pieces
from wavegen.request import Request


def test_pieces_end_with_paragraphs_and_their_pauses() -> None:
    chapters = (Chapter("One", ("two [pause 9s] " * 100,) * 3), Chapter("Done?", ("x",)))
    found = pieces(Book("B", "", chapters), Request())
    assert [p.job.output_file for p in found] == ["001-001.flac", "001-002.flac", "002-001.flac"]
    assert [p.chapter for p in found] == [0, 0, 1]
    first, _, last = (p.job.request.text or "" for p in found)
    assert first.startswith("One. [pause 1.0s]\ntwo (pause 9s)")
    assert last == "Done? [pause 1.0s]\nx [pause 0.5s]"


@pytest.fixture
def command(tmp_path: Path, tiny_voice_file: Path) -> tuple[object, ...]:
    book = tmp_path / "two.md"
    book.write_text("# Two\n\n## One\n\none two\n\n## Four; #5\n\nfour\n")
    return "read", book, "--voice", tiny_voice_file


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Without PyAV, the folder of programs; it is empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.parametrize("by", ["PyAV", "ffmpeg"])
@pytest.mark.parametrize("suffix", [".m4b", ".mp3", ".opus"])
def test_one_file_holds_all_chapters_with_their_titles(
    cli: Callable[..., Result],
    tmp_path: Path,
    command: tuple[object, ...],
    suffix: str,
    by: str,
    request: pytest.FixtureRequest,
) -> None:
    out = tmp_path / f"two{suffix}"
    if by == "ffmpeg":
        program = request.getfixturevalue("programs") / "ffmpeg"
        program.symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    done = cli(*command, "-o", out)
    assert done.code == 0, done.err
    assert not (tmp_path / f"{out.name}.parts").exists()
    with av.open(str(out)) as container:
        chapters = container.chapters()
        assert [c["metadata"]["title"] for c in chapters] == ["One", "Four; #5"]
        tags = {**container.metadata, **container.streams.audio[0].metadata}
        assert "Two" in (tags.get("title"), tags.get("TITLE"))
        seconds = sum(f.samples / f.sample_rate for f in container.decode(audio=0))
    ends = [float(c["end"] * c["time_base"]) for c in chapters]
    assert 2.5 < ends[0] < ends[1] == pytest.approx(seconds, abs=0.2)
    one_clear_line(cli(*command, "-o", out), "--force")


def test_without_pyav_and_ffmpeg_a_folder_is_offered_and_an_error_of_ffmpeg_told(
    cli: Callable[..., Result], tmp_path: Path, command: tuple[object, ...], programs: Path
) -> None:
    one_clear_line(cli(*command, "-o", tmp_path / "two.m4b"), "an ffmpeg program; or name a folder")
    (programs / "ffmpeg").write_text(f"#!{sys.executable}\nexit('Error: no such encoder')\n")
    (programs / "ffmpeg").chmod(0o755)
    out = tmp_path / "two.opus"
    one_clear_line(cli(*command, "-o", out), f"can't write {out}: ffmpeg: Error: no such encoder")
    assert not out.exists()
    assert cli(*command, "-o", tmp_path / "two").code == 0


def test_a_folder_gets_a_file_of_each_chapter_and_what_is_there_is_kept(
    cli: Callable[..., Result], tmp_path: Path, command: tuple[object, ...]
) -> None:
    out, parts = tmp_path / "two", tmp_path / "two.parts"
    dry = cli(*command, "-o", out, "--dry-run")
    assert dry.out.startswith("Two: 2 chapters, 6 words, about ")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["two.md"]
    one_clear_line(cli(*command, "-o", out, "--speaker", "nobody"), "no speaker")
    # As a run leaves it that was stopped after its first piece:
    jobs = tmp_path / "jobs.jsonl"
    job = {"output_file": "001-001.flac", "max_seconds": None}
    job["text"] = "One. [pause 1.0s]\none two [pause 0.5s]"
    jobs.write_text(json.dumps(job))
    out.mkdir()
    (out / "1 One.flac").touch()
    voice = command[2:]
    assert cli("render", jobs, "-o", parts, "--max-seconds", 1e6, *voice).code == 0
    done = cli(*command, "-o", out, "--format", "flac")
    assert done.code == 0, done.err
    names = sorted(p.name for p in out.iterdir())
    assert names == ["1 One.flac", "2 Four 5.flac"]
    with soundfile.SoundFile(out / names[1]) as f:
        assert (f.title, f.album, f.tracknumber) == ("Four; #5", "Two", "2")
    assert not parts.exists()
    one_clear_line(cli(*command, "-o", out), "not empty")
    one_clear_line(cli(*command, "-o", tmp_path / "two.wav"), ".m4b")


def test_only_what_it_made_itself_is_removed_from_the_folder_of_parts(
    cli: Callable[..., Result],
    tmp_path: Path,
    command: tuple[object, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts, here = tmp_path / "here.parts", tmp_path / "here"
    for folder in (parts, here):
        folder.mkdir()
    (parts / "mine.txt").write_text("mine")
    monkeypatch.chdir(here)
    done = cli(*command, "-o", ".", "--format", "flac")
    assert done.code == 0, done.err
    assert sorted(p.name for p in here.iterdir()) == ["1 One.flac", "2 Four 5.flac"]
    assert [p.name for p in parts.iterdir()] == ["mine.txt"]
