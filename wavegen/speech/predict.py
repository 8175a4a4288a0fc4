"""Local features predicted from phonemes by the acoustic model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.f0 import hertz, running_phase
from wavegen.audio.local_features import LocalFeatures
from wavegen.model.numpy import acoustic
from wavegen.model.numpy.acoustic import SLOW, STATES, Phones, slow_noise
from wavegen.model.weights import Weights
from wavegen.request import Request
from wavegen.speakers import SpeakerPath
from wavegen.speech.alignment import SILENCE, Alignment
from wavegen.speech.frontend import numbered_ids, silent_symbols
from wavegen.speech.phrases import Marks, Phrase, Style

Floats = NDArray[np.float32]
RHYTHM = 0.3
"""Share of the noise in durations: drawn one by one they would stumble, while a speaker's stray
together."""

USUAL_FRAMES = 8 / STATES
"""Of each state of a phoneme that is about as long as most."""


@dataclass(frozen=True)
class Spoken:
    """A phrase as it is going to be spoken."""

    phrase: Phrase
    alignment: Alignment
    local: LocalFeatures
    weights: Floats
    """(F, S) of the speakers, or (1, S) if they don't change."""
    volume: Floats | None = None
    """(F,) dB, where the text sets it."""
    marks: Marks = ()
    """Named places, each by its frame."""

    def raised(self, gains: Floats) -> Floats | None:
        """(F,) dB, by which the text and the speakers' (S,) gains raise it."""
        if not gains.any():
            return self.volume
        own = np.broadcast_to((self.weights * gains).sum(1), self.local.frames)
        return own if self.volume is None else own + self.volume


def predict_phrase(
    w: Weights,
    phrase: Phrase,
    symbols: Sequence[str],
    speaker: SpeakerPath,
    request: Request,
    sample_rate: int,
    hop_length: int,
    span: tuple[float, float] = (0.0, 1.0),
) -> Spoken:
    """A phrase with durations and local features, without phonemes' features.

    Args:
        w: of the acoustic model.
        phrase: it has a unit, of which some phoneme is known.
        symbols: of the voice.
        speaker: and the rest as in `predict_features`.
    """
    assert phrase.unit is not None
    numbers, words = zip(*numbered_ids(phrase.unit, symbols), strict=True)
    styles = [phrase.styles[n] for n in numbers] if phrase.styles else []
    silent = silent_symbols(symbols)
    alignment, local, weights = predict_features(
        w, words, speaker, silent, request, sample_rate, hop_length, span, styles
    )
    counts = [sum(frames) for frames in _by_word(alignment)]
    volume = None
    if any(s.volume for s in styles):
        decibels = np.array([s.volume for s in (styles[0], *styles)], np.float32)
        volume = np.repeat(decibels, counts)
    starts = np.cumsum(counts)  # of each word after the silence, and of the end
    marks = tuple(
        (name, int(starts[sum(n < before for n in numbers)])) for name, before in phrase.marks
    )
    return Spoken(phrase, alignment, local, weights, volume, marks)


def _by_word(alignment: Alignment) -> Iterator[tuple[int, ...]]:
    """The frames of each symbol of each word."""
    at = 0
    for word in alignment.words:
        yield alignment.frames[at : at + len(word)]
        at += len(word)


def predict_features(
    w: Weights,
    words: Sequence[Sequence[int]],
    speaker: SpeakerPath,
    silent: int,
    request: Request,
    sample_rate: int,
    hop_length: int,
    span: tuple[float, float] = (0.0, 1.0),
    styles: Sequence[Style] = (),
) -> tuple[Alignment, LocalFeatures, Floats]:
    """Durations and local features of a text, without phonemes' features.

    Args:
        w: of the acoustic model.
        words: symbols of each word.
        speaker: who speaks; places on a path are spread evenly over the symbols.
        silent: number of silent symbols, which are the first; others last at least a frame.
        request: its length scale, pitch shift, noise scale and seed are read.
        sample_rate: Hz.
        hop_length: samples per frame.
        span: the part of the path that is spoken here.
        styles: of each word, compared with the request (default: as it wants).

    Returns:
        The alignment, the features, and the weights of the speakers: (F, S) if they change, else
        (1, S).
    """
    words = [[SILENCE], *words]  # recordings begin with a breath of silence
    symbols = [s for word in words for s in word]
    noise = _Noise((request.seed or 0, speaker.key, words), request.noise_scale)
    prosody = w.part("prosody")
    speakers = len(prosody["phones.speaker.weight"])
    weights = speaker.weights(speakers, len(symbols), *span)
    phones = Phones.of(words, weights)
    encoded = acoustic.encode(prosody.part("phones"), phones)
    log, shares = acoustic.durations(prosody, encoded)
    spread = prosody["duration_spread"]
    # The mean of a log-normal distribution; its median would be too fast.
    log = log + spread**2 / 2 + RHYTHM * noise.draw(len(log)) * spread
    shortest = np.array([float(s >= silent) for s in symbols])  # frames
    scale: float | Floats = request.length_scale
    shift: float | Floats = request.pitch_shift
    if styles:
        each = [s for s, word in zip((Style(), *styles), words, strict=True) for _ in word]
        scale = np.array([scale / s.rate for s in each], np.float32)  # of each symbol
        shift = np.array([shift + s.pitch for s in each], np.float32)
    lengths = _rounded(np.maximum(np.expm1(log), shortest) * scale)
    states = lengths[:, None].astype(np.float32) * np.exp(shares)
    frames = acoustic.repeat(prosody.part("phones"), encoded, states)
    logit, mean, hidden = acoustic.melodies(prosody, frames)
    voicing = (logit > 0).astype(np.float32)
    slow = slow_noise(noise.draw(len(frames) + SLOW - 1))
    octaves = acoustic.draw_pitch(prosody, mean, hidden, voicing, slow)
    if isinstance(shift, float):
        octaves = octaves + voicing * np.float32(shift / 12)
    else:
        octaves = octaves + voicing * np.repeat(shift, lengths) / np.float32(12)
    mel = _draw_mel(w.part("spectrum"), phones, states, voicing, octaves)
    turns = running_phase(hertz(voicing, octaves), sample_rate, hop_length)
    local = LocalFeatures(mel, mel.mean(0), voicing, octaves, *turns)
    if speaker.glides:
        weights = np.repeat(weights, lengths, 0)
    alignment = Alignment(
        tuple(map(tuple, words)),
        tuple(lengths.tolist()),
        states=tuple(map(tuple, states.tolist())),
    )
    return alignment, local, weights


def predict_mel(
    w: Weights, local: LocalFeatures, alignment: Alignment, speaker: Floats
) -> LocalFeatures:
    """A recording's features with the mel spectrogram predicted from its phonemes, their durations
    and its F0: always the same for the same recording.

    Args:
        w: of the acoustic model.
        local: of the recording, as arrays.
        alignment: of the recording.
        speaker: (S,) weights of the speakers.
    """
    phones = Phones.of(alignment.words, speaker[None])
    states = np.array(alignment.states, np.float32)
    mel = _draw_mel(w.part("spectrum"), phones, states, local.voicing, local.octaves)
    return replace(local, mel=mel, loudness=mel.mean(0))


def usual_pitch(w: Weights, speaker: Floats) -> float:
    """The F0 around which a speaker speaks, as by `features.octaves`: its mean in all phonemes,
    said one after the other.

    Args:
        w: of the acoustic model.
        speaker: (1, S) weights of the speakers.
    """
    prosody = w.part("prosody")
    own = prosody.part("phones")
    count = len(own["symbol.weight"])
    phones = Phones.of([range(count)], speaker)
    states = np.full((count, STATES), USUAL_FRAMES, np.float32)
    frames = acoustic.repeat(own, acoustic.encode(own, phones), states)
    logit, octaves, _ = acoustic.melodies(prosody, frames)
    voiced = logit > 0
    return float(octaves[voiced].mean()) if voiced.any() else 0.0


def _draw_mel(
    w: Weights, phones: Phones, states: Floats, voicing: Floats, octaves: Floats
) -> Floats:
    """The (M, F) spectrogram of an utterance, of (F,) voicing and F0."""
    own = w.part("phones")
    frames = acoustic.repeat(own, acoustic.encode(own, phones), states)
    mean, hidden = acoustic.average_mel(w, frames, voicing, octaves)
    return np.ascontiguousarray(acoustic.draw_mel(w, mean, hidden).T)


class _Noise:
    """A stream of normal numbers.

    Args:
        key: what they depend on, of any type whose `repr` tells its values.
        scale: their standard deviation.
    """

    def __init__(self, key: object, scale: float) -> None:
        digest = hashlib.sha256(repr(key).encode()).digest()[:16]
        bits = np.random.Philox(key=int.from_bytes(digest, "little"))
        self._stream, self._scale = np.random.Generator(bits), np.float32(scale)

    def draw(self, count: int) -> Floats:
        return self._scale * self._stream.standard_normal(count, np.float32)


def _rounded(frames: NDArray[np.floating]) -> NDArray[np.int64]:
    """Whole numbers of frames; rounding errors are carried over, so that the sum is right."""
    ends = np.rint(frames.cumsum()).astype(np.int64)
    lengths: NDArray[np.int64] = np.diff(ends, prepend=0)
    return lengths
