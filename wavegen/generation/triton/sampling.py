"""Sampling in the kernel: that of `wavegen.outputs`."""

from __future__ import annotations

import triton
import triton.language as tl

from wavegen.outputs import bins
from wavegen.outputs.bins import Sampler

GAUSSIAN = tl.constexpr(int(Sampler.GAUSSIAN_MIXTURE))
LEVELS = tl.constexpr(bins.LEVELS)
BISECTIONS = tl.constexpr(bins.LEVELS.bit_length() - 1)
WIDTH, FLOOR = tl.constexpr(bins.WIDTH), tl.constexpr(bins.FLOOR)
MEAN, SCALE, END = tl.constexpr(bins.MEAN), tl.constexpr(bins.SCALE), tl.constexpr(bins.END)
NARROW = tl.constexpr(bins.NARROW)
FAINT = tl.constexpr(1e-30)
"""Replaces a temperature of 0."""


@triton.jit
def draw_code(logits, uniform, temperature, most):
    """`Categorical.sample`: the first code whose cumulative probability exceeds the uniform.

    Args:
        logits: (G, Q) f32; -1e30 for what can't be drawn.
        uniform: (G,) f64.
        temperature: (G,) f64.
        most: (G,) the last code that may be drawn.
    """
    factor = (1 / tl.maximum(temperature, FAINT)).to(tl.float32)
    top = tl.max(logits, 1)
    cumulative = tl.cumsum(tl.exp((logits - top[:, None]) * factor[:, None]), 1)
    threshold = (uniform * tl.max(cumulative, 1)).to(tl.float32)
    below = (cumulative <= threshold[:, None]).to(tl.int32)
    return tl.minimum(tl.sum(below, 1), most)


@triton.jit
def draw_amplitude(weight, mean, scale, uniform, temperature, sampler: tl.constexpr):
    """`Mixture.sample`, by bisection of the codes.

    Args:
        weight, mean, scale: (G, K) f32 outputs of the head; weights are -1e30 where it is padded.
        uniform: (G,) f64.
        temperature: (G,) f64.
        sampler: a `Sampler`.
    """
    weight = weight.to(tl.float64)
    sharp = 1 / tl.maximum(temperature, FAINT)
    weight = tl.exp((weight - tl.max(weight, 1)[:, None]) * sharp[:, None])
    weight /= tl.sum(weight, 1)[:, None]
    raw = scale.to(tl.float64) + (SCALE - FLOOR)
    soft = tl.where(raw > 20, raw, tl.log(1 + tl.exp(tl.minimum(raw, 20.0))))
    narrow = 1 / tl.maximum(tl.exp(FLOOR + soft) * temperature[:, None], NARROW)
    mean = mean.to(tl.float64) * MEAN
    code = tl.zeros(uniform.shape, tl.int32)
    end = code + (LEVELS - 1)
    for _ in range(BISECTIONS):
        middle = (code + end) // 2
        edge = (middle.to(tl.float64) - LEVELS // 2 + 0.5) * WIDTH
        z = (edge[:, None] - mean) * narrow
        if sampler == GAUSSIAN:
            below = 0.5 + 0.5 * tl.erf(z * 0.7071067811865476)
        else:
            below = 1 / (1 + tl.exp(tl.minimum(-z, 700.0)))
        found = tl.sum(weight * below, 1) > uniform
        end = tl.where(found, middle, end)
        code = tl.where(found, code, middle + 1)
    return code


@triton.jit
def is_over(odds, uniform):
    """Whether `Mixture.sample` draws the end of the clip.

    Args:
        odds: (G, K) f32 outputs of the head, of which the first is that for it.
        uniform: (G,) f64.
    """
    first = tl.arange(0, odds.shape[1])[None, :] == 0
    raw = tl.sum(tl.where(first, odds, 0.0), 1).to(tl.float64) + END
    return uniform < 1 / (1 + tl.exp(tl.minimum(-raw, 700.0)))
