"""Voices of several scales: each network is told what a coarser one has drawn at a lower rate.

A chain from coarse to fine, as multi-scale PixelRNN (van den Oord, Kalchbrenner and Kavukcuoglu
2016, §3.6) and SampleRNN (Mehri et al. 2017) have it, of ordinary WaveNets: the coarser one is a
voice in itself, which may again have a coarser one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.coarse import coarse_features, decimate
from wavegen.audio.filters import filters
from wavegen.audio.local_features import LocalFeatures
from wavegen.audio.synthesis_filter import Synthesis
from wavegen.model.inputs import phase_codes
from wavegen.speech.alignment import Alignment
from wavegen.speech.frontend import Unit
from wavegen.voice import Floats, Voice

if TYPE_CHECKING:
    import torch

    from wavegen.model.speaker import Speaker

SECTION = 256
"""Rows of conditioning that are computed at a time."""
REACH = 4
"""Rows to either side that the encoder of the conditioning sees: two convolutions of five taps."""


@dataclass(kw_only=True)
class ScaledVoice(Voice):
    """A voice whose network is told the sound of a coarser voice."""

    coarser: Voice

    @property
    def ratio(self) -> int:
        """Of the rates."""
        return self.config.hop_length

    @property
    def chain(self) -> tuple[Voice, ...]:
        return (*self.coarser.chain, self)

    def observe(
        self,
        audio: torch.Tensor,
        speaker: Speaker,
        transcript: Unit | Alignment | None = None,
        f0: torch.Tensor | None = None,
    ) -> LocalFeatures:
        """The recording itself at the coarser rate; arguments as of `Voice.observe`."""
        import torch

        return self.told(decimate(audio.numpy(), self.ratio)).each(torch.from_numpy)

    def pause(self, frames: int) -> LocalFeatures:
        return self.told(np.zeros(frames, np.float32))

    def told(self, coarse: Floats) -> LocalFeatures:
        """The local features, as arrays, that (F,) samples of the coarser voice are."""
        return coarse_features(coarse, self.ratio)

    def places(self, samples: int) -> Places:
        """(samples,) codes of the phase in a frame, for an utterance to draw."""
        one = self.pause(1)
        return Places(phase_codes(one.phase, one.phase_step, self.ratio), samples)

    def tensors(self) -> dict[str, torch.Tensor]:
        below = {f"coarser.{name}": t for name, t in self.coarser.tensors().items()}
        return super().tensors() | below


def as_drawn(voice: Voice, audio: torch.Tensor) -> Floats:
    """(T,) samples as the voice would have drawn them: rounded to its network's samples."""
    codes = voice.samples(audio, None)[0].cpu().numpy()
    return Synthesis(filters(voice.config, None))(voice.network.coding.decode(codes))


@dataclass(frozen=True)
class Places:
    """Codes that are the same in every frame, cut to a length."""

    codes: NDArray[np.int64]
    length: int

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, part: slice) -> NDArray[np.int64]:
        at = np.arange(*part.indices(self.length))
        found: NDArray[np.int64] = self.codes[at % len(self.codes)]
        return found


class CoarseRows:
    """(F, E) rows of conditioning of an utterance of a `ScaledVoice`, computed when they are asked
    for, in sections that don't depend on how, and forgotten once later ones are.

    Args:
        voice: the voice.
        pieces: the sound of the coarser voice, of at least ``frames`` samples in all.
        frames: F.
        speaker: weights of the speakers, as of `Voice.rows`.
    """

    def __init__(
        self, voice: ScaledVoice, pieces: Iterator[Floats], frames: int, speaker: Floats
    ) -> None:
        self._voice, self._pieces, self._frames, self._speaker = voice, pieces, frames, speaker
        self._coarse = np.zeros(0, np.float32)
        self._heard = 0  # index of the first sample in `_coarse`
        self._rows: Floats | None = None
        self._first = 0  # index of the first row in `_rows`

    def __len__(self) -> int:
        return self._frames

    def __getitem__(self, index: Any) -> Floats:
        """Rows, as an array of them would give; later calls may not ask for earlier ones than the
        earliest of this."""
        wanted = np.arange(self._frames)[index] if isinstance(index, slice) else np.asarray(index)
        low, high = int(wanted.min()), int(wanted.max()) + 1
        while self._rows is None or self._first + len(self._rows) < high:
            self._extend()
        out: Floats = self._rows[wanted - self._first]
        self._rows, self._first = self._rows[low - self._first :], low
        return out

    def _extend(self) -> None:
        """Compute the next section."""
        begin = self._first + (0 if self._rows is None else len(self._rows))
        end = min(begin + SECTION, self._frames)
        low, high = max(0, begin - REACH), min(end + REACH, self._frames)
        parts = [self._coarse[low - self._heard :]]
        known = low + len(parts[0])
        while known < high:
            parts.append(next(self._pieces))
            known += len(parts[-1])
        self._coarse, self._heard = np.concatenate(parts), low
        local = self._voice.told(self._coarse[: high - low])
        rows = self._voice.rows(self._speaker, local)[begin - low : end - low]
        self._rows = rows if self._rows is None else np.concatenate([self._rows, rows])
