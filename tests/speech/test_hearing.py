"""Training of the content model."""

import pytest
import torch

from wavegen.model.content import ContentModel
from wavegen.speech import hearing
from wavegen.speech.alignment import Alignment
from wavegen.speech.descent import Descent
from wavegen.speech.fit import Recording
from wavegen.speech.hearing import Heard, Pieces, fit, frame_states

BANDS = 16
FREQUENCIES = torch.linspace(0.05, 1, BANDS)


def test_states_of_frames_follow_the_alignment() -> None:
    alignment = Alignment(((0,), (4, 2)), (2, 5, 1), 0.0, ((0.7, 0.7, 0.6), (2, 1, 2), (0, 0, 1)))
    assert frame_states(alignment).tolist() == [0, 2, 12, 12, 13, 14, 14, 8]


def utterance(speaker: int, seed: int) -> Recording:
    """Symbol k is loud at k; the second speaker has more of all high bands."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, 5, (8,), generator=generator).tolist()
    row = torch.tensor(ids).repeat_interleave(6)
    mel = -(((torch.arange(BANDS)[:, None] - 3 * row) / 2.0) ** 2).clamp(max=4) / 2
    mel = mel + speaker * torch.linspace(-0.5, 0.5, BANDS)[:, None]
    flat = torch.zeros(len(row))
    return Recording(Alignment((tuple(ids),), (6,) * 8), speaker, flat, flat, mel)


def test_what_one_speaker_says_is_said_by_another() -> None:
    clips = [utterance(n % 2, n) for n in range(40)]
    torch.manual_seed(0)
    model = ContentModel(5, 2, BANDS, 24)
    fit(model, clips, FREQUENCIES, Descent(150, 0))
    assert not model.training
    states = torch.cat([frame_states(c.alignment) for c in clips])
    counts = states.bincount(minlength=15).float()
    assert torch.equal(model.shares.flatten().argsort(stable=True), counts.argsort(stable=True))
    assert model.shares.sum() == pytest.approx(1)
    assert model.shares.min() > 0
    mine, theirs = utterance(0, 99), utterance(1, 99)
    mask = torch.ones(1, 1, mine.mel.shape[1])
    with torch.inference_mode():
        content = model.content(mine.mel[None], mask)
        said = model.states(content)[0].argmax(1) // 3
        assert (said == frame_states(mine.alignment) // 3).float().mean() > 0.8
        told = model.likelihoods(mine.mel)
        assert (told.argmax(1) // 3 == frame_states(mine.alignment) // 3).float().mean() > 0.8
        errors = {}
        for speaker in (0, 1):
            flat = mine.voicing[None]
            made = model.spoken(content, torch.tensor([speaker]), flat, flat, mask)[0]
            errors[speaker] = [float((made - r.mel).abs().mean()) for r in (mine, theirs)]
    assert errors[0][0] < 0.7 * errors[0][1]
    assert errors[1][1] < 0.7 * errors[1][0]


def test_short_recordings_are_padded_with_what_counts_for_nothing() -> None:
    long, short = (
        Heard(0, flat, flat, torch.zeros(BANDS, n), torch.zeros(n, dtype=torch.int64))
        for n, flat in ((60, torch.zeros(60)), (48, torch.zeros(48)))
    )
    pieces = Pieces([long, short], FREQUENCIES, torch.device("cpu"))
    heard, mel, speaker, voicing, octaves, states, mask = pieces.batch(hearing.random.Random(0))
    assert heard.shape == mel.shape == (30, BANDS, 60)
    lengths = mask.sum(2).flatten().tolist()
    assert set(lengths) == {48, 60}
    short = torch.tensor(lengths) == 48
    assert (states[short, 48:] == -1).all()
    torch.manual_seed(0)
    model = ContentModel(5, 2, BANDS, 8).eval()
    torch.nn.init.normal_(model.mel.weight)
    changed = mel.clone()
    changed[short, :, 48:] = 9
    losses = []
    for target in (mel, changed):
        torch.manual_seed(1)
        losses.append(model.loss(target, target, speaker, voicing, octaves, states, mask))
    assert torch.allclose(torch.stack(losses[0]), torch.stack(losses[1]))


def test_without_frequencies_recordings_are_heard_as_they_are() -> None:
    flat, states = torch.zeros(60), torch.zeros(60, dtype=torch.int64)
    clip = Heard(0, flat, flat, torch.randn(BANDS, 60), states)
    for frequencies, same in ((None, True), (FREQUENCIES, False)):
        pieces = Pieces([clip], frequencies, torch.device("cpu"))
        heard, mel, *_ = pieces.batch(hearing.random.Random(0))
        assert torch.equal(heard, mel) == same
