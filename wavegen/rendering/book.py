"""Books to audio: chapters as clips that can be resumed, and one file of them all."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from wavegen.audio.writing import FORMATS
from wavegen.books import Book, Chapter
from wavegen.errors import WavegenError
from wavegen.files import atomic_write
from wavegen.rendering.jobs import RenderJob
from wavegen.request import Request
from wavegen.utterance import Audio

CODECS = {".m4b": "aac", ".mp3": "libmp3lame", ".opus": "libopus"}
"""ffmpeg's names; what they write into holds chapters."""
CONTAINERS = {".m4b": "ipod", ".mp3": "mp3", ".opus": "ogg"}
BIT_RATE = 64_000
"""Enough for one voice."""
PIECE = 2500
"""Characters of a piece of a chapter at least, which is what a killed process loses."""
_PIECES = re.compile(r"\d{3,}-\d{3,}\.flac|(?:manifest|failed)\.jsonl")
AFTER_TITLE, AFTER_PARAGRAPH = 1.0, 0.5
"""Seconds."""


@dataclass(frozen=True)
class Piece:
    """A part of a chapter that is rendered by itself."""

    chapter: int
    """From 0."""
    job: RenderJob


def pieces(book: Book, request: Request) -> list[Piece]:
    """The jobs of a book, in order; ``request`` is what they have in common."""
    found: list[Piece] = []
    for number, chapter in enumerate(book.chapters):
        for part, text in enumerate(_texts(chapter), 1):
            name = f"{number + 1:03}-{part:03}.flac"
            asked = replace(request, text=text)
            found.append(Piece(number, RenderJob(len(found) + 1, name, asked)))
    return found


def remove_pieces(folder: Path) -> None:
    """Remove the clips of `pieces` and their list from a folder, which goes, too, unless it holds
    something else.

    Raises:
        OSError: they can't be removed.
    """
    for file in folder.iterdir():
        if _PIECES.fullmatch(file.name):
            file.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _texts(chapter: Chapter) -> Iterator[str]:
    """A chapter in pieces, each with the pauses that follow its paragraphs."""
    title = chapter.title if chapter.title[-1:] in ".?!" else f"{chapter.title}."
    said = [f"{_plain(title)} [pause {AFTER_TITLE}s]"] if chapter.title else []
    for paragraph in chapter.paragraphs:
        said.append(f"{_plain(paragraph)} [pause {AFTER_PARAGRAPH}s]")
        if sum(map(len, said)) >= PIECE:
            yield "\n".join(said)
            said.clear()
    if said:
        yield "\n".join(said)


def _plain(text: str) -> str:
    """Text whose brackets are no directions."""
    return text.replace("[", "(").replace("]", ")")


def check_book(path: Path) -> None:
    """Raise `WavegenError` if a book can't be written as one file here."""
    if not _pyav() and shutil.which("ffmpeg") is None:
        raise WavegenError(
            f"-o {path} needs PyAV (pip install 'wavegen[media]') or an ffmpeg program; or name a "
            "folder, which gets a file for each chapter"
        )


def _pyav() -> bool:
    return importlib.util.find_spec("av") is not None


def write_book(path: Path, book: Book, chapters: Sequence[Sequence[Path]], rate: int) -> None:
    """Write a book as one file with the titles of its chapters, complete or not at all.

    Args:
        path: .m4b, .mp3 or .opus.
        book: its titles.
        chapters: files of the pieces of each chapter.
        rate: of these, in Hz; one that the codec does not take is resampled.

    Raises:
        WavegenError: it can't be written.
    """
    ends = [*accumulate(sum(map(_samples, files)) for files in chapters)]
    sound = _blocks([file for files in chapters for file in files], rate)
    write = _write_by_pyav if _pyav() else _write_by_ffmpeg
    try:
        with atomic_write(path) as beside:
            write(beside, path.suffix.lower(), book, ends, sound, rate)
    except (OSError, WavegenError) as e:
        why = e.strerror if isinstance(e, OSError) else e
        raise WavegenError(f"can't write {path}: {why or e}") from e


def _write_by_pyav(
    path: Path, suffix: str, book: Book, ends: Sequence[int], sound: Iterator[Audio], rate: int
) -> None:
    """Write mono float32 at ``rate``; ``ends`` of the chapters are in samples."""
    import av

    codec = av.Codec(CODECS[suffix], "w")
    target = min((r for r in codec.audio_rates or [rate] if r >= rate), default=48000)
    chapters: list[Any] = [
        {
            "id": n,
            "start": begin,
            "end": end,
            "time_base": Fraction(1, rate),
            "metadata": {"title": book.chapters[n].title},
        }
        for n, (begin, end) in enumerate(pairwise([0, *ends]))
    ]
    try:
        with av.open(str(path), "w", format=CONTAINERS[suffix]) as out:
            out.metadata.update(_tags(book))
            stream: Any = out.add_stream(codec.name, rate=target, layout="mono", bit_rate=BIT_RATE)
            out.set_chapters(chapters)
            even = av.AudioResampler(stream.format, "mono", target)
            for block in sound:
                frame = av.AudioFrame.from_ndarray(block[None], "flt", "mono")
                frame.sample_rate = rate
                for part in even.resample(frame):
                    out.mux(stream.encode(part))
            for part in even.resample(None):
                out.mux(stream.encode(part))
            out.mux(stream.encode(None))
    except av.FFmpegError as e:
        raise WavegenError(e.strerror) from e


def _write_by_ffmpeg(
    path: Path, suffix: str, book: Book, ends: Sequence[int], sound: Iterator[Audio], rate: int
) -> None:
    """As `_write_by_pyav`; the titles are in a file as its manual has it ("Metadata")."""
    lines = [";FFMETADATA1", *(f"{name}={_escaped(value)}" for name, value in _tags(book).items())]
    for chapter, (begin, end) in zip(book.chapters, pairwise([0, *ends]), strict=True):
        lines += ["[CHAPTER]", f"TIMEBASE=1/{rate}", f"START={begin}", f"END={end}"]
        lines += [f"title={_escaped(chapter.title)}"]
    with TemporaryDirectory() as folder, (Path(folder) / "said").open("w+b") as said:
        titles = Path(folder) / "titles"
        titles.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = ["ffmpeg", "-v", "error", "-y", "-f", "f32le", "-ar", str(rate), "-ac", "1"]
        command += ["-i", "pipe:0", "-f", "ffmetadata", "-i", str(titles), "-map", "0:a"]
        command += ["-map_metadata", "1", "-map_chapters", "1", "-c:a", CODECS[suffix]]
        command += ["-b:a", str(BIT_RATE), "-f", CONTAINERS[suffix], f"file:{path}"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=said) as process:
            assert process.stdin is not None
            try:
                with suppress(BrokenPipeError), process.stdin:  # then it has said why
                    for block in sound:
                        process.stdin.write(block.astype("<f4").tobytes())
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            said.seek(0)
            why = said.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise WavegenError(f"ffmpeg: {why[-1]}")


def _escaped(text: str) -> str:
    """A value of ffmpeg's metadata, on one line."""
    return re.sub(r"([=;#\\])", r"\\\1", " ".join(text.split()))


def write_chapter(path: Path, book: Book, number: int, files: Sequence[Path], rate: int) -> None:
    """Write one chapter, ``number`` from 0, as a file with its title, complete or not at all.

    Raises:
        WavegenError: it can't be written.
    """
    import soundfile

    form, subtypes = FORMATS[path.suffix.lower()]
    try:
        with (
            atomic_write(path) as beside,
            soundfile.SoundFile(beside, "w", rate, 1, subtypes["16"], format=form) as out,
        ):
            out.title, out.album = book.chapters[number].title, book.title
            out.tracknumber = str(number + 1)
            if book.author:
                out.artist = book.author
            for block in _blocks(files, rate):
                out.write(block)
    except (OSError, soundfile.SoundFileError) as e:
        raise WavegenError(f"can't write {path}: {e}") from e


def _samples(file: Path) -> int:
    import soundfile

    return int(soundfile.info(file).frames)


def _blocks(files: Sequence[Path], rate: int) -> Iterator[Audio]:
    """The sound of files one after the other, second by second."""
    import soundfile

    for file in files:
        yield from soundfile.blocks(file, rate, dtype="float32")


def _tags(book: Book) -> Mapping[str, str]:
    tags = {"title": book.title, "album": book.title, "genre": "Audiobook"}
    return tags | ({"artist": book.author, "album_artist": book.author} if book.author else {})


def chapter_name(number: int, chapter: Chapter, count: int) -> str:
    """The name of a chapter's file, without suffix; ``number`` from 0."""
    title = " ".join(re.sub(r"[^\w\s'-]", " ", chapter.title).split())[:60].strip()
    return f"{number + 1:0{len(str(count))}} {title}".strip()
