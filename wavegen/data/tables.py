"""Clips by tables of metadata: which tables of a folder to use, and which file each row names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from wavegen.data.clip import Clip
from wavegen.data.folder import TABLE_NAMES, TABLES, Folder, key, rank, stem
from wavegen.data.metadata import Row, read_table
from wavegen.errors import WavegenError

METADATA = "metadata.csv"
LISTED = 3
"""Most tables that a message names."""


def find_tables(folder: Folder) -> list[str]:
    """The tables to use: those of one sort of name (`TABLE_NAMES`), in each folder of one form
    (`TABLES`), if they name at least half of the audio; else none."""
    for sort in range(len(TABLE_NAMES) + 1):
        forms: dict[str, str] = {}
        candidates = [t for t in folder.tables if rank(t) == sort]
        for suffix in TABLES:
            for t in candidates:
                if folder.rest[t] == suffix and _rows(folder, t):
                    forms.setdefault(_parent(t), suffix)
        chosen = [t for t in candidates if folder.rest[t] == forms.get(_parent(t))]
        chosen = [t for t in chosen if _rows(folder, t)]
        named = len(_placed(folder, chosen)[0])
        if chosen and 2 * named >= len(folder.audio):
            return chosen
        for t in chosen:
            folder.unread[t] = f"it names {named:,} of {len(folder.audio):,} audio files"
    return []


def unused(folder: Folder) -> list[str]:
    """One line on each table that no layout has used."""
    notes = []
    for t in sorted({*folder.tables} - folder.used):
        if rank(t) == len(TABLE_NAMES) and t not in folder.rows:
            continue  # no metadata, by its name and its content
        why = folder.unread.get(t, "")
        notes.append(f"{t} is not used" + (f": {why}" if why else ""))
    return notes


def by_tables(folder: Folder, tables: Sequence[str]) -> Iterator[Clip]:
    """The clips that rows of these tables name.

    Speakers are the tables' own or, where the tables lie in two or more sub-folders of the root and
    name none, those sub-folders.

    Raises:
        WavegenError: a table can't be read.
    """
    for t in tables:
        if t not in folder.rows:
            folder.rows[t] = read_table(folder.root / t)
        folder.used.add(t)
    names = ", ".join(tables[:LISTED]) + (", …" if len(tables) > LISTED else "")
    placed, missing = _placed(folder, tables)
    spoken = any(r.text for rows in placed.values() for _, r in rows)
    tops = {t.partition("/")[0] if "/" in t else "" for t in tables}
    first: dict[str, str] = {}
    for path in sorted(placed, key=lambda p: (not _named_in_full(p, placed[p]), p)):
        first.setdefault(key(stem(path)), path)
    for path in folder.audio:
        rows = placed.get(path, [])
        texts, speakers = ({r[i] for _, r in rows} for i in (1, 2))
        speaker = next(iter(speakers), "")
        if not speaker and len(tops) > 1 and rows and "" not in tops:
            speaker = rows[0][0].partition("/")[0]
        if not rows:
            yield Clip(path, problem=f"has no row in {names}")
        elif first[key(stem(path))] != path:
            yield Clip(path, spare=f"{first[key(stem(path))]} has the same id")
        elif len(texts) > 1:
            yield Clip(path, problem=f"has rows of different texts in {names}")
        elif len(speakers) > 1:
            yield Clip(path, problem=f"has rows of different speakers in {names}")
        elif spoken and "" in texts:
            yield Clip(path, problem=f"its row in {names} has no text")
        else:
            yield Clip(path, speaker, next(iter(texts)))
    for name, why in missing.items():
        yield Clip(name, problem=why)


Placed = dict[str, list[tuple[str, Row]]]
"""Audio → table and row of each time that it is named."""


def _placed(folder: Folder, tables: Sequence[str]) -> tuple[Placed, dict[str, str]]:
    """Which audio the rows name; and what is wrong with other names."""
    placed: Placed = defaultdict(list)
    missing: dict[str, str] = {}
    for t in tables:
        beside = _parent(t)
        if not any(p.startswith(beside) for p in folder.audio):
            beside = ""
        names = [_steps(folder, row.name) for row in folder.rows[t]]
        above = _common(names)
        for row, steps in zip(folder.rows[t], names, strict=True):
            found = _find(folder, beside, steps, above)
            if len({key(stem(p)) for p in found}) == 1:
                for path in found:
                    placed[path].append((t, row))
                continue
            why = f"there is no such audio, though {t} names it"
            if found:
                why = f"is the name of several files ({found[0]}, {found[1]}), though {t} has one"
            missing["/".join(steps)] = why
    return placed, missing


def _find(folder: Folder, beside: str, steps: Sequence[str], above: int) -> list[str]:
    """The audio that a row may name: none, or several files.

    Lists often come from another machine (``/home/ann/wavs/001.wav``) or have a placeholder
    (``DUMMY/001.wav``), so the ``above`` first steps, which all names of the list share, need not
    be those of this folder. Other steps must.
    """
    for skipped in range(above + 1):
        found = folder.ends.get("/".join(steps[skipped:]), [])
        own = [p for p in found if p.startswith(beside)]  # rather than those of another list
        if own:
            return [p for p in own if key(stem(p)) == beside + "/".join(steps[skipped:])] or own
    return []


def _steps(folder: Folder, name: str) -> list[str]:
    """The folders and the id of a row's name, without the suffix of an audio file."""
    name = name.replace("\\", "/")
    for root in (folder.root, folder.root.resolve()):
        name = name.removeprefix(f"{root}/")
    return [s for s in key(stem(name)).split("/") if s not in ("", ".")]


def _common(names: Sequence[list[str]]) -> int:
    """How many folders all names begin with."""
    if not names:
        return 0
    low, high = min(names), max(names)
    count = 0
    for a, b in zip(low[:-1], high[:-1], strict=False):
        if a != b:
            break
        count += 1
    return count


def _named_in_full(path: str, rows: Sequence[tuple[str, Row]]) -> bool:
    """Whether a row names a file with its suffix."""
    return any(key(r.name).endswith(key(path.rpartition("/")[2])) for _, r in rows)


def _parent(path: str) -> str:
    """The folder of a path, with a slash; empty for the root."""
    start, slash, _ = path.rpartition("/")
    return start + slash


def _rows(folder: Folder, table: str) -> list[Row]:
    """The rows of a table; none if it can't be read."""
    if table not in folder.rows and table not in folder.unread:
        try:
            folder.rows[table] = read_table(folder.root / table)
        except WavegenError as e:
            folder.unread[table] = str(e).removeprefix(f"{folder.root / table} ")
    return folder.rows.get(table, [])
