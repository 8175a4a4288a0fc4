"""A speaker added to a voice from half a minute of recordings, without training."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from wavegen.assembly import untrained
from wavegen.audio.reading import read_audio
from wavegen.config import DataConfig, SpeakerConfig
from wavegen.data.layouts import find_clips
from wavegen.data.windows import TrainingClip
from wavegen.decoding import decode
from wavegen.errors import DataError, VoiceError
from wavegen.speech.fit import Recording
from wavegen.speech.frontend import Unit, read_clip
from wavegen.training.adapting import transplant
from wavegen.training.likeness import fit_acoustic, fit_content, fit_wavenet
from wavegen.voice import SpeakingVoice, Voice

ENOUGH = 90.0
"""Seconds of recordings that are used at most."""
LEAST = 3.0
"""Seconds that are needed at least."""


@dataclass(frozen=True)
class Sample:
    """A recording of the speaker."""

    audio: Tensor
    """(T,) float32 at the voice's rate."""
    text: Unit | None = None


def read_samples(voice: Voice, paths: Sequence[Path], data: DataConfig) -> list[Sample]:
    """Read recordings of one speaker with their texts, if there are any; `ENOUGH` of them.

    Args:
        voice: its rate is that of the audio.
        paths: files, each with its text in a ``.txt`` file beside it or without, and folders of any
            layout.
        data: the layout of folders, and the language of the texts.

    Raises:
        DataError: a recording can't be read, there are several speakers, or there is too little.
    """
    found: list[tuple[Path, str]] = []
    for path in paths:
        if not path.is_dir():
            found.append((path, _text_beside(path)))
            continue
        clips = [c for c in find_clips(path, data).clips if not (c.problem or c.spare)]
        if len(speakers := sorted({c.speaker for c in clips})) > 1:
            raise DataError(
                f"{path} holds recordings of {len(speakers)} speakers ({', '.join(speakers[:5])}"
                f"{' …' * (len(speakers) > 5)}): name the files or a folder of one"
            )
        found += [(path / c.path, c.text) for c in clips]
    samples, seconds = [], 0.0
    for path, text in found:
        audio = read_audio(path, voice.sample_rate).audio
        seconds += len(audio) / voice.sample_rate
        unit = read_clip(text, data.language) if text else None
        samples.append(Sample(torch.from_numpy(audio), unit))
        if seconds >= ENOUGH:
            break
    if seconds < LEAST:
        raise DataError(f"{seconds:.1f} s of recordings are too little: half a minute is enough")
    return samples


def _text_beside(path: Path) -> str:
    """The text in the file beside a recording; empty if there is none."""
    try:
        return " ".join(decode(path.with_suffix(".txt").read_bytes())[0].split())
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeError) as e:
        raise DataError(f"can't read the text of {path}: {e}") from e


def enroll(
    voice: Voice,
    name: str,
    samples: Sequence[Sample],
    licence: str = "",
    progress: Callable[[str, int, int], None] = lambda phase, done, total: None,
) -> Voice:
    """A copy of a voice with one more speaker, whose embeddings are fitted to recordings.

    With texts those of the acoustic model are fitted, too: rhythm, melody and spectrum. Without
    them these stay the mean of the voice's speakers, and only those of the WaveNet and, for
    conversion, of the content model are fitted.

    Args:
        voice: it must have speakers.
        name: of the new one.
        samples: recordings, from `read_samples`.
        licence: of the recordings, or the speaker's consent; kept in the voice file.
        progress: called with the phase and the steps done of all in it.

    Raises:
        VoiceError: the voice has no speakers, or has this one already.
        TextError: a text is missing for a voice that is conditioned on phonemes.
    """
    if not voice.speakers:
        raise VoiceError(
            f"voice {voice.name} has no speakers, so that none can be added: "
            f"wavegen train FOLDER --from {voice.name} makes a voice of the recordings"
        )
    known = voice.config.data.speaker
    if name in (*voice.speakers, *(s.id for s in known)):
        raise VoiceError(f"voice {voice.name} has a speaker {name} already: choose another --name")
    new = _with_speaker(voice, name)
    speaker = len(voice.speakers)
    clips, recordings = [], []
    if isinstance(new, SpeakingVoice):
        features = [new.aligner.features(s.audio, new.sample_rate) for s in samples]
        new.aligner.normalise(features, [speaker] * len(features))
    for done, sample in enumerate(samples, 1):
        clip, recording = _known(new, sample, speaker)
        clips.append(clip)
        recordings += [] if recording is None else [recording]
        progress("finding F0", done, len(samples))
    if isinstance(new, SpeakingVoice) and recordings:
        told = partial(progress, "fitting the acoustic model's embedding")
        fit_acoustic(new.acoustic, recordings, [speaker], progress=told)
    if isinstance(new, SpeakingVoice) and new.content is not None:
        told = partial(progress, "fitting the content model's embedding")
        fit_content(
            new.content, [r for c in clips if (r := c.local(False))], speaker, progress=told
        )
    fit_wavenet(
        new, clips, [speaker], progress=partial(progress, "fitting the WaveNet's embedding")
    )
    seconds = sum(len(s.audio) for s in samples) / voice.sample_rate
    how = f"{'with' if recordings else 'without'} texts"
    today = datetime.datetime.now(tz=datetime.UTC).date()
    said = f"enrolled from {seconds:.0f} s of recordings {how}, {today}"
    entry = SpeakerConfig(name, description=said, licence=licence)
    minutes = voice.training.get("speaker_minutes", {}) | {name: round(seconds / 60, 2)}
    new.config = new.config.replace("data", speaker=(*known, entry))
    new.training = voice.training | {"speaker_minutes": minutes}
    return new


def _with_speaker(voice: Voice, name: str) -> Voice:
    """A copy with a speaker who is the mean of all."""
    words = voice.vocabulary()
    speakers = (*voice.speakers, name)
    new = untrained(voice.config, speakers, words["symbols"], words["words"], words["longest"])
    transplant(voice, new)
    return new


def _known(voice: Voice, sample: Sample, speaker: int) -> tuple[TrainingClip, Recording | None]:
    """A recording as the WaveNet's embedding is fitted to it, and, if it has a text, the acoustic
    model's."""
    audio = sample.audio
    recording = local = None
    if isinstance(voice, SpeakingVoice) and sample.text is not None:
        alignment = voice.align(sample.text, speaker, audio)
        local = voice.observe(audio, speaker, alignment)
        recording = Recording(alignment, speaker, local.voicing, local.octaves, local.mel)
    else:
        local = voice.observe(audio, speaker)
    return TrainingClip(len(audio), speaker, lambda a, b: audio[a:b], lambda _: local), recording
