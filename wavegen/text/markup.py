"""Directions in the text itself: ``[pause 1.5s]``, ``[speaker anne]``, ``[rate 0.8]`` and others.

A direction holds until the next of its kind, or until ``[/rate]``, which ends it; pauses and marks
are places. What is not written like one, such as ``[rate it]``, is text like any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wavegen.errors import TextError
from wavegen.text.raw import PHONEMES

_NUMBER = r"[+-]?\d{1,6}(?:\.\d{1,6})?"
DIRECTION = (
    rf"\[(?:pause +{_NUMBER} ?m?s?|rate +{_NUMBER}|pitch +{_NUMBER}|volume +{_NUMBER} ?(?:dB)?"
    r"|speaker +[^\[\]\n]+|mark +[^\[\]\n]+|/(?:rate|pitch|volume|speaker))\]"
)
BLOCK = f"{PHONEMES}|{DIRECTION}"
"""What the rules of a language leave as it is."""
_PARTS = re.compile(r"\[(/?)(\w+) *([^\]]*)\]")
RANGES = {
    "pause": (0.0, 60.0, "seconds"),
    "rate": (0.1, 10.0, "times"),
    "pitch": (-24.0, 24.0, "semitones"),
    "volume": (-60.0, 20.0, "dB"),
}


@dataclass(frozen=True)
class Direction:
    """``pause`` (seconds), ``rate``, ``pitch`` (semitones), ``volume`` (dB), ``speaker`` or
    ``mark``."""

    name: str
    value: float | str | None
    """None where it ends what was said before of its kind."""


def is_direction(token: str) -> bool:
    """Whether a token of a normalised text is a direction."""
    return token[0] == "[" and token[1] != "["


def direction(token: str) -> Direction:
    """Read a direction; raises `TextError` if its number is out of range."""
    found = _PARTS.fullmatch(token)
    assert found is not None
    ends, name, value = found.groups()
    if ends:
        return Direction(name, None)
    if name not in RANGES:
        return Direction(name, value.strip())
    number = float(value.rstrip("msdB "))
    if value.endswith("ms"):
        number /= 1000
    low, high, unit = RANGES[name]
    if not low <= number <= high:
        raise TextError(f"{token} in the text: give {low:g} to {high:g} {unit}")
    return Direction(name, number)


def without_directions(text: str) -> str:
    """A text without its directions and without the brackets of its phonemes."""
    text = re.sub(DIRECTION, " ", text)
    return re.sub(PHONEMES, lambda m: m[0][2:-2], text)
