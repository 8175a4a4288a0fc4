"""Bits of a sound, whatever a voice makes of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wavegen.assembly import untrained
from wavegen.config import Config
from wavegen.score.likelihood import bits
from wavegen.voice import SpeakingVoice


def noise(level: float, samples: int = 4000) -> torch.Tensor:
    return (level * torch.randn(samples)).mul(32768).round().div(32768)


@pytest.mark.parametrize("output", ["categorical", "logistic_mixture", "gaussian_mixture"])
@pytest.mark.parametrize("emphasis", [0.0, 0.85])
def test_bits_are_of_16_bit_sound_whatever_the_output_and_the_filter(
    tiny_config: Config, output: str, emphasis: float
) -> None:
    config = tiny_config.replace("conditioning", features="none")
    config = config.replace("model", output=output).replace("audio", preemphasis=emphasis)
    voice = untrained(config, ("a",), ())
    network = voice.model
    torch.nn.init.zeros_(network.head.weight)  # the same for every sample
    torch.nn.init.zeros_(network.head.bias)
    audio = noise(0.1)
    found = bits(voice, audio, 0, None)
    assert found.sound.shape == found.network.shape == (4000,)
    if output == "categorical":  # 256 equal codes, each spread over its own amplitudes
        assert np.allclose(found.network, 8)
        assert 12 < found.sound.mean() < 16
    elif not emphasis:  # the network's samples are those of the sound
        assert np.allclose(found.sound, found.network, atol=1e-3)
    # Chances among 65,536 sounds, of which the likeliest cost less than 16 bits.
    assert (2.0**-found.sound).max() < 1


def test_a_louder_copy_costs_the_bits_that_it_has_more(tiny_voice: SpeakingVoice) -> None:
    audio = noise(0.02)
    soft, loud = (
        bits(tiny_voice, gain * audio, 0, tiny_voice.observe(gain * audio, 0)) for gain in (1, 4)
    )
    assert abs((loud.sound - soft.sound).mean() - 2) < 0.2
    assert abs((loud.network - soft.network).mean()) < 0.2


def test_digital_silence_costs_next_to_nothing(tiny_voice: SpeakingVoice) -> None:
    audio = torch.zeros(1600)
    assert bits(tiny_voice, audio, 0, tiny_voice.observe(audio, 0)).sound.mean() < 1
