"""Where speakers and texts come from: one function per data-set layout, ``root -> clips``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wavegen.audio import SUFFIXES, UNREADABLE
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


def audio_files(root: Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """All audio files below ``root``, sorted, hidden ones aside; linked folders are followed.

    Raises:
        DataError: ``root`` is no folder, or holds no audio that can be read.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder")
    found: list[Path] = []
    seen: set[str] = set()
    for folder, inside, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link that leads back up
            inside.clear()
            continue
        seen.add(real)
        inside[:] = [d for d in inside if not d.startswith(".")]
        names = [n for n in files if n.lower().endswith(suffixes) and not n.startswith(".")]
        found += [Path(folder) / n for n in names if (Path(folder) / n).is_file()]
    if not found and suffixes == SUFFIXES:
        raise DataError(f"no audio in {root} (looked for {', '.join(SUFFIXES)})")
    return sorted(found)


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
    """Detect or apply the layout; returns its name and the clips sorted by path.

    Audio in formats that can't be read, and names that no text file could hold, are among the
    clips with their ``problem``.
    """
    name = detect(root, data)
    clips = []
    for c in LAYOUTS[name](root, data):
        try:
            c.path.encode()
        except UnicodeEncodeError:
            c = Clip(c.path, problem="its name is not valid UTF-8")
        clips.append(c)
    for p in audio_files(root, UNREADABLE):
        why = f"{p.suffix} can't be read; convert it to WAV or FLAC"
        clips.append(Clip(p.relative_to(root).as_posix(), problem=why))
    return name, clips
