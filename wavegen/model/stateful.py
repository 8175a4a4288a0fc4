"""Networks that carry a state from sample to sample, to compare WaveNet with.

Whatever they are made of, they run in parallel over a window, and go on from the state after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from wavegen.config import Kind, ModelConfig
from wavegen.model.autoregressive import Autoregressive
from wavegen.model.recurrent import Recurrent
from wavegen.model.transformer import Transformer

State = Any
"""Of the body; it is never changed in place."""


class Body(Protocol):
    """Turns inputs of samples into skip sums."""

    def initial(self, batch: int) -> State:
        """The state before the first sample."""

    def __call__(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """(B, T, R) to (B, T, S), and the state after the T samples."""


BODIES: dict[Kind, Callable[[ModelConfig], nn.Module]] = {
    "gru": lambda m: Recurrent(m.layers, m.residual_channels, m.skip_channels),
    "transformer": lambda m: Transformer(
        m.layers, m.residual_channels, m.skip_channels, m.heads, m.attention
    ),
}


class Stateful(Autoregressive):
    """One of the `BODIES`; arguments as those of `Autoregressive`. The conditioning is added to the
    inputs."""

    @staticmethod
    def make_blocks(config: ModelConfig) -> nn.Module:
        return BODIES[config.kind](config)

    @property
    def body(self) -> Body:
        """The blocks, typed."""
        return cast(Body, self.blocks)

    def advance(
        self,
        preceding: Tensor,
        encoded: Tensor,
        state: State,
        phase: Tensor | None = None,
        given: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Advance by T samples; a step is T = 1.

        Args:
            preceding: (B, T) the codes before each.
            encoded: (B, F, E) from `Conditioning.encode`; F divides T.
            state: after the samples before; at first ``body.initial``.
            phase, given: as in `run`.

        Returns:
            (B, T, Q) logits, and the state after the T samples.
        """
        x = self.inputs(preceding, phase, given)
        [rows] = self.conditioning.project(encoded)
        x = x + rows.repeat_interleave(x.shape[1] // rows.shape[1], 1)
        skip, state = self.body(x, state)
        return self.readout(skip + self.skip_bias), state

    def run(
        self,
        codes: Tensor,
        encoded: Tensor,
        before: Tensor | None = None,
        context: Sequence[Tensor] = (),
        phase: Tensor | None = None,
        given: Tensor | None = None,
    ) -> Tensor:
        """As `Autoregressive.run`, from the state before the first sample."""
        state = self.body.initial(len(codes))
        return self.advance(self.preceding(codes, before), encoded, state, phase, given)[0]

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
        """As `Autoregressive.predictions`; the state goes on from piece to piece."""
        preceding, state = self.preceding(codes), self.body.initial(len(codes))
        total, step = codes.shape[1], chunk_frames * hop_length
        for begin in range(0, total, step):
            part = slice(begin, min(begin + step, total))
            at = torch.arange(part.start, part.stop, device=codes.device) // hop_length
            logits, state = self.advance(
                preceding[:, part],
                encoded[:, at.clamp(max=encoded.shape[1] - 1)],
                state,
                None if phase is None else phase[:, part],
                None if given is None else given[:, part],
            )
            yield part, logits
