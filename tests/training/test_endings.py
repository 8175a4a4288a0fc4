"""Clips end as recordings do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import DIGITS, free_voice
from scipy.stats import ks_2samp

from wavegen.data.dataset import open_dataset
from wavegen.library import load_voice
from wavegen.request import Request
from wavegen.synth import plan, synthesize
from wavegen.training import endings
from wavegen.training.corpus import training_clip


def test_wrong_odds_are_corrected_to_the_lengths_of_recordings() -> None:
    """Clips that end at once or hardly ever, and an end that is likelier in the louder ones."""
    rng = np.random.default_rng(0)
    lengths = (1500 * np.exp(0.3 * rng.normal(size=500))).astype(int)
    level = rng.normal(size=(300, 1))
    odds = np.linspace(-3, -14, lengths.max()) + level
    found = endings.correction(odds[:150], lengths, 40)
    raised = odds[150:] + found.repeat(40)[: odds.shape[1]]
    over = rng.random(raised.shape) < 1 / (1 + np.exp(-raised))
    ended = np.where(over.any(1), over.argmax(1), odds.shape[1])
    assert ks_2samp(ended, lengths).statistic < 0.12
    assert np.corrcoef(ended, level[150:, 0])[0, 1] < -0.5  # as the network has it


@pytest.mark.parametrize("output", ["logistic_mixture", "categorical"])
def test_an_untrained_voice_ends_its_clips_as_its_recordings_end(
    tmp_path: Path, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endings, "CLIPS", 30)
    voice = load_voice(free_voice(tmp_path / "free.safetensors", ends=True, output=output))
    data = open_dataset(DIGITS, voice.config, tmp_path)
    clips = [training_clip(voice, data, p) for p in data.clips]
    voice.endings = endings.measured_endings(voice, clips)
    assert (voice.endings is None) == (output == "categorical")
    voice.save(tmp_path / "corrected.safetensors")
    again = load_voice(tmp_path / "corrected.safetensors")
    if voice.endings is None:
        assert again.endings is None
        return
    assert again.endings is not None
    assert np.abs(again.endings.odds - voice.endings.odds).max() < 1e-3
    plans = [u for n in range(60) for u in plan(again, Request(seed=n))]
    made = [len(a) for a in synthesize(again, plans)]
    assert ks_2samp(made, [c.samples for c in clips]).statistic < 0.3
    plain = [len(a) for a in synthesize(load_voice(tmp_path / "free.safetensors"), plans)]
    assert ks_2samp(plain, [c.samples for c in clips]).statistic > 0.5
