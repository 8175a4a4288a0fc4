"""Plots on the report page: curves of a run as SVG, spectrograms as PNG. Needs matplotlib."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wavegen.config import Config
from wavegen.outputs import sample_unit

MOST_POINTS = 500
"""Points of a curve; longer ones are averaged down."""
LOUD_DB, QUIET_DB = -10.0, -90.0
"""Range of a spectrogram's colours, in dB re a full-scale sine: the same in all of them, so that a
faint sample looks faint."""

BLUE, PALE, ORANGE, GREY = "#2563a8", "#bcd3ea", "#d9730d", "#777777"


def curves(rows: Sequence[Mapping[str, float]], config: Config) -> bytes:
    """Plot loss and validation over the steps, and below them learning rate, gradient norm and
    speed.

    Args:
        rows: the rows of metrics.jsonl.
        config: the run's configuration.

    Returns:
        The content of an SVG file.
    """
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with matplotlib.rc_context({"svg.hashsalt": "wavegen", "font.size": 9}):
        figure = Figure(figsize=(10, 6.2), layout="constrained")
        axes = figure.subplot_mosaic("AAA;BCD", height_ratios=[1.8, 1])
        loss = axes["A"]
        steps, bits = series(rows, "loss_bits")
        window = max(1, len(steps) // 25)
        smooth = steps, bits
        if window > 1:
            loss.plot(*thinned(steps, bits), color=PALE, linewidth=1)
            smooth = _running_mean(steps, window), _running_mean(bits, window)
        loss.plot(*thinned(*smooth), color=BLUE, linewidth=1.4, label="training")
        val_steps, val = series(rows, "val_bits")
        if len(val):
            loss.plot(val_steps, val, "o-", color=ORANGE, markersize=4, label="validation")
        unit = f"bits per {sample_unit(config)} sample"
        loss.set(title=unit, ylim=_y_limits(steps, bits, val_steps, val))
        if len(steps):
            loss.legend(frameon=False)
        _curve(axes["B"], rows, "learning_rate", "learning rate")
        _curve(axes["D"], rows, "samples_per_second", "samples per second")
        norm = axes["C"]
        largest = "gradient_norm_max" if any("gradient_norm_max" in r for r in rows) else None
        if largest:
            norm.plot(*thinned(*series(rows, largest), np.max), color=PALE, linewidth=1)
        _curve(norm, rows, "gradient_norm", "gradient norm" + " (pale: largest)" * bool(largest))
        norm.axhline(config.train.clip_norm, color=GREY, linewidth=0.8, linestyle="--")
        if len(steps):
            norm.set_yscale("log")
        for a in axes.values():
            a.spines[["top", "right"]].set_visible(False)
            a.grid(alpha=0.25)
            a.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            a.xaxis.set_major_formatter("{x:,.0f}")
        axes["D"].yaxis.set_major_formatter("{x:,.0f}")
        for name in "ABCD":
            axes[name].set_xlabel("step")
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def spectrogram_png(audio: NDArray[np.float32], sample_rate: int) -> bytes:
    """The spectrogram of (T,) float32 audio in [-1, 1] as a PNG, one pixel per bin: time to the
    right, 0 Hz to half the rate upwards."""
    from matplotlib.image import imsave

    size = 256 if sample_rate <= 12000 else 512
    window = np.hanning(size)
    padded = np.pad(audio, (size // 2, size), mode="constant")
    hop = max(size // 8, len(audio) // 1200)  # at most about 1,200 pixels wide
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[: max(1, len(audio)) : hop]
    magnitude = np.abs(np.fft.rfft(frames * window)) * 2 / window.sum()
    db = 20 * np.log10(magnitude.T + 1e-9)
    out = io.BytesIO()
    imsave(out, db, cmap="magma", vmin=QUIET_DB, vmax=LOUD_DB, origin="lower", format="png")
    return out.getvalue()


def series(rows: Sequence[Mapping[str, float]], name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Steps and values of one column, without those that are not finite numbers."""
    pairs = [(r["step"], r[name]) for r in rows if isinstance(r.get(name), (int, float))]
    found = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    found = found[np.isfinite(found).all(1)]
    return found[:, 0], found[:, 1]


def thinned(
    steps: NDArray[Any], values: NDArray[Any], how: Callable[..., Any] = np.mean
) -> tuple[NDArray[Any], NDArray[Any]]:
    """A curve of at most `MOST_POINTS` points, each the mean of its neighbours (or what ``how``
    makes of them)."""
    if len(steps) <= MOST_POINTS:
        return steps, values
    pieces = np.array_split(np.arange(len(steps)), MOST_POINTS)
    return (
        np.array([steps[p].mean() for p in pieces]),
        np.array([how(values[p]) for p in pieces]),
    )


def _curve(axis: Any, rows: Sequence[Mapping[str, float]], name: str, title: str) -> None:
    axis.plot(*thinned(*series(rows, name)), color=BLUE, linewidth=1.2)
    axis.set_title(title)


def _running_mean(values: NDArray[Any], window: int) -> NDArray[Any]:
    return np.convolve(values, np.full(window, 1 / window), "valid")


def _y_limits(
    steps: NDArray[Any], bits: NDArray[Any], val_steps: NDArray[Any], val: NDArray[Any]
) -> tuple[float, float] | None:
    """Limits of the y axis, chosen so that the steep first tenth of a long run does not flatten the
    rest."""
    if len(steps) < 50:
        return None
    early = steps[len(steps) // 10]
    shown = np.concatenate([bits[steps > early], val[val_steps > early]])
    margin = 0.08 * (shown.max() - shown.min()) or 0.1
    return float(shown.min() - margin), float(shown.max() + margin)
