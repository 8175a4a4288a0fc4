"""Distributions of the next sample: loss and sampling. One class and one line here for each."""

from wavegen.outputs.categorical import Categorical
from wavegen.outputs.mixture import GaussianMixture, LogisticMixture, Mixture

Distribution = Categorical | Mixture
OUTPUTS: dict[str, type[Distribution]] = {
    "categorical": Categorical,
    "logistic_mixture": LogisticMixture,
    "gaussian_mixture": GaussianMixture,
}
