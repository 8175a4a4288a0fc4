"""Global and local conditioning (WaveNet, §2.5) as one summed tensor per block of a network."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavegen.audio.local_features import LocalFeatures
from wavegen.model.inputs import PHASES
from wavegen.model.rounded import round_inputs
from wavegen.model.speaker import of_speakers


class Conditioning(nn.Module):
    """Speaker embedding and local features, projected to what is added in each block.

    Local features pass through a small non-causal encoder, then through one projection per block,
    both at frame rate; blocks repeat frames up to the sample rate, so that generation stores F
    frames rather than T samples.

    The phase of the pitch varies within a frame: it is quantised at every sample, and the
    embeddings of its codes are added to the input of the first block.

    Args:
        blocks: that take it.
        width: W, of what each takes: the 2R channels of a WaveNet's gates, or the R of inputs.
        channels: R.
        speakers: number of speakers, 0 for none.
        speaker_channels: size of a speaker embedding.
        inputs: the local features that the encoder takes, and the channels of each.
        encoder_channels: width of the encoder.
        phase: whether the network gets the phase of the pitch.
    """

    KERNEL = 5

    def __init__(
        self,
        blocks: int,
        width: int,
        channels: int,
        speakers: int,
        speaker_channels: int,
        inputs: Mapping[str, int],
        encoder_channels: int,
        phase: bool = False,
    ) -> None:
        super().__init__()
        self.blocks = blocks
        self.inputs = tuple(inputs)
        self.speaker = nn.Embedding(speakers, speaker_channels) if speakers else None
        known = speaker_channels if speakers else 0
        self.encoder = nn.ModuleList()
        if inputs:
            for channels_in in (sum(inputs.values()) + known, encoder_channels):
                self.encoder.append(
                    nn.Conv1d(channels_in, encoder_channels, self.KERNEL, padding=self.KERNEL // 2)
                )
            known += encoder_channels
        self.weight = nn.Parameter(torch.randn(blocks * width, known) / max(known, 1) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(blocks * width))
        self.rounded = False
        """Whether to round the inputs of the projection."""
        self.phase = nn.Embedding(PHASES + 1, channels) if phase else None
        if self.phase is not None:
            nn.init.zeros_(self.phase.weight)

    def encode(
        self, batch: int, speaker: Tensor | None = None, local: LocalFeatures | None = None
    ) -> Tensor:
        """The input of every block's projection.

        Args:
            batch: B.
            speaker: (B,) ids, or weights of the speakers, (B, S) or, for each frame, (B, F, S).
            local: features of B utterances.

        Returns:
            (B, F, E) at frame rate; F = 1 if nothing varies, E = 0 without any conditioning.

        Raises:
            ValueError: the speaker or a local feature is missing.
        """
        if self.speaker is None:
            g = self.bias.new_zeros(batch, 1, 0)
        elif speaker is None:
            raise ValueError("this model needs a speaker")
        else:
            g = of_speakers(self.speaker.weight, speaker)
            g = g[:, None] if g.dim() == 2 else g  # (B, 1 or F, G)
        if not self.inputs:
            return g
        if local is None:
            raise ValueError("this model needs local features")
        g = g.expand(-1, local.frames, -1)
        x = torch.cat([local.select(self.inputs), g.transpose(1, 2)], 1)  # (B, C + G, F)
        for conv in self.encoder:
            x = F.relu(conv(x))
        return torch.cat([x.transpose(1, 2), g], -1)

    def phase_codes(self, local: LocalFeatures | None, hop_length: int) -> Tensor | None:
        """`inputs.phase_codes` of a batch, (B, F · hop_length); None in a network that takes no
        phase."""
        if self.phase is None or local is None:
            return None
        begin = local.phase[..., None].double()  # (B, F, 1)
        step = local.phase_step[..., None].double()
        at = begin + step * torch.arange(hop_length, device=begin.device)
        codes = (at.remainder(1) * PHASES).long().clamp(max=PHASES - 1)
        return torch.where(step > 0, codes, PHASES).flatten(1)

    def with_phase(self, x: Tensor, codes: Tensor | None) -> Tensor:
        """(…, R) inputs of the first block with the embeddings of (…) codes added."""
        if self.phase is None:
            return x
        if codes is None:
            raise ValueError("this model needs the phase of the pitch")
        embedded: Tensor = self.phase(codes)
        return x + embedded

    def project(self, encoded: Tensor) -> tuple[Tensor, ...]:
        """(…, E) encoded conditioning to one (…, W) tensor per block."""
        inputs = round_inputs(encoded) if self.rounded else encoded
        out = F.linear(inputs, self.weight, self.bias)
        return torch.chunk(out, self.blocks, dim=-1)
