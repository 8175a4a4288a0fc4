"""Recordings as a discrete code of what is said, and voices that speak it.

A voice with ``latent`` features hears a recording as some dozens of codes a second, and F0 for each
(`wavegen.model.latent`). Of these and a speaker it makes a spectrogram, which its WaveNet speaks.
"""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.f0 import MIDDLE_PITCH, hertz, running_phase
from wavegen.audio.filters import selection
from wavegen.audio.local_features import LocalFeatures, silence
from wavegen.errors import DataError
from wavegen.files import write_file
from wavegen.model.numpy import latent
from wavegen.model.part import Part
from wavegen.model.weights import StoredNetwork
from wavegen.speech.alignment import Alignment
from wavegen.speech.frontend import Unit
from wavegen.voice import ConditionedVoice, Floats

if TYPE_CHECKING:
    import torch

    from wavegen.model.autoregressive import Autoregressive
    from wavegen.model.latent import LatentModel
    from wavegen.model.speaker import Speaker

PITCH_BITS = 7
LOWEST, HIGHEST = (math.log2(hz / MIDDLE_PITCH) for hz in (60, 500))
"""Range of F0 in octaves, as wide as that of `features.pitch`."""
MOST_PITCH = 2**PITCH_BITS - 1
STEP = (HIGHEST - LOWEST) / (MOST_PITCH - 1)
"""Between two values of F0, in octaves: 29 cents."""


@dataclass(frozen=True)
class Codes:
    """A recording as a voice hears it."""

    codes: NDArray[np.uint16]
    """(K, N) what is said, a code of each of N books."""
    pitch: NDArray[np.uint8]
    """(K,) F0 in steps of `STEP` from 1, the lowest, on; 0 where unvoiced."""
    samples: int
    """Of the recording, at the voice's rate."""
    name: str
    """Of its file, which chooses the random numbers of what is drawn."""
    voice: str
    """SHA-256 of the voice's file."""

    def save(self, path: Path, replace: bool = False) -> None:
        """Write them as an ``.npz`` file."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **vars(self))
        write_file(path, buffer.getvalue(), replace=replace)


def read_codes(path: Path, voice: LatentVoice) -> Codes:
    """What `Codes.save` has written, for the voice that it is of.

    Raises:
        DataError: the file can't be read, or is of another voice.
    """
    try:
        with path.open("rb") as f, np.load(f, allow_pickle=False) as table:
            found = Codes(
                table["codes"].astype(np.uint16, casting="safe"),
                table["pitch"].astype(np.uint8, casting="safe"),
                int(table["samples"]),
                str(table["name"]),
                str(table["voice"]),
            )
    except OSError as e:
        raise DataError(f"can't read {path}: {e.strerror or e}") from e
    except (
        ValueError,
        OverflowError,
        KeyError,
        TypeError,
        EOFError,
        AttributeError,
        zipfile.BadZipFile,
    ) as e:
        raise DataError(f"{path} is no file from wavegen encode") from e
    if found.voice != voice.digest:
        raise DataError(f"{path} was encoded by another voice than {voice.name}")
    c = voice.config.conditioning
    rows = math.ceil(found.samples / (voice.config.hop_length * c.code_frames))
    fits = found.codes.shape == (rows, c.codebooks) and found.pitch.shape == (rows,)
    if not (rows > 0 and fits and found.codes.max() < c.codes):
        raise DataError(f"{path} is broken: its codes do not fit its length or its voice")
    return found


@dataclass(kw_only=True)
class LatentVoice(ConditionedVoice):
    """A voice that speaks codes. Its spectrograms are those that are made of the codes."""

    latent_part: Part[LatentModel]
    prior_part: Part[Autoregressive] | None = None
    """The network that draws codes; None in a voice that only hears them."""

    @property
    def latent(self) -> LatentModel:
        return self.latent_part.module

    @property
    def prior(self) -> Autoregressive | None:
        return None if self.prior_part is None else self.prior_part.module

    @property
    def prior_network(self) -> StoredNetwork:
        """The same to draw from; torch isn't imported for it."""
        part, config = self.prior_part, self.config.prior
        assert part is not None
        assert config is not None
        return StoredNetwork(config.model, selection(config), part.weights, lambda: part.module)

    @property
    def bits_per_second(self) -> tuple[float, float]:
        """Bits that the codes of a second take, and those of F0."""
        c = self.config.conditioning
        each = c.codebooks * math.log2(c.codes), PITCH_BITS if c.f0 else 0
        return c.code_rate * each[0], c.code_rate * each[1]

    @property
    def code_use(self) -> tuple[float, float]:
        """How many codes occurred at the end of training, and the perplexity of their use, each on
        the average of the codebooks."""
        usage = self.latent_part.weights["usage"].astype(np.float64)
        used = (usage > latent.UNUSED * usage.mean(1, keepdims=True)).sum(1)
        shares = usage / np.maximum(usage.sum(1, keepdims=True), 1e-9)
        told = -shares * np.log(np.maximum(shares, 1e-30))
        return float(used.mean()), float(np.exp(told.sum(1)).mean())

    def usual_pitch(self, weights: Floats) -> float:
        """The usual F0 of a speaker in octaves, by (S,) weights of the speakers."""
        return float(weights @ self.latent_part.weights["pitch"])

    def observe(
        self,
        audio: torch.Tensor,
        speaker: Speaker,
        transcript: Unit | Alignment | None = None,
        f0: torch.Tensor | None = None,
    ) -> LocalFeatures:
        """The local features of a recording, with the spectrogram that the speaker has whose codes
        it has; arguments as of `Voice.observe`."""
        import torch

        own = self.analyse(audio, f0)
        who = torch.as_tensor(speaker)
        if not who.is_floating_point():
            who = torch.eye(max(len(self.speakers), 1))[who]
        local = own.each(np.asarray)
        told = self.spoken(self._hear(own.mel), local, who.numpy()[None])
        return told.each(torch.from_numpy)

    def analyse(self, audio: torch.Tensor, f0: torch.Tensor | None = None) -> LocalFeatures:
        """The recording's own features, as tensors; arguments as of `Voice.observe`."""
        return super().observe(audio, 0, None, f0)

    def encode_recording(self, audio: Floats, name: str, f0: torch.Tensor | None = None) -> Codes:
        """The codes of (T,) samples at the voice's rate; for the name see `Codes`, and for F0
        `Voice.observe`."""
        import torch

        own = self.analyse(torch.from_numpy(audio), f0)
        codes = self._hear(own.mel)
        voicing, octaves = (np.asarray(t) for t in (own.voicing, own.octaves))
        pitch = quantised_pitch(voicing, octaves, self.config.conditioning.code_frames)
        return Codes(codes, pitch, len(audio), name, self.digest)

    def _hear(self, mel: torch.Tensor) -> NDArray[np.uint16]:
        """(K, N) codes of an (M, F) spectrogram."""
        import torch

        with torch.no_grad():
            latents = self.latent.latents(mel[None], torch.ones(1, 1, mel.shape[1]))
            found: NDArray[np.int64] = self.latent.quantise(latents).codes[0].numpy()
        return found.astype(np.uint16)

    def melody(self, codes: Codes) -> LocalFeatures:
        """F0 of codes at frame rate, as arrays, with a silent spectrogram."""
        c, hop = self.config.conditioning, self.config.hop_length
        frames, each = -(-codes.samples // hop), c.code_frames
        voicing = np.repeat(codes.pitch > 0, each)[:frames].astype(np.float32)
        octaves = np.zeros(frames, np.float32)
        if voicing.any():
            [voiced] = np.nonzero(codes.pitch)
            known = LOWEST + (codes.pitch[voiced].astype(np.float64) - 1) * STEP
            between = np.interp(np.arange(frames) - (each - 1) / 2, voiced * each, known)
            octaves = (between * voicing).astype(np.float32)
        phase, step = running_phase(hertz(voicing, octaves), self.sample_rate, hop)
        flat = silence(frames, c.mel_channels)
        return replace(flat, voicing=voicing, octaves=octaves, phase=phase, phase_step=step)

    def spoken(
        self, codes: NDArray[np.uint16], local: LocalFeatures, weights: Floats
    ) -> LocalFeatures:
        """Local features, as arrays, with the spectrogram of (K, N) codes at their F0, by (1, S) or
        (F, S) weights of the speakers."""
        each, melody = self.config.conditioning.code_frames, (local.voicing, local.octaves)
        mel = latent.spoken(self.latent_part.weights, codes, each, weights, *melody)
        return replace(local, mel=mel, loudness=mel.mean(0))

    def speech(self) -> dict[str, torch.nn.Module]:
        own: dict[str, torch.nn.Module] = {"latent": self.latent}
        return own if self.prior is None else own | {"prior": self.prior}

    def symbols(self, codes: Codes) -> NDArray[np.int64]:
        """(K, S) what a prior draws of codes: F0, if the voice has any, and the code of each
        book."""
        f0 = [codes.pitch[:, None]] * self.config.conditioning.f0
        return np.concatenate([*f0, codes.codes], 1).astype(np.int64)

    def of_symbols(self, symbols: NDArray[np.int64], samples: int, name: str) -> Codes:
        """Codes by their `symbols`; those that there are not, which are hardly drawn, become the
        highest."""
        c = self.config.conditioning
        codes = symbols[:, int(c.f0) :].clip(max=c.codes - 1).astype(np.uint16)
        pitch = symbols[:, 0] * c.f0
        return Codes(codes, pitch.clip(max=MOST_PITCH).astype(np.uint8), samples, name, self.digest)


def quantised_pitch(voicing: Floats, octaves: Floats, each: int) -> NDArray[np.uint8]:
    """(F,) voicing and F0 to those of codes of ``each`` frames, as in `Codes`: the mean of the
    voiced frames, where half of them are."""
    padding = (0, -len(voicing) % each)
    voiced, sums = (
        np.pad(t, padding).reshape(-1, each).sum(1) for t in (voicing, octaves * voicing)
    )
    level = np.rint((sums / np.maximum(voiced, 1) - LOWEST) / STEP).clip(0, MOST_PITCH - 1)
    return np.where(2 * voiced >= each, level + 1, 0).astype(np.uint8)
