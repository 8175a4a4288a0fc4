"""What is asked of the program: how to speak (`Request`) and how to write the sound (`Finish`).

Each field's type, default, range and description stand here and nowhere else. The command line
makes options of the fields, job lists name them, and Python takes them as keyword arguments. No
torch here.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from wavegen.config import Bits
from wavegen.errors import WavegenError

LONGEST = 86400.0
"""Seconds of one utterance at most: a day."""
NOISE_SCALE = 0.7
"""How far what is spoken strays from the average, by default."""
Who = str | int | Mapping[str, float]
"""A speaker as it may be given: a name, an id, or the weights of several."""


@dataclass(frozen=True)
class Option:
    """One field of a `Request` or a `Finish`."""

    name: str
    hint: Any
    """Its type as annotated, such as ``float | None``."""
    default: Any
    help: str
    low: float
    high: float
    """Range of a number, both ends included."""
    flags: tuple[str, ...]
    """On the command line, beside ``--name``."""
    metavar: str | None
    write: Callable[[str, Any], str]
    """How a string is made of (the field's name, a value)."""

    def check(self, value: Any, name: str = "") -> Any:
        """The value converted to the field's type.

        Args:
            value: a number, true or false may also be given as a string, and a string as a whole
                number.
            name: what an error calls the field (default: its name).

        Raises:
            WavegenError: it is of another type or out of range.
        """
        name = name or self.name
        types = get_args(self.hint) or (self.hint,)
        if value is None and NoneType in types:
            return None
        if bool in types:
            words = {"true": True, "false": False}
            value = words.get(value.lower()) if isinstance(value, str) else value
            if not isinstance(value, bool):
                raise WavegenError(f"{name} must be true or false")
            return value
        if get_origin(self.hint) is Literal:
            if value not in types:
                raise WavegenError(f"{name} must be one of {', '.join(types)}")
            return value
        if str in types:
            return self.write(name, value)
        whole = int in types
        number = math.nan
        if not isinstance(value, bool | float if whole else bool):
            with contextlib.suppress(TypeError, ValueError, OverflowError):
                number = int(value) if whole else float(value)
        if not (self.low <= number <= self.high and abs(number) != math.inf):
            bounds = f" {self.range}" if self.range else ""
            given = f", not {value!r:.40}" if isinstance(value, str | float) else ""
            raise WavegenError(f"{name} must be a {'whole ' * whole}number{bounds}{given}")
        return number

    @property
    def range(self) -> str:
        """Range of a number, in words."""
        low = "" if self.low == -math.inf else f"from {self.low:g}"
        return low if self.high == math.inf else f"{low} to {self.high:g}"


def string(name: str, value: Any) -> str:
    """A string, or a whole number as one; raises `WavegenError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise WavegenError(f"{name} must be a string")
    return str(value)


def _speaker(name: str, value: Any) -> str:
    """A speaker, or weights by speaker as a mix is written; see `wavegen.speakers`."""
    if not isinstance(value, Mapping):
        return string(name, value)
    parts = []
    for who, weight in value.items():
        who = string(name, who)
        if {",", ">"} & set(who):
            raise WavegenError(f"{name}: in a mix, give '{who[:40]}' by id")
        try:
            parts.append(f"{who}:{float(weight)!r}")
        except (TypeError, ValueError):
            raise WavegenError(f"{name}: the weight of '{who[:40]}' must be a number") from None
    if not parts:
        raise WavegenError(f"{name} names no speaker")
    return ",".join(parts)


def _path(name: str, value: Any) -> str:
    """Speakers or mixes one after the other, as a path is written."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return _speaker(name, value)
    return " > ".join(_speaker(name, point) for point in value)


def written(speaker: Who | None) -> str | None:
    """A speaker as `Request` has it; raises `WavegenError` if it is none."""
    return None if speaker is None else _speaker("speaker", speaker)


def written_path(path: str | Sequence[Who] | None) -> str | None:
    """A path of speakers as `Request` has it; raises `WavegenError` if it is none."""
    return None if path is None else _path("speaker_path", path)


@functools.cache
def options(cls: type) -> dict[str, Option]:
    """The fields of `Request` or `Finish` by name, in order."""
    hints = get_type_hints(cls)
    return {f.name: Option(f.name, hints[f.name], f.default, **f.metadata) for f in fields(cls)}


def _about(
    help: str,
    low: float = -math.inf,
    high: float = math.inf,
    flags: tuple[str, ...] = (),
    metavar: str | None = None,
    write: Callable[[str, Any], str] = string,
) -> dict[str, Any]:
    """The metadata of a field; see `Option`."""
    return {
        "help": help,
        "low": low,
        "high": high,
        "flags": flags,
        "metavar": metavar,
        "write": write,
    }


class _Checked:
    """A frozen dataclass whose fields are checked as it is made."""

    def __post_init__(self) -> None:
        cls: type = type(self)
        for name, option in options(cls).items():
            object.__setattr__(self, name, option.check(getattr(self, name)))


@dataclass(frozen=True)
class Request(_Checked):
    """What to speak, by whom, and how.

    Raises:
        WavegenError: a field has the wrong type or is out of range.
    """

    text: str | None = field(default=None, metadata=_about("What to say.", flags=("-t",)))
    voice: str | None = field(
        default=None,
        metadata=_about(
            "A bundled voice's name, or a voice file (default: the first bundled voice that has "
            "the speaker).",
            flags=("-v", "--model", "-m"),
        ),
    )
    speaker: str | None = field(
        default=None,
        metadata=_about(
            "Speaker, by name or id (default: the first), or a mix of several by weights, such as "
            "kathleen:0.7,anne:0.3.",
            flags=("-s",),
            metavar="NAME|ID|MIX",
            write=_speaker,
        ),
    )
    speaker_path: str | None = field(
        default=None,
        metadata=_about(
            "Glide from speaker to speaker over the whole text: a,b,c; or, where some are mixes, "
            "a > a:0.5,b:0.5 > c.",
            metavar="A,B,…",
            write=_path,
        ),
    )
    seed: int | None = field(
        default=None,
        metadata=_about(
            "Another seed gives another take (default: 0; in a job list, made from output_file)."
        ),
    )
    temperature: float = field(
        default=1.0,
        metadata=_about(
            "Relative to the voice's own. Below 1: less variation; 0 takes the most likely sample.",
            low=0.0,
        ),
    )
    language: str | None = field(
        default=None,
        metadata=_about("Language of the text, as espeak-ng names it (default: the voice's)."),
    )
    lexicon: str | None = field(
        default=None,
        metadata=_about(
            "How to say names and brands: lines WORD, tab, SPELLING or [[IPA]], or a JSON object.",
            metavar="FILE",
        ),
    )
    ssml: bool = field(
        default=False,
        metadata=_about(
            "The text is SSML: speak, p, s, break, prosody, phoneme, say-as, voice, sub, mark."
        ),
    )
    sentence_silence: float | None = field(
        default=None,
        metadata=_about(
            "Seconds of silence between sentences (default: the voice's own).", low=0.0, high=10.0
        ),
    )
    length_scale: float = field(
        default=1.0, metadata=_about("Above 1 is slower.", low=0.1, high=10.0)
    )
    pitch_shift: float = field(
        default=0.0, metadata=_about("Semitones to raise the pitch by.", low=-24.0, high=24.0)
    )
    noise_scale: float = field(
        default=NOISE_SCALE,
        metadata=_about(
            "How far pitch and, less so, durations stray from the average: 0 is flat, 1 about as "
            "varied in pitch as the recordings.",
            low=0.0,
            high=2.0,
        ),
    )
    seconds: float | None = field(
        default=None,
        metadata=_about(
            "Length, for a voice trained without texts (default: until the clip ends by itself).",
            low=0.001,
            high=LONGEST,
        ),
    )
    max_seconds: float | None = field(
        default=600.0,
        metadata=_about("Refuse to generate more than this.", low=0.0),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.speaker is not None and self.speaker_path is not None:
            raise WavegenError("give a speaker or a path of speakers, not both")


@dataclass(frozen=True)
class Finish(_Checked):
    """How sound is processed and encoded before it is written.

    Raises:
        WavegenError: a field has the wrong type or is out of range.
    """

    sample_rate: int | None = field(
        default=None, metadata=_about("Hz (default: the voice's own).", low=1000, high=384000)
    )
    bits: Bits = field(
        default="16", metadata=_about("Bits per sample, in WAV, AIFF and (16, 24) FLAC files.")
    )
    volume: float = field(
        default=1.0,
        metadata=_about("Factor of the amplitude; what passes ±1 is clipped.", low=0.0, high=100.0),
    )
    normalize: float | None = field(
        default=None,
        metadata=_about(
            "Bring to this loudness in LUFS (ITU-R BS.1770), such as -23, as far as no peak is "
            "clipped; before --volume.",
            low=-70.0,
            high=0.0,
            metavar="LUFS",
        ),
    )
    fade: float = field(
        default=0.005, metadata=_about("Seconds of linear fade at either end.", low=0.0, high=10.0)
    )

    def rate(self, voice: int) -> int:
        """Sample rate of what is written, in Hz, from that of the voice."""
        return self.sample_rate or voice
