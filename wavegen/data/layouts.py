"""Data-set layouts, which tell speakers and texts: one function per layout, folder → clips."""

from __future__ import annotations

import csv
import io
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wavegen.audio.reading import SUFFIXES, UNREADABLE
from wavegen.config import DataConfig
from wavegen.decoding import decode, read_text, tell
from wavegen.errors import DataError

DIGIT_FILES = r"(?P<text>\d+)_(?P<speaker>[A-Za-z][A-Za-z-]*)_\d+"
"""File names of the Free Spoken Digit Dataset, such as ``7_jackson_32.wav``."""
TRANSCRIPTS = (".txt", ".lab")
"""Suffixes of transcripts in layout ``sidecar``, in order of preference."""
METADATA = "metadata.csv"


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording of a data set."""

    path: str
    """Relative to the root, with forward slashes."""
    speaker: str = ""
    text: str = ""
    problem: str = ""
    """Why the layout can't use this file, which is then left out and listed."""
    spare: str = ""
    """Why this file is redundant. It is left out and listed, but does not count as unusable."""


@dataclass
class Folder:
    """The files below a root, by relative path. Hidden files are ignored, and links followed."""

    root: Path
    audio: list[str] = field(default_factory=list)
    """Sorted."""
    unreadable: list[str] = field(default_factory=list)
    """Audio in formats that can't be read, sorted."""
    texts: set[str] = field(default_factory=set)
    """Possible transcripts."""
    encodings: set[str] = field(default_factory=set)
    """Of the transcripts read so far."""


def scan(root: Path) -> Folder:
    """Find the files below ``root``.

    Raises:
        DataError: ``root`` is not a folder, can't be listed, or contains no readable audio.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder")
    found = Folder(root)
    seen: set[str] = set()

    def walk(path: str, prefix: str) -> None:
        real = os.path.realpath(path)
        if real in seen:  # a link that leads back up
            return
        seen.add(real)
        # Not Path objects: there may be hundreds of thousands of files.
        with os.scandir(path) as entries:
            inside = sorted(
                (e for e in entries if not e.name.startswith(".")), key=lambda e: e.name
            )
        for e in sorted(inside, key=lambda e: e.name):
            if _is(e.is_dir):
                walk(e.path, f"{prefix}{e.name}/")
                continue
            name = e.name.lower()
            if name.endswith(SUFFIXES) and _is(e.is_file):
                found.audio.append(prefix + e.name)
            elif name.endswith(UNREADABLE) and _is(e.is_file):
                found.unreadable.append(prefix + e.name)
            elif name.endswith(TRANSCRIPTS):
                found.texts.add(prefix + e.name)

    try:
        walk(str(root), "")
    except OSError as e:
        raise DataError(f"can't list {e.filename or root}: {e.strerror}") from e
    if not found.audio:
        raise DataError(f"no audio in {root} (looked for {', '.join(SUFFIXES)})")
    found.audio.sort()
    found.unreadable.sort()
    return found


def _is(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except OSError:  # a link to itself
        return False


def flat(folder: Folder, data: DataConfig) -> Iterator[Clip]:
    """Every audio file at any depth; no speakers, no texts."""
    for path in folder.audio:
        yield Clip(path)


def folders(folder: Folder, data: DataConfig) -> Iterator[Clip]:
    """Each sub-folder of the root is a speaker; its files may be at any depth."""
    for path in folder.audio:
        speaker, slash, _ = path.partition("/")
        if slash:
            yield Clip(path, speaker)
        else:
            yield Clip(path, problem="lies in no speaker's folder")


def pattern(folder: Folder, data: DataConfig) -> Iterator[Clip]:
    """Speaker and text are named groups of ``data.pattern``, matched with the file name."""
    regex = re.compile(data.pattern or DIGIT_FILES)
    for path in folder.audio:
        match = regex.fullmatch(_stem(path).rpartition("/")[2])
        if match is None:
            yield Clip(path, problem="its name does not match data.pattern")
            continue
        groups = {k: v or "" for k, v in match.groupdict().items()}
        yield Clip(path, groups.get("speaker", ""), groups.get("text", "").replace("_", " "))


def ljspeech(folder: Folder, data: DataConfig) -> Iterator[Clip]:
    """Texts of ``wavs/ID.wav`` in the rows ``id|text|normalised text`` of ``metadata.csv``, as in
    the LJ Speech Dataset. The third column is optional and preferred; quotes are literal."""
    rows = _metadata(folder.root / METADATA)
    of_id: dict[str, str] = {}
    for path in folder.audio:
        if not path.startswith("wavs/"):
            yield Clip(path, problem="does not lie in wavs/")
            continue
        name = path.removeprefix("wavs/")
        first = of_id.setdefault(_stem(name), path)
        of_id[name] = path  # some lists name files with their suffix
        texts = rows.get(name, []) + rows.get(_stem(name), [])
        if not texts:
            yield Clip(path, problem=f"has no row in {METADATA}")
        elif first != path:
            yield Clip(path, spare=f"{first} has the same id")
        elif len(set(texts)) > 1:
            yield Clip(path, problem=f"has rows of different texts in {METADATA}")
        elif not texts[0]:
            yield Clip(path, problem=f"its row in {METADATA} has no text")
        else:
            yield Clip(path, text=texts[0])
    for name in rows:
        if name not in of_id:
            yield Clip(
                f"wavs/{name}", problem=f"there is no such audio, though {METADATA} names it"
            )


def _metadata(path: Path) -> dict[str, list[str]]:
    """The texts of each id; raises `DataError` if the file is not such a table."""
    rows: dict[str, list[str]] = defaultdict(list)
    bars = False
    try:
        lines = io.StringIO(read_text(path), newline="")
        for row in csv.reader(lines, delimiter="|", quoting=csv.QUOTE_NONE):
            if not any(c.strip() for c in row):
                continue
            columns = [c.strip() for c in row[1:3]]
            bars = bars or bool(columns)
            name = row[0].strip().removeprefix("wavs/")
            rows[name].append(next((c for c in columns[::-1] if c), ""))
    except csv.Error as e:
        raise DataError(f"{path} is no table of rows id|text: {e}") from e
    except OSError as e:
        raise DataError(f"can't read {path}: {e.strerror}") from e
    if not bars:
        raise DataError(f"{path} has no rows id|text (--layout flat takes the audio without texts)")
    return rows


def vctk(folder: Folder, data: DataConfig) -> Iterator[Clip]:
    """``wav48…/SPEAKER/UTTERANCE.flac`` with ``txt/SPEAKER/UTTERANCE.txt``, as in the VCTK
    corpus. Of several microphones ``UTTERANCE_mic1``, ``_mic2``, … the first is used."""
    takes: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for path in folder.audio:
        parts = path.split("/")
        if not parts[0].startswith("wav48") or len(parts) != 3:
            yield Clip(path, problem="is not of the form wav48…/SPEAKER/UTTERANCE")
            continue
        utterance, _, microphone = _stem(parts[2]).partition("_mic")
        takes[parts[1], utterance].append((microphone, path))
    for (speaker, utterance), found in sorted(takes.items()):
        (_, first), *others = sorted(found)
        text, problem = _transcript(folder, f"txt/{speaker}/{utterance}.txt")
        yield Clip(first, speaker, text, problem)
        for _, path in others:
            yield Clip(path, spare=f"{first} is the same utterance")


def sidecar(folder: Folder, data: DataConfig) -> Iterator[Clip]:
    """The transcript of a clip is the ``.txt`` or ``.lab`` file beside it. Speakers are those of
    `folders` if all audio is in two or more sub-folders; otherwise there are none."""
    speakers = _in_sub_folders(folder)
    for path in folder.audio:
        beside = _beside(folder, path)
        text, problem = "", "has no transcript (.txt or .lab) beside it"
        if beside:
            text, problem = _transcript(folder, beside)
        yield Clip(path, path.partition("/")[0] if speakers else "", text, problem)


def _transcript(folder: Folder, path: str) -> tuple[str, str]:
    """The text in a file, or else what is wrong with it."""
    if path not in folder.texts:
        return "", f"has no transcript {path}"
    try:
        # Not pathlib's read_text, which takes twice the time.
        with open(f"{folder.root}/{path}", "rb") as f:  # noqa: PTH123
            text, encoding = decode(f.read())
    except UnicodeError:
        return "", f"its transcript {path} is no text in an encoding that can be told"
    except OSError as e:
        return "", f"can't read its transcript {path}: {e.strerror}"
    if encoding not in folder.encodings:
        folder.encodings.add(encoding)
        tell(f"transcript {path} in {folder.root}, and maybe others,", encoding)
    text = " ".join(text.split())
    return text, "" if text else f"its transcript {path} is empty"


def _beside(folder: Folder, path: str) -> str:
    """Path of the transcript beside a clip; empty if there is none."""
    return next((t for s in TRANSCRIPTS if (t := _stem(path) + s) in folder.texts), "")


def _stem(path: str) -> str:
    """A path without its suffix."""
    return path.rpartition(".")[0]


def _in_sub_folders(folder: Folder) -> bool:
    """Whether all audio is in two or more sub-folders."""
    tops = {p.partition("/")[0] if "/" in p else "" for p in folder.audio}
    return len(tops) > 1 and "" not in tops


LAYOUTS: dict[str, Callable[[Folder, DataConfig], Iterator[Clip]]] = {
    "flat": flat,
    "folders": folders,
    "pattern": pattern,
    "ljspeech": ljspeech,
    "vctk": vctk,
    "sidecar": sidecar,
}


def detect(folder: Folder, data: DataConfig) -> str:
    """Recognise the layout of a folder, in this order.

    ``pattern`` if one is given, ``ljspeech`` if there are metadata.csv and wavs/, ``vctk`` if there
    are txt/ and wav48…/, ``sidecar`` if most clips have a transcript beside them, ``pattern`` if
    all names match `DIGIT_FILES`, ``folders`` if all audio is in two or more sub-folders, else
    ``flat``.
    """
    if data.layout != "auto":
        return data.layout
    if data.pattern:
        return "pattern"
    audio = folder.audio
    if any(p.startswith("wavs/") for p in audio) and (folder.root / METADATA).is_file():
        return "ljspeech"
    if any(p.startswith("wav48") and "/" in p for p in audio) and (folder.root / "txt").is_dir():
        return "vctk"
    if folder.texts and 2 * sum(bool(_beside(folder, p)) for p in audio) > len(audio):
        return "sidecar"
    if all(re.fullmatch(DIGIT_FILES, _stem(p).rpartition("/")[2]) for p in audio):
        return "pattern"
    return "folders" if _in_sub_folders(folder) else "flat"


def find_clips(root: Path, data: DataConfig) -> tuple[str, list[Clip]]:
    """Find the clips of a folder, by the given layout or the one that is recognised.

    Returns:
        The layout's name, and the clips. Audio in unreadable formats and file names that are not
        valid UTF-8 are among them, with their ``problem``.
    """
    folder = scan(root)
    name = detect(folder, data)
    clips = []
    for c in LAYOUTS[name](folder, data):
        try:
            c.path.encode()
        except UnicodeEncodeError:
            c = Clip(c.path, problem="its name is not valid UTF-8")
        clips.append(c)
    for path in folder.unreadable:
        why = f"{Path(path).suffix} can't be read; convert it to WAV or FLAC"
        clips.append(Clip(path, problem=why))
    return name, clips
