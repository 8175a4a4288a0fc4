"""WaveNet (van den Oord et al. 2016) as a pure parallel forward."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavegen.config import ModelConfig
from wavegen.model.autoregressive import Autoregressive
from wavegen.model.inputs import PHASES
from wavegen.model.layers import GatedResidualBlock, run_blocks


class WaveNet(Autoregressive):
    """Gated residual blocks; arguments as those of `Autoregressive`."""

    @staticmethod
    def make_blocks(config: ModelConfig) -> nn.ModuleList:
        r, s, layers = config.residual_channels, config.skip_channels, config.layers
        return nn.ModuleList(
            GatedResidualBlock(r, s, config.kernel_size, d, layers) for d in config.dilations
        )

    def run(
        self,
        codes: Tensor,
        encoded: Tensor,
        before: Tensor | None = None,
        context: Sequence[Tensor] = (),
        phase: Tensor | None = None,
        given: Tensor | None = None,
        keep: list[Tensor] | None = None,
    ) -> Tensor:
        """As `Autoregressive.run`.

        Args:
            keep: list to append the (B, T, R) inputs of every block to.
        """
        x = self.inputs(self.preceding(codes, before), phase, given)  # (B, T, R)
        conds = list(zip(*self.project(encoded, context), strict=True))
        return self.readout(run_blocks(self.layers, x, conds, self.skip_bias, keep))

    def project(self, encoded: Tensor, context: Sequence[Tensor] = ()) -> list[tuple[Tensor, ...]]:
        """Inputs of the gates from the conditioning and from each context stack: one (…, 2R) for
        every block."""
        stacks = zip(self.stacks, context, strict=True)
        parts = [torch.chunk(c.gates(known), self.conditioning.blocks, -1) for c, known in stacks]
        return [self.conditioning.project(encoded), *parts]

    @property
    def layers(self) -> list[GatedResidualBlock]:
        """The blocks, typed."""
        return list(cast(nn.ModuleList, self.blocks))  # type: ignore[arg-type]

    @torch.inference_mode()
    def predictions(
        self,
        codes: Tensor,
        encoded: Tensor,
        hop_length: int,
        context: bool = True,
        phase: Tensor | None = None,
        given: Tensor | None = None,
        chunk_frames: int = 200,
    ) -> Iterator[tuple[slice, Tensor]]:
        """As `Autoregressive.predictions`, each piece after a receptive field of its past."""
        batch, total = codes.shape
        stride = math.lcm(hop_length, *(c.config.pool for c in self.stacks))
        length = -(-total // stride) * stride
        frames = length // hop_length
        encoded = torch.cat([encoded, encoded[:, -1:].expand(-1, frames - encoded.shape[1], -1)], 1)
        padded = F.pad(codes, (0, length - total))
        if phase is not None:
            phase = F.pad(phase, (0, length - phase.shape[1]), value=PHASES)
        if given is not None:
            given = F.pad(given, (0, 0, 0, length - total))
        companded = self.output.companded(padded)
        known = [c(companded) * context for c in self.stacks]
        past = -(-self.config.past // stride) * stride
        step = max(1, chunk_frames * hop_length // stride) * stride
        for begin in range(0, length, step):
            low, high = max(0, begin - past), min(length, begin + step)
            piece = padded[:, low:high]
            before = padded[:, low - 1] if low else None
            first = codes.new_full((batch,), low)
            stacks = zip(self.stacks, known, strict=True)
            views = [c.window(k, first, high - low) for c, k in stacks]
            part = encoded[:, low // hop_length : high // hop_length]
            phases = None if phase is None else phase[:, low:high]
            inputs = None if given is None else given[:, low:high]
            logits = self.run(piece, part, before, views, phase=phases, given=inputs)
            end = min(high, total)
            yield slice(begin, end), logits[:, begin - low : end - low]
