"""Voices, and the voice file: everything that generation needs, in one safetensors file."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.filters import input_count, selection
from wavegen.audio.local_features import LocalFeatures, silence
from wavegen.config import Config
from wavegen.errors import TextError, VoiceError
from wavegen.files import atomic_write
from wavegen.generation.uniforms import Endings
from wavegen.model.inputs import needs_text, phase_codes
from wavegen.model.numpy import conditioning
from wavegen.model.part import Part, in_16_bits
from wavegen.model.weights import Network, StoredNetwork, Weights
from wavegen.outputs import sample_unit
from wavegen.recipe import to_dict
from wavegen.request import Request
from wavegen.speakers import SpeakerPath, UnknownSpeakerError, find_speakers, numbered
from wavegen.speech.alignment import Alignment
from wavegen.speech.frontend import Unit, symbol_ids
from wavegen.speech.phones import MARKS, phone_features
from wavegen.speech.phrases import Phrase
from wavegen.speech.predict import Spoken, predict_phrase

if TYPE_CHECKING:
    import torch

    from wavegen.model.acoustic import AcousticModel
    from wavegen.model.autoregressive import Autoregressive
    from wavegen.model.content import ContentModel
    from wavegen.model.speaker import Speaker
    from wavegen.speech.aligner import Aligner

Floats = NDArray[np.float32]
FORMAT = 7
"""Version of the voice file. A file that names no ``model.kind`` holds a WaveNet."""
PHRASE_SECONDS = 0.15
"""A silence in a recording whose text has no punctuation ends a phrase if it is this long."""


@dataclass
class Voice:
    """A trained voice. This class is conditioned on the speaker at most and generates audio of any
    length; its subclasses also take local features."""

    config: Config
    wavenet: Part[Autoregressive]
    """The network over samples, of whatever ``model.kind``; its weights bear this name."""
    speakers: tuple[str, ...] = ()
    """Names; a speaker's id is its place here."""
    training: dict[str, Any] = field(default_factory=dict)
    """Summary of the training: steps, hours, bits per sample, …"""
    name: str = "voice"
    digest: str = ""
    """SHA-256 of its file."""
    endings: Endings | None = None
    """Corrects where its clips end, if it has been measured; see `training.endings`."""

    @property
    def sample_rate(self) -> int:
        return self.config.audio.sample_rate

    @property
    def model(self) -> Autoregressive:
        """Its network over samples, for torch."""
        return self.wavenet.module

    @model.setter
    def model(self, model: Autoregressive) -> None:
        self.wavenet = Part(lambda: model)

    def with_model(self, model: Autoregressive) -> Self:
        """The same voice with another network over samples."""
        return replace(self, wavenet=Part(lambda: model))

    @property
    def network(self) -> Network:
        """Its WaveNet, to draw from; torch isn't imported for it."""
        part, inputs = self.wavenet, selection(self.config)
        stored = StoredNetwork(self.config.model, inputs, part.weights, lambda: part.module)
        return self.model if part.made else stored

    @property
    def chain(self) -> tuple[Voice, ...]:
        """The voices of all scales, from coarse to fine; this one is the last, and mostly alone."""
        return (self,)

    @property
    def device(self) -> str:
        """The type of torch device that it is on."""
        return self.model.skip_bias.device.type if self.wavenet.made else "cpu"

    def to(self, device: str) -> None:
        """Move its WaveNet to a torch device."""
        if device != "cpu" or self.wavenet.made:
            self.model.to(device)

    def who(self, speaker: str | None, path: str | None = None) -> SpeakerPath:
        """Who speaks, from the fields of a request; the first speaker for None.

        Raises:
            VoiceError: no such speaker; the message lists those there are. Or a mix or a path of
                speakers can't be read.
        """
        try:
            return find_speakers(self.speakers, speaker, path)
        except UnknownSpeakerError as e:
            raise VoiceError(
                f"voice {self.name} has no speaker '{str(e)[:80]}' "
                f"(speakers: {numbered(self.speakers)})"
            ) from e

    def weights(self, speaker: SpeakerPath, count: int = 1) -> Floats:
        """(count, S) weights of the speakers, evenly along a path; (1, S) if it doesn't glide."""
        return speaker.weights(max(len(self.speakers), 1), count)

    @property
    def unit(self) -> str:
        """See `sample_unit`."""
        return sample_unit(self.config)

    @property
    def needs_text(self) -> bool:
        """Whether the local features include phonemes, so that the text of a recording must be
        known to continue or score it."""
        return needs_text(self.config.conditioning.features)

    def observe(
        self,
        audio: torch.Tensor,
        speaker: Speaker,
        transcript: Unit | Alignment | None = None,
        f0: torch.Tensor | None = None,
    ) -> LocalFeatures | None:
        """The local features of a recording, as tensors; None in a voice without any.

        Args:
            audio: (T,) float32 at the voice's rate.
            speaker: id, or (S,) weights.
            transcript: the text, or its alignment; needed if the features include phonemes.
            f0: (F,) Hz, if it is known already.

        Raises:
            TextError: the transcript is missing, or the voice knows none of its phonemes.
        """
        return None

    def pause(self, frames: int) -> LocalFeatures | None:
        """The local features of silence, as arrays; None in a voice without any."""
        return None

    def rows(self, speaker: Floats, local: LocalFeatures | None) -> Floats:
        """(F, E) encoded conditioning of an utterance to draw, from arrays, by (F, S) or (1, S)
        weights of the speakers; F = 1 if nothing varies."""
        weights = self.wavenet.weights.part("conditioning")
        return conditioning.encode(weights, self.config.conditioning, speaker, local)

    def phases(self, local: LocalFeatures | None) -> NDArray[np.int64] | None:
        """(T,) codes of the phase at each sample of an utterance to draw, from arrays; None in a
        network that takes no phase."""
        if local is None or "conditioning.phase.weight" not in self.wavenet.weights:
            return None
        return phase_codes(local.phase, local.phase_step, self.config.hop_length)

    def encode(self, speaker: Speaker, local: LocalFeatures | None) -> torch.Tensor:
        """(1, F, E) encoded conditioning of a recording."""
        import torch

        device = self.model.skip_bias.device
        with torch.inference_mode():
            return self.model.conditioning.encode(
                1,
                torch.as_tensor(speaker, device=device)[None] if self.speakers else None,
                self._batch(local),
            )

    def phase_codes(self, local: LocalFeatures | None) -> torch.Tensor | None:
        """(1, T) codes of the phase at each sample of a recording; None without phase."""
        return self.model.conditioning.phase_codes(self._batch(local), self.config.hop_length)

    def _batch(self, local: LocalFeatures | None) -> LocalFeatures | None:
        if local is None:
            return None
        return LocalFeatures.stack([local]).to(self.model.skip_bias.device)

    def nll(
        self,
        audio: torch.Tensor,
        speaker: Speaker,
        local: LocalFeatures | None,
        context: bool = True,
    ) -> torch.Tensor:
        """Nats of each sample of a recording, (T,) float32 at the voice's rate → (T,); arguments
        as those of `Autoregressive.nll`."""
        codes, given = self.samples(audio, local)
        return self.model.nll(
            codes[None],
            self.encode(speaker, local),
            self.config.hop_length,
            context=context,
            phase=self.phase_codes(local),
            given=None if given is None else given[None],
        )[0]

    def samples(
        self, audio: torch.Tensor, local: LocalFeatures | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Encode a recording as the network's samples.

        Args:
            audio: (T,) float32 at the voice's rate.
            local: its local features, if the voice takes any.

        Returns:
            (T,) codes of the excitation, and the (T, G) inputs of linear prediction; None in a
            network that takes none.
        """
        from wavegen.audio.linear_prediction import predictor, select

        filters, device = predictor(self.config, local), self.model.skip_bias.device
        if not input_count(self.config):
            return self.model.output.encode(filters.excitation(audio)).to(device), None
        excitation, inputs = filters.inputs(audio)
        codes = self.model.output.encode(excitation).to(device)
        return codes, select(self.config, inputs).to(device)

    def speech(self) -> dict[str, torch.nn.Module]:
        """The other models of the voice, by their names in the voice file."""
        return {}

    def tensors(self) -> dict[str, torch.Tensor]:
        """All weights under the names of the voice file."""
        parts = {"wavenet": self.model, **self.speech()}
        return {f"{n}.{k}": t for n, part in parts.items() for k, t in part.state_dict().items()}

    def vocabulary(self) -> dict[str, Any]:
        """The voice file's fields about the training texts."""
        return {"symbols": (), "words": (), "longest": 0}

    def save(self, path: Path) -> None:
        """Write the voice file atomically, its weights in 16 bits; raises OSError if that fails."""
        from safetensors.torch import save

        about = {
            "format": FORMAT,
            "config": to_dict(self.config),
            "speakers": self.speakers,
            **self.vocabulary(),
            "training": self.training,
            "endings": [] if self.endings is None else self.endings.odds.round(3).tolist(),
        }
        weights = {name: in_16_bits(t) for name, t in self.tensors().items()}
        data = save(weights, {"wavegen": json.dumps(about, ensure_ascii=False)})
        with atomic_write(path) as beside:
            beside.write_bytes(data)


@dataclass
class ConditionedVoice(Voice):
    """A voice conditioned on local features; without texts it is a vocoder."""

    def observe(
        self,
        audio: torch.Tensor,
        speaker: Speaker,
        transcript: Unit | Alignment | None = None,
        f0: torch.Tensor | None = None,
    ) -> LocalFeatures:
        from wavegen.audio.analysis import analyse

        c, hop = self.config.conditioning, self.config.hop_length
        f0 = f0 if c.f0 else audio.new_zeros(-(-len(audio) // hop))
        return analyse(audio, self.sample_rate, hop, c.mel_channels, f0)

    def pause(self, frames: int) -> LocalFeatures:
        return silence(frames, self.config.conditioning.mel_channels)


@dataclass(kw_only=True)
class SpeakingVoice(ConditionedVoice):
    """A voice that speaks texts."""

    speech_parts: tuple[Part[AcousticModel], Part[Aligner]]
    """The acoustic model, and the aligner of recordings."""
    symbols: tuple[str, ...]
    """Phonemes, `phones.PAUSE` first."""
    words: tuple[str, ...] = ()
    """Words of the training texts."""
    longest: int = 0
    """Most words in one training clip; longer texts are split."""
    content_part: Part[ContentModel] | None = None
    """The content model; None in a voice that converts recordings by their texts only."""

    @property
    def content(self) -> ContentModel | None:
        return None if self.content_part is None else self.content_part.module

    @property
    def acoustic(self) -> AcousticModel:
        return self.speech_parts[0].module

    @property
    def aligner(self) -> Aligner:
        return self.speech_parts[1].module

    @property
    def acoustic_weights(self) -> Weights:
        """Of the acoustic model, without torch."""
        return self.speech_parts[0].weights

    def predict(
        self,
        phrase: Phrase,
        speaker: SpeakerPath,
        request: Request,
        span: tuple[float, float] = (0.0, 1.0),
    ) -> Spoken:
        """A phrase as it is going to be spoken, in the style of a request; see `predict_features`.

        Raises:
            TextError: none of its phonemes is known to the voice.
        """
        if phrase.unit is not None:
            self._symbols(phrase.unit)
        hop = self.config.hop_length
        who = phrase, self.symbols, speaker, request
        found = predict_phrase(self.acoustic_weights, *who, self.sample_rate, hop, span)
        local = self._with_phones(found.local, found.alignment)
        known = {s.called: s.gain for s in self.config.data.speaker}
        volume = found.raised(np.array([known.get(n, 0.0) for n in self.speakers], np.float32))
        return replace(found, local=local, volume=volume)

    def observe(
        self,
        audio: torch.Tensor,
        speaker: Speaker,
        transcript: Unit | Alignment | None = None,
        f0: torch.Tensor | None = None,
    ) -> LocalFeatures:
        local = super().observe(audio, speaker, None, f0)
        if not self.needs_text:
            return local
        if transcript is None:
            raise TextError(f"voice {self.name} needs to know what a recording says")
        if isinstance(transcript, Unit):
            transcript = self.align(transcript, speaker, audio)
        return self._with_phones(local, transcript)

    def pause(self, frames: int) -> LocalFeatures:
        return self._with_phones(super().pause(frames), Alignment(((0,),), (frames,)))

    def _with_phones(self, local: LocalFeatures, alignment: Alignment) -> LocalFeatures:
        """Add the phonemes, if the voice is conditioned on them."""
        if not self.needs_text:
            return local
        made = phone_features(alignment.words, alignment.frames, len(self.symbols))
        if isinstance(local.mel, np.ndarray):
            return replace(local, phones=made)
        import torch

        return replace(local, phones=torch.from_numpy(made))

    def align(self, unit: Unit, speaker: Speaker | None, audio: torch.Tensor) -> Alignment:
        """Align a recording, (T,) float32 at the voice's rate, with its text; the speaker is None
        if it is none of the voice's.

        Raises:
            TextError: none of the unit's phonemes is known to the voice.
        """
        features, hop = self.aligner.features(audio, self.sample_rate), self.config.hop_length
        alignment = self.aligner.align(features, self._symbols(unit), speaker)
        ratio = hop / self.aligner.hop(self.sample_rate)
        alignment = alignment.at_rate(ratio, -(-len(audio) // hop))
        if any(p in MARKS for word in unit.phones for p in word):
            return alignment
        least = math.ceil(PHRASE_SECONDS * self.config.conditioning.frame_rate)
        return alignment.punctuated(self.symbols, least)

    def _symbols(self, unit: Unit) -> list[list[int]]:
        words = symbol_ids(unit, self.symbols)
        if not words:
            said = " ".join(unit.words)
            raise TextError(f"voice {self.name} knows no sound of '{said[:60]}'")
        return words

    def speech(self) -> dict[str, torch.nn.Module]:
        parts: dict[str, torch.nn.Module] = {"acoustic": self.acoustic, "aligner": self.aligner}
        return parts if self.content is None else parts | {"content": self.content}

    def vocabulary(self) -> dict[str, Any]:
        return {"symbols": self.symbols, "words": self.words, "longest": self.longest}
