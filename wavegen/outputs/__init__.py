"""Distributions of the next sample. A new one is a class in a file of its own, a line in `OUTPUTS`
and, for compiled engines, a `Sampler` and its code in `wavegen.generation.numba.sampling`."""

from dataclasses import dataclass
from enum import IntEnum

from wavegen.outputs.categorical import Categorical
from wavegen.outputs.mixture import GaussianMixture, LogisticMixture, Mixture

Distribution = Categorical | Mixture


class Sampler(IntEnum):
    """How a compiled engine draws a sample: an integer, since compiled code knows no classes."""

    CATEGORICAL = 0
    LOGISTIC_MIXTURE = 1
    GAUSSIAN_MIXTURE = 2


@dataclass(frozen=True)
class OutputSpec:
    """What the rest of the package knows of an output."""

    distribution: type[Distribution]
    """Made from a `ModelConfig`; then its ``channels`` are those of the network's head."""
    sampler: Sampler


OUTPUTS = {
    "categorical": OutputSpec(Categorical, Sampler.CATEGORICAL),
    "logistic_mixture": OutputSpec(LogisticMixture, Sampler.LOGISTIC_MIXTURE),
    "gaussian_mixture": OutputSpec(GaussianMixture, Sampler.GAUSSIAN_MIXTURE),
}
