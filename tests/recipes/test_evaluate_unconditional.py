"""What becomes of takes of a voice without texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from evaluate_unconditional import stability
from helpers import free_voice

from wavegen.library import load_voice


def test_takes_fall_quiet_run_away_or_turn_to_noise(tmp_path: Path) -> None:
    voice = load_voice(free_voice(tmp_path / "free.safetensors"))  # it makes noise
    random = np.random.default_rng(0)
    tone = np.sin(np.arange(40000) * 0.1) * random.uniform(0.9, 1.1, 40).repeat(1000)
    noise = random.normal(0, 1, 40000)
    outcomes = {
        "share that fall quiet": (5.0, tone),
        "share that run away": (0.001, tone),
        "share that go on": (None, noise),
    }
    [level] = {stability(voice, [(tone, 0)], 2, 0.4)["dB of the last quarter, median"]}
    loud = 10 ** (level / 20)
    for name, (factor, sound) in outcomes.items():
        scale = loud * (1 if factor is None else factor) / np.sqrt(np.mean(sound**2))
        spread = random.uniform(0.5, 2, 40).repeat(1000) if factor is None else 1
        held = [((sound * scale * spread).astype(np.float32), 0)]
        assert stability(voice, held, 4, 0.4)[name] == 1, name
