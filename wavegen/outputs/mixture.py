"""Mixtures of distributions over 16-bit samples (PixelCNN++, Salimans et al. 2017, §2.1).

A component's probability is integrated over the bin of each of the 65,536 samples; the first and
the last bin are open, so the probabilities sum to 1. Optionally there is, beside the mixture, the
probability that the clip is over, of which the mixture then says what follows if it isn't.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavegen.config import ModelConfig
from wavegen.outputs.bins import END, FLOOR, LEVELS, MEAN, NARROW, SCALE, WIDTH
from wavegen.outputs.categorical import Categorical
from wavegen.outputs.coding import Linear

GAIN = 8.0
"""Standard deviation of the input's first weights, which makes usual sound as large as the other
inputs of a block."""


class Mixture:
    """Base class of the mixtures. For each component the head gives the logarithm of its weight (up
    to a constant), its mean and its log scale (before a soft floor), see `MEAN` and `SCALE`; then,
    with `ModelConfig.ends`, the log odds that the clip is over, see `END`.

    Args:
        config: with `ModelConfig.mixtures` components and, with `ModelConfig.ends`, one more code,
            `end`: the clip is over. It is predicted but never an input.
    """

    levels, start, unit = Linear.levels, Linear.start, Linear.unit

    def __init__(self, config: ModelConfig) -> None:
        coding = Linear(config)
        self.end, self.channels, self.draws = coding.end, coding.channels, coding.draws
        self._components = 3 * config.mixtures

    @staticmethod
    def encode(audio: Tensor) -> Tensor:
        """Amplitudes to int64 codes in 0…65535; values beyond ±1 are clamped."""
        samples = (audio.double() / WIDTH).round() + LEVELS // 2
        return samples.clamp(0, LEVELS - 1).long()

    @staticmethod
    def decode(codes: Tensor) -> Tensor:
        """Codes to float32 amplitudes in [-1, 1)."""
        return (codes - LEVELS // 2).float() * WIDTH

    @staticmethod
    def inputs(channels: int) -> nn.Module:
        """Samples to inputs of the network: codes (…) → (…, channels)."""
        return ScalarInput(channels)

    def companded(self, codes: Tensor) -> Tensor:
        """The samples as µ-law codes (`end`, which is never an input, as any of them)."""
        return Categorical.encode(self.decode(codes))

    @staticmethod
    def distribution(z: Tensor) -> Tensor:
        """Cumulative distribution function of a component of mean 0 and scale 1."""
        raise NotImplementedError

    @staticmethod
    def log_mass(low: Tensor, high: Tensor) -> Tensor:
        """Logarithm of the probability between two bounds, which may be infinite, under such a
        component."""
        raise NotImplementedError

    def _parameters(self, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log weights, means and log scales, each (…, K) float64."""
        weight, mean, scale = logits[..., : self._components].double().chunk(3, -1)
        scale = FLOOR + F.softplus(scale + SCALE - FLOOR)
        return weight.log_softmax(-1), mean * MEAN, scale

    def loss(self, logits: Tensor, codes: Tensor) -> Tensor:
        """Negative log-likelihood in nats: logits (…, channels), codes (…) → (…)."""
        middle = (codes - LEVELS // 2).double() * WIDTH
        low = (middle - WIDTH / 2).masked_fill(codes == 0, -torch.inf)
        high = (middle + WIDTH / 2).masked_fill(codes >= LEVELS - 1, torch.inf)
        nats = self.loss_between(logits, low, high)
        if self.end is None:
            return nats
        return nats.where(codes != self.end, self.ending(logits, codes).to(nats.dtype))

    def loss_between(self, logits: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """The same of any two bounds, which may be infinite: logits (…, channels), amplitudes (…)
        float64 → (…)."""
        weight, mean, scale = self._parameters(logits)
        z = []
        for bound in (low[..., None], high[..., None]):
            finite = bound.nan_to_num(posinf=0, neginf=0)  # which have gradients
            z.append(((finite - mean) / scale.exp()).where(bound.isfinite(), bound))
        nats = -torch.logsumexp(weight + self.log_mass(*z), -1)
        if self.end is not None:  # the clip isn't over
            nats = nats + F.softplus(self.odds(logits))
        return nats if logits.dtype == torch.float64 else nats.float()

    def odds(self, logits: Tensor) -> Tensor:
        """Log odds that the clip ends, with `end`: logits (…, channels) → (…) float64."""
        return logits[..., -1].double() + END

    def ending(self, logits: Tensor, codes: Tensor) -> Tensor:
        """The part of the loss that is about whether the clip ends; shapes as in `loss`."""
        assert self.end is not None
        odds = self.odds(logits)
        ends = (codes == self.end).to(odds.dtype)
        return F.binary_cross_entropy_with_logits(odds, ends, reduction="none")

    def sample(
        self,
        logits: Tensor,
        uniforms: Tensor,
        temperature: Tensor | float = 1.0,
        ends: Tensor | bool = True,
    ) -> Tensor:
        """Inverse CDF: the first code whose cumulative probability exceeds the uniform.

        Args:
            logits: (B, channels).
            uniforms: (B, draws) float64 in [0, 1); the second one decides whether the clip is over,
                so that a clip is the same up to its end whether it may end or not.
            temperature: divides the weights' logits and multiplies the scales, one for all or
                (B, 1); 0 takes the mean of the component of the most weight. Where clips end does
                not depend on it.
            ends: whether `end` may be drawn, one for all or (B,).

        Returns:
            (B,) int64 codes.
        """
        weight, mean, scale = self._parameters(logits)
        t = torch.as_tensor(temperature, dtype=torch.float64, device=logits.device)
        probability = torch.softmax(weight / t.clamp_min(1e-30), -1)
        width = (scale.exp() * t).clamp_min(NARROW)
        code = torch.zeros_like(uniforms[:, 0], dtype=torch.int64)
        end = torch.full_like(code, LEVELS - 1)
        for _ in range(LEVELS.bit_length() - 1):  # bisection
            middle = (code + end) // 2
            edge = (middle - LEVELS // 2 + 0.5) * WIDTH
            below = (probability * self.distribution((edge[:, None] - mean) / width)).sum(-1)
            found = below > uniforms[:, 0]
            end = torch.where(found, middle, end)
            code = torch.where(found, code, middle + 1)
        if self.end is not None:
            over = self.odds(logits).sigmoid() > uniforms[:, 1]
            code = code.masked_fill(over & torch.as_tensor(ends, device=code.device), self.end)
        return code


class LogisticMixture(Mixture):
    """Discretised logistic distributions (PixelCNN++, eq. 2)."""

    @staticmethod
    def distribution(z: Tensor) -> Tensor:
        return z.sigmoid()

    @staticmethod
    def log_mass(low: Tensor, high: Tensor) -> Tensor:
        # σ(high) - σ(low) without cancellation, so that no density has to approximate it.
        mass: Tensor = F.logsigmoid(high) + F.logsigmoid(-low) + _log_gap(low - high)
        return mass


class GaussianMixture(Mixture):
    """Normal distributions, integrated over the same bins, so that bits are comparable."""

    @staticmethod
    def distribution(z: Tensor) -> Tensor:
        below: Tensor = torch.special.ndtr(z)
        return below

    @staticmethod
    def log_mass(low: Tensor, high: Tensor) -> Tensor:
        # By symmetry take the lower tail, where probabilities keep their precision.
        upper = low > 0
        low, high = torch.where(upper, -high, low), torch.where(upper, -low, high)
        most: Tensor = torch.special.log_ndtr(high)
        return most + _log_gap(torch.special.log_ndtr(low) - most)


def _log_gap(difference: Tensor) -> Tensor:
    """log(1 - exp(difference)) for negative differences."""
    return torch.log(-torch.expm1(difference))


class ScalarInput(nn.Module):
    """A 16-bit sample's amplitude as input, and a learned start symbol for before the first one.

    Args:
        channels: R.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels) * GAIN)
        self.bias = nn.Parameter(torch.zeros(channels))
        self.start = nn.Parameter(torch.randn(channels))

    def forward(self, codes: Tensor) -> Tensor:
        """(…) codes → (…, R)."""
        with torch.autocast(codes.device.type, enabled=False):  # 16 bits don't fit into bf16
            scalar = Mixture.decode(codes).to(self.weight.dtype)[..., None]
            x = scalar * self.weight + self.bias
            return torch.where((codes == LEVELS)[..., None], self.start, x)
