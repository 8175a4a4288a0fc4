"""Small random networks for the tests of the engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from wavegen.audio.features import octaves, phase
from wavegen.audio.linear_prediction import Predictor
from wavegen.audio.local_features import LocalFeatures
from wavegen.audio.synthesis_filter import Synthesis
from wavegen.config import Config
from wavegen.data.windows import Batch
from wavegen.generation.job import Job
from wavegen.model.autoregressive import Autoregressive
from wavegen.model.stateful import Stateful
from wavegen.model.wavenet import WaveNet
from wavegen.recipe import load_config
from wavegen.training.reading import LocalBatch

HOP = 16


STACKS = [
    {"pool": 8, "layers": 3, "kernel_size": 2, "channels": 6},
    {"pool": 12, "layers": 2, "kernel_size": 3, "channels": 40, "pooling": "conv"},
]
"""Two context stacks whose frames don't begin together."""
VARIANTS: list[dict[str, Any]] = [
    {"context": STACKS},
    {"output": "logistic_mixture", "mixtures": 4},
    {"output": "gaussian_mixture", "mixtures": 3, "context": STACKS},
    {"ends": True},
    {"ends": True, "output": "logistic_mixture", "mixtures": 3, "context": STACKS},
    {"signal": True},
    {"period": True, "output": "logistic_mixture", "mixtures": 3},
    {"signal": True, "period": True, "context": STACKS},
]
"""What a network can have beside the plain stack."""
SIZES: dict[str, dict[str, int]] = {"gru": {}, "transformer": {"heads": 3, "attention": 7}}
"""Of the networks that carry a state, by kind."""


def network(conditioned: bool = False, **settings: Any) -> WaveNet:
    """A WaveNet; settings as those of `configured`."""
    sizes = {"layers": 6, "dilation_cycle": 3, "residual_channels": 12}
    return adjusted(WaveNet(configured(conditioned, **sizes | settings), 3 * conditioned))


def stateful(kind: str, conditioned: bool = False, **settings: Any) -> Stateful:
    """A network of another kind; settings as those of `configured`."""
    sizes = {"kind": kind, "layers": 2, "residual_channels": 12, **SIZES[kind]}
    return adjusted(Stateful(configured(conditioned, **sizes | settings), 3 * conditioned))


def configured(
    conditioned: bool = False,
    phase: bool = False,
    signal: bool = False,
    period: bool = False,
    **model: Any,
) -> Config:
    """Sizes for tests; all but the first settings are those of ``[model]``."""
    return load_config(
        {
            "model": {"skip_channels": 10} | model,
            "conditioning": {
                "features": "mel" if conditioned else "none",
                "mel_channels": 3,
                "phase": phase,
                "signal": signal,
                "period": period,
                "encoder_channels": 8,
                "speaker_channels": 4,
            },
        },
        "test",
    )


def adjusted(model: Any) -> Any:
    """A new network that ends and hears the phase, where it can."""
    if model.output.end is not None and model.output.draws > 1:  # else it would hardly ever end
        torch.nn.init.constant_(model.head.bias[-1:], 2.0)
    if model.conditioning.phase is not None:  # it begins as zeros
        torch.nn.init.normal_(model.conditioning.phase.weight)
    return model


def random_features(
    batch: int, frames: int, mels: int = 3, dtype: torch.dtype = torch.float32
) -> LocalFeatures:
    """Local features of a batch."""
    mel = torch.randn(batch, mels, frames)
    f0 = torch.rand(batch, frames) * 400 * (torch.rand(batch, frames) > 0.3)
    turns = [torch.stack(t) for t in zip(*(phase(f, 16000, HOP) for f in f0), strict=True)]
    return LocalFeatures(mel, mel.mean(1), *octaves(f0), *turns).to(dtype)


def random_predictor(frames: int, longest: int = 4 * HOP, order: int = 9) -> Predictor:
    """Stable filters, and periods from the shortest there can be to several frames."""
    voiced = torch.rand(frames) > 0.3
    lags = torch.randint(3, longest + 1, (frames,)) * voiced
    gains = 4 ** (torch.rand(frames) - 0.5)
    return Predictor(0.9 / order * torch.randn(frames, order), gains, HOP, lags)


def given_inputs(model: Autoregressive, predictor: Predictor, codes: Tensor) -> Tensor:
    """(T, G) what a network is given for a recording of (T,) codes; G may be 0."""
    sound = Synthesis(predictor).unclipped(model.output.decode(codes).numpy())
    inputs = predictor.inputs(torch.from_numpy(sound))[1]
    return inputs[:, model.selection] if model.given is not None else inputs[:, :0]


def random_rows(model: Autoregressive, batch: int, frames: int) -> Tensor:
    """(B, F, E) conditioning rows; F = 1 without conditioning."""
    speaker = local = None
    if model.conditioning.inputs:
        speaker = torch.arange(batch) % 3
        local = random_features(batch, frames, dtype=model.skip_bias.dtype)
    with torch.no_grad():
        return model.conditioning.encode(batch, speaker, local)


def random_batch(scale: float = 1.0) -> LocalBatch:
    """Of training; its gradient is the larger, the larger the scale is."""
    codes = torch.randint(96, 160, (2, 20 * HOP))
    ones = torch.ones_like(codes, dtype=torch.bool)
    ids = torch.zeros(2, dtype=torch.int64)
    batch = Batch(codes, codes, ids + 128, ids, None, ones, ones, None, None, None)
    return LocalBatch(batch, codes.numel() / scale, False)  # type: ignore[arg-type]


def draw(
    engine: Callable[..., Any], model: Autoregressive, jobs: Sequence[Job], **options: Any
) -> list[Tensor]:
    """All samples of each job."""
    pieces: list[list[Tensor]] = [[] for _ in jobs]
    for index, codes in engine(model, jobs, HOP, **options):
        pieces[index].append(codes)
    return [torch.cat([*map(torch.as_tensor, p)]) for p in pieces]
