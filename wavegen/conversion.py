"""A recording's words in another voice, with its timing and melody.

What is said becomes the target's spectrogram, at the target's pitch, and the WaveNet speaks it. It
is read in the text, or heard by the voice's content model (`wavegen.model.content`); a voice with
latent features hears it as codes (`wavegen.latents`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from wavegen.audio.f0 import hertz, running_phase
from wavegen.audio.local_features import LocalFeatures
from wavegen.errors import TextError, VoiceError
from wavegen.latents import LatentVoice
from wavegen.recording import align, observe, read_recording
from wavegen.request import Request
from wavegen.speech.frontend import Unit, read_clip
from wavegen.speech.predict import predict_mel, usual_pitch
from wavegen.text import load_lexicon
from wavegen.utterance import Utterance
from wavegen.voice import Floats, SpeakingVoice, Voice


def plan_conversion(
    voice: Voice, file: Path, request: Request, keep_pitch: bool = False
) -> Utterance:
    """The utterance of a recording of anybody, as a speaker of a voice says it.

    Args:
        voice: with mel features and trained with texts, or with latent features.
        file: the recording.
        request: its speaker or mix of speakers is the target, its text what the recording says,
            which a voice without a content model needs to know, and its pitch shift comes after
            the move to the target's range.
        keep_pitch: leave F0 where it is, apart from that shift.

    Raises:
        VoiceError: the voice can't do that, or has no such speaker.
        TextError: a text is missing or can't be spoken.
        DataError: the recording can't be read, or is empty.
    """
    if isinstance(voice, LatentVoice):
        return _by_codes(voice, file, request, keep_pitch)
    if not isinstance(voice, SpeakingVoice) or voice.needs_text:
        raise VoiceError(
            f"voice {voice.name} can't convert: it must be trained on mel and texts, or on latent "
            "features"
        )
    heard = voice.content_part is not None and not request.text
    said = None if heard else _said(voice, file, request)
    speaker, audio = voice.who(request.speaker), _levelled(voice, read_recording(voice, file))
    weights = voice.weights(speaker)
    local = observe(voice, audio, weights[0])
    target = None if keep_pitch else usual_pitch(voice.acoustic_weights, weights)
    local = with_pitch(voice, local, target, request.pitch_shift)
    if said is None:
        mel = _spoken(voice, local, weights)
        local = replace(local, mel=mel, loudness=mel.mean(0))
    else:
        alignment = align(voice, audio, said)
        local = predict_mel(voice.acoustic_weights, local, alignment, weights[0])
    return Utterance(request, file.name, speaker, weights, len(audio), local)


def _by_codes(voice: LatentVoice, file: Path, request: Request, keep_pitch: bool) -> Utterance:
    """The utterance of a recording by a voice of a discrete code."""
    speaker, audio = voice.who(request.speaker), _levelled(voice, read_recording(voice, file))
    weights, codes = voice.weights(speaker), voice.encode_recording(audio, file.name)
    target = None if keep_pitch else voice.usual_pitch(weights[0])
    melody = with_pitch(voice, voice.melody(codes), target, request.pitch_shift)
    local = voice.spoken(codes.codes, melody, weights)
    return Utterance(request, file.name, speaker, weights, len(audio), local)


def _said(voice: Voice, file: Path, request: Request) -> Unit:
    """What a recording says, by its text."""
    language = request.language or voice.config.data.language
    said = read_clip(request.text or "", language, load_lexicon(request.lexicon))
    if said is None:
        if request.text:
            raise TextError(f"no words in '{request.text[:60]}': --text is what {file.name} says")
        raise TextError(f"voice {voice.name} needs --text: what {file.name} says")
    return said


def _levelled(voice: Voice, audio: Floats) -> Floats:
    """(T,) samples at the level of the recordings that the voice was trained on, if they were
    brought to one."""
    if not voice.config.data.level:
        return audio
    level = np.sqrt(np.square(audio, dtype=np.float64).mean())
    gain = 10 ** (voice.config.data.level / 20) / max(float(level), 1e-6)
    levelled: Floats = np.clip(audio * np.float32(gain), -1, 1)
    return levelled


def _spoken(voice: SpeakingVoice, local: LocalFeatures, weights: Floats) -> Floats:
    """The (M, F) spectrogram of what is heard in a recording's, by (1, S) weights of the speakers
    and at the F0 of the features."""
    import torch

    model = voice.content
    assert model is not None
    with torch.inference_mode():
        mel, who, voicing, octaves = (
            torch.from_numpy(x) for x in (local.mel, weights, local.voicing, local.octaves)
        )
        mask = torch.ones(1, 1, local.frames)
        content = model.content(mel[None], mask)
        made: Floats = model.spoken(content, who, voicing[None], octaves[None], mask)[0].numpy()
    return made


def with_pitch(
    voice: Voice, local: LocalFeatures, target: float | None, shift: float
) -> LocalFeatures:
    """Features, as arrays, at another pitch; the spectrogram stays.

    Args:
        voice: of the features.
        local: of a recording.
        target: the median that F0 is moved to, as by `features.octaves` (default: its own).
        shift: semitones that are added.
    """
    voiced = local.voicing > 0
    moved = shift / 12
    if target is not None and voiced.any():
        moved += target - float(np.median(local.octaves[voiced]))
    octaves: Floats = local.octaves + local.voicing * np.float32(moved)
    f0 = hertz(local.voicing, octaves)
    phase, step = running_phase(f0, voice.sample_rate, voice.config.hop_length)
    return replace(local, octaves=octaves, phase=phase, phase_step=step)
