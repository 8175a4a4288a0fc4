"""The shapes of all weights of a voice, under the names of its file: what loading checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from wavegen.audio.filters import input_count
from wavegen.config import Config, Kind, ModelConfig
from wavegen.model.inputs import PHASES, input_channels
from wavegen.model.numpy.acoustic import DECODER, ENCODER, MELODY, PLACES, RHYTHM, STATES
from wavegen.model.numpy.flow import WAVES
from wavegen.outputs import OUTPUTS
from wavegen.outputs.bins import Sampler

Shape = tuple[int, ...]
Shapes = Iterator[tuple[str, Shape]]
FLOW_KERNEL, KERNEL = 3, 5
"""Taps of the convolutions of flows, and of all others."""
PITCH_BLOCKS, MEL_BLOCKS = 6, 8
PITCH_WIDTH = 64
"""Blocks of the flows of F0 and of the spectrogram, and the channels of the former."""

CODE = 96
"""Numbers that tell what is said in a frame."""
HEARING = (1, 2, 4, 1, 2, 4)
"""Dilations of the blocks that find it."""
VECTOR = 64
"""Size of the vectors of a discrete code."""
JOINING = (1, 2)
"""Dilations of the blocks that choose them."""
WIDER = 4
"""Hidden channels of a Transformer's feed-forward layers, in channels of their input."""


def network(config: Config, speakers: int, phone_channels: int) -> dict[str, Shape]:
    """Those of an `Autoregressive` network of any kind; arguments as of it."""
    return dict(_network(config, speakers, phone_channels))


def acoustic(config: Config, symbols: int, speakers: int) -> dict[str, Shape]:
    """Those of `AcousticModel`; arguments as of it."""
    c = config.conditioning
    sizes = c.mel_channels, c.acoustic_channels, c.flow_channels
    return dict(_acoustic(symbols, max(speakers, 1), *sizes))


def content(config: Config, symbols: int, speakers: int) -> dict[str, Shape]:
    """Those of `ContentModel`; arguments as of it."""
    c = config.conditioning
    return dict(_content(symbols, max(speakers, 1), c.mel_channels, c.content_channels))


def latent(config: Config, speakers: int) -> dict[str, Shape]:
    """Those of `LatentModel`; arguments as of it."""
    c = config.conditioning
    sizes = c.mel_channels, c.latent_channels
    return dict(_latent(max(speakers, 1), *sizes, c.codes, c.code_frames, c.codebooks))


def _network(config: Config, speakers: int, phone_channels: int) -> Shapes:
    m, c = config.model, config.conditioning
    coding, width = OUTPUTS[m.output].coding(m), math.prod(m.conditioned)
    inputs = input_channels(c, phone_channels)
    if OUTPUTS[m.output].sampler == Sampler.CATEGORICAL:
        yield "embedding.weight", (coding.channels + 1, m.residual_channels)
    else:
        yield from ((f"embedding.{n}", (m.residual_channels,)) for n in ("weight", "bias", "start"))
    known = 0
    if speakers:
        known = c.speaker_channels
        yield "conditioning.speaker.weight", (speakers, known)
    if inputs:
        e = c.encoder_channels
        for n, taken in enumerate((sum(inputs.values()) + known, e)):
            yield from _affine(f"conditioning.encoder.{n}", e, taken, KERNEL)
        known += e
        if c.phase:
            yield "conditioning.phase.weight", (PHASES + 1, m.residual_channels)
    yield from _affine("conditioning", width, known)
    if given := input_count(config):
        yield "given.weight", (m.residual_channels, given)
    yield from BODIES[m.kind](m)
    yield "skip_bias", (m.skip_channels,)
    yield from _affine("hidden", m.skip_channels, m.skip_channels)
    yield from _affine("head", coding.channels, m.skip_channels)
    for n, stack in enumerate(m.context):
        name, channels = f"contexts.{n}.", stack.channels
        yield f"{name}embedding.weight", (256, channels)
        if stack.pooling == "conv":
            yield f"{name}convolution.weight", (channels, stack.pool * channels)
        yield from _blocks(name, stack.layers, stack.kernel_size, channels, channels)
        yield f"{name}bias", (stack.layers, 2 * channels)
        yield f"{name}skip_bias", (channels,)
        yield f"{name}gates.weight", (width, channels)


def _wavenet(m: ModelConfig) -> Shapes:
    yield from _blocks("", m.layers, m.kernel_size, m.residual_channels, m.skip_channels)


def _gru(m: ModelConfig) -> Shapes:
    channels = m.residual_channels
    for n in range(m.layers):
        for side in ("ih", "hh"):
            yield f"blocks.units.weight_{side}_l{n}", (3 * channels, channels)
            yield f"blocks.units.bias_{side}_l{n}", (3 * channels,)
    yield "blocks.skip.weight", (m.skip_channels, channels)


def _transformer(m: ModelConfig) -> Shapes:
    channels = m.residual_channels
    for n in range(m.layers):
        name = f"blocks.blocks.{n}"
        for norm in range(2):
            yield from _norm(f"{name}.norms.{norm}", channels)
        yield f"{name}.attended.weight", (3 * channels, channels)
        yield f"{name}.out.weight", (channels, channels)
        yield from _affine(f"{name}.wide", WIDER * channels, channels)
        yield from _affine(f"{name}.narrow", channels, WIDER * channels)
    yield from _norm("blocks.norm", channels)
    yield "blocks.skip.weight", (m.skip_channels, channels)


BODIES: dict[Kind, Callable[[ModelConfig], Shapes]] = {
    "wavenet": _wavenet,
    "gru": _gru,
    "transformer": _transformer,
}
"""Between inputs and readout, by ``model.kind``."""


def _blocks(name: str, layers: int, kernel: int, channels: int, skip: int) -> Shapes:
    for n in range(layers):
        yield f"{name}blocks.{n}.taps", (kernel, channels, 2 * channels)
        yield f"{name}blocks.{n}.w_res", (channels, channels)
        yield f"{name}blocks.{n}.w_skip", (channels, skip)


def _acoustic(symbols: int, speakers: int, mels: int, channels: int, flow: int) -> Shapes:
    own = channels // 2
    yield from _phones("prosody.phones", symbols, speakers, own)
    yield from _residual("prosody.rhythm", len(RHYTHM), own)
    yield from _affine("prosody.length", 1 + STATES, own, 1)
    yield from _residual("prosody.melody", len(MELODY), own)
    yield from _affine("prosody.pitch", 2, own, 1)
    yield from _flow("prosody.pitch_flow", 1, own + 1, PITCH_WIDTH, PITCH_BLOCKS)
    yield "prosody.duration_spread", ()
    yield "prosody.pitch_spread", ()
    yield from _phones("spectrum.phones", symbols, speakers, channels)
    yield from _affine("spectrum.tone", channels, 2, KERNEL)
    yield from _residual("spectrum.decoder", len(DECODER), channels)
    yield from _affine("spectrum.mel", mels, channels, 1)
    yield from _flow("spectrum.mel_flow", mels, channels, flow, MEL_BLOCKS)
    yield "spectrum.mel_spread", (mels, 1)


def _content(symbols: int, speakers: int, mels: int, channels: int) -> Shapes:
    yield from _spectrum(speakers, mels, channels, CODE)
    yield from _affine("phones", channels, CODE, 1)
    yield "symbol.weight", (symbols, STATES * channels)
    yield "shares", (symbols, STATES)


def _latent(speakers: int, mels: int, channels: int, codes: int, frames: int, books: int) -> Shapes:
    yield from _spectrum(speakers, mels, channels, VECTOR)
    yield from _affine("stride", channels, channels, 2 * frames)
    yield from _residual("joining", len(JOINING), channels)
    yield "codebook", (books, codes, VECTOR)
    yield "usage", (books, codes)
    yield "total", (books, codes, VECTOR)
    yield "pitch", (speakers,)


def _spectrum(speakers: int, mels: int, channels: int, code: int) -> Shapes:
    yield from _affine("first", channels, mels, KERNEL)
    yield from _residual("encoder", len(HEARING), channels)
    yield from _affine("code", code, channels, 1)
    yield from _affine("last", channels, code, KERNEL)
    yield from _affine("tone", channels, 2, KERNEL)
    yield "speaker.weight", (speakers, channels)
    yield from _residual("decoder", len(DECODER), channels)
    yield from _affine("mel", mels, channels, 1)
    yield "mean", (mels, 1)
    yield "spread", (mels, 1)


def _phones(name: str, symbols: int, speakers: int, channels: int) -> Shapes:
    for table, rows in (("symbol", symbols), ("start", 2), ("speaker", speakers)):
        yield f"{name}.{table}.weight", (rows, channels)
    yield from _residual(f"{name}.blocks", len(ENCODER), channels)
    yield from _affine(f"{name}.place", channels, PLACES, 1)


def _residual(name: str, count: int, channels: int) -> Shapes:
    for n in range(count):
        yield from _affine(f"{name}.convs.{n}", channels, channels, KERNEL)
        yield from _norm(f"{name}.norms.{n}", channels)


def _flow(name: str, channels: int, conditions: int, width: int, blocks: int) -> Shapes:
    yield from _affine(f"{name}.first", width, channels + conditions, 1)
    for n in range(blocks):
        yield from _affine(f"{name}.blocks.{n}.time", 2 * width, 2 * WAVES)
        yield from _affine(f"{name}.blocks.{n}.conv", width, width, FLOW_KERNEL)
        yield from _affine(f"{name}.blocks.{n}.out", width, width, 1)
    yield from _affine(f"{name}.last", channels, width, 1)


def _norm(name: str, channels: int) -> Shapes:
    yield f"{name}.weight", (channels,)
    yield f"{name}.bias", (channels,)


def _affine(name: str, outputs: int, inputs: int, *kernel: int) -> Shapes:
    yield f"{name}.weight", (outputs, inputs, *kernel)
    yield f"{name}.bias", (outputs,)


def misfit(expected: Mapping[str, Shape], found: Mapping[str, Shape]) -> str | None:
    """The first name at which two sets of shapes differ."""
    names = sorted(expected.keys() | found.keys())
    return next((n for n in names if expected.get(n) != found.get(n)), None)
