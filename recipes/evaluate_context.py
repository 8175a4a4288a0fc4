"""What a context stack gains: bits per sample where only a long memory helps.

    python recipes/evaluate_context.py FOLDER [--steps 800] [--clips 400]

Made-up recordings at 4 kHz are written into FOLDER: sixteen levels held for slots of 5 ms plus
faint noise; slot n repeats the level of slot n - 33 with probability 0.95, and is drawn anew
otherwise. A WaveNet whose main stack sees 0.13 s can't know the next level, one with a context
stack of frames of 5 ms can. What the entropy allows is known exactly.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import soundfile

from wavegen.audio import mulaw
from wavegen.cli.app import script
from wavegen.config import Config
from wavegen.recipe import load_config
from wavegen.training.hooks import Hooks
from wavegen.training.run import start_run

RATE, SLOT, LAG, LEVELS, SAME = 4000, 20, 33, 16, 0.95
SLOTS = 800
"""Slots in a clip, which lasts 4 s."""
NOISE = (0.25, 0.5, 0.25)
"""Probabilities of the noise: -1, 0 and 1 µ-law codes."""


def clip(rng: np.random.Generator) -> np.ndarray:
    levels = rng.integers(0, LEVELS, SLOTS)
    for n in range(LAG, SLOTS):
        if rng.random() < SAME:
            levels[n] = levels[n - LAG]
    codes = 8 + 16 * np.repeat(levels, SLOT)
    codes += rng.choice([-1, 0, 1], len(codes), p=NOISE)
    return mulaw.decode(codes)


def entropies() -> tuple[float, float]:
    """Bits per sample of the best model without and with a long memory."""
    noise = -sum(p * math.log2(p) for p in NOISE)
    repeat = SAME + (1 - SAME) / LEVELS
    other = (1 - SAME) / LEVELS
    known = -repeat * math.log2(repeat) - (LEVELS - 1) * other * math.log2(other)
    new = math.log2(LEVELS)
    slots = (LAG * new + (SLOTS - LAG) * known) / SLOTS
    return noise + new / SLOT, noise + slots / SLOT


def train(folder: Path, run: Path, config: Config) -> float:
    """Bits per sample of the test clips."""

    def log(row: dict[str, float]) -> None:
        if row["step"] % 200 == 0 and "loss_bits" in row:
            speed = f"{row['samples_per_second']:,.0f} samples/s"
            print(f"  step {row['step']:,}: {row['loss_bits']:.4f} bits, {speed}")

    result = start_run(folder, run, config, device="cpu", hooks=Hooks(log=log))
    assert result.test_bits is not None
    return result.test_bits


def main(folder: Path, steps: int = 800, clips: int = 400) -> None:
    sounds = folder / "sounds"
    sounds.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for i in range(clips):
        soundfile.write(sounds / f"{i:04}.wav", clip(rng), RATE, subtype="PCM_16")
    stack = {"pool": SLOT, "layers": 6, "kernel_size": 2, "channels": 32}

    def config(*context: dict[str, int]) -> Config:
        table = {
            "data": {"layout": "flat", "test": 0.05},
            "audio": {"sample_rate": RATE},
            "model": {
                "layers": 9,
                "dilation_cycle": 9,  # 512 samples: 0.13 s
                "residual_channels": 32,
                "skip_channels": 64,
                "context": [*context],
            },
            "conditioning": {"features": "none"},
            "train": {
                "steps": steps,
                "batch_size": 8,
                "window_seconds": 1.0,
                "learning_rate": 8e-3,
                "validate_every": steps,
                "checkpoint_every": steps,
                "sample_every": 0,
            },
        }
        return load_config(table, "made up")

    bits = {}
    for name, c in (("with", config(stack)), ("without", config())):
        print(f"{name} a context stack")
        bits[name] = train(sounds, folder / name, c)
    short, long = entropies()
    closed = (bits["without"] - bits["with"]) / (bits["without"] - long)
    print(f"entropy of the next sample without a long memory {short:.4f} bits, with {long:.4f}")
    print(f"measured without {bits['without']:.4f}, with {bits['with']:.4f}")
    print(f"the stack closes {100 * closed:.1f} % of the gap")


if __name__ == "__main__":
    script(main)
