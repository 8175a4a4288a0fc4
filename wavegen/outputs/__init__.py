"""Distributions of the next sample. A new one is a class in a file of its own, a line in `OUTPUTS`
and, for compiled engines, a `Sampler` and its code in `wavegen.generation.numba.sampling`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from wavegen.audio.filters import of_excitation
from wavegen.config import Config, ModelConfig
from wavegen.outputs.bins import Sampler
from wavegen.outputs.coding import Coding, Linear, MuLaw

if TYPE_CHECKING:
    from wavegen.outputs.distribution import Distribution


@dataclass(frozen=True)
class OutputSpec:
    """What the rest of the package knows of an output."""

    coding: type[Coding]
    """Its samples."""
    sampler: Sampler
    place: str
    """Module and class of the distribution, which needs torch."""

    def distribution(self, config: ModelConfig) -> Distribution:
        """The distribution; its ``channels`` are those of the network's head."""
        module, name = self.place.split(":")
        found = getattr(import_module(f"wavegen.outputs.{module}"), name)
        return cast("Distribution", found(config))


OUTPUTS = {
    "categorical": OutputSpec(MuLaw, Sampler.CATEGORICAL, "categorical:Categorical"),
    "logistic_mixture": OutputSpec(Linear, Sampler.LOGISTIC_MIXTURE, "mixture:LogisticMixture"),
    "gaussian_mixture": OutputSpec(Linear, Sampler.GAUSSIAN_MIXTURE, "mixture:GaussianMixture"),
}


def sample_unit(config: Config) -> str:
    """What a sample of the network is, to be printed with bits per sample."""
    return OUTPUTS[config.model.output].coding.unit + " excitation" * of_excitation(config)
