"""Long recordings, cut into several clips."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

from wavegen.data.clip import Clip
from wavegen.data.prepare import Prepared

PIECE = re.compile(r"#(\d+)/(\d+)$")
"""The end of a piece's path: its number, from 1, and how many there are."""


def cut_long(
    clips: Sequence[Clip], prepared: Prepared, longest: int
) -> tuple[list[Clip], Prepared]:
    """Cut clips of more than ``longest`` samples into equal pieces, named ``PATH#1/3``.

    Clips with a text are not cut, since the words of a piece would be unknown.
    """
    entries = dict(prepared.entries)
    out: list[Clip] = []
    for clip in clips:
        entry = entries.get(clip.path)
        if entry is None or clip.text or entry.samples <= longest:
            out.append(clip)
            continue
        count = -(-entry.samples // longest)
        for number in range(1, count + 1):
            path = f"{clip.path}#{number}/{count}"
            begin, end = bounds(path, entry.samples)
            entries[path] = entry._replace(
                path=path, offset=entry.offset + begin, samples=end - begin
            )
            out.append(dataclasses.replace(clip, path=path))
    return out, Prepared(prepared.folder, entries, prepared.samples)


def source(path: str) -> str:
    """The file of a clip, which may be a piece of it."""
    return PIECE.sub("", path)


def stretches(paths: Iterable[str]) -> list[list[str]]:
    """Clips in groups: pieces that follow each other in their file make one."""

    def place(path: str) -> tuple[str, int]:
        m = PIECE.search(path)
        return source(path), int(m[1]) if m else 0

    groups: list[list[str]] = []
    for path in sorted(paths, key=place):
        file, number = place(path)
        if groups and number > 1 and place(groups[-1][-1]) == (file, number - 1):
            groups[-1].append(path)
        else:
            groups.append([path])
    return groups


def bounds(path: str, samples: int) -> tuple[int, int]:
    """First and end sample of a clip within its file, which has ``samples`` samples."""
    m = PIECE.search(path)
    number, count = (int(m[1]), int(m[2])) if m else (1, 1)
    return samples * (number - 1) // count, samples * number // count
