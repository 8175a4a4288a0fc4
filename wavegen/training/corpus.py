"""An untrained voice and its training clips, from a data set and a configuration."""

from __future__ import annotations

import copy
import functools
import itertools
import logging
import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wavegen.assembly import untrained
from wavegen.audio.local_features import LocalFeatures
from wavegen.audio.mel_scale import mel_bank
from wavegen.config import Config
from wavegen.data.alignment import DatasetAligner, thinned
from wavegen.data.dataset import Dataset
from wavegen.data.pieces import stretches
from wavegen.data.windows import TrainingClip
from wavegen.errors import TrainingError
from wavegen.latents import LatentVoice
from wavegen.model.inputs import FEATURES, needs_text
from wavegen.model.precision import has_bf16
from wavegen.speech import coding, fit, hearing, prior
from wavegen.speech.aligner import ROUNDS
from wavegen.speech.alignment import Alignment
from wavegen.speech.descent import Descent
from wavegen.speech.disguise import band_frequencies
from wavegen.speech.frontend import symbol_table
from wavegen.speech.predict import predict_mel
from wavegen.training.arithmetic import speech_in_bf16
from wavegen.training.likeness import fit_acoustic, fit_wavenet
from wavegen.voice import SpeakingVoice, Voice

log = logging.getLogger(__name__)

ADAPTING_ROUNDS = 3
"""Rounds in which an aligner is adapted that has been fitted to other recordings."""
NEW_STEPS = 20
"""In which the embeddings of new speakers are found before training."""
ACOUSTIC_SHARE = 0.6
"""Of the time for the acoustic model and the content model, if there is one."""
LATENT_SHARE = 0.7
"""Of the time for the code, if there is a network that draws it."""
HELD_OUT = 50
"""Validation clips on which the spread of durations, and that network, are measured."""


def resolve(config: Config, dataset: Dataset, device: torch.device) -> Config:
    """Replace every ``auto`` by a choice, which a resumed run keeps.

    Raises:
        TrainingError: the features include phonemes, but not every clip has a text, or the code is
            to tell phonemes, but none has.
    """
    missing = len(dataset.clips) - len(dataset.units)
    features = dataset.features
    if config.model.ends and features != "none":
        raise TrainingError(
            "model.ends is for voices without texts, and these have: leave it out, or set "
            "conditioning.features to none"
        )
    if needs_text(features) and missing:
        raise TrainingError(
            f"conditioning.features is {features}, but {missing} of {len(dataset.clips)} clips in "
            f"{dataset.root} have no text"
        )
    if config.conditioning.code_phonemes and not dataset.units:
        raise TrainingError(
            f"conditioning.code_phonemes needs texts, and no clip in {dataset.root} has one: "
            "at 0, the code learns without"
        )
    precision = config.train.precision
    if precision == "auto":
        precision = "bf16" if has_bf16(device) else "f32"
    return (
        config.replace("data", layout=dataset.layout)
        .replace("conditioning", features=features)
        .replace("train", precision=precision)
    )


def new_voice(config: Config, dataset: Dataset) -> Voice:
    """A voice with random weights for a data set."""
    torch.manual_seed(config.train.seed)
    units = dataset.units if config.conditioning.features in FEATURES else {}
    return untrained(
        config,
        dataset.speakers,
        symbol_table(units.values()) if units else (),
        tuple(sorted({w for u in units.values() for w in u.words})),
        max((len(u.words) for u in units.values()), default=0),
    )


def fit_speech(
    voice: Voice,
    dataset: Dataset,
    progress: Callable[[str, int, int], None] = lambda phase, done, total: None,
    device: torch.device | str = "cpu",
    seconds: float = math.inf,
    kept: dict[str, Any] | None = None,
    save: Callable[[], None] = lambda: None,
    known: Sequence[str] | None = None,
) -> list[tuple[str, str]]:
    """Fit the speech models of a voice to its training clips: with texts the aligner, then the
    acoustic model, and then the content model, if it has one; the model of a discrete code.

    Args:
        voice: its speech models are trained in place; a vocoder has none.
        dataset: the data.
        progress: called with the phase ("fitting the aligner", "checking the texts", "aligning",
            "fitting the acoustic model", "fitting the content model"; "fitting the latent code",
            "fitting the network of codes") and the rounds, clips or steps done of all in it.
        device: to train the acoustic model on.
        seconds: take fewer steps of the models if all of it would take longer.
        kept: what an interrupted call with the same arguments had come to; it is kept up to date.
        save: called from time to time to save ``kept``.
        known: speakers of the other recordings to which the models have been fitted, if they have.

    Returns:
        (path, reason) of the training clips whose text does not fit, from `DatasetAligner.misfits`.
    """
    kept = {} if kept is None else kept
    if isinstance(voice, LatentVoice):
        _fit_latent(voice, dataset, progress, device, seconds, kept, save, known is not None)
    if not isinstance(voice, SpeakingVoice):
        return []
    paths: Sequence[str] = [p for p in dataset.split["train"] if p in dataset.units]
    begin = time.monotonic()

    def keep(**state: Any) -> None:
        kept.update(state)
        save()

    def round_done(done: int, rounds: int) -> None:
        keep(rounds=done + 1, aligner=voice.aligner.state_dict())
        progress("fitting the aligner", done, rounds)

    aligner = DatasetAligner(voice.aligner, dataset, voice.symbols, voice.sample_rate)
    adapting = known is not None
    prior = copy.deepcopy(voice.aligner) if adapting else None
    first = ROUNDS + 1 - ADAPTING_ROUNDS if adapting else 0
    if "aligner" in kept:
        voice.aligner.load_state_dict(kept["aligner"])
    aligner.fit(paths, round_done, kept.get("rounds", first), prior)
    if "misfits" not in kept:
        keep(misfits=aligner.misfits(paths, partial(progress, "checking the texts")))
    wrong: list[tuple[str, str]] = kept["misfits"]
    out = {path for path, _ in wrong}
    paths = thinned([p for p in paths if p not in out])
    recordings = []
    for done, path in enumerate(paths, 1):
        recordings.append(aligned_recording(voice, dataset, path))
        progress("aligning", done, len(paths))
    if "acoustic" not in kept and (new := new_speakers(voice, known)):
        theirs = [r for r in recordings if r.speaker in new]
        told = partial(progress, "fitting the acoustic model's embedding")
        fit_acoustic(voice.acoustic, theirs, new, progress=told)
    left = seconds - (time.monotonic() - begin)
    _fit_models(voice, recordings, progress, device, left, kept, keep, adapting)
    held = [p for p in dataset.split["validation"] if p in dataset.units][:HELD_OUT]
    if held:
        clips = [aligned_recording(voice, dataset, p) for p in held]
        voice.acoustic.prosody.duration_spread.fill_(fit.duration_spread(voice.acoustic, clips))
    return wrong


def _fit_models(
    voice: SpeakingVoice,
    recordings: Sequence[fit.Recording],
    progress: Callable[[str, int, int], None],
    device: torch.device | str,
    seconds: float,
    kept: dict[str, Any],
    keep: Callable[..., None],
    adapting: bool,
) -> None:
    """Fit the acoustic model, and then the content model; arguments as those of `fit_speech`."""
    c, train = voice.config.conditioning, voice.config.train
    share = 1.0 if voice.content is None else ACOUSTIC_SHARE
    bf16 = speech_in_bf16(train, device)
    fit.fit(
        voice.acoustic.to(device),
        recordings,
        Descent(
            c.acoustic_steps,
            train.seed,
            partial(progress, "fitting the acoustic model"),
            share * seconds,
            kept.get("acoustic"),
            lambda state: keep(acoustic=state),
            bf16,
            adapting,
        ),
    )
    voice.acoustic.to("cpu")
    if voice.content is None:
        return
    hearing.fit(
        voice.content.to(device),
        recordings,
        band_frequencies(mel_bank(voice.sample_rate, voice.config.hop_length, c.mel_channels)),
        Descent(
            c.content_steps,
            train.seed,
            partial(progress, "fitting the content model"),
            (1 - share) * seconds,
            kept.get("content"),
            lambda state: keep(content=state),
            bf16,
            adapting,
        ),
    )
    voice.content.to("cpu")


def _fit_latent(
    voice: LatentVoice,
    dataset: Dataset,
    progress: Callable[[str, int, int], None],
    device: torch.device | str,
    seconds: float,
    kept: dict[str, Any],
    save: Callable[[], None],
    adapting: bool,
) -> None:
    """Fit the model of a discrete code; arguments as those of `fit_speech`."""
    begin, c, train = time.monotonic(), voice.config.conditioning, voice.config.train
    share = LATENT_SHARE if voice.prior else 1.0
    clips, paths = [], thinned(dataset.split["train"])
    for path in paths:
        audio = torch.from_numpy(dataset.audio(path))
        own = voice.analyse(audio, _f0(dataset, path))
        states = torch.zeros(own.frames, dtype=torch.int64)
        speaker = dataset.speaker_id(path)
        clips.append(hearing.Heard(speaker, own.voicing, own.octaves, own.mel.half(), states))

    def keep(state: dict[str, Any]) -> None:
        kept["latent"] = state
        save()

    # Sound without F0 has no speaker to be hidden from the codes.
    bank = mel_bank(voice.sample_rate, voice.config.hop_length, c.mel_channels)
    frequencies = band_frequencies(bank) if c.f0 else None
    said = None
    if c.code_phonemes:
        said = coding.Said.of([dataset.units.get(path) for path in paths], c.code_phonemes)
    found = coding.fit(
        voice.latent.to(device),
        clips,
        frequencies,
        Descent(
            c.latent_steps,
            train.seed,
            partial(progress, "fitting the latent code"),
            share * seconds,
            kept.get("latent"),
            keep,
            speech_in_bf16(train, device),
            adapting,
        ),
        said,
    )
    voice.latent.to("cpu")
    log.info(f"latent code: {found}")
    if found.collapsed:
        log.warning(found.collapsed)
    left = seconds - (time.monotonic() - begin)
    _fit_prior(voice, dataset, progress, device, left, kept, save, adapting)


def _fit_prior(
    voice: LatentVoice,
    dataset: Dataset,
    progress: Callable[[str, int, int], None],
    device: torch.device | str,
    seconds: float,
    kept: dict[str, Any],
    save: Callable[[], None],
    adapting: bool,
) -> None:
    """Fit the network that draws codes, if the voice has one; arguments as those of
    `fit_speech`."""
    if voice.prior is None:
        return
    train = voice.config.train

    def symbols(path: str) -> Tensor:
        codes = voice.encode_recording(dataset.audio(path), path, _f0(dataset, path))
        return torch.from_numpy(voice.symbols(codes))

    def drawn(paths: Sequence[str]) -> prior.Drawn:
        clips = [symbols(path) for path in paths]
        begins = tuple(itertools.accumulate(map(len, clips[:-1]), initial=0))
        return prior.Drawn(dataset.speaker_id(paths[0]), torch.cat(clips), begins)

    paths = dataset.split["train"]
    groups = thinned(stretches(paths), len(paths))

    def keep(state: dict[str, Any]) -> None:
        kept["prior"] = state
        save()

    prior.fit(
        voice.prior.to(device),
        [drawn(group) for group in groups],
        Descent(
            voice.config.conditioning.prior_steps,
            train.seed,
            partial(progress, "fitting the network of codes"),
            seconds,
            kept.get("prior"),
            keep,
            speech_in_bf16(train, device),
            adapting,
        ),
    )
    voice.prior.to("cpu")
    if held := dataset.split["validation"][:HELD_OUT]:
        found = prior.bits(voice.prior, [drawn([path]) for path in held])
        rate = voice.config.conditioning.code_rate
        log.info(f"network of codes: {found * rate:.0f} bits per second of the validation clips")


def new_speakers(voice: Voice, known: Sequence[str] | None) -> list[int]:
    """Ids of the speakers whose rows of a voice's tables have only been guessed from those of known
    ones."""
    return [i for i, s in enumerate(voice.speakers) if known and s not in known]


def fit_new_speakers(
    voice: Voice, dataset: Dataset, known: Sequence[str], progress: Callable[[int, int], None]
) -> None:
    """Fit the new speakers' rows of a WaveNet, in place: in training they would move slowly.

    Args:
        voice: of the WaveNet.
        dataset: the data.
        known: the speakers that the WaveNet has been trained on.
        progress: called with (steps done, steps).
    """
    new = new_speakers(voice, known)
    paths = [p for p in dataset.split["train"] if dataset.speaker_id(p) in new]
    if new and paths:
        clips = [training_clip(voice, dataset, p) for p in paths]
        fit_wavenet(voice, clips, new, NEW_STEPS, progress)


def aligned_recording(voice: SpeakingVoice, dataset: Dataset, path: str) -> fit.Recording:
    """A clip that has a text, aligned, as the acoustic model is fitted to it."""
    audio, speaker = torch.from_numpy(dataset.audio(path)), dataset.speaker_id(path)
    alignment = voice.align(dataset.units[path], speaker, audio)
    local = voice.observe(audio, speaker, alignment, _f0(dataset, path))
    return fit.Recording(alignment, speaker, local.voicing, local.octaves, local.mel.half())


def _f0(dataset: Dataset, path: str) -> Tensor | None:
    """(F,) F0 of a clip, if it has been found."""
    return torch.from_numpy(dataset.tracks[path]) if path in dataset.tracks else None


def training_clip(voice: Voice, dataset: Dataset, path: str) -> TrainingClip:
    """A clip of the data set. It is aligned once, when its local features first need that."""
    speaker, unit = dataset.speaker_id(path), dataset.units.get(path)

    def audio(begin: int, end: int) -> Tensor:
        return torch.from_numpy(dataset.prepared.audio(path, begin, end))

    @functools.cache
    def alignment() -> Alignment | None:
        if unit is None or not isinstance(voice, SpeakingVoice):
            return None
        return voice.align(unit, speaker, torch.from_numpy(dataset.audio(path)))

    def local(predicted: bool) -> LocalFeatures | None:
        recording = torch.from_numpy(dataset.audio(path))
        aligned = alignment() if predicted or voice.needs_text else None
        features = voice.observe(recording, speaker, aligned, _f0(dataset, path))
        if predicted and features and aligned and isinstance(voice, SpeakingVoice):
            who = np.eye(max(len(voice.speakers), 1), dtype=np.float32)[speaker]
            arrays = features.each(np.asarray)
            predicted_mel = predict_mel(voice.acoustic_weights, arrays, aligned, who)
            features = predicted_mel.each(torch.from_numpy)
        return features

    samples = dataset.entry(path).samples
    if voice.config.conditioning.features not in FEATURES:
        return TrainingClip(samples, speaker, audio)
    return TrainingClip(samples, speaker, audio, local)
