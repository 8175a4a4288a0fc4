"""When everything is spoken: times of words and phonemes, and subtitles."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from wavegen.speech.frontend import silent_symbols
from wavegen.speech.intervals import Interval, Tier, intervals
from wavegen.text import without_directions
from wavegen.utterance import Utterance
from wavegen.voice import SpeakingVoice, Voice

SUBTITLES = (".srt", ".vtt")
LINE, LINES = 42, 2
"""Characters of a line of subtitles and lines in a cue at most, as broadcasters have it."""
CUE_SECONDS = 6.0
"""A cue takes no more words after so long."""


@dataclass(frozen=True)
class Timing:
    """When everything is spoken; all in seconds."""

    seconds: float = 0.0
    """Length of the sound."""
    sentences: Tier = ()
    words: Tier = ()
    """As they are spoken: numbers in words; words that are spoken as one ("of the") together."""
    phones: Tier = ()
    """Phonemes, and punctuation marks where they are silences."""
    marks: tuple[tuple[str, float], ...] = ()
    """The text's ``[mark name]``, each with its time."""

    def table(self) -> dict[str, object]:
        """As lists and numbers, for JSON; each interval as `wavegen align` writes it."""
        tiers = {"sentences": self.sentences, "words": self.words, "phones": self.phones}
        return {
            "seconds": round(self.seconds, 6),
            **{name: [_rounded(i) for i in tier] for name, tier in tiers.items()},
            "marks": [{"label": name, "time": round(at, 6)} for name, at in self.marks],
        }


def timing(voice: Voice, utterances: Iterable[Utterance], begin: int = 0) -> Timing:
    """When everything is spoken in utterances one after the other, with the pauses between.

    The times are those that were planned, and exact to a frame: of what the voice was asked to
    draw. What it draws follows within a few milliseconds.

    Args:
        voice: that speaks.
        utterances: in order.
        begin: samples before the first one.
    """
    hop, rate, at = voice.config.hop_length, voice.sample_rate, begin  # in samples
    sentences: list[Interval] = []
    words: list[Interval] = []
    phones: list[Interval] = []
    marks: list[tuple[str, float]] = []
    goes_on = False  # a sentence is spoken in several units
    for u in utterances:
        for said in u.said:
            unit, alignment, first = said.unit, said.alignment, at + said.first
            assert isinstance(voice, SpeakingVoice)  # no other has parts
            ends = ((first + np.cumsum(alignment.frames) * hop) / rate).tolist()
            symbols, silent = voice.symbols, silent_symbols(voice.symbols)
            language = u.request.language or voice.config.data.language
            tiers = intervals(unit, alignment, ends, symbols, silent, language, first / rate)
            marks += [(name, (first + place) / rate) for name, place in said.marks]
            spoken, sounds = ([i for i in tier if i.label] for tier in tiers)
            label, start = " ".join(unit.words), spoken[0].start
            if goes_on:
                before = sentences.pop()
                label, start = f"{before.label} {label}", before.start
            sentences.append(Interval(label, start, spoken[-1].end))
            words += spoken
            phones += sounds
            goes_on = unit.phones[-1] == (",",)
        at += u.samples + u.pause
    return Timing(at / rate, tuple(sentences), tuple(words), tuple(phones), tuple(marks))


def _rounded(interval: Interval) -> dict[str, object]:
    return {
        "label": interval.label,
        "start": round(interval.start, 6),
        "end": round(interval.end, 6),
    }


def write_times(told: Timing, text: str, suffix: str) -> str:
    """The content of a file of times, as JSON (.json) or subtitles.

    Args:
        told: the times.
        text: what was spoken, as it was given.
        suffix: of the file.
    """
    if suffix == ".json":
        return json.dumps(told.table(), ensure_ascii=False, indent=1) + "\n"
    return subtitles(written_words(text, told.words), told.sentences, suffix)


def written_words(text: str, words: Tier) -> Tier:
    """The words of a text as it is written, with the times at which they are spoken.

    What is written otherwise than it is said ("7:30") takes the time of all that is said for it.

    Args:
        text: as it was given.
        words: as they are spoken, see `Timing`.
    """
    tokens = without_directions(text).split()
    spoken = [w for interval in words for w in interval.label.split()]
    whose = [n for n, interval in enumerate(words) for _ in interval.label.split()]
    found: list[Interval] = []
    before = ""
    matcher = SequenceMatcher(None, [_bare(t) for t in tokens], spoken, autojunk=False)
    for _, a, b, c, d in matcher.get_opcodes():
        if b - a == d - c:  # one for one
            pairs = [((a + n, a + n + 1), (c + n, c + n + 1)) for n in range(b - a)]
        else:
            pairs = [((a, b), (c, d))]
        for (i, j), (k, m) in pairs:
            label = " ".join(tokens[i:j])
            if k < m and label:
                start, end = words[whose[k]].start, words[whose[m - 1]].end
                found.append(Interval(f"{before}{label}", start, end))
                before = ""
            elif found:  # a sign that isn't spoken, or more is said for the last word
                end = words[whose[m - 1]].end if m > k else found[-1].end
                found[-1] = Interval(f"{found[-1].label} {label}".strip(), found[-1].start, end)
            else:
                before += f"{label} " if label else ""
    return tuple(found)


def _bare(token: str) -> str:
    return re.sub(r"^\W+|\W+$", "", token).lower()


def subtitles(words: Tier, sentences: Tier, suffix: str) -> str:
    """Words as subtitles, in cues of at most two lines that end with their sentence.

    Args:
        words: see `written_words`.
        sentences: see `Timing`.
        suffix: .srt (SubRip) or .vtt (WebVTT, W3C).
    """
    web = suffix.lower() == ".vtt"
    blocks = ["WEBVTT"] if web else []
    for number, cue in enumerate(_cues(words, sentences), 1):
        lines, begin, end = _lines(cue), _clock(cue[0].start, web), _clock(cue[-1].end, web)
        if web:
            lines = lines.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        blocks.append(f"{number}\n{begin} --> {end}\n{lines}")
    return "\n\n".join(blocks) + "\n"


def _cues(words: Tier, sentences: Tier) -> Iterator[list[Interval]]:
    starts = [s.start for s in sentences[1:]]
    cue: list[Interval] = []
    for word in words:
        begins = starts and word.start >= starts[0] - 1e-6
        while starts and word.start >= starts[0] - 1e-6:
            del starts[0]
        text = [*cue, word]
        long = _lines(text).count("\n") >= LINES or word.end - text[0].start > CUE_SECONDS
        if cue and (begins or long):
            yield cue
            cue = []
        cue.append(word)
    if cue:
        yield cue


def _lines(cue: Iterable[Interval]) -> str:
    return textwrap.fill(" ".join(w.label for w in cue), LINE, break_long_words=False)


def _clock(seconds: float, web: bool) -> str:
    ms = round(1000 * seconds)
    hours, minutes, whole = ms // 3_600_000, ms // 60_000 % 60, ms // 1000 % 60
    return f"{hours:02}:{minutes:02}:{whole:02}{'.' if web else ','}{ms % 1000:03}"
