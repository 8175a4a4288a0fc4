"""Finding and loading voices: those that come with the package, and any voice file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wavegen.assembly import untrained, weight_shapes
from wavegen.config import DataConfig, SpeakerConfig
from wavegen.errors import ConfigError, VoiceError
from wavegen.generation.uniforms import Endings
from wavegen.latents import LatentVoice
from wavegen.model.shapes import misfit
from wavegen.recipe import load_config
from wavegen.scales import ScaledVoice
from wavegen.speakers import SpeakerPath, UnknownSpeakerError, find_speakers, numbered
from wavegen.voice import FORMAT, Voice

BUNDLED = Path(__file__).parent / "voices"
DEFAULT = "readers"
_ODD = (
    ConfigError,
    AttributeError,
    IndexError,
    TypeError,
    ValueError,
    # of sizes beyond all memory
    MemoryError,
    OverflowError,
    RuntimeError,
)
"""Errors that odd values in a description cause."""


def bundled() -> dict[str, Path]:
    """Names and files of the voices that come with the package, the default one first."""
    found = {p.stem: p for p in BUNDLED.glob("*.safetensors")}
    return {n: found[n] for n in sorted(found, key=lambda n: (n != DEFAULT, n))}


def voice_file(name: str | Path) -> Path:
    """The file of a bundled voice given by name, or of any voice given by its file.

    Raises:
        VoiceError: there is no such file.
    """
    names = bundled()
    path = names.get(str(name), Path(name))
    try:
        there = path.is_file()
    except OSError as e:  # such as a name that is too long
        raise VoiceError(f"can't read the voice '{str(name)[:80]}': {e.strerror or e}") from e
    if not there:
        raise VoiceError(
            f"no voice '{name}': give a .safetensors file or a bundled voice "
            f"({', '.join(names) or 'there is none'})"
        )
    return path


def load_voice(name: str | Path = DEFAULT) -> Voice:
    """Load a bundled voice by name, or any voice by its file.

    Raises:
        VoiceError: there is no such voice, or the file is not a complete voice file.
    """
    path = voice_file(name)
    about, arrays = _read(path)
    with _readable(path):
        _check(about)
        config = load_config(about["config"], str(path))
        speakers, symbols, words = (tuple(about[k]) for k in ("speakers", "symbols", "words"))
        wrong = misfit(
            weight_shapes(config, speakers, symbols), {n: a.shape for n, a in arrays.items()}
        )
        if wrong is not None:
            raise VoiceError(f"{path}: its weights do not fit its configuration ({wrong})")
        voice = untrained(config, speakers, symbols, words, about["longest"], arrays)
        _describe(voice, about["training"], _name(path))
        if endings := about.get("endings"):
            voice.endings = Endings(np.array(endings, np.float64), config.hop_length)
        voice.digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return voice


def _describe(voice: Voice, training: dict[str, Any], name: str) -> None:
    """Tell a voice, and those of its coarser scales, what its file tells of them."""
    voice.training, voice.name = training, name
    if isinstance(voice, ScaledVoice):
        _describe(voice.coarser, training.get("coarser", {}), name)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Odd values in a description become a `VoiceError`."""
    try:
        yield
    except KeyError as e:
        raise VoiceError(f"{path} is no voice this version can read: it has no {e}") from e
    except _ODD as e:
        raise VoiceError(f"{path} is no voice this version can read: {e}") from e


def _name(path: Path) -> str:
    """What a voice is called: its file, or the run that made it."""
    path = path.absolute()
    run = path.stem == "voice" and (path.parent / "config.toml").exists()
    return path.parent.name if run else path.stem


def find_voice(
    name: str | None = None,
    speaker: str | None = None,
    path: str | None = None,
    mel: bool = False,
    load: Callable[[str], Voice] = load_voice,
) -> tuple[Voice, SpeakerPath]:
    """A voice, and which of its speakers speak. No other voice is loaded.

    Args:
        name: as for `load_voice` (default: the first bundled voice that fits).
        speaker: name or id, or a mix of them (default: the first).
        path: of speakers, in place of one.
        mel: the voice must be conditioned on spectrograms, the recording's or those of its codes.
        load: may keep the voices that it has loaded.

    Raises:
        VoiceError: there is no such voice or speaker.
    """
    voice = load(_first_bundled(speaker, path, mel) if name is None else name)
    if mel and not voice.config.conditioning.spectral:
        raise VoiceError(f"voice {voice.name} has no mel features")
    return voice, voice.who(speaker, path)


def load_latent_voice(name: str | Path) -> LatentVoice:
    """`load_voice`, of a voice with latent features; raises `VoiceError` for another one."""
    voice = load_voice(name)
    if not isinstance(voice, LatentVoice):
        raise VoiceError(
            f"voice {voice.name} has no codes: train one with conditioning.features latent"
        )
    return voice


def _first_bundled(speaker: str | None, path: str | None, mel: bool) -> str:
    """The first bundled voice that has all speakers by their names, or else one that has them by
    their ids; by the descriptions."""
    speakers: dict[str, list[str]] = {}
    for name, file in bundled().items():
        about = read_about(file)
        if not mel or about["config"]["conditioning"]["features"] == "mel":
            speakers[name] = about["speakers"]
    if not speakers:
        missing = "bundled voice has mel features" if mel else "voice is bundled"
        raise VoiceError(f"no {missing}: give --voice FILE")
    for by_id in (False, True):
        for name, names in speakers.items():
            with suppress(UnknownSpeakerError):
                find_speakers(names, speaker, path, by_id)
                return name
    known = "; ".join(f"{name}: {numbered(names)}" for name, names in speakers.items())
    asked = (path or speaker or "")[:80]
    raise VoiceError(f"no speaker '{asked}' in any bundled voice ({known})")


def _check(about: Mapping[str, Any]) -> None:
    """Raises `TypeError` where a description has values of the wrong type."""
    for name in ("speakers", "symbols", "words"):
        if not (isinstance(about[name], list) and all(isinstance(s, str) for s in about[name])):
            raise TypeError(f"{name} must be a list of strings")
    if type(about["longest"]) is not int:
        raise TypeError("longest must be a whole number")
    endings = about.get("endings", [])
    if not (isinstance(endings, list) and all(type(x) is float for x in endings)):
        raise TypeError("endings must be a list of numbers")
    _check_training(about["training"])


def _check_training(training: Any) -> None:
    if not isinstance(training, dict):
        raise TypeError("training must be an object")
    minutes = training.get("speaker_minutes", {})
    if not all(type(m) in (int, float) for m in minutes.values()):
        raise TypeError("training.speaker_minutes must hold numbers")
    if "coarser" in training:
        _check_training(training["coarser"])
    for name, value in training.items():
        counted = name in ("clips", "minutes_of_audio", "hours") or name.endswith("_bits")
        if counted and type(value) not in (int, float):
            raise TypeError(f"training.{name} must be a number")
        if name == "from" and not _objects(value):
            raise TypeError(f"training.{name} must be a list of objects with strings")


def _objects(value: Any) -> bool:
    """Whether a value is a list of objects that hold strings alone."""
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        return False
    return all(isinstance(s, str) for v in value for s in v.values())


def read_about(path: Path) -> dict[str, Any]:
    """The description in the header of a voice file; none of its weights are read.

    Raises:
        VoiceError: the file is not a complete voice file.
    """
    with _opened(path) as file:
        return _about(path, file)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
    with _opened(path) as file:
        about = _about(path, file)
        return about, {k: file.get_tensor(k).astype(np.float32) for k in file.keys()}  # noqa: SIM118


@dataclass(frozen=True)
class SpeakerInfo:
    """What a voice file tells of a speaker; None where it tells nothing."""

    id: int
    name: str
    sex: str | None = None
    minutes: float | None = None
    """Of training audio."""
    licence: str | None = None
    description: str | None = None
    attribution: str | None = None


def read_speakers(path: Path) -> list[SpeakerInfo]:
    """The speakers of a voice file; none of its weights are read.

    Raises:
        VoiceError: the file is not a complete voice file.
    """
    about = read_about(path)
    with _readable(path):
        _check(about)
        data = load_config(about["config"], str(path)).data
        return speaker_infos(about["speakers"], data, about["training"])


def speaker_infos(
    names: Sequence[str], data: DataConfig, training: Mapping[str, Any]
) -> list[SpeakerInfo]:
    """What is known of each speaker, from these fields of a voice file. Licence and attribution are
    those of all the data where a speaker has none of its own."""
    described = {s.called: s for s in data.speaker}
    minutes = training.get("speaker_minutes", {})

    def info(number: int, name: str) -> SpeakerInfo:
        s = described.get(name, SpeakerConfig())
        return SpeakerInfo(
            number,
            name,
            s.sex or None,
            minutes.get(name),
            s.licence or training.get("licence") or None,
            s.description or None,
            s.attribution or training.get("attribution") or None,
        )

    return [info(number, name) for number, name in enumerate(names)]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            yield file
    except (SafetensorError, OSError, TypeError) as e:
        raise VoiceError(f"{path} is not a complete voice file ({e})") from e


def _about(path: Path, file: Any) -> dict[str, Any]:
    text = (file.metadata() or {}).get("wavegen")
    if text is None:
        raise VoiceError(f"{path} is a safetensors file, but not a wavegen voice")
    try:
        about: dict[str, Any] = json.loads(text)
        if about["format"] != FORMAT:
            raise VoiceError(
                f"{path} has voice format {about['format']}; this version reads {FORMAT}"
            )
    except (ValueError, KeyError, TypeError) as e:
        raise VoiceError(f"{path} has a broken description ({e})") from e
    return about
