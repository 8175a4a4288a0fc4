"""Jobs."""

import numpy as np
import torch
from networks import HOP, network, random_predictor

from wavegen.audio.synthesis_filter import Synthesis
from wavegen.generation.batch import held
from wavegen.generation.job import Job, prompt_sound

ROWS = torch.zeros(1, 0)


def test_a_temperature_is_for_all_samples_or_for_those_of_each_frame() -> None:
    assert Job(ROWS, 9, "x", 0.7).temperatures(5, 8, HOP).tolist() == [0.7] * 3
    job = Job(ROWS, 9, "x", torch.tensor([1.0, 0.5], dtype=torch.float64))
    assert job.temperatures(HOP - 2, HOP + 2, HOP).tolist() == [1, 1, 0.5, 0.5]
    assert job.temperatures(5 * HOP, 5 * HOP + 1, HOP).tolist() == [0.5]  # the last is held


def test_the_sound_of_a_prompt_is_that_of_its_codes_and_not_clipped() -> None:
    model, predictor = network(True, period=True), random_predictor(5)
    prompt = torch.full((90,), 255)
    excitation, sound = prompt_sound(
        Job(ROWS, 1, "", 1.0, prompt, predictor=predictor), model.coding
    )
    assert (excitation == 1).all()
    assert sound.max() > 1
    heard = Synthesis(predictor)(np.ones(90, np.float32))
    assert np.allclose(sound.clip(-1, 1), heard)
    assert len(prompt_sound(Job(ROWS, 1, "", predictor=predictor), model.coding)[1]) == 0


def test_shorter_sequences_hold_their_last_value() -> None:
    together = held([torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[4.0]])])
    assert together[..., 0].tolist() == [[1, 2, 3], [4, 4, 4]]
