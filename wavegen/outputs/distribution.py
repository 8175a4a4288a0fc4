"""The distributions, typed."""

from wavegen.outputs.categorical import Categorical
from wavegen.outputs.mixture import Mixture

Distribution = Categorical | Mixture
