"""A voice and a text to sound."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wavegen.audio.linear_prediction import predictor
from wavegen.audio.reading import read_audio
from wavegen.audio.synthesis_filter import Synthesis
from wavegen.config import Engine, WeightPrecision
from wavegen.data.windows import PAUSE_SECONDS
from wavegen.errors import DataError, TextError, VoiceError, WavegenError
from wavegen.generation import ENGINES
from wavegen.generation.job import Job
from wavegen.generation.uniforms import key
from wavegen.speech.frontend import read_clip, read_text
from wavegen.text import FEW
from wavegen.voice import PLAIN, Style, Voice

Audio = NDArray[np.float32]

SENTENCE_SILENCE = 0.2
"""Seconds between sentences; both have silences of their own at their ends."""
LONGEST = 86400.0
"""Seconds of one utterance at most: a day."""
SLICE_SECONDS = 0.05
"""Sound per call of an engine, so that progress and Ctrl-C stay live."""


@dataclass(frozen=True)
class Utterance:
    """A planned utterance: all that is known before the first sample is drawn."""

    text: str
    """Its words, or the name of the recording that it copies."""
    speaker: int
    samples: int
    local: Tensor | None
    """(C, F) local features; None for a voice without text."""
    unheard: tuple[str, ...] = ()
    """Words that a voice of few words never heard in training."""
    spans: tuple[tuple[str, int, int], ...] = ()
    """(words, first sample, end sample) of each unit."""
    phonemes: tuple[str, ...] = ()
    """Of each word, and marks of punctuation."""
    after: int = 0
    """Samples of silence before the next one."""
    prompt: Tensor | None = None
    """(N,) float32 that it goes on from; the local features begin with it."""
    ends: bool = False
    """It may end by itself, after ``samples`` at most."""


@dataclass(frozen=True)
class Take:
    """An utterance to be drawn."""

    utterance: Utterance
    seed: int = 0
    temperature: float = 1.0
    """Below 1 is quieter and plainer, 0 takes the most likely sample."""


def plan(
    voice: Voice,
    text: str,
    speaker: int = 0,
    max_seconds: float = math.inf,
    style: Style = PLAIN,
    language: str | None = None,
    silence: float | None = None,
    seconds: float | None = None,
) -> Iterator[Utterance]:
    """Read a text and predict its length and what it sounds like, sentence by sentence.

    Each sentence is an utterance of its own, followed by silence; the first one is there before the
    third is read. A voice trained on joined clips knows the pauses between them, and says the
    whole text in one utterance.

    Args:
        voice: the voice.
        text: anything; nothing for a voice without texts.
        speaker: id.
        max_seconds: refuse to speak for longer.
        style: of the speech.
        language: how to read the text, as espeak-ng names it (default: the voice's).
        silence: seconds between sentences, or what the voice speaks in one go (default:
            `SENTENCE_SILENCE`, or the mean of the pauses in training).
        seconds: of a voice without texts, as for `plan_seconds`.

    Raises:
        TextError: the text has nothing to speak, no sound that the voice knows, or takes more than
            ``max_seconds``.
        VoiceError: the voice was trained without texts, or can't be styled so.
    """
    if voice.kind is None or seconds is not None:
        if voice.kind is None and text.strip():
            raise VoiceError(
                f"voice {voice.name} was trained without texts: leave the text out "
                "(--seconds sets the length)"
            )
        yield plan_seconds(voice, seconds, speaker, max_seconds)
        return
    if not voice.symbols:
        raise VoiceError(f"voice {voice.name} was trained without texts: it {_can(voice)}")
    joined = voice.config.data.join > 1
    hop, rate = voice.config.hop_length, voice.config.conditioning.frame_rate
    pause = pause_of(voice, silence) // hop
    parts: list[_Part] = []
    frames = 0
    language = language or voice.config.data.language
    for unit in read_text(text, voice.longest, voice.words, language):
        spoken = voice.predict(unit, speaker, style)
        assert spoken.alignment is not None
        length = sum(spoken.alignment.frames)
        frames += length + (pause if frames else 0)
        if frames > max_seconds * rate:
            raise TextError(f"this would speak for more than --max-seconds {max_seconds:g}")
        phonemes = tuple("".join(p) for p in unit.phones)
        parts.append(_Part(unit.words, phonemes, voice.features(spoken), length * hop))
        if len(parts) > 1 and not joined:  # now the one before is known not to be the last
            yield _utterance(voice, parts[:1], speaker, pause)
            del parts[0]
    if not parts:
        raise TextError("the text holds no words to speak")
    yield replace(_utterance(voice, parts, speaker, pause), after=0)


def pause_of(voice: Voice, silence: float | None = None) -> int:
    """Samples between sentences, whole frames of them; ``silence`` as for `plan`."""
    if silence is None:
        silence = sum(PAUSE_SECONDS) / 2 if voice.config.data.join > 1 else SENTENCE_SILENCE
    return round(silence * voice.config.conditioning.frame_rate) * voice.config.hop_length


@dataclass(frozen=True)
class _Part:
    words: tuple[str, ...]
    phonemes: tuple[str, ...]
    local: Tensor
    samples: int


def _utterance(voice: Voice, parts: Sequence[_Part], speaker: int, pause: int) -> Utterance:
    """Parts with a pause between them, in frames, and after them."""
    silence = pause * voice.config.hop_length
    local: list[Tensor] = []
    spans, at = [], 0
    for part in parts:
        if local and pause:
            local.append(voice.pause(pause))
        local.append(part.local)
        spans.append((" ".join(part.words), at, at + part.samples))
        at += part.samples + silence
    words = [w for part in parts for w in part.words]
    known = voice.words if len(voice.words) < FEW else words
    unheard = tuple(dict.fromkeys(w for w in words if w not in known))
    return Utterance(
        " ".join(words),
        speaker,
        at - silence,
        torch.cat(local, 1),
        unheard,
        tuple(spans),
        tuple(p for part in parts for p in part.phonemes),
        silence,
    )


def _can(voice: Voice) -> str:
    if voice.symbols:
        return "speaks texts"
    return "makes sound (--seconds)" if voice.kind is None else "copies recordings (vocode)"


def plan_seconds(
    voice: Voice, seconds: float | None, speaker: int = 0, max_seconds: float = math.inf
) -> Utterance:
    """An utterance of a voice without text, of a given length, or (None) until it ends by itself.

    Raises:
        VoiceError: the voice can't do that, or it is more than ``max_seconds``.
    """
    if voice.kind is not None:
        raise VoiceError(f"voice {voice.name} {_can(voice)}; its length can't be set in seconds")
    if seconds is None and voice.model.output.end is None:
        raise VoiceError(f"voice {voice.name} does not end by itself: --seconds sets its length")
    longest = min(max_seconds, LONGEST)
    if seconds is not None and not seconds <= longest:
        limit = f"--max-seconds {max_seconds:g}" if max_seconds <= LONGEST else f"{LONGEST:g} s"
        raise VoiceError(f"this would sound for {seconds:g} s, more than {limit}")
    samples = max(1, round((longest if seconds is None else seconds) * voice.sample_rate))
    return Utterance("", speaker, samples, None, ends=seconds is None)


def likely_samples(voice: Voice, utterance: Utterance) -> int:
    """About how many samples an utterance will have."""
    if not utterance.ends:
        return utterance.samples
    clips, minutes = (voice.training.get(k, 0) for k in ("clips", "minutes_of_audio"))
    mean = round(60 * minutes * voice.sample_rate / max(clips, 1))
    return min(utterance.samples, mean or voice.sample_rate)


def plan_copy(voice: Voice, file: Path, speaker: int = 0) -> Utterance:
    """The utterance of a recording, for a voice with mel features.

    Raises:
        VoiceError: it has others.
        DataError: the recording can't be read, or holds nothing.
    """
    if voice.kind is None or voice.kind.text:
        raise VoiceError(f"voice {voice.name} is not conditioned on mel spectrograms alone")
    audio = _recording(voice, file)
    local = voice.features(voice.observe(torch.from_numpy(audio), speaker, None))
    return Utterance(file.name, speaker, len(audio), local)


def plan_continuation(
    voice: Voice,
    file: Path,
    speaker: int = 0,
    seconds: float | None = None,
    max_seconds: float = math.inf,
    text: str | None = None,
    prompt_text: str | None = None,
    style: Style = PLAIN,
    language: str | None = None,
) -> Utterance:
    """An utterance that goes on from a recording.

    Args:
        voice: the voice.
        file: the recording.
        speaker: id.
        seconds: length of what follows, for a voice without texts (default: until it ends).
        max_seconds: of what follows at most.
        text: what follows says, for a voice with texts.
        prompt_text: what the recording says, where the features are made of phonemes.
        style: of the speech.
        language: of both texts, as espeak-ng names it (default: the voice's).

    Raises:
        VoiceError: the voice can't go on from a recording, or not so.
        TextError: a text is missing or can't be spoken.
        DataError: the recording can't be read, or holds nothing.
    """
    audio = torch.from_numpy(_recording(voice, file))
    if voice.kind is None:
        if text is not None:
            raise VoiceError(f"voice {voice.name} was trained without texts: it {_can(voice)}")
        return replace(plan_seconds(voice, seconds, speaker, max_seconds), prompt=audio)
    if not voice.symbols:
        raise VoiceError(f"voice {voice.name} {_can(voice)}; it can't go on from one")
    if text is None or seconds is not None:
        raise TextError(f"voice {voice.name} speaks texts: --text says how it goes on")
    said = None
    if voice.kind.text:
        language = language or voice.config.data.language
        said = None if prompt_text is None else read_clip(prompt_text, language)
        if said is None:
            raise TextError(f"voice {voice.name} needs --prompt-text: what {file.name} says")
    hop = voice.config.hop_length
    local = [voice.features(voice.observe(audio, speaker, said))]
    for u in plan(voice, text, speaker, max_seconds, style, language):
        assert u.local is not None
        local += [u.local, voice.pause(u.after // hop)]
    whole = torch.cat(local, 1)
    return Utterance(text, speaker, whole.shape[1] * hop - len(audio), whole, prompt=audio)


def _recording(voice: Voice, file: Path) -> Audio:
    audio = read_audio(file, voice.sample_rate).audio
    if not len(audio):
        raise DataError(f"{file} holds no samples at {voice.sample_rate} Hz")
    return audio


def join(utterances: Sequence[Utterance], audios: Sequence[Audio]) -> Audio:
    """The sound of utterances one after the other, with the silences between them."""
    pieces = [np.pad(audio, (0, u.after)) for u, audio in zip(utterances, audios, strict=True)]
    return np.concatenate(pieces)


def draw(
    voice: Voice,
    takes: Iterable[Take],
    engine: Engine | None = None,
    precision: WeightPrecision | None = None,
    ready: Callable[[], None] = lambda: None,
) -> Iterator[tuple[int, Audio]]:
    """Draw the samples of any number of takes, as they come.

    Args:
        voice: the voice.
        takes: read as the engine has room for them, by any of its threads.
        engine: default: `numba` for a voice on the CPU, else `cached`.
        precision: of the weights, in `numba` (default: its own).
        ready: called once the engine can begin.

    Yields:
        (index of a take, mono float32 in [-1, 1] that goes on where its last piece ended), in
        pieces of at most `SLICE_SECONDS`; an empty one where the utterance has ended by itself.

    Raises:
        WavegenError: the engine can't run this voice so.
    """
    on_cpu = voice.model.skip_bias.device.type == "cpu"
    engine = engine or ("numba" if on_cpu else "cached")
    if engine not in ENGINES:
        raise WavegenError(f"no engine '{engine}': choose from {', '.join(ENGINES)}")
    if precision not in (None, *get_args(WeightPrecision)):
        known = ", ".join(get_args(WeightPrecision))
        raise WavegenError(f"no precision '{precision}': choose from {known}")
    options: dict[str, Any] = {"precision": precision} if precision else {}
    if engine == "numba" and not on_cpu:
        raise WavegenError("engine numba needs the voice on the CPU")
    if engine != "numba" and options:
        raise WavegenError(f"engine {engine} takes no precision; numba does")
    names = voice.speakers or ("",)
    voice.model.eval()
    open_: dict[int, tuple[Synthesis, int]] = {}  # of each utterance, and samples to come

    def jobs() -> Iterator[Job]:
        # Encoded one by one, so that an utterance does not depend on its company.
        for i, t in enumerate(takes):
            u = t.utterance
            before = None if u.prompt is None else u.prompt.numpy()
            open_[i] = Synthesis(predictor(voice.config, u.local), before), u.samples
            phase = voice.phases(u.local)
            yield Job(
                voice.rows(u.speaker, u.local)[0],
                u.samples,
                key(t.seed, u.text, names[u.speaker]),
                t.temperature,
                None if u.prompt is None else voice.codes(u.prompt, u.local),
                u.ends,
                None if phase is None else phase[0],
            )

    block = max(1, round(voice.sample_rate * SLICE_SECONDS))
    pieces = ENGINES[engine](voice.model, jobs(), voice.config.hop_length, block, **options)
    ready()
    for i, codes in pieces:
        filtered, left = open_.pop(i)
        if len(codes) and left > len(codes):
            open_[i] = filtered, left - len(codes)
        yield i, filtered(voice.model.output.decode(codes.cpu()).numpy())


def synthesize(
    voice: Voice,
    utterances: Sequence[Utterance],
    seeds: Sequence[int] | int = 0,
    temperature: float = 1.0,
    engine: Engine | None = None,
    precision: WeightPrecision | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Audio]:
    """Draw whole utterances; arguments as `draw`, and:

    Args:
        voice: the voice.
        utterances: from `plan`, `plan_seconds` or `plan_copy`.
        seeds: one for all, or one each.
        temperature: of all.
        engine: as in `draw`.
        precision: as in `draw`.
        progress: called with (samples drawn, samples to draw) of all utterances, with 0 once the
            engine is ready.

    Returns:
        Mono float32 in [-1, 1] for each utterance.
    """
    if isinstance(seeds, int):
        seeds = [seeds] * len(utterances)
    takes = [Take(u, seed, temperature) for u, seed in zip(utterances, seeds, strict=True)]
    audios = [np.empty(u.samples, np.float32) for u in utterances]
    filled = [0] * len(utterances)
    total = sum(likely_samples(voice, u) for u in utterances)
    for i, piece in draw(voice, takes, engine, precision, lambda: progress(0, total)):
        audios[i][filled[i] : filled[i] + len(piece)] = piece
        filled[i] += len(piece)
        progress(min(sum(filled), total), total)
    return [audio[:n] for audio, n in zip(audios, filled, strict=True)]
