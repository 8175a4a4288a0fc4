"""The voice file: everything that speaking needs, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from wavegen.audio.features import hertz, mel, octaves, phase, pitch
from wavegen.audio.linear_prediction import by_spectrum, predictor
from wavegen.config import Config
from wavegen.errors import TextError, VoiceError
from wavegen.files import whole_file
from wavegen.model.acoustic import AcousticModel
from wavegen.model.wavenet import WaveNet
from wavegen.outputs import OUTPUTS
from wavegen.recipe import to_dict
from wavegen.request import Request
from wavegen.speech import FEATURES, local
from wavegen.speech.align import Aligner, Alignment
from wavegen.speech.fit import phones
from wavegen.speech.frontend import Unit, silent_symbols, symbol_ids
from wavegen.speech.local import Spoken

FORMAT = 4
"""Version of the voice file that is written. Version 3, whose context stacks were rectified, is
read too where there are none."""
OLDEST_FORMAT = 3
"""The oldest version that is read."""
DRIFT = 20
"""Frames over which the melody's straying changes."""


@dataclass
class Voice:
    """A trained voice."""

    config: Config
    model: WaveNet
    acoustic: AcousticModel | None = None
    """None in a voice without text, as is the aligner."""
    aligner: Aligner | None = None
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
    digest: str = ""
    """SHA-256 of its file."""

    @property
    def sample_rate(self) -> int:
        return self.config.audio.sample_rate

    def speaker_id(self, speaker: str | None) -> int:
        """Id of a speaker given by name or by id; 0 for None.

        Raises:
            VoiceError: no such speaker; the message lists those there are.
        """
        if speaker is None:
            return 0
        found = find_speaker(self.speakers, speaker)
        if found is not None:
            return found
        raise VoiceError(
            f"voice {self.name} has no speaker '{speaker[:80]}' "
            f"(speakers: {numbered(self.speakers)})"
        )

    @property
    def kind(self) -> local.Local | None:
        """Its kind of local features."""
        return FEATURES.get(self.config.conditioning.features)

    @property
    def unit(self) -> str:
        """As `sample_unit`."""
        return sample_unit(self.config)

    @torch.inference_mode()
    def predict(self, unit: Unit, speaker: int, request: Request) -> Spoken:
        """What a unit is to sound like, in the way that a request asks for.

        Raises:
            TextError: none of its phonemes is known to the voice.
        """
        words = self._words(unit)
        ids = [p for w in words for p in w]
        assert self.acoustic is not None
        m = self.acoustic
        words = [[0], *words]  # recordings begin with a breath of silence
        alignment = Alignment(tuple(map(tuple, words)), (0,) * (len(ids) + 1))
        batch, _ = phones([alignment], [speaker])
        encoded = m.encode(batch)
        noise = torch.Generator().manual_seed((request.seed or 0) % 2**64)
        log = m.durations(encoded, batch.mask)[0]
        log += torch.randn(log.shape, generator=noise) * m.duration_spread * request.noise_scale
        silent = silent_symbols(self.symbols)
        shortest = torch.tensor([float(s >= silent) for w in words for s in w])  # frames
        lengths = _whole(log.expm1().maximum(shortest) * request.length_scale)
        alignment = Alignment(alignment.words, lengths)
        rows = m.frames(encoded, torch.tensor([lengths]))
        mask = torch.ones(1, 1, rows.shape[2])
        logit, octave = m.melodies(rows, mask)[0]
        drift = torch.randn(len(octave) // DRIFT + 2, generator=noise)
        drift = F.interpolate(drift[None, None], size=len(octave), mode="linear")[0, 0]
        octave += drift * m.pitch_spread * request.noise_scale + request.pitch_shift / 12
        voiced = (logit > 0).float()
        tone = torch.stack([voiced, octave * voiced])
        turns = phase(hertz(tone), self.sample_rate, self.config.hop_length)
        return Spoken(alignment, tone, m.spectra(rows, tone[None], mask)[0], turns)

    def observe(
        self,
        audio: torch.Tensor,
        speaker: int,
        unit: Unit | None,
        f0: torch.Tensor | None = None,
        alignment: Alignment | None = None,
    ) -> Spoken:
        """What a recording sounds like.

        Args:
            audio: (T,) float32 at the voice's rate.
            speaker: id.
            unit: what is said; needed where the features are made of phonemes.
            f0: (F,) Hz, if it is known already.
            alignment: likewise.

        Raises:
            TextError: none of the unit's phonemes is known to the voice.
        """
        assert self.kind is not None
        rate, hop = self.sample_rate, self.config.hop_length
        if alignment is None and unit is not None and self.aligner is not None:
            alignment = self.align(unit, speaker, audio)
        if f0 is None:
            f0 = torch.from_numpy(pitch(audio.numpy(), rate, hop))
        bands = mel(audio, rate, hop, self.config.conditioning.mel_channels)
        return Spoken(alignment, octaves(f0), bands, phase(f0, rate, hop, audio))

    @torch.inference_mode()
    def smoothed(self, spoken: Spoken, speaker: int) -> Spoken:
        """With the mel spectrogram as the acoustic model predicts it from the rest."""
        assert self.acoustic is not None
        assert spoken.alignment is not None
        assert spoken.octaves is not None
        batch, lengths = phones([spoken.alignment], [speaker])
        rows = self.acoustic.frames(self.acoustic.encode(batch), lengths)
        mask = torch.ones(1, 1, rows.shape[2])
        return replace(spoken, mel=self.acoustic.spectra(rows, spoken.octaves[None], mask)[0])

    def align(self, unit: Unit, speaker: int, audio: torch.Tensor) -> Alignment:
        """The symbols of a recording, (T,) float32 at the voice's rate, with their lengths.

        Raises:
            TextError: none of the unit's phonemes is known to the voice.
        """
        assert self.aligner is not None
        hop = self.config.hop_length
        features = self.aligner.features(audio, self.sample_rate)
        alignment = self.aligner.align(features, self._words(unit), speaker)
        ratio = hop / self.aligner.hop(self.sample_rate)
        return alignment.at_rate(ratio, -(-len(audio) // hop))

    def features(self, spoken: Spoken) -> torch.Tensor:
        """(C, F) local features, and below them, where the network is told, the phase."""
        assert self.kind is not None
        made = self.kind.make(spoken, len(self.symbols))
        if self.model.conditioning.phase is None:
            return made
        assert spoken.phase is not None
        return torch.cat([made, spoken.phase])

    def pause(self, frames: int) -> torch.Tensor:
        """(C, frames) local features of silence."""
        return self.features(local.pause(frames, self.config.conditioning.mel_channels))

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

    def phases(self, local: torch.Tensor | None) -> torch.Tensor | None:
        """(1, T) codes of the phase at each sample of an utterance, if the network is told."""
        given = None if local is None else local[None].to(self.model.skip_bias.device)
        return self.model.conditioning.phases(given, self.config.hop_length)

    def nll(
        self,
        audio: torch.Tensor,
        speaker: int,
        local: torch.Tensor | None,
        context: bool = True,
    ) -> torch.Tensor:
        """Nats of each sample of a recording, (T,) float32 at the voice's rate → (T,); arguments
        as those of `WaveNet.nll`."""
        return self.model.nll(
            self.codes(audio, local),
            self.rows(speaker, local),
            self.config.hop_length,
            context=context,
            phase=self.phases(local),
        )

    def codes(self, audio: torch.Tensor, local: torch.Tensor | None) -> torch.Tensor:
        """(T,) float32 at the voice's rate, which has (C, F) local features, as the codes that the
        network hears."""
        heard = predictor(self.config, local).excitation(audio)
        return self.model.output.encode(heard).to(self.model.skip_bias.device)

    def speech(self) -> dict[str, torch.nn.Module]:
        """What a voice with text holds beside the WaveNet."""
        parts = {"acoustic": self.acoustic, "aligner": self.aligner}
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


def find_speaker(speakers: Sequence[str], speaker: str) -> int | None:
    """Id of a speaker given by name or, where none has that name, by id; None if there is none."""
    if speaker in speakers:
        return speakers.index(speaker)
    # int refuses thousands of digits.
    known = speaker.isdecimal() and len(speaker) < 10 and int(speaker) < len(speakers)
    return int(speaker) if known else None


def numbered(speakers: Sequence[str]) -> str:
    """Ids and names, for people."""
    return ", ".join(f"{i} {s}" for i, s in enumerate(speakers)) or "none"


def sample_unit(config: Config) -> str:
    """What a sample is that the network hears, wherever bits of it are printed."""
    return OUTPUTS[config.model.output].unit + " excitation" * by_spectrum(config)


def _whole(frames: torch.Tensor) -> tuple[int, ...]:
    """Whole numbers of frames; rounding is carried on, so that the sum is right."""
    ends = frames.cumsum(0).round().int()
    return tuple(ends.diff(prepend=ends.new_zeros(1)).tolist())


def untrained(
    config: Config,
    speakers: tuple[str, ...],
    symbols: tuple[str, ...],
    words: tuple[str, ...] = (),
    longest: int = 0,
) -> Voice:
    """A voice with random weights; arguments as the fields of `Voice`."""
    c = config.conditioning
    kind = FEATURES.get(c.features)
    channels = 0 if kind is None else kind.channels(len(symbols), c.mel_channels)
    sizes = (len(symbols), len(speakers))
    text = bool(symbols)
    return Voice(
        config,
        WaveNet(config, len(speakers), channels, kind is not None and c.phase),
        _acoustic(config, *sizes) if text else None,
        Aligner(*sizes, silent_symbols(symbols)) if text else None,
        speakers,
        symbols,
        words,
        longest,
    )


def _acoustic(config: Config, symbols: int, speakers: int) -> AcousticModel:
    c = config.conditioning
    return AcousticModel(symbols, speakers, c.mel_channels, c.acoustic_channels).eval()
