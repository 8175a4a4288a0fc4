"""Transcripts of a data set as phonemes, cached with its samples."""

from __future__ import annotations

import hashlib
import importlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from wavegen.data import index
from wavegen.files import atomic_write
from wavegen.speech.frontend import Unit, read_clip, tell_left_out
from wavegen.text import EMPTY, Lexicon

log = logging.getLogger(__name__)
RULES = ("wavegen.text", "wavegen.speech.frontend")
"""Modules that determine how a text is read."""
FIELD, WORD, RECORD = "\x1f", "\x1e", "\n"


class Units(Mapping[str, Unit]):
    """The transcript of each clip, by path. They are stored as strings, which take a tenth of the
    memory, and parsed on access."""

    def __init__(self, packed: dict[str, str]) -> None:
        self.packed = packed

    def __getitem__(self, path: str) -> Unit:
        words, phones = self.packed[path].split(FIELD)
        return Unit(
            tuple(words.split(WORD)), tuple(tuple(w.split(" ")) for w in phones.split(WORD))
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.packed)

    def __len__(self) -> int:
        return len(self.packed)


def read_units(
    texts: Mapping[str, str], language: str, folder: Path, lexicon: Lexicon = EMPTY
) -> tuple[Units, list[str]]:
    """Read the transcripts of clips.

    Args:
        texts: transcripts by path.
        language: of the texts, as an espeak-ng code.
        folder: cache of the data set.
        lexicon: how to say some of their words.

    Returns:
        The units, and the paths of clips whose text has no words.

    Raises:
        TextError: espeak-ng is not installed or does not know the language.
    """
    file = folder / f"{index.TEXTS}{_rules(language, lexicon)}.txt"
    known = _load(file)
    new = {t for t in texts.values() if t not in known}
    left_out: set[str] = set()
    for text in sorted(new):
        unit = read_clip(text, language, lexicon, left_out)
        known[text] = "" if unit is None else _pack(unit)
    if left_out:
        log.warning(f"in transcripts: {tell_left_out(left_out, language)}")
    if new:
        with suppress(OSError):  # they will be read again next time
            for old in folder.glob(f"{index.TEXTS}*.txt"):
                old.unlink()
            _save(file, known)
    packed = {p: known[t] for p, t in texts.items()}
    return Units({p: u for p, u in packed.items() if u}), [p for p, u in packed.items() if not u]


def _pack(unit: Unit) -> str:
    return WORD.join(unit.words) + FIELD + WORD.join(" ".join(w) for w in unit.phones)


def _rules(language: str, lexicon: Lexicon) -> str:
    """A digest of the language, of the lexicon and of the code that reads texts."""
    digest = hashlib.sha256(f"{language} {lexicon.digest}".encode())
    for name in RULES:
        source = importlib.import_module(name).__file__
        assert source is not None
        path = Path(source)
        files = sorted(path.parent.rglob("*.py")) if path.stem == "__init__" else [path]
        for file in files:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _load(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text("utf-8").split(RECORD)
    except (OSError, UnicodeDecodeError):
        return {}
    # The last line is complete: the file was written atomically.
    fields = (line.split("\t", 1) for line in lines if line)
    return {f[0]: f[1] for f in fields if len(f) == 2}


def _save(file: Path, known: dict[str, str]) -> None:
    kept = (f"{t}\t{u}" for t, u in known.items() if not set(t) & set("\t\n\r"))
    with atomic_write(file) as beside:
        beside.write_text(RECORD.join(kept), "utf-8", errors="replace")
