"""What training reads: the section ``[data]``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from wavegen.config.bounds import at_least

Layout = Literal[
    "auto",
    "flat",
    "folders",
    "pattern",
    "ljspeech",
    "table",
    "vctk",
    "librispeech",
    "sidecar",
    "collection",
]


@dataclass(frozen=True)
class SpeakerConfig:
    id: str = ""
    """The speaker's name in the data."""
    name: str = ""
    """The speaker's name in the voice (default: ``id``)."""
    sex: str = ""
    description: str = ""
    licence: str = ""
    """Licence of the speaker's recordings, if it is not `DataConfig.licence`."""
    attribution: str = ""
    """Likewise."""
    gain: float = 0.0
    """dB, by which all that the voice speaks as this speaker is raised: for recordings whose peaks
    kept them below `DataConfig.level`."""

    @property
    def called(self) -> str:
        """The name in the voice."""
        return self.name or self.id


@dataclass(frozen=True)
class DataConfig:
    layout: Layout = "auto"
    """How file names map to speakers and texts; ``auto`` looks at the folder."""
    pattern: str = ""
    """For layout ``pattern``: regular expression on the file name without its suffix, with the
    named groups ``speaker`` and/or ``text``. Empty: names like ``7_jackson_32.wav``, those of the
    Free Spoken Digit Dataset."""
    trim_db: float = 0.0
    """Trim silence at both ends that lies this many dB below the clip's peak (0: no trimming)."""
    padding: float = 0.0
    """Seconds of digital silence put after each recording: with ``model.ends``, the end is then
    learned where the sound is over, and not from how it fades."""
    level: float = 0.0
    """dBFS. One gain for each speaker brings the root mean square of all recordings of that speaker
    there, as far as no peak is clipped (0: as recorded)."""
    join: int = 1
    """Join up to this many clips of one speaker, with short pauses, into one training utterance."""
    longest: float = 0.0
    """Seconds. Longer recordings without a text are cut into equal clips, so that music and field
    recordings can be split into training and held-out parts (0: no cutting)."""
    validation: float = 0.05
    """Fraction of each speaker's clips held out to measure bits per sample during training."""
    test: float = 0.05
    """Fraction of each speaker's clips held out for the test at the end of training."""
    fold: str = ""
    """Cross-validation, as ``K/N``: hold out the K-th of N equal parts in place of ``test``."""
    language: str = "en-us"
    """Language of the texts, as an espeak-ng code."""
    lexicon: str = ""
    """A file with how some words of the texts are said: lines of a word, a tab and its spelling or
    phonemes in ``[[…]]``, or a JSON object. To speak, it is given again (``--lexicon``)."""
    licence: str = ""
    """Licence of the recordings, kept in the voice file."""
    attribution: str = ""
    """Credit that the licence requires, and the source of the recordings."""
    speaker: tuple[SpeakerConfig, ...] = ()
    """``[[data.speaker]]``: speakers in the order of their ids in the voice, and what is known of
    them. Others follow, sorted by name."""

    def faults(self) -> list[str]:
        out = at_least("data", self, 0, "trim_db", "longest", "padding")
        out += at_least("data", self, 1, "join")
        for name in ("validation", "test"):
            if not 0 <= getattr(self, name) <= 0.5:
                out.append(f"data.{name} must be between 0 and 0.5")
        m = re.fullmatch(r"(\d{1,4})/(\d{1,4})", self.fold)
        if self.fold and not (m and 1 <= int(m[1]) <= int(m[2]) > 1):
            out.append("data.fold must be K/N with N at least 2 and K between 1 and N, like 2/5")
        if self.level > 0:
            out.append("data.level must be at most 0")
        if any(abs(s.gain) > 40 for s in self.speaker):
            out.append("data.speaker.gain must be between -40 and 40")
        if not all(s.id for s in self.speaker):
            out.append("every data.speaker needs an id, the speaker's name in the data")
        for names in ([s.id for s in self.speaker], [s.called for s in self.speaker]):
            twice = sorted({n for n in names if names.count(n) > 1})
            if twice:
                out.append(f"data.speaker names {', '.join(twice)} more than once")
        if self.pattern:
            try:
                groups = re.compile(self.pattern).groupindex
            except re.error as e:
                return [*out, f"data.pattern is no regular expression ({e})"]
            if not groups.keys() & {"speaker", "text"}:
                out.append(
                    "data.pattern needs a named group: (?P<speaker>...) and/or (?P<text>...)"
                )
        return out
