"""WaveNet (van den Oord et al. 2016) as a pure parallel forward."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavegen.config import Config
from wavegen.model.conditioning import Conditioning
from wavegen.model.layers import GatedResidualBlock
from wavegen.outputs import OUTPUTS


class WaveNet(nn.Module):
    """Logits of every sample given the samples before it.

    Args:
        config: sizes; `Config.model` and `Config.conditioning` are read.
        speakers: number of speakers, 0 for none.
        local_channels: channels of the local features, 0 for none.
    """

    def __init__(self, config: Config, speakers: int = 0, local_channels: int = 0) -> None:
        super().__init__()
        m, c = config.model, config.conditioning
        self.config = m
        self.output = OUTPUTS[m.output]
        self.start = self.output.channels  # index of the learned start symbol
        self.conditioning = Conditioning(
            m.layers,
            m.residual_channels,
            speakers,
            c.speaker_channels,
            local_channels,
            c.encoder_channels,
        )
        self.embedding = nn.Embedding(self.output.channels + 1, m.residual_channels)
        self.blocks = nn.ModuleList(
            GatedResidualBlock(m.residual_channels, m.skip_channels, m.kernel_size, d, m.layers)
            for d in m.dilations
        )
        self.skip_bias = nn.Parameter(torch.zeros(m.skip_channels))
        self.hidden = nn.Linear(m.skip_channels, m.skip_channels)
        self.head = nn.Linear(m.skip_channels, self.output.channels)

    def forward(
        self,
        codes: Tensor,
        speaker: Tensor | None = None,
        local: Tensor | None = None,
        before: Tensor | None = None,
    ) -> Tensor:
        """Teacher forcing.

        Args:
            codes: (B, T) samples as codes. With local features of F frames, F divides T.
            speaker: (B,) speaker ids, or (B, G) embeddings.
            local: (B, C, F) local features, frame f for samples f·T/F … (f+1)·T/F − 1.
            before: (B,) the code before the first sample (default: the start symbol).

        Returns:
            (B, T, Q) logits: position t sees codes[:, :t], all of ``local``, and the speaker.
        """
        return self.run(codes, self.conditioning.encode(codes.shape[0], speaker, local), before)

    def run(self, codes: Tensor, rows: Tensor, before: Tensor | None = None) -> Tensor:
        """As `forward`, from the (B, F, E) rows of `Conditioning.encode`."""
        batch, time = codes.shape
        first = codes.new_full((batch, 1), self.start) if before is None else before[:, None]
        x = self.embedding(torch.cat([first, codes[:, :-1]], 1))  # (B, T, R)
        skip = self.skip_bias.expand(batch, time, -1).clone()  # (B, T, S)
        for block, cond in zip(self.blocks, self.conditioning.project(rows), strict=True):
            x, skip = block(x, skip, cond)
        return self.readout(skip)

    def readout(self, skip: Tensor) -> Tensor:
        """Skip sums (…, S) to logits (…, Q)."""
        logits: Tensor = self.head(F.relu(self.hidden(F.relu(skip))))
        return logits

    @torch.inference_mode()
    def nll(self, codes: Tensor, rows: Tensor, hop_length: int, chunk_frames: int = 200) -> Tensor:
        """Negative log-likelihood of a recording of any length, in pieces with their true past.

        Args:
            codes: (T,) the recording.
            rows: (1, F, E) from `Conditioning.encode`, F = ceil(T / hop_length), or F = 1.
            hop_length: samples per row.
            chunk_frames: rows per piece.

        Returns:
            (T,) nats of each sample.
        """
        total = codes.shape[0]
        frames = -(-total // hop_length)
        rows = rows.expand(-1, frames, -1)
        padded = F.pad(codes, (0, frames * hop_length - total))
        past = -(-self.config.receptive_field // hop_length)
        out = []
        for begin in range(0, frames, chunk_frames):
            low, high = max(0, begin - past), min(frames, begin + chunk_frames)
            piece = padded[None, low * hop_length : high * hop_length]
            before = padded[None, low * hop_length - 1] if low else None
            logits = self.run(piece, rows[:, low:high], before)
            new = (begin - low) * hop_length
            out.append(self.output.loss(logits[0, new:], piece[0, new:]))
        return torch.cat(out)[:total]

    @property
    def parameter_count(self) -> int:
        return sum(p.numel() for p in self.parameters())
