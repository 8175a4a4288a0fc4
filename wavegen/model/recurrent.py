"""A recurrent network over samples: gated recurrent units (Cho et al. 2014, §2.3), one layer above
the other, in the place of a WaveNet's blocks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

State = Tensor
"""(L, B, R) hidden states after the last sample."""


class Recurrent(nn.Module):
    """Inputs of the samples to skip sums, which say what follows each.

    Args:
        layers: L.
        channels: R, of inputs and hidden states.
        skip_channels: S.
    """

    def __init__(self, layers: int, channels: int, skip_channels: int) -> None:
        super().__init__()
        self.layers, self.channels = layers, channels
        self.units = nn.GRU(channels, channels, layers, batch_first=True)
        self.skip = nn.Linear(channels, skip_channels, bias=False)

    def initial(self, batch: int) -> State:
        """The state before the first sample: zeros."""
        return self.skip.weight.new_zeros(self.layers, batch, self.channels)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance by T samples; a step is T = 1.

        Args:
            x: (B, T, R).
            state: after the samples before; it stays as it is.

        Returns:
            (B, T, S), and the state after the T samples. In pieces of any lengths the results are
            the same.
        """
        with torch.autocast(x.device.type, enabled=False):  # whose GRU a CPU does not have
            hidden, state = self.units(x.to(state.dtype), state)  # (B, T, R)
        return self.skip(hidden), state
