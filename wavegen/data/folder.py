"""The files of a folder: audio, transcripts, tables of metadata, and the rest by kind."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from wavegen.audio.reading import SUFFIXES
from wavegen.data.metadata import Row
from wavegen.errors import DataError, counted

TRANSCRIPTS = (".txt", ".lab")
"""Suffixes of transcripts, in order of preference."""
TABLES = (".csv", ".tsv", ".txt", ".jsonl", ".json")
"""Suffixes of tables of metadata, likewise."""
TABLE_NAMES = (
    r"meta_?data",
    r"validated",  # what the listeners of Common Voice have confirmed
    r"(.*[_-])?(train|training|val|valid|validation|dev|test|eval|manifest|file_?list"
    r"|transcripts?|transcriptions?)([_.-].*)?",
)
"""Names of such tables without their suffix; of several sorts the first is used. What else lies in
the root and is no .txt comes last."""
KINDS = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device"}


@dataclass
class Folder:
    """The files below a root, by relative path with forward slashes. Links are followed."""

    root: Path
    audio: list[str] = field(default_factory=list)
    """Sorted."""
    texts: dict[str, str] = field(default_factory=dict)
    """`key` → path of every possible transcript."""
    tables: list[str] = field(default_factory=list)
    """Files that may tell speakers and texts of many clips, by their names."""
    rest: dict[str, str] = field(default_factory=dict)
    """Path → kind of everything but audio: its suffix, "hidden file", "broken link", …"""
    used: set[str] = field(default_factory=set)
    """Transcripts and tables that a layout has read."""
    encodings: set[str] = field(default_factory=set)
    """Of the transcripts read so far."""
    rows: dict[str, list[Row]] = field(default_factory=dict)
    """Content of the tables that have been read."""
    unread: dict[str, str] = field(default_factory=dict)
    """Tables that can't be read, and why."""

    @cached_property
    def ends(self) -> dict[str, list[str]]:
        """The audio of each end of a path (``key`` without suffix): ``wavs/a.flac`` is that of
        ``wavs/a`` and of ``a``."""
        out: dict[str, list[str]] = defaultdict(list)
        for path in self.audio:
            steps = key(stem(path)).split("/")
            for n in range(len(steps)):
                out["/".join(steps[n:])].append(path)
        return out

    def others(self) -> dict[str, int]:
        """Number of files of each kind that nothing uses, the most frequent first."""
        kinds = Counter(kind for path, kind in self.rest.items() if path not in self.used)
        return dict(kinds.most_common())


def key(path: str) -> str:
    """What a path has in common with its other spellings: Unicode in composed form (macOS
    decomposes it), and the suffix of audio or text in lower case."""
    start, _, suffix = path.rpartition(".")
    if f".{suffix.lower()}" in (*SUFFIXES, *TRANSCRIPTS):
        path = f"{start}.{suffix.lower()}"
    return unicodedata.normalize("NFC", path)


def stem(path: str) -> str:
    """A path without the suffix of an audio file, if it has one."""
    start, _, suffix = path.rpartition(".")
    return start if f".{suffix.lower()}" in SUFFIXES else path


def scan(root: Path) -> Folder:
    """Find the files below ``root``. Hidden folders are not entered.

    Raises:
        DataError: ``root`` is not a folder, can't be listed, or contains no audio.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder")
    found = Folder(root)
    seen: set[str] = set()

    def walk(path: str, prefix: str) -> None:
        seen.add(os.path.realpath(path))
        # Not Path objects: there may be hundreds of thousands of files.
        with os.scandir(path) as entries:
            inside = sorted(entries, key=lambda e: e.name)
        for e in inside:
            name, suffix = prefix + e.name, _suffix(e.name)
            kind = _kind(e)
            if kind == "folder":
                if os.path.realpath(e.path) in seen:
                    found.rest[name] = "link to a folder seen before"
                else:
                    walk(e.path, f"{name}/")
            elif kind:
                found.rest[name] = kind
            elif suffix in SUFFIXES:
                found.audio.append(name)
            else:
                found.rest[name] = suffix or "file without suffix"
                if suffix in TRANSCRIPTS:
                    found.texts[key(name)] = name

    try:
        walk(str(root), "")
    except OSError as e:
        raise DataError(f"can't list {e.filename or root}: {e.strerror}") from e
    if not found.audio:
        there = ", ".join(counted_kinds(found.others())) or "nothing"
        raise DataError(f"no audio in {root}: it holds {there}")
    found.audio.sort()
    clips = {key(stem(p)) for p in found.audio}
    found.tables = [
        p
        for p, kind in found.rest.items()
        if kind in TABLES
        and (rank(p) < len(TABLE_NAMES) or (kind != ".txt" and "/" not in p))
        and key(p[: -len(kind)]) not in clips
    ]
    return found


def rank(table: str) -> int:
    """Place of a table's name in `TABLE_NAMES`; their number if it is no such name."""
    name = table.rpartition("/")[2].rpartition(".")[0].lower()
    return next((i for i, n in enumerate(TABLE_NAMES) if re.fullmatch(n, name)), len(TABLE_NAMES))


def counted_kinds(others: dict[str, int]) -> list[str]:
    """What `Folder.others` counts, in words."""
    return [f"{n:,} {k}" if k.startswith(".") else counted(n, k) for k, n in others.items()]


def _suffix(name: str) -> str:
    start, dot, end = name.rpartition(".")
    return f".{end.lower()}" if start and dot else ""


def _kind(entry: os.DirEntry[str]) -> str:
    """What an entry is if it is not a plain, visible file."""
    if entry.name.startswith("."):
        return "hidden file"
    try:
        mode = entry.stat().st_mode
    except OSError:  # the link leads nowhere, or to itself
        return "broken link"
    if stat.S_ISDIR(mode):
        return "folder"
    return "" if stat.S_ISREG(mode) else KINDS.get(stat.S_IFMT(mode), "device")
