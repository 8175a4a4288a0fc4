"""The Python interface: load a voice, speak a text.

import wavegen
for chunk in wavegen.load_voice("digits").synthesize("four two", speaker="jackson"):
    print(chunk.text, chunk.phonemes, len(chunk.audio) / chunk.sample_rate)
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wavegen.audio.writing import encode
from wavegen.config import Engine, WeightPrecision
from wavegen.conversion import plan_conversion
from wavegen.drawing import draw
from wavegen.errors import WavegenError
from wavegen.generation import choose_device
from wavegen.library import find_voice
from wavegen.request import NOISE_SCALE, Request, Who, written, written_path
from wavegen.speech.intervals import Tier
from wavegen.synth import plan, synthesize
from wavegen.timing import Timing, timing
from wavegen.utterance import Audio
from wavegen.voice import Voice


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
    """The phonemes of each word, and punctuation marks."""
    timing: Timing
    """When its words and phonemes are spoken, in seconds from its first sample."""

    def _repr_html_(self) -> str:
        """A player with its words, for notebooks."""
        data = base64.b64encode(to_wav_bytes(self)).decode()
        player = f'<audio controls src="data:audio/wav;base64,{data}"></audio>'
        return f"<figure>{player}<figcaption>{html.escape(self.text)}</figcaption></figure>"

    @property
    def words(self) -> Tier:
        """When each word is spoken."""
        return self.timing.words


def to_wav_bytes(chunks: Chunk | Iterable[Chunk]) -> bytes:
    """A 16-bit WAV file of chunks of one voice, one after the other.

    Raises:
        WavegenError: there are none.
    """
    chunks = [chunks] if isinstance(chunks, Chunk) else [*chunks]
    if not chunks:
        raise WavegenError("no chunks to make a WAV file of")
    return encode(np.concatenate([c.audio for c in chunks]), ".wav", chunks[0].sample_rate)


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
        speaker: Who | None = None,
        *,
        speaker_path: str | Sequence[Who] | None = None,
        seconds: float | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        length_scale: float = 1.0,
        pitch_shift: float = 0.0,
        noise_scale: float = NOISE_SCALE,
        language: str | None = None,
        lexicon: str | Path | None = None,
        sentence_silence: float | None = None,
        max_seconds: float | None = None,
        ssml: bool = False,
        engine: Engine | None = None,
        precision: WeightPrecision | None = None,
    ) -> Iterator[Chunk]:
        """Speak sentence by sentence: each is yielded before the next is begun.

        Args:
            text: anything; directions in it, such as ``[pause 1.5s]`` and ``[rate 0.8]``, are
                followed (see `wavegen.text.markup`).
            speaker: name or id (default: the first), or a mix of several by their weights, as in
                ``{"kathleen": 0.7, "anne": 0.3}``.
            speaker_path: glide from speaker to speaker, each given as for ``speaker``, evenly over
                the phonemes of the whole text, which is then read before its first sentence is
                spoken; or over ``seconds``.
            seconds: length instead of a text, for a voice trained without texts (default: until it
                ends by itself, where it can).
            seed: another one gives another take.
            temperature: relative to the voice's own; below 1 is quieter and plainer, 0 takes the
                most likely sample.
            length_scale: above 1 is slower.
            pitch_shift: semitones to raise the pitch by.
            noise_scale: how far pitch and durations stray from the average reading.
            language: how to read the text, as espeak-ng names it (default: the voice's).
            lexicon: a file with how to say names and brands: lines of a word, a tab and its
                spelling or ``[[phonemes]]``, or a JSON object.
            sentence_silence: seconds between sentences (default: the voice's own).
            max_seconds: refuse to speak for longer (default: no limit).
            ssml: the text is SSML, see `wavegen.text.ssml`.
            engine: default: the fastest for the voice's device.
            precision: of the weights, in an engine that takes one (default: its own).

        Raises:
            TextError: the text can't be spoken.
            VoiceError: no such speaker or mix of them, or the voice can't do what is requested.
            WavegenError: a number is out of range (those of `Request`), or there is no such engine
                or precision.
        """
        request = Request(
            text=text or None,
            ssml=ssml,
            speaker=written(speaker),
            speaker_path=written_path(speaker_path),
            seed=seed,
            temperature=temperature,
            language=language,
            lexicon=None if lexicon is None else str(lexicon),
            sentence_silence=sentence_silence,
            length_scale=length_scale,
            pitch_shift=pitch_shift,
            noise_scale=noise_scale,
            seconds=seconds,
            max_seconds=max_seconds,
        )
        for u in plan(self.voice, request):
            pieces = [piece for _, piece in draw(self.voice, [u], engine, precision)]
            audio = np.concatenate([*pieces, np.zeros(u.pause, np.float32)])
            told = timing(self.voice, [u])
            yield Chunk(audio, self.sample_rate, u.text, u.phonemes, told)

    def convert(
        self,
        recording: str | Path,
        speaker: Who | None = None,
        *,
        text: str | None = None,
        keep_pitch: bool = False,
        pitch_shift: float = 0.0,
        seed: int = 0,
        temperature: float = 1.0,
        language: str | None = None,
        lexicon: str | Path | None = None,
        engine: Engine | None = None,
        precision: WeightPrecision | None = None,
    ) -> Audio:
        """What a recording says, in a speaker's voice, with the recording's timing and melody.

        Args:
            recording: its file; anybody may speak.
            speaker: who is to be heard, as in `synthesize`.
            text: what the recording says.
            keep_pitch: leave the pitch where it is; by default it moves to the speaker's range.
            pitch_shift: semitones that are added.
            seed: as in `synthesize`, and so are the others.
            temperature: likewise.
            language: of the text.
            lexicon: for the text.
            engine: default: the fastest for the voice's device.
            precision: of the weights.

        Returns:
            (T,) mono float32 in [-1, 1] at `sample_rate`, as long as the recording.

        Raises:
            VoiceError: no such speaker, or the voice can't convert.
            TextError: the text is missing or can't be spoken.
            DataError: the recording can't be read.
            WavegenError: a number is out of range, or there is no such engine or precision.
        """
        request = Request(
            text=text,
            speaker=written(speaker),
            seed=seed,
            temperature=temperature,
            language=language,
            lexicon=None if lexicon is None else str(lexicon),
            pitch_shift=pitch_shift,
        )
        planned = plan_conversion(self.voice, Path(recording), request, keep_pitch)
        [audio] = synthesize(self.voice, [planned], engine, precision)
        return audio


def load_voice(voice: str | Path | None = None, device: str = "cpu") -> Synthesizer:
    """Load a voice.

    Args:
        voice: name of a bundled one (default: the first of them), or any voice file.
        device: where it draws: cpu, cuda or cuda:N.

    Raises:
        VoiceError: there is no such voice, or the file is not a complete voice file.
        WavegenError: there is no such device.
    """
    place = choose_device(device, 1)
    found, _ = find_voice(None if voice is None else str(voice))
    found.to(place)
    return Synthesizer(found)
