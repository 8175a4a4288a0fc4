"""Linear prediction: the network models the excitation, the residual of a filter, and the synthesis
filter (`wavegen.audio.synthesis_filter`) turns it back into sound.

A mel spectrogram determines a filter for every frame (as in LPCNet, Valin and Skoglund 2019, §3.1).
The network then need not model resonances or loudness, only pulses and noise of a constant level,
and the white noise of its predictions takes on the spectrum of the speech, which masks it
(ExcitNet, Song, Byun and Kang 2019). The previous pitch period is not subtracted: such a filter
amplifies the network's own errors at every harmonic. Instead, the network is given what predicts
the next sample: the excitation one period ago (as in QPNet, Wu et al. 2021), the last sample of the
sound and its prediction by the filter (LPCNet, §3.2). Without a mel spectrogram the filter is
constant: a pre-emphasis, if anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen.audio.adaptive import AdaptivePredictor
from wavegen.audio.filters import Filters, filters, selection
from wavegen.audio.local_features import LocalFeatures
from wavegen.audio.taps import COMPRESSION, TAPS
from wavegen.config import Config

STEP = 2.0**-15
"""Between two amplitudes of 16-bit sound."""


@dataclass(frozen=True)
class Predictor:
    """What filters of an utterance predict of a recording; the fields are those of `Filters`."""

    coefficients: Tensor
    gains: Tensor
    hop_length: int
    lags: Tensor

    @classmethod
    def of(cls, filters: Filters | Predictor) -> Predictor:
        """As tensors."""
        f = filters
        parts = (torch.as_tensor(t) for t in (f.coefficients, f.gains, f.lags))
        coefficients, gains, lags = parts
        return cls(coefficients, gains, f.hop_length, lags)

    @property
    def order(self) -> int:
        return self.coefficients.shape[1]

    @property
    def reach(self) -> int:
        """Past samples of audio that can affect one sample of the excitation or its inputs."""
        longest = int(self.lags.max())
        return self.order + (longest + TAPS // 2 if longest else 0)

    def excitation(self, audio: Tensor, first: int = 0, known: int = 0) -> Tensor:
        """Compute the excitation of a recording or an excerpt; its values may exceed ±1.

        Args:
            audio: (known + n,) the excerpt, preceded by ``known`` samples of its past.
            first: index in the recording of the excerpt's first sample.
            known: number of past samples: at least `reach`, or all there are.

        Returns:
            (n,) float32.
        """
        predicted, at = self._predict(audio, first - known)
        return ((audio - predicted) / self.gains[at])[known:]

    def inputs(self, audio: Tensor, first: int = 0, known: int = 0) -> tuple[Tensor, Tensor]:
        """Compute the excitation, and what the network is given to predict each of its samples.

        Args:
            audio, first, known: as those of `excitation`.

        Returns:
            (n,) excitation, and (n, INPUTS) inputs, which depend on earlier samples only: the
            sound one sample ago and the prediction of the sound, both divided by the frame's gain,
            and `TAPS` samples of the excitation around one period ago, the oldest first, or zeros
            where unvoiced; all these compressed; and 1 where voiced, else 0.
        """
        predicted, at = self._predict(audio, first - known)
        excitation = (audio - predicted) / self.gains[at]
        at = at[known:]
        last = F.pad(audio, (1, 0))[known : len(audio)]
        sound = torch.stack([last, predicted[known:]], 1) / self.gains[at, None]
        lags = self.lags[at, None]
        index = torch.arange(known, len(audio))[:, None] - lags - TAPS // 2 + torch.arange(TAPS)
        exists = (lags > 0) & (index >= 0)
        period = excitation[index.where(exists, 0)] * exists
        given = compress(torch.cat([sound, period], 1))
        return excitation[known:], torch.cat([given, (lags > 0).float()], 1)

    def cells(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """The excitations that make each sample of a recording what it is to 16 bits: half a step
        to both sides of it. The outermost of the 65,536 steps are open.

        Args:
            audio: (T,) in [-1, 1].

        Returns:
            (T,) float64 least and greatest excitation, which may be infinite.
        """
        predicted, at = self._predict(audio, 0)
        middle, gains = audio.double(), self.gains.double()[at]
        low = (middle - STEP / 2).masked_fill(middle < STEP / 2 - 1, -torch.inf)
        high = (middle + STEP / 2).masked_fill(middle > 1 - 3 * STEP / 2, torch.inf)
        return (low - predicted) / gains, (high - predicted) / gains

    def _predict(self, audio: Tensor, first: int) -> tuple[Tensor, Tensor]:
        """(n,) prediction of each sample of an excerpt that begins at a recording's sample
        ``first``, as if only silence preceded it, and the (n,) frame of each."""
        at = torch.arange(first, first + len(audio)) // self.hop_length
        at = at.clamp_(max=len(self.gains) - 1)
        if not self.order:
            return torch.zeros_like(audio), at
        past = F.pad(audio, (self.order, 0)).unfold(0, self.order, 1)[:-1].flip(1)  # (n, K)
        return (past * self.coefficients[at]).sum(1), at


def compress(amplitude: Tensor) -> Tensor:
    """Compress amplitudes logarithmically, as the network is given them."""
    return amplitude.sign() * (COMPRESSION * amplitude.abs()).log1p()


def select(config: Config, inputs: Tensor) -> Tensor:
    """The (n, `input_count`) inputs that the configuration asks for, of (n, INPUTS) from
    `Predictor.inputs`."""
    return inputs[:, selection(config)]


def predictor(config: Config, local: LocalFeatures | None) -> Predictor | AdaptivePredictor:
    """The predictor of an utterance with these local features, or with none."""
    if config.audio.adaptive:
        return AdaptivePredictor()
    return Predictor.of(filters(config, local))
