"""What the networks over samples have in common, whatever stands between inputs and readout."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavegen.audio import mulaw
from wavegen.audio.filters import input_count, selection
from wavegen.audio.local_features import LocalFeatures
from wavegen.config import Config, ModelConfig
from wavegen.model.conditioning import Conditioning
from wavegen.model.context import ContextStack
from wavegen.model.inputs import input_channels
from wavegen.model.weights import Weights
from wavegen.outputs import OUTPUTS
from wavegen.outputs.coding import Coding
from wavegen.outputs.distribution import Distribution


class Autoregressive(nn.Module, ABC):
    """Logits of every sample given the samples before it.

    Args:
        config: sizes; `Config.model` and `Config.conditioning` are read.
        speakers: number of speakers, 0 for none.
        phone_channels: channels of the phonemes' features, where it is conditioned on them.
    """

    def __init__(self, config: Config, speakers: int = 0, phone_channels: int = 0) -> None:
        super().__init__()
        m, c = config.model, config.conditioning
        inputs = input_channels(c, phone_channels)
        self.config = m
        self.output: Distribution = OUTPUTS[m.output].distribution(m)
        self.conditioning = Conditioning(
            *m.conditioned,
            m.residual_channels,
            speakers,
            c.speaker_channels,
            inputs,
            c.encoder_channels,
            phase=bool(inputs) and c.phase,
        )
        given = input_count(config)
        self.given = nn.Linear(given, m.residual_channels, bias=False) if given else None
        self.selection = selection(config)
        self.contexts = nn.ModuleList(ContextStack(c, math.prod(m.conditioned)) for c in m.context)
        self.embedding = self.output.inputs(m.residual_channels)
        self.blocks = self.make_blocks(m)
        self.skip_bias = nn.Parameter(torch.zeros(m.skip_channels))
        self.hidden = nn.Linear(m.skip_channels, m.skip_channels)
        self.head = nn.Linear(m.skip_channels, self.output.channels)

    @staticmethod
    @abstractmethod
    def make_blocks(config: ModelConfig) -> nn.Module:
        """What turns inputs (B, T, R) into skip sums (B, T, S)."""

    def forward(
        self,
        codes: Tensor,
        speaker: Tensor | None = None,
        local: LocalFeatures | None = None,
        before: Tensor | None = None,
        history: Tensor | None = None,
        lead: Tensor | None = None,
        given: Tensor | None = None,
    ) -> Tensor:
        """Teacher forcing.

        Args:
            codes: (B, T) samples as codes. F, the frames of local features, divides T.
            speaker: (B,) ids, or weights, as in `Conditioning.encode`.
            local: features of B utterances, frame f for samples f·T/F … (f+1)·T/F − 1.
            before: (B,) the code before the first sample (default: the start symbol).
            history: (B, H) µ-law codes for the context stacks, from further back to the window's
                end (default: the window itself).
            lead: (B,) samples of the history before the window, each a multiple of every stack's
                pool (default: 0).
            given: (B, T, G) from `Predictor.inputs`, in a network that takes them.

        Returns:
            (B, T, Q) logits: position t sees codes[:, :t], all of ``local``, and the speaker.
        """
        encoded = self.conditioning.encode(codes.shape[0], speaker, local)
        hop = codes.shape[1] // encoded.shape[1]
        phase = self.conditioning.phase_codes(local, hop)
        if not self.contexts:
            return self.run(codes, encoded, before, phase=phase, given=given)
        history = self.output.companded(codes) if history is None else history
        lead = codes.new_zeros(len(codes)) if lead is None else lead
        context = [c.window(c(history), lead, codes.shape[1]) for c in self.stacks]
        return self.run(codes, encoded, before, context, phase=phase, given=given)

    @abstractmethod
    def run(
        self,
        codes: Tensor,
        encoded: Tensor,
        before: Tensor | None = None,
        context: Sequence[Tensor] = (),
        phase: Tensor | None = None,
        given: Tensor | None = None,
    ) -> Tensor:
        """Like `forward`, but from conditioning that is already encoded.

        Args:
            codes: (B, T).
            encoded: (B, F, E) from `Conditioning.encode`.
            before: as in `forward`.
            context: (B, F, C) of each stack, from `ContextStack.window`.
            phase: (B, T) codes from `Conditioning.phase_codes`.
            given: as in `forward`.
        """

    def preceding(self, codes: Tensor, before: Tensor | None = None) -> Tensor:
        """(B, T) the codes before each of (B, T); ``before`` as in `forward`."""
        start = (
            codes.new_full((len(codes), 1), self.output.start)
            if before is None
            else before[:, None]
        )
        return torch.cat([start, codes[:, :-1]], 1)

    def inputs(self, preceding: Tensor, phase: Tensor | None, given: Tensor | None) -> Tensor:
        """(…, R) inputs of the first block.

        Args:
            preceding: (…) codes of the samples before.
            phase: (…) codes of the phase, for a network with phase.
            given: (…, G), for a network that takes the inputs of linear prediction.
        """
        x = self.conditioning.with_phase(self.embedding(preceding), phase)
        if self.given is None:
            return x
        if given is None:
            raise ValueError("this model needs the inputs of linear prediction")
        with torch.autocast(x.device.type, enabled=False):  # as exact as the samples
            projected: Tensor = self.given(given.to(self.given.weight.dtype))
            return x + projected

    @property
    def stacks(self) -> list[ContextStack]:
        """The context stacks, typed."""
        return list(self.contexts)  # type: ignore[arg-type]

    def readout(self, skip: Tensor) -> Tensor:
        """Skip sums (…, S) to logits (…, Q)."""
        hidden = F.relu(self.hidden(F.relu(skip)))
        # A mixture's means are of 16 bits, which don't fit into bf16.
        exact = self.output.levels > mulaw.LEVELS
        with torch.autocast(hidden.device.type, enabled=False) if exact else nullcontext():
            logits: Tensor = self.head(hidden.to(self.head.weight.dtype) if exact else hidden)
        return logits

    @torch.inference_mode()
    def nll(
        self,
        codes: Tensor,
        encoded: Tensor,
        hop_length: int,
        context: bool = True,
        phase: Tensor | None = None,
        given: Tensor | None = None,
        chunk_frames: int = 200,
    ) -> Tensor:
        """Negative log-likelihood of recordings of any length, as (B, T) nats of each sample;
        arguments as those of `predictions`."""
        pieces = self.predictions(codes, encoded, hop_length, context, phase, given, chunk_frames)
        return torch.cat([self.output.loss(x, codes[:, part]) for part, x in pieces], 1)

    @abstractmethod
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
        """Predict the samples of recordings of any length, in pieces with their true past.

        Args:
            codes: (B, T) recordings.
            encoded: (B, F, E) from `Conditioning.encode`, F = ceil(T / hop_length), or F = 1.
            hop_length: samples per frame of conditioning.
            context: whether the context stacks are used; otherwise their output is zero.
            phase: (B, F · hop_length) codes from `Conditioning.phase_codes`.
            given: (B, T, G), as in `forward`.
            chunk_frames: frames of conditioning per piece, about.

        Yields:
            The samples of a piece, and their (B, n, Q) logits.
        """

    @property
    def coding(self) -> Coding:
        """What its output's samples are, without torch."""
        return OUTPUTS[self.config.output].coding(self.config)

    @property
    def weights(self) -> Weights:
        """Its weights as arrays, which share its memory if it is on the CPU."""
        return Weights.of(self)

    @property
    def module(self) -> Autoregressive:
        """Itself, as a `Network`."""
        return self

    @property
    def parameter_count(self) -> int:
        return sum(p.numel() for p in self.parameters())
