"""`wavegen read`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavegen.cli import options as o
from wavegen.cli import show
from wavegen.cli.render import length, render_jobs, say_failed
from wavegen.errors import WavegenError, counted
from wavegen.request import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wavegen.books import Book
    from wavegen.rendering.book import Piece
    from wavegen.rendering.render import Renderer

SAMPLED = 4
"""Pieces of a book from which its length is estimated."""


@o.expanded
def read(
    *,
    book: Annotated[
        Path, typer.Argument(help="A book: .txt, .md, .html or .epub.", metavar="BOOK")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER",
            help="One file with chapters, .m4b, .mp3 or .opus; or a folder, for a file of each.",
        ),
    ],
    request: Annotated[Request, o.without("text", "ssml", "seconds", "max_seconds")],
    form: o.Format = "mp3",
    engine: o.EngineName = None,
    precision: o.Precision = None,
    device: o.Device = "auto",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how long it is and how long it takes.")
    ] = False,
    force: o.Force = False,
) -> None:
    """Read a book aloud, with its chapters; a second call goes on where the first was stopped.

    Footnotes and navigation are left out. What is done so far lies in FILE.parts.
    """
    from wavegen.books import read_book
    from wavegen.rendering.book import pieces, remove_pieces
    from wavegen.rendering.render import Renderer

    parts = _parts(output)
    single = _check(output, parts, force)
    found = read_book(book)
    renderer = Renderer(engine=engine, precision=precision, device=device)
    voice, _ = renderer.voice(request)
    todo = pieces(found, replace(request, max_seconds=None))
    if dry_run:
        _estimate(found, todo, renderer)
        return
    render_jobs([piece.job for piece in todo], parts, renderer, None, None)
    chapters = [
        [parts / piece.job.output_file for piece in todo if piece.chapter == number]
        for number in range(len(found.chapters))
    ]
    _write(output, single, found, chapters, voice.sample_rate, form)
    with suppress(OSError):
        remove_pieces(parts)
    show.err.print(f"{output}: {counted(len(chapters), 'chapter')}", soft_wrap=True)


def _parts(output: Path) -> Path:
    """The folder of what is done so far."""
    named = output if output.name.strip(".") else output.resolve()  # "." and ".." are no names
    return named.parent / f"{named.name}.parts"


def _check(output: Path, parts: Path, force: bool) -> bool:
    """Whether it is one file; raises `WavegenError` if it can't be written."""
    from wavegen.files import check_output, check_output_folder
    from wavegen.rendering.book import CODECS, check_book

    if output.suffix and not output.is_dir():
        check_output(output, force, tuple(CODECS))
        check_book(output)
        return True
    check_output_folder(output)
    stopped = (parts / "manifest.jsonl").exists()  # perhaps while it wrote the chapters
    if output.is_dir() and any(output.iterdir()) and not (force or stopped):
        raise WavegenError(f"-o {output} is not empty; --force writes into it all the same")
    return False


def _estimate(book: Book, todo: Sequence[Piece], renderer: Renderer) -> None:
    """Print how long a book is, from some of its pieces."""
    some = todo[:: max(1, -(-len(todo) // SAMPLED))]
    sound, work, failed = renderer.estimate([piece.job for piece in some])
    for job in failed:
        say_failed(job)
    scale = sum(_letters(p) for p in todo) / max(sum(_letters(p) for p in some), 1)
    words = sum(chapter.words for chapter in book.chapters)
    show.out.print(
        f"{book.title}: {counted(len(book.chapters), 'chapter')}, {counted(words, 'word')}, about "
        f"{length(scale * sound)} of sound, about {length(scale * work)} on this machine",
        soft_wrap=True,
    )


def _letters(piece: Piece) -> int:
    return len(piece.job.request.text or "")


def _write(
    output: Path,
    single: bool,
    book: Book,
    chapters: Sequence[Sequence[Path]],
    rate: int,
    form: str,
) -> None:
    from wavegen.files import make_folder
    from wavegen.rendering.book import chapter_name, write_book, write_chapter

    if single:
        write_book(output, book, chapters, rate)
        return
    make_folder(output)
    for number, files in enumerate(chapters):
        name = chapter_name(number, book.chapters[number], len(chapters))
        write_chapter(output / f"{name}.{form}", book, number, files, rate)
