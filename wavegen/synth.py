"""A request and a voice to sound: `plan` tells what to say, `draw` draws its samples."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from wavegen.audio.local_features import LocalFeatures
from wavegen.config import PAUSE_SECONDS, Engine, WeightPrecision
from wavegen.drawing import draw, draw_codes
from wavegen.errors import TextError, VoiceError
from wavegen.latents import Codes, LatentVoice
from wavegen.recording import observe, read_recording
from wavegen.request import LONGEST, Request
from wavegen.speakers import SpeakerPath
from wavegen.speech.frontend import read_clip, tell_left_out
from wavegen.speech.phrases import Phrase, read_phrases
from wavegen.text import load_lexicon
from wavegen.text.ssml import read_ssml
from wavegen.utterance import Audio, Part, Utterance, held, join_parts
from wavegen.voice import ConditionedVoice, SpeakingVoice, Voice

log = logging.getLogger(__name__)

SENTENCE_SILENCE = 0.2
"""Seconds between sentences; both have silences of their own at their ends."""


def plan(voice: Voice, request: Request) -> Iterator[Utterance]:
    """Read a text and predict its durations and acoustic features, sentence by sentence.

    SSML becomes a text with directions, which is then that of the utterances' requests. Each
    sentence is an utterance of its own, followed by silence; the first one comes before the
    third is read. A voice trained on joined clips knows the pauses between them, and speaks the
    text in one utterance. A voice trained without texts makes one utterance of ``seconds``. A path
    of speakers is spread evenly over the phonemes of the text, which is then read to its end first.

    Args:
        voice: the voice.
        request: ``voice`` is not looked at.

    Raises:
        TextError: there is nothing to speak in the text, no sound that the voice knows, or it
            takes more than ``max_seconds``; or the SSML or the lexicon can't be read.
        VoiceError: the voice has no such speaker, or can't do what is requested.
    """
    return (u for u in plan_in_turns(voice, request) if u is not None)


def plan_in_turns(voice: Voice, request: Request) -> Iterator[Utterance | None]:
    """As `plan`, with None where a long utterance is not yet complete and others may have their
    turn."""
    request = _plain(request)
    if not isinstance(voice, ConditionedVoice) or request.seconds is not None:
        if _draws(voice) and request.text is not None:
            raise VoiceError(
                f"voice {voice.name} was trained without texts: leave the text out "
                "(--seconds sets the length)"
            )
        yield _plan_seconds(voice, request)
        return
    if not isinstance(voice, SpeakingVoice):
        raise VoiceError(f"voice {voice.name} was trained without texts: it {_can(voice)}")
    joined, frame_rate = voice.config.data.join > 1, voice.config.conditioning.frame_rate
    speaker = voice.who(request.speaker, request.speaker_path)
    usual = sentence_pause(voice, request) // voice.config.hop_length
    parts: list[Part] = []
    frames = 0
    language = request.language or voice.config.data.language
    lexicon, left_out = load_lexicon(request.lexicon), set[str]()
    known = voice.longest, voice.words
    phrases = read_phrases(request.text or "", *known, language, lexicon, left_out)
    last = 0  # frames of silence after the last part
    for phrase, span in _placed(phrases, speaker):
        before = usual if phrase.before is None else round(phrase.before * frame_rate)
        if parts:
            parts[-1] = replace(parts[-1], pause=before)
            frames += before
        if phrase.unit is None:
            last = _end(parts, phrase, before)
            _check_length(frames, request, frame_rate)
            break
        who = speaker if phrase.speaker is None else _who(voice, phrase.speaker, request)
        spoken = voice.predict(phrase, who, request, span)
        lead = 0 if frames or phrase.before is None else before
        parts.append(Part(spoken, who, 0, lead))
        frames += lead + spoken.local.frames
        _check_length(frames, request, frame_rate)
        if len(parts) > 1 and not (joined and who == parts[0].speaker):
            yield join_parts(voice, parts[:-1], request)
            del parts[:-1]
        elif len(parts) > 2:
            yield None
    if not parts:
        why = f" ({tell_left_out(left_out, language)})" if left_out else ""
        raise TextError(f"the text holds no words to speak{why}")
    if left_out:
        log.warning(tell_left_out(left_out, language))
    parts[-1] = replace(parts[-1], pause=last)
    yield join_parts(voice, parts, request)


def _plain(request: Request) -> Request:
    """The same request, its SSML as a text with directions."""
    if not request.ssml or request.text is None:
        return request
    return replace(request, text=read_ssml(request.text), ssml=False)


def _check_length(frames: int, request: Request, frame_rate: float) -> None:
    limit = request.max_seconds
    if limit is not None and frames > limit * frame_rate:
        raise TextError(f"this would speak for more than --max-seconds {limit:g}")


def _who(voice: Voice, speaker: str, request: Request) -> SpeakerPath:
    """The speaker that a text names."""
    if request.speaker_path is not None:
        raise TextError("give a path of speakers, or [speaker …] in the text, not both")
    return voice.who(speaker)


def _end(parts: list[Part], phrase: Phrase, before: int) -> int:
    """Take up the end of a text that has no words; the frames of silence after the last part."""
    if parts:
        spoken = parts[-1].spoken
        place = spoken.local.frames + (before if phrase.before else 0)
        marks = (*spoken.marks, *((name, place) for name, _ in phrase.marks))
        parts[-1] = replace(parts[-1], spoken=replace(spoken, marks=marks))
    return before if phrase.before else 0


def sentence_pause(voice: Voice, request: Request) -> int:
    """Samples of silence between sentences, a whole number of frames."""
    silence = request.sentence_silence
    if silence is None:
        silence = sum(PAUSE_SECONDS) / 2 if voice.config.data.join > 1 else SENTENCE_SILENCE
    return round(silence * voice.config.conditioning.frame_rate) * voice.config.hop_length


def _placed(
    phrases: Iterable[Phrase], speaker: SpeakerPath
) -> Iterator[tuple[Phrase, tuple[float, float]]]:
    """The phrases of a text with the part of the path that each speaks, by the phonemes so far."""
    if not speaker.glides:
        yield from ((phrase, (0.0, 1.0)) for phrase in phrases)
        return
    phrases = list(phrases)
    counts = [0 if p.unit is None else sum(map(len, p.unit.phones)) for p in phrases]
    ends = [0, *accumulate(counts)]
    for phrase, (begin, end) in zip(phrases, pairwise(ends), strict=True):
        yield phrase, (begin / max(ends[-1], 1), end / max(ends[-1], 1))


def _draws(voice: Voice) -> bool:
    """Whether it makes sound of any length from nothing."""
    if isinstance(voice, LatentVoice):
        return voice.prior_part is not None
    return not isinstance(voice, ConditionedVoice)


def _can(voice: Voice) -> str:
    if isinstance(voice, SpeakingVoice):
        return "speaks texts"
    if isinstance(voice, LatentVoice) and _draws(voice):
        return "copies recordings (vocode) and draws sound from nothing (--seconds)"
    if isinstance(voice, ConditionedVoice):
        return "copies recordings (vocode)"
    return "makes sound (--seconds)"


def _plan_seconds(voice: Voice, request: Request, prompt: Audio | None = None) -> Utterance:
    """An utterance of a voice without texts, of a given length or until it ends by itself, that may
    continue a recording.

    Raises:
        VoiceError: the voice can't do that, or it is more than ``max_seconds``.
    """
    seconds, limit = request.seconds, request.max_seconds
    if not _draws(voice):
        raise VoiceError(f"voice {voice.name} {_can(voice)}; its length can't be set in seconds")
    ends = not isinstance(voice, LatentVoice) and voice.network.coding.end is not None
    if seconds is None and not ends:
        raise VoiceError(f"voice {voice.name} does not end by itself: --seconds sets its length")
    if seconds is not None and limit is not None and seconds > limit:
        raise VoiceError(f"this would sound for {seconds:g} s, more than --max-seconds {limit:g}")
    longest = LONGEST if limit is None else min(limit, LONGEST)
    samples = max(1, round((longest if seconds is None else seconds) * voice.sample_rate))
    if isinstance(voice, LatentVoice):
        if prompt is not None and request.speaker_path is not None:
            raise VoiceError(f"voice {voice.name} continues a recording as one speaker, not a path")
        known = None if prompt is None else voice.encode_recording(prompt, "")
        begin = 0 if known is None else known.samples
        planned = plan_decoding(voice, draw_codes(voice, request, begin + samples, known), request)
        return replace(planned, samples=samples, prompt=prompt)
    speaker = voice.who(request.speaker, request.speaker_path)
    if speaker.glides and seconds is None:
        raise VoiceError("a path of speakers needs a length to glide over (--seconds)")
    weights = voice.weights(speaker, -(-samples // voice.config.hop_length))
    if prompt is not None and speaker.glides:  # a path begins after the recording
        before = -(-len(prompt) // voice.config.hop_length)
        weights = np.concatenate([np.repeat(weights[:1], before, 0), weights])
    return Utterance(request, "", speaker, weights, samples, prompt=prompt, ends=seconds is None)


def expected_samples(voice: Voice, utterance: Utterance) -> int:
    """About how many samples an utterance will have."""
    if not utterance.ends:
        return utterance.samples
    clips, minutes = (voice.training.get(k, 0) for k in ("clips", "minutes_of_audio"))
    mean = round(60 * minutes * voice.sample_rate / max(clips, 1))
    return min(utterance.samples, mean or voice.sample_rate)


def plan_copy(voice: Voice, file: Path, request: Request) -> Utterance:
    """The utterance of a recording, for a voice with mel features or a discrete code.

    Raises:
        VoiceError: it has others, or no such speaker.
        DataError: the recording can't be read, or is empty.
    """
    if not isinstance(voice, ConditionedVoice) or voice.needs_text:
        raise VoiceError(f"voice {voice.name} is not conditioned on mel spectrograms alone")
    speaker = voice.who(request.speaker, request.speaker_path)
    audio = read_recording(voice, file)
    if isinstance(voice, LatentVoice):
        return plan_decoding(voice, voice.encode_recording(audio, file.name), request)
    local = observe(voice, audio, voice.weights(speaker)[0])
    weights = voice.weights(speaker, local.frames)
    return Utterance(request, file.name, speaker, weights, len(audio), local)


def plan_decoding(voice: LatentVoice, codes: Codes, request: Request) -> Utterance:
    """The utterance of codes, said by a speaker at their own F0.

    Raises:
        VoiceError: no such speaker.
    """
    speaker, melody = voice.who(request.speaker, request.speaker_path), voice.melody(codes)
    weights = voice.weights(speaker, melody.frames)
    local = voice.spoken(codes.codes, melody, weights)
    return Utterance(request, codes.name, speaker, weights, codes.samples, local)


def plan_continuation(
    voice: Voice, file: Path, request: Request, prompt_text: str | None = None
) -> Utterance:
    """An utterance that continues a recording.

    Args:
        voice: the voice.
        file: the recording.
        request: of what follows.
        prompt_text: what the recording says, where the features are made of phonemes.

    Raises:
        VoiceError: the voice can't continue a recording, or not so.
        TextError: a text is missing or can't be spoken.
        DataError: the recording can't be read, or is empty.
    """
    request = _plain(request)
    audio = read_recording(voice, file)
    if _draws(voice):
        if request.text is not None:
            raise VoiceError(f"voice {voice.name} was trained without texts: it {_can(voice)}")
        return _plan_seconds(voice, request, audio)
    if not isinstance(voice, SpeakingVoice):
        raise VoiceError(f"voice {voice.name} {_can(voice)}; it can't continue one")
    if request.text is None or request.seconds is not None:
        raise TextError(f"voice {voice.name} speaks texts: --text says what follows")
    said = None
    if voice.needs_text:
        language = request.language or voice.config.data.language
        lexicon = load_lexicon(request.lexicon)
        said = None if prompt_text is None else read_clip(prompt_text, language, lexicon)
        if said is None:
            raise TextError(f"voice {voice.name} needs --prompt-text: what {file.name} says")
    hop, speaker = voice.config.hop_length, voice.who(request.speaker, request.speaker_path)
    weights = voice.weights(speaker)  # a path begins after the recording
    parts = [observe(voice, audio, weights[0], said)]
    each = [held(weights, parts[0].frames)]
    for u in plan(voice, request):
        if u.local is not None:  # as it is in every voice with texts
            parts += [u.local, voice.pause(u.pause // hop)]
            each.append(held(u.weights, u.local.frames + u.pause // hop))
    local = LocalFeatures.cat(parts)
    samples = local.frames * hop - len(audio)
    weights = np.concatenate(each) if speaker.glides else weights
    return Utterance(request, request.text, speaker, weights, samples, local, prompt=audio)


def another_take(voice: Voice, utterance: Utterance, seed: int) -> Utterance:
    """A continuation of the same recording with another seed, its codes included, if it has any;
    `plan_continuation` has planned the first."""
    request = replace(utterance.request, seed=seed)
    if isinstance(voice, LatentVoice):
        return _plan_seconds(voice, request, utterance.prompt)
    return replace(utterance, request=request)


def join(utterances: Sequence[Utterance], audios: Sequence[Audio]) -> Audio:
    """The sound of utterances one after the other, with the silences between them."""
    pieces = [np.pad(audio, (0, u.pause)) for u, audio in zip(utterances, audios, strict=True)]
    return np.concatenate(pieces)


def synthesize(
    voice: Voice,
    utterances: Sequence[Utterance],
    engine: Engine | None = None,
    precision: WeightPrecision | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Audio]:
    """Draw complete utterances.

    Args:
        voice: the voice.
        utterances: from `plan`, `plan_copy` or `plan_continuation`.
        engine: as in `draw`.
        precision: as in `draw`.
        progress: called with (samples drawn, samples to draw) of all utterances, with 0 once the
            engine is ready.

    Returns:
        Mono float32 in [-1, 1] for each utterance.
    """
    audios = [np.empty(u.samples, np.float32) for u in utterances]
    filled = [0] * len(utterances)
    total = sum(expected_samples(voice, u) for u in utterances)
    for i, piece in draw(voice, utterances, engine, precision, lambda: progress(0, total)):
        audios[i][filled[i] : filled[i] + len(piece)] = piece
        filled[i] += len(piece)
        progress(min(sum(filled), total), total)
    return [audio[:n] for audio, n in zip(audios, filled, strict=True)]
