"""A subset of SSML (W3C Speech Synthesis Markup Language 1.1) as text with directions."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from xml.etree import ElementTree

from wavegen.errors import TextError
from wavegen.text.markup import RANGES

log = logging.getLogger(__name__)

BREAKS = {"none": 0.0, "x-weak": 0.1, "weak": 0.25, "medium": 0.5, "strong": 0.8, "x-strong": 1.2}
"""Seconds; the standard leaves them to the synthesiser, as it does the levels below."""
RATES = {"x-slow": 0.6, "slow": 0.8, "medium": 1.0, "fast": 1.25, "x-fast": 1.6, "default": 1.0}
PITCHES = {"x-low": -6.0, "low": -3.0, "medium": 0.0, "high": 3.0, "x-high": 6.0, "default": 0.0}
"""Semitones."""
VOLUMES = {
    **{"silent": -60.0, "x-soft": -12.0, "soft": -6.0, "medium": 0.0, "loud": 6.0, "x-loud": 12.0},
    "default": 0.0,
}
"""dB."""
PLAIN_TAGS = ("speak", "p", "s", "w", "token")
SILENT_TAGS = ("metadata", "desc")


_BEGINNING = re.compile(r"\s*(<\?xml[^>]*>\s*)?<speak[\s/>]")


def begins_as_ssml(text: str) -> bool:
    """Whether a text begins with ``<speak>``, with or without attributes and an XML declaration."""
    return _BEGINNING.match(text) is not None


def read_ssml(ssml: str) -> str:
    """SSML as a text with the directions of `wavegen.text.markup`.

    Known are ``speak``, ``p``, ``s``, ``break``, ``prosody`` (rate, pitch, volume), ``phoneme``
    (in IPA), ``say-as`` (characters, date, telephone), ``voice``, ``sub`` and ``mark``. One warning
    names all other tags; what they hold is read.

    Raises:
        TextError: it is not well-formed, or a value can't be read.
    """
    reader = _Reader()
    parser = ElementTree.XMLParser(target=reader)
    try:
        parser.feed(ssml.strip())
        parser.close()
    except ElementTree.ParseError as e:
        raise TextError(f"the SSML is not well-formed: {e}") from e
    except ValueError as e:
        raise TextError(f"the SSML can't be read: {e}") from e
    if reader.unknown:
        log.warning("unknown in SSML and left out: " + ", ".join(dict.fromkeys(reader.unknown)))
    return "".join(reader.out)


class _Reader:
    """Takes the events of the parser, so that no depth of nesting is too deep."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.unknown: list[str] = []
        self._open: list[tuple[str, Mapping[str, str], int]] = []
        """Tags with their attributes and where in ``out`` they begin."""
        self._styles = [{"rate": 1.0, "pitch": 0.0, "volume": 0.0}]
        self._voices: list[str | None] = [None]

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise TextError("the SSML has a document type, which isn't read")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        tag = tag.rpartition("}")[2]
        if not self._open and tag != "speak":
            raise TextError(f"SSML begins with <speak>, not <{tag[:40]}>")
        if tag in ("p", "s"):
            self.out.append("\n")
        elif tag == "break":
            self._break(attributes)
        elif tag == "mark":
            self.out.append(f" [mark {_name(attributes, tag)}] ")
        elif tag == "prosody":
            self._prosody(attributes)
        elif tag == "voice":
            self._voices.append(_name(attributes, tag))
            self.out.append(f" [speaker {self._voices[-1]}] ")
        elif tag not in (*PLAIN_TAGS, *SILENT_TAGS, "phoneme", "say-as", "sub"):
            self.unknown.append(f"<{tag[:40]}>")
        self._open.append((tag, attributes, len(self.out)))

    def data(self, text: str) -> None:
        self.out.append(re.sub(r"\s+", " ", text))

    def end(self, tag: str) -> None:
        tag, attributes, begin = self._open.pop()
        if tag in ("p", "s"):
            self.out.append("\n")
        elif tag in SILENT_TAGS:
            self.out[begin:] = [" "]
        elif tag == "sub":
            if "alias" in attributes:
                self.out[begin:] = [attributes["alias"]]
        elif tag == "phoneme":
            if attributes.get("alphabet", "ipa") != "ipa":
                self.unknown.append(f"the alphabet '{attributes['alphabet'][:40]}'")
            elif "ph" in attributes:
                self.out[begin:] = [f" [[{re.sub(r'[][]', '', attributes['ph'])}]] "]
        elif tag == "say-as":
            self._say_as(attributes, "".join(self.out[begin:]), begin)
        elif tag == "voice":
            self._voices.pop()
            name = self._voices[-1]
            self.out.append(" [/speaker] " if name is None else f" [speaker {name}] ")
        elif tag == "prosody":
            self._change(self._styles.pop())

    def close(self) -> None:
        """As the parser asks for it."""

    def _break(self, attributes: Mapping[str, str]) -> None:
        if "time" in attributes:
            seconds = _seconds(attributes["time"])
        else:
            seconds = _value("break strength", attributes.get("strength", "medium"), BREAKS, {})
        if seconds:
            self.out.append(f" [pause {_number(seconds, 'pause')}s] ")

    def _prosody(self, attributes: Mapping[str, str]) -> None:
        style = dict(self._styles[-1])
        if rate := attributes.get("rate"):
            style["rate"] *= _value("prosody rate", rate, RATES, {"": 1.0, "%": 0.01})
        if pitch := attributes.get("pitch"):
            style["pitch"] += _value("prosody pitch", pitch, PITCHES, {"st": 1.0, "%": 0.01})
        if volume := attributes.get("volume"):
            style["volume"] += _value("prosody volume", volume, VOLUMES, {"dB": 1.0, "": 1.0})
        self._styles.append(style)
        self._change(self._styles[-2])

    def _change(self, old: Mapping[str, float]) -> None:
        """Write what differs from an old style."""
        for name, value in self._styles[-1].items():
            if value != old[name]:
                neutral = value == self._styles[0][name]
                told = f"/{name}" if neutral else f"{name} {_number(value, name)}"
                self.out.append(f" [{told}] ")

    def _say_as(self, attributes: Mapping[str, str], inside: str, begin: int) -> None:
        how = attributes.get("interpret-as", "")
        if how in ("characters", "spell-out", "verbatim"):
            self.out[begin:] = [f" {_characters(inside)} "]
        elif how == "telephone":
            groups = (" ".join(digits) for digits in re.findall(r"\d+", inside))
            plus = "+ " if inside.strip().startswith("+") else ""
            self.out[begin:] = [f" {plus}{', '.join(groups)} "]
        elif how == "date":
            self.out[begin:] = [_date(inside, attributes.get("format", ""))]
        else:
            self.unknown.append(f"say-as '{how[:40]}'")


def _name(attributes: Mapping[str, str], tag: str) -> str:
    name = " ".join(attributes.get("name", "").split())
    if not name or "[" in name or "]" in name:
        raise TextError(f"<{tag}> in the SSML needs a name without brackets")
    return name


def _seconds(time: str) -> float:
    found = re.fullmatch(r"\s*\+?(\d*\.?\d+)\s*(m?)s\s*", time)
    if not found:
        raise TextError(f"break time '{time[:40]}' in the SSML: give one such as 500ms or 1.5s")
    return float(found[1]) / (1000 if found[2] else 1)


def _value(what: str, text: str, names: Mapping[str, float], units: Mapping[str, float]) -> float:
    """A value by its name or as a number with a unit; percentages of the pitch in semitones, and of
    the rate with a sign as a change of it."""
    text = text.strip()
    found = re.fullmatch(r"([+-]?\d*\.?\d+)\s*([A-Za-z%]*)", text)
    if text in names:
        return names[text]
    if not found or found[2] not in units:
        forms = ", ".join([*names, *(f"a number{' of ' * bool(u)}{u}" for u in units)])
        raise TextError(f"{what} '{text[:40]}' in the SSML: give one of {forms}")
    number = float(found[1]) * units[found[2]]
    if what == "prosody volume" and not found[2]:  # from 0 to 100, of the full amplitude
        return 20 * math.log10(max(min(number, 100), 0.1) / 100)
    if found[2] == "%" and text[0] in "+-":
        number += 1
    if what == "prosody pitch" and found[2] == "%":
        return 12 * math.log2(max(number, 0.1))
    return number


def _number(value: float, name: str) -> str:
    """A number within the range of a direction, as it is written there."""
    low, high, _ = RANGES[name]
    return f"{min(max(value, low), high):.4f}".rstrip("0").rstrip(".")


def _characters(text: str) -> str:
    """Letters with dots, as in an abbreviation, and digits one by one."""
    runs = re.findall(r"\d+|[^\W\d_]+|[^\s\w]|_", text)
    return " ".join(
        " ".join(run) if run.isdecimal() else ".".join(run.upper()) if run.isalpha() else run
        for run in runs
    )


def _date(text: str, order: str) -> str:
    """A date of three numbers as ISO 8601 writes it, if ``order`` (such as "dmy") says which is
    which; else as it is."""
    numbers = re.findall(r"\d+", text)
    if sorted(order) != ["d", "m", "y"] or len(numbers) != 3:
        return text
    day, month, year = (int(numbers[order.index(c)]) for c in "dmy")
    return f" {year:04}-{month:02}-{day:02} "
