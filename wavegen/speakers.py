"""Who speaks: a speaker of a voice, several of them mixed, or a glide from one to the next.

A mix is written ``kathleen:0.7,anne:0.3``. A path of speakers is written ``kathleen,anne,joe``, or,
if some of its points are mixes, ``kathleen > kathleen:0.5,anne:0.5 > joe``. Speakers go by name or
id. No torch here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wavegen.errors import VoiceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Mix = tuple[tuple[int, float], ...]
"""(id, weight) of each speaker in it, by ascending ids; the weights are above 0 and sum to 1."""
EXAMPLE = "kathleen:0.7,anne:0.3"


class UnknownSpeakerError(VoiceError):
    """There is no speaker of this name or id."""


@dataclass(frozen=True)
class SpeakerPath:
    """Who speaks a text. With one point it is the same all along. With several it glides evenly
    from each to the next: their weights are interpolated."""

    points: tuple[Mix, ...]
    label: str
    """Names and weights, the same however they were written: a plain speaker's name, or empty in a
    voice without speakers."""

    @property
    def glides(self) -> bool:
        return len(self.points) > 1

    @property
    def key(self) -> int | str:
        """The id of a plain speaker, else the label."""
        first = self.points[0]
        return self.label if self.glides or len(first) > 1 else first[0][0]

    def weights(
        self, speakers: int, count: int = 1, begin: float = 0.0, end: float = 1.0
    ) -> NDArray[np.float32]:
        """The weights of all speakers at ``count`` places evenly from ``begin`` to ``end``, where 0
        is the first point and 1 the last.

        Args:
            speakers: S, the speakers of the voice (at least 1).
            count: N.
            begin: of the first place.
            end: of the last place.

        Returns:
            (N, S), or (1, S) if it doesn't glide.
        """
        import numpy as np

        points = np.zeros((len(self.points), speakers))
        for row, mix in zip(points, self.points, strict=True):
            for number, weight in mix:
                row[number] = weight
        if not self.glides:
            return points.astype(np.float32)
        at = np.linspace(begin, end, count) * (len(points) - 1)
        low = np.minimum(at.astype(int), len(points) - 2)
        part = (at - low)[:, None]
        between: NDArray[np.float64] = (1 - part) * points[low] + part * points[low + 1]
        return between.astype(np.float32)


def find_speakers(
    names: Sequence[str], speaker: str | None = None, path: str | None = None, by_id: bool = True
) -> SpeakerPath:
    """Read who speaks.

    A name wins over an id, and either over a mix, so that a speaker whose name holds ``:`` or ``,``
    is found by it; in a mix, a name with a comma is replaced by its id.

    Args:
        names: of a voice's speakers.
        speaker: one of them, or a mix (default: the first).
        path: of two points or more, in place of ``speaker``.
        by_id: whether they may go by id.

    Raises:
        UnknownSpeakerError: no such speaker.
        VoiceError: a mix or a path that can't be read.
    """
    if path is None:
        points = [((0, 1.0),) if speaker is None else _mix(names, speaker, by_id)]
    elif ">" in path:
        points = [_mix(names, point.strip(), by_id) for point in path.split(">")]
    elif "," in path:
        points = [((_plain(names, path, point.strip(), by_id), 1.0),) for point in path.split(",")]
    else:
        raise VoiceError(f"speaker path '{path[:80]}': give two speakers or more, as in a,b")
    return SpeakerPath(tuple(points), " > ".join(_label(names, mix) for mix in points))


def find_speaker(names: Sequence[str], speaker: str, by_id: bool = True) -> int | None:
    """Id of a speaker given by name or, where none has that name, by id; None if there is none."""
    if speaker in names:
        return names.index(speaker)
    # int refuses thousands of digits.
    known = by_id and speaker.isdecimal() and len(speaker) < 10 and int(speaker) < len(names)
    return int(speaker) if known else None


def numbered(names: Sequence[str]) -> str:
    """Ids and names, for people."""
    return ", ".join(f"{i} {s}" for i, s in enumerate(names)) or "none"


def _plain(names: Sequence[str], path: str, point: str, by_id: bool) -> int:
    """A point of a path without mixes."""
    found = find_speaker(names, point, by_id)
    if found is None and ":" in point:
        raise VoiceError(f"speaker path '{path[:80]}': put > between points that are mixes")
    if found is None:
        raise UnknownSpeakerError(point)
    return found


def _mix(names: Sequence[str], text: str, by_id: bool) -> Mix:
    """A speaker, or ``NAME:WEIGHT,NAME:WEIGHT``."""
    whole = find_speaker(names, text, by_id)
    if whole is not None:
        return ((whole, 1.0),)
    if "," not in text and ":" not in text:
        raise UnknownSpeakerError(text)
    weights: dict[int, float] = {}
    for part in text.split(","):
        name, colon, number = (piece.strip() for piece in part.rpartition(":"))
        if not colon:
            raise _fault(text, f"'{number[:40]}' has no weight; write a mix as {EXAMPLE}")
        weight = _number(number)
        if not 0 <= weight < math.inf:
            raise _fault(text, f"the weight of '{name[:40]}' must be a number from 0")
        found = find_speaker(names, name, by_id)
        if found is None:
            raise UnknownSpeakerError(name)
        if found in weights:
            raise _fault(text, f"'{names[found]}' is in it twice")
        weights[found] = weight
    total = sum(weights.values())
    if not 0 < total < math.inf:
        raise _fault(text, "the weights must have a sum above 0")
    parts = ((i, round(w / total, 9)) for i, w in sorted(weights.items()))  # 7:3 is 0.7:0.3
    return tuple((i, w) for i, w in parts if w)


def _fault(text: str, what: str) -> VoiceError:
    return VoiceError(f"speaker '{text[:80]}': {what}")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _label(names: Sequence[str], mix: Mix) -> str:
    if len(mix) == 1:
        return names[mix[0][0]] if names else ""
    return ",".join(f"{names[i]}:{w:g}" for i, w in mix)
