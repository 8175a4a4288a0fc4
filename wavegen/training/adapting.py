"""A run that starts from a voice: its recipe, and the voice's weights for other speakers.

Fine-tuning keeps the network and everything that it has learned of speech in general. What belongs
to a speaker or a phoneme is a row of a table: rows of those that the voice knows are kept, and the
others start from the mean of the speakers, or from the most similar phoneme.

A voice of another recipe takes the WaveNet alone, the part that takes longest to train.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wavegen.assembly import untrained
from wavegen.config import Config, SpeakerConfig
from wavegen.data.dataset import Dataset
from wavegen.errors import ConfigError, TrainingError
from wavegen.files import atomic_write
from wavegen.latents import LatentVoice
from wavegen.model.inputs import FEATURES
from wavegen.recipe import load_config, to_dict, to_toml
from wavegen.speech.frontend import nearest_symbols, symbol_table
from wavegen.speech.phones import CONTEXT
from wavegen.training.checkpoint import ORIGIN
from wavegen.voice import ConditionedVoice, SpeakingVoice, Voice

KEPT = ("language", "join", "trim_db", "padding", "level")
"""Fields of ``[data]`` that a voice's recipe hands on; the others describe its own recordings."""
TRAIN: dict[str, Any] = {
    "steps": 1000,
    "batch_size": 4,
    "window_seconds": 1.0,
    "accumulate": 1,
    "learning_rate": 5e-4,
    "warmup_steps": 20,
    "precision": "auto",
    "log_every": 10,
    "checkpoint_every": 100,
    "validate_every": 100,
    "sample_every": 500,
}
"""``[train]`` for minutes of recordings, on any machine."""
SPEECH_STEPS = 1000
STEPS = ("acoustic_steps", "content_steps", "latent_steps", "prior_steps")
CODE = ("codes", "codebooks", "code_rate", "latent_channels", "code_phonemes")
SPEECH = ("acoustic_channels", "content_channels", "flow_channels", *CODE, *STEPS)
"""Fields of ``[conditioning]`` that are not the WaveNet's."""


@dataclass(frozen=True)
class Base:
    """The voice that a run starts from.

    Raises:
        TrainingError: there are no speakers to keep.
    """

    voice: Voice
    keep_speakers: bool = False
    """Whether the new voice also has the speakers that the folder lacks."""
    wavenet_only: bool = False
    """Whether the recipe is another one, and only the WaveNet starts from the voice's weights."""

    def __post_init__(self) -> None:
        if self.keep_speakers and not self.voice.speakers:
            raise TrainingError(f"--keep-speakers: voice {self.voice.name} has no speakers")

    @property
    def speech_speakers(self) -> Sequence[str] | None:
        """Speakers of the models of speech that are started from, if they are."""
        if self.wavenet_only or not isinstance(self.voice, SpeakingVoice | LatentVoice):
            return None
        return self.voice.speakers


@dataclass(frozen=True)
class Origin:
    """What a run has from the voice that it started from, kept in origin.json."""

    speakers: tuple[str, ...]
    """Of the new voice, likewise the next."""
    symbols: tuple[str, ...]
    words: tuple[str, ...]
    longest: int
    training: dict[str, Any]
    """What its file says of the voice and of kept speakers."""
    kept: tuple[dict[str, Any], ...]
    """Tables of `SpeakerConfig` of speakers whom the folder lacks."""
    unnamed: str
    """What the speaker is called of a folder that names none."""

    def config(self, config: Config) -> Config:
        """The configuration with what is known of kept speakers."""
        given = {s.called for s in config.data.speaker}
        kept = tuple(SpeakerConfig(**s) for s in self.kept if s["id"] not in given)
        return config.replace("data", speaker=(*config.data.speaker, *kept))

    def dataset(self, dataset: Dataset) -> Dataset:
        """The data set with the speakers of the new voice."""
        if self.speakers and not dataset.speakers:
            clips = {p: replace(c, speaker=self.unnamed) for p, c in dataset.clips.items()}
            dataset = replace(dataset, clips=clips)
        return replace(dataset, speakers=self.speakers)

    def voice(self, config: Config) -> Voice:
        """The new voice with random weights."""
        torch.manual_seed(config.train.seed)
        parts = self.speakers, self.symbols, self.words, self.longest
        return replace(untrained(config, *parts), training=self.training)

    def save(self, run: Path) -> None:
        """Write origin.json; raises OSError when it can't."""
        with atomic_write(run / ORIGIN) as beside:
            beside.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")


def read_origin(run: Path) -> Origin | None:
    """The origin of a run; None if it started from nothing.

    Raises:
        TrainingError: the file can't be read.
    """
    try:
        table: dict[str, Any] = json.loads((run / ORIGIN).read_text(encoding="utf-8"))
        lists = {name: tuple(v) for name, v in table.items() if isinstance(v, list)}
        return Origin(**table | lists)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as e:
        raise TrainingError(f"can't resume: {run / ORIGIN} is broken ({e})") from e


def check_origin(run: Path, base: Base) -> None:
    """Raises `TrainingError` if a run did not start from this voice."""
    started = read_origin(run)
    voice = "no voice" if started is None else started.training["from"][0]["voice"]
    if started is None or started.training["from"][0]["sha256"] != base.voice.digest:
        raise TrainingError(
            f"can't resume {run}: it started from {voice}, not from this {base.voice.name} "
            "(leave --from out, or choose another --out)"
        )


def fine_tuning(voice: Voice, settings: Sequence[str] = ()) -> Config:
    """The recipe of a voice for fine-tuning, with ``section.key=value`` settings.

    Raises:
        ConfigError: a setting is wrong, or would change the network.
    """
    table = tomllib.loads(to_toml(voice.config))
    table["data"] = {name: table["data"][name] for name in KEPT}
    table["train"] |= TRAIN
    if isinstance(voice, ConditionedVoice):
        c = table["conditioning"]
        c |= {name: min(c[name], SPEECH_STEPS) for name in STEPS}
        c["code_phonemes"] = 0.0  # a new network of it would disturb what the code has learned
    config = load_config(table, f"voice {voice.name}", settings)
    free = {*STEPS, "code_phonemes"} | ({"speaker_channels"} if not voice.speakers else set())
    if (voice.config.prior is None) != (config.prior is None):
        free.remove("prior_steps")  # of a network that only one of them has
    old, new = to_dict(voice.config), to_dict(config)
    faults = [
        f"{section}.{name} is {old[section][name]!r}, not {value!r}"
        for section in ("audio", "model", "conditioning")
        for name, value in new[section].items()
        if name not in free and value != old[section][name]
    ]
    if faults:
        raise ConfigError(
            f"fine-tuning keeps the network of voice {voice.name}: {'; '.join(faults)}"
        )
    return config


def origin(base: Base, config: Config, dataset: Dataset) -> Origin:
    """What a run on a data set has from a voice.

    Raises:
        ConfigError: the voice has another WaveNet.
    """
    voice, given = base.voice, dataset.speakers
    if base.wavenet_only:
        _check_wavenet(voice, config)
    unnamed = dataset.root.resolve().name
    if voice.speakers and not given:
        given = (unnamed,)
    speakers = given
    if base.keep_speakers:
        speakers = (*voice.speakers, *(s for s in given if s not in voice.speakers))
    units = dataset.units if config.conditioning.features in FEATURES else {}
    symbols: tuple[str, ...] = ()
    words = {w for u in units.values() for w in u.words}
    longest = max((len(u.words) for u in units.values()), default=0)
    if units:
        symbols = symbol_table(units.values())
        if isinstance(voice, SpeakingVoice) and not base.wavenet_only:
            symbols = symbol_table(units.values(), voice.symbols)
            words |= set(voice.words)
            longest = max(longest, voice.longest)
    started = {
        "voice": voice.name,
        "sha256": voice.digest,
        **{name: voice.training.get(name, "") for name in ("licence", "attribution")},
    }
    kept = [s for s in speakers if s not in given]
    minutes = voice.training.get("speaker_minutes", {})
    training = {
        "from": [started, *voice.training.get("from", [])],
        "speaker_minutes": {s: minutes[s] for s in kept if s in minutes},
    }
    tables = tuple(asdict(_known(voice, s)) for s in kept)
    return Origin(speakers, symbols, tuple(sorted(words)), longest, training, tables, unnamed)


def _check_wavenet(voice: Voice, config: Config) -> None:
    """Raises `ConfigError` if a configuration has another WaveNet than a voice, speakers apart."""
    old, new = to_dict(voice.config), to_dict(config)
    free = {*SPEECH, "speaker_channels"}
    if voice.config.conditioning.spectral and config.conditioning.spectral:
        free.add("features")  # it is the same to the network how spectrograms are made
    faults = [
        f"{section}.{name} is {old[section][name]!r}, not {value!r}"
        for section in ("audio", "model", "conditioning")
        for name, value in new[section].items()
        if name not in free and old[section][name] != value
    ]
    if faults:
        raise ConfigError(
            f"the recipe has another WaveNet than voice {voice.name}: {'; '.join(faults)}"
        )


def _known(voice: Voice, speaker: str) -> SpeakerConfig:
    """What a voice knows of a speaker, whose licence is no longer that of all recordings."""
    tables = {s.called: s for s in voice.config.data.speaker}
    found = tables.get(speaker, SpeakerConfig())
    licence, credit = (voice.training.get(name, "") for name in ("licence", "attribution"))
    return replace(
        found,
        id=speaker,
        name="",
        licence=found.licence or licence,
        attribution=found.attribution or credit,
    )


def transplant(source: Voice, voice: Voice, wavenet_only: bool = False) -> None:
    """Copy all weights of a voice into one that has its network, but may have other speakers and
    more phonemes.

    Args:
        source: the voice.
        voice: its weights are set in place. Parts that the source lacks stay as they are.
        wavenet_only: leave all but the WaveNet as it is.
    """
    known = {s: i for i, s in enumerate(source.speakers)}
    speakers = [known.get(s) for s in voice.speakers or ("",)]
    symbols: list[int | None] = []
    if isinstance(source, SpeakingVoice) and isinstance(voice, SpeakingVoice):
        symbols = nearest_symbols(voice.symbols, source.symbols)
    old = source.tensors()
    for name, tensor in voice.tensors().items():
        if name not in old or (wavenet_only and not name.startswith("wavenet.")):
            continue
        weights = old[name]
        if name.endswith(("speaker.weight", "aligner.offset", "aligner.scale", "latent.pitch")):
            weights = _rows(weights, speakers)
        elif name.endswith(("symbol.weight", "shares", "aligner.mean", "aligner.variance")):
            weights = _rows(weights, symbols)
        elif name.endswith(("conditioning.encoder.0.weight", "conditioning.weight")):
            if voice.needs_text and "encoder" in name:
                weights = _phone_inputs(weights, symbols, len(source.vocabulary()["symbols"]))
            # The speaker is the last input. One that is new has no effect yet.
            more = tensor.shape[1] - weights.shape[1]
            zeros = weights.new_zeros(len(weights), more, *weights.shape[2:])
            weights = torch.cat([weights, zeros], 1)
        tensor.copy_(weights)


def _rows(weights: Tensor, which: Sequence[int | None]) -> Tensor:
    """Rows of a table, and their mean for None."""
    mean = weights.mean(0)
    return torch.stack([mean if i is None else weights[i] for i in which])


def _phone_inputs(weights: Tensor, symbols: Sequence[int | None], count: int) -> Tensor:
    """(E, C, K) weights of an encoder of `phone_features` with ``count`` symbols, for others."""
    places = 2 * CONTEXT + 1
    onehot, rest = weights[:, : places * count], weights[:, places * count :]
    shape = len(weights), places, count, weights.shape[2]
    table = onehot.reshape(shape).transpose(0, 2)  # (symbols, places, E, K)
    return torch.cat([_rows(table, symbols).transpose(0, 2).flatten(1, 2), rest], 1)
