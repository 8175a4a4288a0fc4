"""Warnings in words: what goes wrong in a training run, and what helps.

Each check is a function of measurements that returns one line or None.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from wavegen.config import Kind, ModelConfig
from wavegen.errors import counted

Audio = NDArray[np.float32]

DEEP: dict[Kind, int] = {"gru": 4, "transformer": 12}
"""More layers than these are a WaveNet's, whose receptive field takes them: recipes set them, and
so does the default."""
LITTLE_SECONDS = 60.0
"""A speaker with less audio is hardly learned."""
LISTEN_FROM = 1000
"""Before this step samples are silence or noise in any run."""
SILENT_DB = -60.0
"""Samples with a lower level (RMS, re full scale) are silent."""
FLAT = 0.5
"""Least spectral flatness of noise: white noise has 1, recorded speech and music less than 0.3."""
RISES = 3
"""Validations in a row that are worse than the best one make a rise."""
RISE = 0.005
"""…if the last of them is worse by more than this fraction."""
EXPLODES = 20.0
"""A gradient norm explodes at this many times its recent median."""
RECENT = 20
"""Rows of metrics that the median is taken of."""


def deep(model: ModelConfig) -> str | None:
    """The network has as many layers as a WaveNet, but isn't one."""
    if model.layers <= DEEP.get(model.kind, model.layers):
        return None
    return (
        f"a {model.kind} of {model.layers} layers, as many as a WaveNet's, trains very slowly: one "
        "or two suffice (--set model.layers=2)"
    )


def little_data(seconds: Mapping[str, float]) -> str | None:
    """Some speakers (name → seconds; "" in data without speakers) have too little audio."""
    poor = {n: s for n, s in seconds.items() if s < LITTLE_SECONDS}
    if not poor:
        return None
    if "" in poor:
        return f"there are only {poor['']:.0f} s of audio: a minute is the least that helps"
    shown = ", ".join(f"{n} {s:.0f} s" for n, s in list(poor.items())[:6])
    more = f" and {len(poor) - 6} more" if len(poor) > 6 else ""
    who = "a speaker has" if len(poor) == 1 else f"{len(poor)} speakers have"
    return f"{who} under a minute of audio and may sound poor: {shown}{more}"


def is_clipped(audio: Audio) -> bool:
    """Whether a recording's peaks are cut off: more than one sample in 10,000 is the middle of
    three that lie within about one 16-bit step of the largest value, near full scale."""
    peak = float(np.abs(audio).max(initial=0.0))
    if peak < 0.9:
        return False
    step = 1.5 / 32768
    runs = [
        (top[:-2] & top[1:-1] & top[2:]).sum() for top in (audio > peak - step, audio < step - peak)
    ]
    return bool(sum(runs) > max(1, audio.size // 10_000))


def clipped_data(clipped: Sequence[str], looked_at: int) -> str | None:
    """`is_clipped` found some of the recordings looked at."""
    if not clipped:
        return None
    return (
        f"{len(clipped):,} of {counted(looked_at, 'recording')} clipped (flat peaks), such as "
        f"{clipped[0]}: the voice will learn the distortion; record at a lower level, or leave "
        "them out"
    )


def level(audio: Audio) -> float:
    """RMS in dB re full scale; -inf for digital silence."""
    rms = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) if audio.size else 0.0
    return 20 * float(np.log10(rms)) if rms else -float("inf")


def flatness(audio: Audio, size: int = 256) -> float:
    """Spectral flatness (geometric over arithmetic mean) of the mean power spectrum, 0…1."""
    if audio.size < size:
        return 0.0
    frames = np.lib.stride_tricks.sliding_window_view(audio, size)[:: size // 2]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(size)))).mean(0)[1:-1] + 1e-12
    return float(np.exp(np.log(power).mean()) / power.mean())


def silent_samples(step: int, samples: Sequence[Audio]) -> str | None:
    """At least half of the generated samples are silent."""
    silent = sum(level(a) < SILENT_DB for a in samples)
    if step < LISTEN_FROM or not silent or 2 * silent < len(samples):
        return None
    return (
        f"step {step:,}: {silent} of {counted(len(samples), 'sample')} silent; if later ones are "
        "too, look for long silences in the data (data.trim_db cuts them at the ends of clips) or "
        "raise train.blank or train.noise"
    )


def noisy_samples(step: int, samples: Sequence[Audio]) -> str | None:
    """At least half of the generated samples have the flat spectrum of noise."""
    noisy = sum(level(a) >= SILENT_DB and flatness(a) > FLAT for a in samples)
    if step < LISTEN_FROM or not noisy or 2 * noisy < len(samples):
        return None
    return (
        f"step {step:,}: {noisy} of {counted(len(samples), 'sample')} noise (a flat spectrum); if "
        "later ones are too, the network does not learn; try another train.learning_rate, or "
        "listen to the recordings for noise"
    )


def overfitting(validations: Sequence[tuple[int, float, float]]) -> str | None:
    """The validation loss rises while the training loss falls.

    Args:
        validations: (step, mean training loss since the one before, validation loss), in bits.
    """
    if not validations:
        return None
    best = min(range(len(validations)), key=lambda i: validations[i][2])
    (at, trained, low), (_, now_trained, now) = validations[best], validations[-1]
    if len(validations) - 1 - best < RISES or now < low * (1 + RISE) or now_trained >= trained:
        return None
    return (
        f"over-fitting: held-out clips need {now:.3f} bits, {low:.3f} at step {at:,}, while "
        f"training fell from {trained:.3f} to {now_trained:.3f}; voice.safetensors keeps "
        "the best (more data or fewer train.steps help)"
    )


def exploding(step: int, norms: Sequence[float], peak: float, clip_norm: float) -> str | None:
    """The gradient norm is far above its recent median.

    Args:
        step: the step of the newest row.
        norms: the norms in the rows before it, oldest first.
        peak: the largest norm since the last of them.
        clip_norm: ``train.clip_norm``.
    """
    if len(norms) < RECENT // 2:
        return None
    usual = statistics.median(norms[-RECENT:])
    if peak < EXPLODES * usual or peak <= clip_norm:
        return None
    return (
        f"exploding gradient: its norm rose to {peak:.3g} before step {step:,}, its recent median "
        f"is {usual:.2g}; it was clipped to train.clip_norm = {clip_norm:g} and training continues "
        "(a lower train.learning_rate helps if the loss jumps too)"
    )


class Watch:
    """Watches a run and gives each warning once.

    Args:
        warn: called with each warning.
        clip_norm: ``train.clip_norm``.
    """

    def __init__(self, warn: Callable[[str], None], clip_norm: float) -> None:
        self.warn = warn
        self.clip_norm = clip_norm
        self.said: set[Callable[..., str | None]] = set()
        self.norms: list[float] = []
        self.losses: list[float] = []
        self.validations: list[tuple[int, float, float]] = []

    def check(self, check: Callable[..., str | None], *args: object) -> None:
        """Run one of the checks above, unless it has warned before."""
        message = check(*args) if check not in self.said else None
        if message:
            self.said.add(check)
            self.warn(message)

    def row(self, row: Mapping[str, float]) -> None:
        """Check one row of metrics.jsonl."""
        step = int(row["step"])
        if "gradient_norm" in row:
            norm = row["gradient_norm"]
            peak = row.get("gradient_norm_max", norm)
            self.check(exploding, step, self.norms, peak, self.clip_norm)
            self.norms = [*self.norms, norm][-RECENT:]
        if "loss_bits" in row:
            self.losses.append(row["loss_bits"])
        if "val_bits" in row and self.losses:
            self.validations.append((step, statistics.mean(self.losses), row["val_bits"]))
            self.losses = []
            self.check(overfitting, self.validations)

    def network(self, model: ModelConfig) -> None:
        """Check the network that is to be trained."""
        self.check(deep, model)

    def samples(self, step: int, audio: Sequence[Audio]) -> None:
        """Check the samples generated after a step."""
        self.check(silent_samples, step, audio)
        self.check(noisy_samples, step, audio)

    def data(self, seconds: Mapping[str, float], clipped: Sequence[str], looked_at: int) -> None:
        """Check the data; the arguments are those of `little_data` and `clipped_data`."""
        self.check(little_data, seconds)
        self.check(clipped_data, clipped, looked_at)
