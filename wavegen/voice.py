"""The voice file: everything that speaking needs, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from wavegen import mulaw
from wavegen.audio import whole_file
from wavegen.config import Config, load_config, to_dict
from wavegen.errors import ConfigError, TextError, VoiceError
from wavegen.model.prosody import DurationModel
from wavegen.model.wavenet import WaveNet
from wavegen.speech.frontend import Unit, symbol_ids
from wavegen.speech.phones import phone_channels, phone_features

FORMAT = 1
BUNDLED = Path(__file__).parent / "voices"
DEFAULT = "digits"


@dataclass
class Voice:
    """A trained voice."""

    config: Config
    model: WaveNet
    durations: DurationModel | None = None
    """None in a voice without text."""
    speakers: tuple[str, ...] = ()
    """Names; a speaker's id is its place here."""
    symbols: tuple[str, ...] = ()
    """Phonemes, `phones.PAUSE` first; empty in a voice without text."""
    words: tuple[str, ...] = ()
    """The words heard in training."""
    longest: int = 0
    """Most words in one training clip: longer texts are spoken in pieces of as many."""
    training: dict[str, Any] = field(default_factory=dict)
    """Summary of the training: steps, hours, bits per sample, …"""
    name: str = "voice"

    @property
    def sample_rate(self) -> int:
        return self.config.audio.sample_rate

    def speaker_id(self, speaker: str) -> int:
        """Id of a speaker given by name or by id.

        Raises:
            VoiceError: no such speaker; the message lists those there are.
        """
        if speaker in self.speakers:
            return self.speakers.index(speaker)
        if speaker.isdecimal() and int(speaker) < len(self.speakers):
            return int(speaker)
        known = ", ".join(f"{i} {s}" for i, s in enumerate(self.speakers)) or "none"
        raise VoiceError(f"voice {self.name} has no speaker '{speaker}' (speakers: {known})")

    def unit_features(self, unit: Unit, speaker: int, samples: int | None = None) -> torch.Tensor:
        """(C, F) local features of one unit.

        Args:
            unit: what is said.
            speaker: id.
            samples: the length where it is known, as of a recording; otherwise it is predicted.

        Raises:
            TextError: none of its phonemes is known to the voice.
        """
        assert self.durations is not None
        ids = symbol_ids(unit, self.symbols)
        if not ids:
            raise TextError(f"voice {self.name} knows no sound of '{' '.join(unit.words)}'")
        with torch.no_grad():
            phones = torch.tensor([p for w in ids for p in w])
            seconds = self.durations(phones, speaker).tolist()
        if samples is None:
            frames = max(1, round(sum(seconds) * self.config.conditioning.frame_rate))
        else:
            frames = -(-samples // self.config.hop_length)
        return phone_features(ids, seconds, frames, len(self.symbols))

    @torch.inference_mode()
    def rows(self, speaker: int, local: torch.Tensor | None) -> torch.Tensor:
        """(1, F, E) conditioning rows of one utterance from (C, F) local features."""
        device = self.model.skip_bias.device
        return self.model.conditioning.encode(
            1,
            torch.tensor([speaker], device=device) if self.speakers else None,
            None if local is None else local[None].to(device),
        )

    def nll(self, audio: torch.Tensor, speaker: int, local: torch.Tensor | None) -> torch.Tensor:
        """Nats of each sample of a recording, (T,) float32 at the voice's rate → (T,)."""
        rows = self.rows(speaker, local)
        codes = mulaw.encode(audio).to(rows.device)
        return self.model.nll(codes, rows, self.config.hop_length)

    def save(self, path: Path) -> None:
        """Write the voice file, whole or not at all."""
        from safetensors.torch import save_file

        about = {
            "format": FORMAT,
            "config": to_dict(self.config),
            "speakers": self.speakers,
            "symbols": self.symbols,
            "words": self.words,
            "longest": self.longest,
            "training": self.training,
        }
        with whole_file(path) as beside:
            save_file(
                _tensors(self.model, self.durations),
                beside,
                {"wavegen": json.dumps(about, ensure_ascii=False)},
            )


def build(config: Config, speakers: int, symbols: int) -> tuple[WaveNet, DurationModel | None]:
    """Untrained networks for so many speakers and phoneme symbols (0: no text)."""
    model = WaveNet(config, speakers, phone_channels(symbols) if symbols else 0)
    return model, DurationModel(symbols, speakers) if symbols else None


def bundled() -> dict[str, Path]:
    """Names and files of the voices that come with the package, the default one first."""
    found = {p.stem: p for p in sorted(BUNDLED.glob("*.safetensors"))}
    return {n: found[n] for n in sorted(found, key=lambda n: (n != DEFAULT, n))}


def load_voice(name: str | Path = DEFAULT) -> Voice:
    """Load a bundled voice by name, or any voice by its file.

    Raises:
        VoiceError: there is no such voice, or the file is not a whole voice file.
    """
    names = bundled()
    path = names.get(str(name), Path(name))
    if not path.is_file():
        raise VoiceError(
            f"no voice '{name}': give a .safetensors file or a bundled voice "
            f"({', '.join(names) or 'there is none'})"
        )
    about, tensors = _read(path)
    try:
        config = load_config(about["config"], str(path))
        voice = Voice(
            config,
            *build(config, len(about["speakers"]), len(about["symbols"])),
            tuple(about["speakers"]),
            tuple(about["symbols"]),
            tuple(about["words"]),
            about["longest"],
            about["training"],
            path.stem,
        )
    except (ConfigError, KeyError, TypeError) as e:
        raise VoiceError(f"{path} is no voice this version can read: {e}") from e
    expected = _tensors(voice.model, voice.durations)
    wrong = sorted(
        n
        for n in expected.keys() | tensors.keys()
        if n not in expected or n not in tensors or expected[n].shape != tensors[n].shape
    )
    if wrong:
        raise VoiceError(f"{path}: its weights do not fit its configuration ({wrong[0]})")
    for n, t in expected.items():
        t.copy_(tensors[n])
    return voice


def read_about(path: Path) -> dict[str, Any]:
    """The description inside a voice file, without building the networks; raises `VoiceError`."""
    return _read(path)[0]


def _tensors(model: WaveNet, durations: DurationModel | None) -> dict[str, torch.Tensor]:
    out = {f"wavenet.{k}": v for k, v in model.state_dict().items()}
    if durations is not None:
        out |= {f"durations.{k}": v for k, v in durations.state_dict().items()}
    return out


def _read(path: Path) -> tuple[dict[str, Any], Mapping[str, torch.Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as f:
            text = (f.metadata() or {}).get("wavegen")
            tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118, not a dict
    except (SafetensorError, OSError) as e:
        raise VoiceError(f"{path} is not a whole voice file ({e})") from e
    if text is None:
        raise VoiceError(f"{path} is a safetensors file, but not a wavegen voice")
    try:
        about = json.loads(text)
        if about["format"] != FORMAT:
            raise VoiceError(
                f"{path} has voice format {about['format']}; this version reads {FORMAT}"
            )
    except (ValueError, KeyError, TypeError) as e:
        raise VoiceError(f"{path} has a broken description ({e})") from e
    return about, tensors
