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
from wavegen.speech import FEATURES
from wavegen.speech.align import CHANNELS, Aligner, Alignment
from wavegen.speech.frontend import Unit, symbol_ids
from wavegen.speech.phones import phone_features

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
    aligner: Aligner | None = None
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

    def predict(self, unit: Unit, speaker: int) -> Alignment:
        """The symbols of a unit to speak, with their predicted lengths.

        Raises:
            TextError: none of its phonemes is known to the voice.
        """
        assert self.durations is not None
        words = self._words(unit)
        seconds = self.durations(torch.tensor([p for w in words for p in w]), speaker)
        # Whole frames, with the rounding carried on so that the total is right.
        ends = (seconds.cumsum(0) * self.config.conditioning.frame_rate).round().clamp_min(1)
        frames = ends.diff(prepend=torch.zeros(1)).int().tolist()
        return Alignment(tuple(tuple(w) for w in words), tuple(frames))

    def align(self, unit: Unit, speaker: int, audio: torch.Tensor) -> Alignment:
        """The symbols of a recording, (T,) float32 at the voice's rate, with their lengths.

        Raises:
            TextError: none of the unit's phonemes is known to the voice.
        """
        assert self.aligner is not None
        hop = self.config.hop_length
        features = self.aligner.features(audio, self.sample_rate, hop)
        alignment = self.aligner.align(features, self._words(unit), speaker)
        ratio = hop / self.aligner.hop(self.sample_rate, hop)
        return alignment.at_rate(ratio, -(-len(audio) // hop))

    def features(self, alignment: Alignment) -> torch.Tensor:
        """(C, F) local features of symbols with their lengths."""
        total = sum(alignment.frames)
        return phone_features(alignment.words, alignment.frames, total, len(self.symbols))

    def _words(self, unit: Unit) -> list[list[int]]:
        words = symbol_ids(unit, self.symbols)
        if not words:
            said = " ".join(unit.words)
            raise TextError(f"voice {self.name} knows no sound of '{said[:60]}'")
        return words

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

    def speech(self) -> dict[str, torch.nn.Module]:
        """What a voice with text holds beside the WaveNet."""
        parts = {"durations": self.durations, "aligner": self.aligner}
        return {name: part for name, part in parts.items() if part is not None}

    def tensors(self) -> dict[str, torch.Tensor]:
        """All weights under the names of the voice file."""
        parts = {"wavenet": self.model, **self.speech()}
        return {f"{n}.{k}": t for n, part in parts.items() for k, t in part.state_dict().items()}

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
                self.tensors(),
                beside,
                {"wavegen": json.dumps(about, ensure_ascii=False)},
            )


def untrained(
    config: Config,
    speakers: tuple[str, ...],
    symbols: tuple[str, ...],
    words: tuple[str, ...] = (),
    longest: int = 0,
    aligner_channels: int = CHANNELS,
) -> Voice:
    """A voice with random weights; arguments as the fields of `Voice`, and D of the aligner."""
    channels = FEATURES[config.conditioning.features](len(symbols)) if symbols else 0
    return Voice(
        config,
        WaveNet(config, len(speakers), channels),
        DurationModel(len(symbols), len(speakers)) if symbols else None,
        Aligner(len(symbols), len(speakers), aligner_channels) if symbols else None,
        speakers,
        symbols,
        words,
        longest,
    )


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
        speakers, symbols, words = (tuple(about[k]) for k in ("speakers", "symbols", "words"))
        # Old aligners have fewer channels.
        channels = tensors["aligner.mean"].shape[-1] if "aligner.mean" in tensors else CHANNELS
        voice = untrained(config, speakers, symbols, words, about["longest"], channels)
        voice.training, voice.name = about["training"], path.stem
    except (ConfigError, AttributeError, IndexError, KeyError, TypeError, ValueError) as e:
        raise VoiceError(f"{path} is no voice this version can read: {e}") from e
    expected = voice.tensors()
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
