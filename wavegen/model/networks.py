"""The kinds of networks over samples."""

from wavegen.config import Kind
from wavegen.model.stateful import BODIES, Stateful
from wavegen.model.wavenet import WaveNet

NETWORKS: dict[Kind, type[WaveNet | Stateful]] = {
    "wavenet": WaveNet,
    **dict.fromkeys(BODIES, Stateful),
}
"""By ``model.kind``."""
