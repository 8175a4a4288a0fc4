"""A user's lexicon: how names, brands and other words are to be said."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wavegen.decoding import read_text
from wavegen.errors import TextError
from wavegen.text.markup import BLOCK
from wavegen.text.raw import PHONEMES, raw_phonemes

_PIECE = re.compile(r"\w+|[^\w\s]")
_POSSESSIVE = re.compile(r"'s(?!\w)")
_VOICELESS, _HISSING = "ptkfθ", "szʃʒ"


@dataclass(frozen=True)
class Lexicon:
    """Words and phrases with what to say for them: another spelling, or ``[[phonemes]]``.

    An entry in lower case stands for the word in any case; one with a capital for that case alone.
    Of several that begin at one place the longest is taken.
    """

    entries: Mapping[str, str]
    _by_start: Mapping[str, list[str]] = field(init=False, repr=False, compare=False)
    """Entries by their first piece in lower case, the longest first."""

    def __post_init__(self) -> None:
        starts: dict[str, list[str]] = {}
        for entry in sorted(self.entries, key=len, reverse=True):
            if piece := _PIECE.match(entry):
                starts.setdefault(piece[0].lower(), []).append(entry)
        object.__setattr__(self, "_by_start", starts)

    @property
    def digest(self) -> str:
        """Changes with the entries; empty without any."""
        rows = json.dumps(sorted(self.entries.items())).encode()
        return hashlib.sha256(rows).hexdigest()[:16] if self.entries else ""

    def apply(self, text: str) -> str:
        """Text with its words replaced; raw phonemes and directions stay as they are."""
        if not self.entries:
            return text
        parts = re.split(f"({BLOCK})", unicodedata.normalize("NFC", text))
        parts[::2] = [self._apply(p) for p in parts[::2]]
        return "".join(parts)

    def _apply(self, text: str) -> str:
        out, end = [], 0
        for piece in _PIECE.finditer(text):
            if piece.start() < end:
                continue
            for entry in self._by_start.get(piece[0].lower(), ()):
                stop = _match(entry, text, piece.start())
                if stop is not None:
                    said = self.entries[entry]
                    if (s := _POSSESSIVE.match(text, stop)) and said.endswith("]]"):
                        said, stop = f"{said[:-2]}{_ending(said)}]]", s.end()
                    out += [text[end : piece.start()], said]
                    end = stop
                    break
        return "".join([*out, text[end:]])


def _match(entry: str, text: str, start: int) -> int | None:
    """Where an entry that begins at ``start`` ends in the text, if it is there as words."""
    stop = start
    for i, word in enumerate(entry.split(" ")):
        if i:
            space = re.compile(r"\s+").match(text, stop)
            if space is None:
                return None
            stop = space.end()
        found = text[stop : stop + len(word)]
        if found != word and (entry != entry.lower() or found.lower() != word):
            return None
        stop += len(word)
    before, after = text[max(0, start - 1) : start], text[stop : stop + 2]
    inside = entry[0].isalnum() and re.match(r"\w", before)
    goes_on = entry[-1].isalnum() and re.match(r"\w|'[^\W\ds]", after)
    return None if inside or goes_on else stop


def _ending(said: str) -> str:
    """The phonemes of the possessive ending after a block of phonemes."""
    last = raw_phonemes(said.split()[-1].rstrip("]"))[-1]
    return "ɪz" if last[-1] in _HISSING else "s" if last in _VOICELESS else "z"


EMPTY = Lexicon({})


def load_lexicon(path: str | Path | None) -> Lexicon:
    """Read a lexicon, or take an empty one without a path.

    It is a JSON object, or lines of a word, a tab and what to say for it. Of those lines, empty
    ones and ones that begin with ``#`` are skipped.

    Raises:
        TextError: the file can't be read, or is not a lexicon; the message names the line or entry.
    """
    if not path:
        return EMPTY
    path = Path(path)
    try:
        status = path.stat()
        return _load(path, status.st_mtime_ns, status.st_size)
    except OSError as e:
        raise TextError(f"can't read lexicon {path}: {e.strerror}") from e


@functools.lru_cache(64)
def _load(path: Path, modified: int, size: int) -> Lexicon:
    text = read_text(path)
    rows = _json(path, text) if path.suffix.lower() == ".json" else _lines(path, text)
    entries: dict[str, str] = {}
    for where, word, said in rows:
        word = " ".join(unicodedata.normalize("NFC", word).split())
        said = said.strip()
        if not word or not said:
            raise TextError(f"{where}: a word, and what to say for it, can't be empty")
        if said[:2] == "[[" and not (re.fullmatch(PHONEMES, said) and raw_phonemes(said[2:-2])):
            raise TextError(f"{where}: '{said[:40]}' holds no phonemes")
        if entries.setdefault(word, said) != said:
            raise TextError(f"{where}: '{word[:40]}' is there twice, said in two ways")
    return Lexicon(entries)


def _lines(path: Path, text: str) -> Iterable[tuple[str, str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            word, tab, said = line.partition("\t")
            if not tab:
                raise TextError(f"{path}, line {number}: no tab between a word and its spelling")
            yield f"{path}, line {number}", word, said


def _json(path: Path, text: str) -> Iterable[tuple[str, str, str]]:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise TextError(f"{path} is not valid JSON: {e}") from e
    if not isinstance(table, dict):
        raise TextError(f"{path} must be a JSON object of words and what to say for them")
    for word, said in table.items():
        if not isinstance(said, str):
            raise TextError(f"{path}: what to say for '{word[:40]}' must be a string")
        yield f"{path}, '{word[:40]}'", word, said
