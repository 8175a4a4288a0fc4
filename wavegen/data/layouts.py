"""Data-set layouts, which tell speakers and texts: one function per layout, folder → clips."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from wavegen.config import DataConfig
from wavegen.data.clip import Clip
from wavegen.data.folder import TRANSCRIPTS, Folder, key, scan, stem
from wavegen.data.tables import METADATA, by_tables, find_tables, unused
from wavegen.decoding import decode, tell
from wavegen.errors import DataError

DIGIT_FILES = r"(?P<text>\d+)_(?P<speaker>[A-Za-z][A-Za-z-]*)_\d+"
"""File names of the Free Spoken Digit Dataset, such as ``7_jackson_32.wav``."""
VCTK = r"(.*/)?wav48[^/]*/([^/]+)/([^/]+)"
"""What lies above ``wav48…``, the speaker and the file name of a clip of VCTK."""
CHAPTER = ".trans.txt"
"""Suffix of the transcripts of a chapter in LibriSpeech."""
NORMALISED = ".normalized.txt"
"""Suffix of the transcript of a clip in LibriTTS."""


@dataclass(frozen=True)
class Found:
    """The clips of a folder."""

    layout: str
    clips: list[Clip]
    """Audio that can't be used among them, with its ``problem``."""
    others: dict[str, int] = field(default_factory=dict)
    """Number of other files by kind, without transcripts and tables that were used."""
    notes: list[str] = field(default_factory=list)
    """What should be known of the folder: tables of metadata that were not used."""


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
        match = regex.fullmatch(unicodedata.normalize("NFC", stem(path).rpartition("/")[2]))
        if match is None:
            yield Clip(path, problem="its name does not match data.pattern")
            continue
        groups = {k: v or "" for k, v in match.groupdict().items()}
        yield Clip(path, groups.get("speaker", ""), groups.get("text", "").replace("_", " "))


def ljspeech(folder: Folder, data: DataConfig) -> Iterator[Clip]:
    """Rows of ``metadata.csv``, as in the LJ Speech Dataset."""
    return by_tables(folder, [METADATA])


def table(folder: Folder, data: DataConfig) -> Iterator[Clip]:
    """Rows of tables of any name and form that `find_tables` and `read_table` know."""
    tables = find_tables(folder)
    if not tables:
        raise DataError(f"no table of metadata in {folder.root}, such as {METADATA} or train.txt")
    return by_tables(folder, tables)


def vctk(folder: Folder, data: DataConfig) -> Iterator[Clip]:
    """``wav48…/SPEAKER/UTTERANCE.flac`` with ``txt/SPEAKER/UTTERANCE.txt``, as in the VCTK
    corpus, which may lie in a sub-folder; without ``txt/`` there are no texts."""
    spoken = any(re.match(r"(.*/)?txt/", t) for t in folder.texts)
    for path in folder.audio:
        parts = re.fullmatch(VCTK, path)
        if parts is None:
            yield Clip(path, problem="is not of the form wav48…/SPEAKER/UTTERANCE")
            continue
        above, speaker, name = parts.groups(default="")
        text = problem = ""
        if spoken:
            text, problem = _transcript(folder, f"{above}txt/{speaker}/{_microphone(name)[0]}.txt")
        yield Clip(path, speaker, text, problem)


def librispeech(folder: Folder, data: DataConfig) -> Iterator[Clip]:
    """``READER/CHAPTER/UTTERANCE.flac`` at any depth, with rows ``UTTERANCE TEXT`` in
    ``READER/CHAPTER/….trans.txt``, as in LibriSpeech, or texts ``UTTERANCE.normalized.txt`` beside
    the clips, as in LibriTTS. What is all in capitals is read in lower case."""
    texts: dict[str, str] = {}
    for transcript, path in folder.texts.items():
        if transcript.endswith(CHAPTER):
            chapter = transcript.rpartition("/")[0]
            for line in _read(folder, path).splitlines():
                utterance, _, text = line.strip().partition(" ")
                texts[key(f"{chapter}/{utterance}")] = text
    for path in folder.audio:
        parts = path.split("/")
        if len(parts) < 3:
            yield Clip(path, problem="is not of the form READER/CHAPTER/UTTERANCE")
            continue
        text, problem = texts.get(key(stem(path)), ""), ""
        if key(stem(path)) + NORMALISED in folder.texts:
            text, problem = _transcript(folder, stem(path) + NORMALISED)
        elif not text:
            problem = f"has no text in {'/'.join(parts[:-1])}/*{CHAPTER}"
        yield Clip(path, parts[-3], text.lower() if text.isupper() else text, problem)


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


def collection(folder: Folder, data: DataConfig) -> Iterator[Clip]:
    """Each sub-folder is a data set with a layout of its own, which is recognised. Where that tells
    no speaker, it is the sub-folder's name."""
    inner = replace(data, layout="auto", pattern="")
    for top in sorted({p.partition("/")[0] for p in folder.audio}):
        if top in folder.audio:
            yield Clip(top, problem="lies in no data set's folder")
            continue
        part = scan(folder.root / top)
        for c in LAYOUTS[detect(part, inner)](part, inner):
            spare = c.spare and f"{top}/{c.spare}"
            yield replace(c, path=f"{top}/{c.path}", speaker=c.speaker or top, spare=spare)
        folder.used |= {f"{top}/{p}" for p in part.used}


def _transcript(folder: Folder, path: str) -> tuple[str, str]:
    """The text in a file, or else what is wrong with it."""
    there = folder.texts.get(key(path))
    if there is None:
        return "", f"has no transcript {path}"
    try:
        text = " ".join(_read(folder, there).split())
    except DataError as e:
        return "", str(e)
    return text, "" if text else f"its transcript {there} is empty"


def _read(folder: Folder, path: str) -> str:
    """The text of a transcript; raises `DataError`."""
    folder.used.add(path)
    try:
        # Not pathlib's read_text, which takes twice the time.
        with open(f"{folder.root}/{path}", "rb") as f:  # noqa: PTH123
            text, encoding = decode(f.read())
    except UnicodeError as e:
        why = f"its transcript {path} is no text in an encoding that can be told"
        raise DataError(why) from e
    except OSError as e:
        raise DataError(f"can't read its transcript {path}: {e.strerror}") from e
    if encoding not in folder.encodings:
        folder.encodings.add(encoding)
        tell(f"transcript {path} in {folder.root}, and maybe others,", encoding)
    return text


def _beside(folder: Folder, path: str) -> str:
    """Path of the transcript beside a clip; empty if there is none."""
    start = key(stem(path))
    return next((t for s in TRANSCRIPTS if (t := start + s) in folder.texts), "")


def _in_sub_folders(folder: Folder) -> bool:
    """Whether all audio is in two or more sub-folders."""
    tops = {p.partition("/")[0] if "/" in p else "" for p in folder.audio}
    return len(tops) > 1 and "" not in tops


def _microphone(name: str) -> tuple[str, str]:
    """The utterance and the microphone of a file ``UTTERANCE_mic2.flac``; without suffix and
    microphone, and "" if it names none."""
    utterance, mic, number = stem(name).rpartition("_mic")
    return (utterance, number) if mic and number.isdecimal() else (stem(name), "")


def _once(clips: list[Clip]) -> Iterator[Clip]:
    """The clips; of several microphones that took the same utterance (``_mic1``, ``_mic2``) the
    first is used."""
    first: dict[str, str] = {}
    for c in sorted(clips, key=lambda c: c.path):
        utterance, microphone = _microphone(c.path)
        if c.problem or not microphone or first.setdefault(utterance, c.path) == c.path:
            yield c
        else:
            yield Clip(c.path, spare=f"{first[utterance]} is the same utterance")


LAYOUTS: dict[str, Callable[[Folder, DataConfig], Iterator[Clip]]] = {
    "flat": flat,
    "folders": folders,
    "pattern": pattern,
    "ljspeech": ljspeech,
    "table": table,
    "vctk": vctk,
    "librispeech": librispeech,
    "sidecar": sidecar,
    "collection": collection,
}


def detect(folder: Folder, data: DataConfig) -> str:
    """Recognise the layout of a folder, in this order.

    ``pattern`` if one is given, ``ljspeech`` if there are metadata.csv and wavs/, ``vctk`` if most
    audio lies in wav48…/SPEAKER/, ``librispeech`` if there are transcripts as in LibriSpeech or
    LibriTTS, ``table`` if tables of metadata name half of the audio, ``sidecar`` if most clips have
    a transcript beside them, ``pattern`` if all names match `DIGIT_FILES`, ``folders`` if all audio
    is in two or more sub-folders, else ``flat``.
    """
    if data.layout != "auto":
        return data.layout
    if data.pattern:
        return "pattern"
    audio = folder.audio
    if any(p.startswith("wavs/") for p in audio) and METADATA in folder.tables:
        return "ljspeech"
    if 2 * sum(bool(re.fullmatch(VCTK, p)) for p in audio) > len(audio):
        return "vctk"
    if any(t.endswith((CHAPTER, NORMALISED)) and t.count("/") > 1 for t in folder.texts):
        return "librispeech"
    if find_tables(folder):
        return "table"
    if folder.texts and 2 * sum(bool(_beside(folder, p)) for p in audio) > len(audio):
        return "sidecar"
    if all(re.fullmatch(DIGIT_FILES, stem(p).rpartition("/")[2]) for p in audio):
        return "pattern"
    return "folders" if _in_sub_folders(folder) else "flat"


def find_clips(root: Path, data: DataConfig) -> Found:
    """Find the clips of a folder, by the given layout or the one that is recognised.

    File names that are not valid UTF-8 are among the clips, with their ``problem``.

    Raises:
        DataError: there is no audio, or a table of the layout can't be read.
    """
    folder = scan(root)
    name = detect(folder, data)
    names = {s.id: s.called for s in data.speaker}
    clips = []
    for c in _once([*LAYOUTS[name](folder, data)]):
        try:
            c.path.encode()
        except UnicodeEncodeError:
            c = replace(c, problem="its name is not valid UTF-8")
        clips.append(replace(c, speaker=names.get(c.speaker, c.speaker)))
    missing = sorted({*names.values()} - {c.speaker for c in clips})
    notes = [f"data.speaker names {', '.join(missing)}, of whom there are no clips"] * bool(missing)
    return Found(name, clips, folder.others(), unused(folder) + notes)
