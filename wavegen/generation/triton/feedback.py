"""The inputs of linear prediction in the kernel, from the samples as they are drawn."""

from __future__ import annotations

import triton
import triton.language as tl

from wavegen.audio import taps

TAPS = tl.constexpr(taps.TAPS)
PART = tl.constexpr(16)
"""Coefficients at a time; orders are multiples of it."""
COMPRESSION = tl.constexpr(taps.COMPRESSION)


@triton.jit
def compress(value):
    """`linear_prediction.compress`, of f64."""
    size = tl.log(1 + COMPRESSION * tl.abs(value))
    return tl.where(value < 0, -size, size)


@triton.jit
def add_inputs(
    x, time, filters, excitation, period, sound, given,
    channels: tl.constexpr, order: tl.constexpr,
):  # fmt: skip
    """Add the projected inputs to the first block's.

    Args:
        x: (G, R) f32.
        time: (G,) of the sample to draw.
        filters: (G,) pointers to the frame's filter, of `Given.filters`.
        excitation: (G,) pointers, as `Given.excitation`.
        period: (G,) the sizes of these.
        sound: (G,) pointers to rows of `State.sound`.
        given: `Network.given`.
        channels: R.
        order: as in `Sizes`.

    Returns:
        (G, R) f32, and the (G,) f64 prediction of the sound.
    """
    c, k = tl.arange(0, channels), tl.arange(0, PART)
    terms = tl.zeros((time.shape[0], PART), tl.float64)
    for begin in tl.range(0, order, PART):
        at = begin + k[None, :]
        past = tl.load(sound[:, None] + ((time[:, None] - 1 - at) & (order - 1)))
        terms += past * tl.load(filters[:, None] + at).to(tl.float64)
    predicted = tl.sum(terms, 1)
    gain = tl.load(filters + order).to(tl.float64)
    lag = tl.load(filters + order + 1).to(tl.int32)
    last = tl.load(sound + ((time - 1) & (order - 1)))
    row = given + c[None, :]
    x += compress(last / gain).to(tl.float32)[:, None] * tl.load(row)
    x += compress(predicted / gain).to(tl.float32)[:, None] * tl.load(row + channels)
    voiced = lag > 0
    for j in tl.static_range(TAPS):
        at = (time - lag + (j - TAPS // 2)) & (period - 1)
        tap = tl.load(excitation + at, mask=voiced, other=0.0).to(tl.float32)
        x += tap[:, None] * tl.load(row + (2 + j) * channels)
    x += voiced.to(tl.float32)[:, None] * tl.load(row + (2 + TAPS) * channels)
    return x, predicted


@triton.jit
def append(
    amplitude, time, predicted, filters, excitation, period,
    sound, order: tl.constexpr,
):  # fmt: skip
    """Take the sample that the inputs were for: its (G,) f64 ``amplitude`` is the excitation."""
    gain = tl.load(filters + order).to(tl.float64)
    tl.store(sound + (time & (order - 1)), gain * amplitude + predicted)
    tl.store(excitation + (time & (period - 1)), compress(amplitude))
