"""The library's front door: load a voice, say a text.

import wavegen
for chunk in wavegen.load_voice("digits").synthesize("four two", speaker="jackson"):
    print(chunk.text, chunk.phonemes, len(chunk.audio) / chunk.sample_rate)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wavegen.config import Engine, WeightPrecision
from wavegen.library import find_voice
from wavegen.rendering.jobs import check_number
from wavegen.synth import Audio, Take, draw, plan
from wavegen.voice import Style, Voice


@dataclass(frozen=True)
class Chunk:
    """A sentence, spoken."""

    audio: Audio
    """(T,) mono float32 in [-1, 1], with the silence that follows the sentence."""
    sample_rate: int
    """Hz."""
    text: str
    """Its words, as they are spoken."""
    phonemes: tuple[str, ...]
    """Of each word, and marks of punctuation."""


@dataclass(frozen=True)
class Synthesizer:
    """A voice that speaks."""

    voice: Voice

    @property
    def name(self) -> str:
        return self.voice.name

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names; a speaker's id is its place here."""
        return self.voice.speakers

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.voice.sample_rate

    def synthesize(
        self,
        text: str = "",
        speaker: str | int = 0,
        *,
        seconds: float | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        length_scale: float = 1.0,
        pitch_shift: float = 0.0,
        noise_scale: float = 0.0,
        language: str | None = None,
        sentence_silence: float | None = None,
        max_seconds: float = math.inf,
        engine: Engine | None = None,
        precision: WeightPrecision | None = None,
    ) -> Iterator[Chunk]:
        """Speak sentence by sentence: each is there before the next is begun.

        Args:
            text: anything.
            speaker: name or id.
            seconds: length instead of a text, for a voice trained without texts (default: until it
                ends by itself, where it can).
            seed: another one gives another take.
            temperature: below 1 is quieter and plainer, 0 takes the most likely sample.
            length_scale: above 1 is slower.
            pitch_shift: semitones.
            noise_scale: how far lengths and melody stray from the likeliest.
            language: how to read the text, as espeak-ng names it (default: the voice's).
            sentence_silence: seconds between sentences (default: the voice's own).
            max_seconds: refuse to speak for longer.
            engine: default: `numba` for a voice on the CPU, else `cached`.
            precision: of the weights, in `numba` (default: its own).

        Raises:
            TextError: the text can't be spoken.
            VoiceError: no such speaker, or the voice can't do what is asked for.
            WavegenError: a number is out of its range, or there is no such engine or precision.
        """
        given = {
            "seconds": seconds,
            "temperature": temperature,
            "length_scale": length_scale,
            "pitch_shift": pitch_shift,
            "noise_scale": noise_scale,
            "sentence_silence": sentence_silence,
            "max_seconds": None if max_seconds == math.inf else max_seconds,
        }
        for name, value in given.items():
            if value is not None:
                check_number(name, value)
        voice = self.voice
        who = voice.speaker_id(str(speaker)) if voice.speakers or speaker else 0
        style = Style(length_scale, pitch_shift, noise_scale, seed)
        how = max_seconds, style, language, sentence_silence, seconds
        for u in plan(voice, text, who, *how):
            pieces = [p for _, p in draw(voice, [Take(u, seed, temperature)], engine, precision)]
            audio = np.concatenate([*pieces, np.zeros(u.after, np.float32)])
            yield Chunk(audio, voice.sample_rate, u.text, u.phonemes)


def load_voice(voice: str | Path | None = None) -> Synthesizer:
    """Load a bundled voice by name (default: the first of them), or any voice by its file.

    Raises:
        VoiceError: there is no such voice, or the file is not a whole voice file.
    """
    return Synthesizer(find_voice(None if voice is None else str(voice)))
