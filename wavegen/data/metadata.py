"""Tables that tell the speakers and texts of clips, in the forms that people have them.

- Rows ``id|text`` and ``id|text|normalised text`` (LJ Speech), ``id|speaker|text`` (piper, coqui,
  VITS), ``path|text|speaker`` (Tacotron); the order of columns is found by their content.
- CSV and TSV with a header (Common Voice's ``client_id``, ``path``, ``sentence``; coqui's
  ``audio_file|text|speaker_name``).
- JSON: an object on each line, or a list of them (NeMo's ``audio_filepath``, ``text``,
  ``speaker``; Hugging Face's ``file_name``, ``transcription``).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from wavegen.decoding import read_text
from wavegen.errors import DataError

NAMES = (
    *("path", "audio_filepath", "audio_file", "audio_path", "audio", "file_name", "filename"),
    *("file", "file_path", "filepath", "wav", "wav_path", "wav_file", "wav_filename", "clip"),
    *("id", "utterance_id", "utt_id", "utterance"),
)
"""Headers of the column of files, in order of preference."""
TEXTS = (
    *("normalized_text", "normalised_text", "text_normalized", "sentence", "text", "transcript"),
    *("transcription", "raw_text"),
)
SPEAKERS = (
    *("speaker", "speaker_id", "speaker_name", "client_id", "spk", "spk_id", "reader"),
    *("reader_id",),
)
DELIMITERS = ("|", "\t", ",", ";")


class Row(NamedTuple):
    """What a table tells of a clip."""

    name: str
    """Id or path, with or without suffix."""
    text: str = ""
    speaker: str = ""


def read_table(path: Path) -> list[Row]:
    """Read a table.

    Raises:
        WavegenError: it can't be read, or is no such table.
    """
    try:
        text = read_text(path)
        rows = _json(text) if text.lstrip()[:1] in ("{", "[") else _delimited(text)
    except (csv.Error, ValueError) as e:
        raise DataError(f"{path} is no table of rows id|text: {e}") from e
    except OSError as e:
        raise DataError(f"can't read {path}: {e.strerror}") from e
    if not any(r.text or r.speaker for r in rows):
        raise DataError(f"{path} has no rows id|text (--layout flat takes the audio without texts)")
    return rows


def _json(text: str) -> list[Row]:
    """Rows of a JSON list or of lines of JSON; raises ValueError."""
    if text.lstrip().startswith("["):
        objects = json.loads(text)
    else:
        objects = [json.loads(line) for line in text.splitlines() if line.strip()]
    rows = []
    for o in objects:
        if not isinstance(o, dict):
            raise ValueError("its items are no objects")
        fields = {k.lower(): _string(v) for k, v in o.items()}
        if row := _row(fields):
            rows.append(row)
    return rows


def _string(value: Any) -> str:
    if isinstance(value, dict):  # Hugging Face's {"path": …, "array": …}
        value = value.get("path")
    return str(value) if isinstance(value, str | int) else ""


def _row(fields: dict[str, str]) -> Row | None:
    """The row of named fields; None if no file is named."""
    name, text, speaker = (
        next((fields[n].strip() for n in names if fields.get(n, "").strip()), "")
        for names in (NAMES, TEXTS, SPEAKERS)
    )
    return Row(name, text, speaker) if name else None


def _delimited(text: str) -> list[Row]:
    """Rows of delimited text, with or without a header; raises `csv.Error`."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    for delimiter in DELIMITERS:
        header = [c.strip().strip('"').lower() for c in first.split(delimiter)]
        named = bool({*header} & {*NAMES}) and bool({*header} & {*TEXTS, *SPEAKERS})
        # Without a header, a comma may as well be part of the text.
        if not named and delimiter not in ("|", "\t"):
            continue
        if delimiter not in first:
            continue
        # Where texts need no quotes, those at a text's beginning are mostly its own.
        how = csv.QUOTE_NONE if delimiter in "|\t" else csv.QUOTE_MINIMAL
        lines = io.StringIO(text, newline="")
        reader = csv.reader(lines, delimiter=delimiter, quoting=how)  # type: ignore[arg-type]
        rows = [[c.strip() for c in r] for r in reader if any(c.strip() for c in r)]
        if delimiter == "\t":
            rows = [[_unquoted(c) for c in r] for r in rows]
        if named:
            found = (_row(dict(zip(header, r, strict=False))) for r in rows[1:])
            return [r for r in found if r]
        return _in_columns(rows)
    return []


def _unquoted(cell: str) -> str:
    inner = cell[1:-1]
    whole = cell == f'"{inner}"' and '"' not in inner.replace('""', "")
    return inner.replace('""', '"') if whole else cell


def _in_columns(rows: Sequence[Sequence[str]]) -> list[Row]:
    """Rows without a header; of text and normalised text the last is preferred."""
    speaker = _speaker_column([r for r in rows if len(r) > 2])
    out = []
    for r in rows:
        texts = {1: r[2:4], 2: r[1:2]}.get(speaker, r[1:3])
        name = r[speaker] if speaker < len(r) else ""
        out.append(Row(r[0], next((t for t in texts[::-1] if t), ""), name if speaker else ""))
    return out


def _speaker_column(rows: Sequence[Sequence[str]]) -> int:
    """Which of the columns 1 and 2 names speakers; 0 if both are texts.

    A text and its normalised form are equally varied. Speakers are fewer than texts, and on average
    each of them speaks twice.
    """
    different = [len({r[c] for r in rows}) for c in (1, 2)]
    if not rows or different[0] == different[1] or 2 * min(different) > len(rows):
        return 0
    return 1 if different[0] < different[1] else 2
