"""Distributions of the next sample: loss and sampling. One file and one line here for each."""

from wavegen.outputs.categorical import Categorical

OUTPUTS = {"categorical": Categorical}
