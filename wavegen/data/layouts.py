"""Where speakers and texts come from: one function per data-set layout, ``root -> clips``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wavegen.audio import SUFFIXES
from wavegen.config import DataConfig
from wavegen.errors import DataError

DIGIT_FILES = r"(?P<text>\d+)_(?P<speaker>[A-Za-z][A-Za-z-]*)_\d+"
"""File names of the Free Spoken Digit Dataset, recognised by itself: ``7_jackson_32.wav``."""


@dataclass(frozen=True)
class Clip:
    """One recording of a data set."""

    path: str
    """Relative to the root, with forward slashes."""
    speaker: str = ""
    text: str = ""
    problem: str = ""
    """Why the layout can't place this file; such a clip is left out and listed."""


def audio_files(root: Path) -> list[Path]:
    """All audio files below ``root``, sorted, hidden ones aside.

    Raises:
        DataError: ``root`` is no folder, or holds no audio.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder")
    found = sorted(
        p
        for p in root.rglob("*")
        if p.suffix.lower() in SUFFIXES
        and p.is_file()
        and not any(part.startswith(".") for part in p.relative_to(root).parts)
    )
    if not found:
        raise DataError(f"no audio in {root} (looked for {', '.join(SUFFIXES)})")
    return found


def flat(root: Path, data: DataConfig) -> Iterator[Clip]:
    """Every audio file at any depth; no speakers, no texts."""
    for p in audio_files(root):
        yield Clip(p.relative_to(root).as_posix())


def folders(root: Path, data: DataConfig) -> Iterator[Clip]:
    """Each sub-folder of the root is a speaker; files may lie deeper inside it."""
    for p in audio_files(root):
        relative = p.relative_to(root)
        if len(relative.parts) > 1:
            yield Clip(relative.as_posix(), speaker=relative.parts[0])
        else:
            yield Clip(relative.as_posix(), problem="lies in no speaker's folder")


def pattern(root: Path, data: DataConfig) -> Iterator[Clip]:
    """Speaker and text from the file name, by ``data.pattern``."""
    regex = re.compile(data.pattern or DIGIT_FILES)
    for p in audio_files(root):
        relative = p.relative_to(root).as_posix()
        match = regex.fullmatch(p.stem)
        if match is None:
            yield Clip(relative, problem="its name does not match data.pattern")
            continue
        groups = {k: v or "" for k, v in match.groupdict().items()}
        yield Clip(relative, groups.get("speaker", ""), groups.get("text", "").replace("_", " "))


LAYOUTS: dict[str, Callable[[Path, DataConfig], Iterator[Clip]]] = {
    "flat": flat,
    "folders": folders,
    "pattern": pattern,
}


def detect(root: Path, data: DataConfig) -> str:
    """The layout of a folder: ``pattern`` if one is given or the names are like fsdd's,
    ``folders`` if all audio lies in two or more sub-folders, else ``flat``."""
    if data.layout != "auto":
        return data.layout
    if data.pattern:
        return "pattern"
    files = audio_files(root)
    if all(re.fullmatch(DIGIT_FILES, p.stem) for p in files):
        return "pattern"
    tops = [p.relative_to(root).parts for p in files]
    if all(len(t) > 1 for t in tops) and len({t[0] for t in tops}) > 1:
        return "folders"
    return "flat"


def find_clips(root: Path, data: DataConfig) -> tuple[str, list[Clip]]:
    """Detect or apply the layout; returns its name and the clips sorted by path."""
    name = detect(root, data)
    return name, list(LAYOUTS[name](root, data))
