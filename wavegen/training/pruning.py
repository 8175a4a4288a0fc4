"""Block-sparse weights: the smallest blocks of a WaveNet's large matrices become zero.

As in WaveRNN (Kalchbrenner et al. 2018, §3.1) and LPCNet (Valin and Skoglund 2019), blocks are
pruned gradually by their magnitude while the network is trained, and what is empty stays so. Here a
block has as many inputs and outputs as the `numba` engine multiplies in one instruction, and every
group of outputs keeps equally many blocks (as in balanced sparsity, Yao et al. 2019), so that the
engine has no branches that depend on the weights.

Pruned are the taps of all blocks, their residual and skip matrices, and the hidden layer after
them. The head, the conditioning, the embeddings and the context stacks stay dense: they are small,
or used once for many samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen.generation.numba.layout import GROUP, QUAD
from wavegen.model.wavenet import WaveNet


class Pruning:
    """Which blocks of a network are kept: at first all that are not empty.

    Args:
        model: pruned in place.
        copies: of it, of which the same blocks are emptied.
    """

    def __init__(self, model: WaveNet, copies: Sequence[WaveNet] = ()) -> None:
        every = [_weights(m) for m in (model, *copies)]
        self._matrices = [_Matrices([part[i] for part in every], i) for i in range(len(every[0]))]

    def prune(self, share: float) -> None:
        """Empty the smallest blocks until a share of them is empty, and those that have been empty.

        Each group of outputs keeps a whole number of blocks, the nearest, and one at least. It does
        not wait for the device.
        """
        for matrices in self._matrices:
            matrices.prune(share)

    def look(self) -> None:
        """Find anew which blocks are empty, after the weights were replaced."""
        for matrices in self._matrices:
            matrices.look()


def _weights(model: WaveNet) -> list[list[Tensor]]:
    """Views (…, inputs, outputs) of the taps of all blocks, of their residual matrices, of their
    skip matrices, which are one below the other, and of the hidden layer's."""
    blocks = model.layers
    return [
        [b.taps.detach() for b in blocks],
        [b.w_res.detach()[None] for b in blocks],
        [b.w_skip.detach()[None] for b in blocks],
        [model.hidden.weight.detach().t()[None]],
    ]


class _Matrices:
    """Matrices of one shape, (N, inputs, outputs) when joined.

    Args:
        copies: of each network, its weights.
        kind: their place in `_weights`.
    """

    def __init__(self, copies: Sequence[list[Tensor]], kind: int) -> None:
        self._copies = copies
        self._dim = 1 if kind == 2 else 0
        # Parts whose channels begin with a block of their own.
        self._inputs = len(copies[0]) if self._dim else 1
        self._outputs = 2 if kind == 0 else 1
        self.look()

    def look(self) -> None:
        self._kept = self._sizes() > 0
        """(N, blocks, groups) whether a block of a group of outputs is kept."""

    def _sizes(self) -> Tensor:
        """(N, blocks, groups) sums of squares."""
        joined = torch.cat(self._copies[0], self._dim).square()
        n, inputs, _ = joined.shape
        v = joined.view(n, self._inputs, inputs // self._inputs, self._outputs, -1)
        v = F.pad(v, (0, -v.shape[4] % GROUP, 0, 0, 0, -v.shape[2] % QUAD))
        groups = v.shape[3] * v.shape[4] // GROUP
        return v.reshape(n, -1, QUAD, groups, GROUP).sum((2, 4))

    def prune(self, share: float) -> None:
        sizes = self._sizes() * self._kept
        count = max(1, round((1 - share) * sizes.shape[1]))
        largest = sizes.topk(count, 1).indices
        self._kept &= torch.zeros_like(self._kept).scatter_(1, largest, True)
        masks = self._masks()
        for weights in self._copies:
            torch._foreach_mul_(weights, masks)

    def _masks(self) -> list[Tensor]:
        """For each of a network's weights, 1 in kept blocks and 0 in the others."""
        first = self._copies[0]
        inputs, outputs = first[0].shape[1:]
        n, blocks, groups = self._kept.shape
        whole = self._kept[:, :, None, :, None].expand(-1, -1, QUAD, -1, GROUP)
        rows, columns = blocks // self._inputs * QUAD, groups // self._outputs * GROUP
        parts = whole.reshape(n, self._inputs, rows, self._outputs, columns)
        cropped = parts[:, :, :inputs, :, : outputs // self._outputs]
        mask = cropped.reshape(n, -1, outputs).to(first[0].dtype)
        return [*torch.split(mask, [w.shape[self._dim] for w in first], self._dim)]
