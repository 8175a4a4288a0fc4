"""The content model."""

import torch

from wavegen.model.content import ContentModel
from wavegen.model.shapes import CODE


def test_content_has_one_scale_and_does_not_depend_on_the_padding() -> None:
    model = ContentModel(5, 2, 12, 8).eval()
    mel = torch.randn(1, 12, 30)
    mask = torch.ones(1, 1, 30)
    content = model.content(mel, mask)
    assert content.shape == (1, 30, CODE)
    assert torch.allclose(content.square().mean(2), torch.ones(1, 30), atol=1e-2)
    padded = torch.cat([mel, torch.full((1, 12, 9), 3.0)], 2)
    longer = torch.cat([mask, torch.zeros(1, 1, 9)], 2)
    assert torch.allclose(model.content(padded, longer)[:, :30], content, atol=1e-5)


def test_mixed_speakers_are_between_them() -> None:
    model = ContentModel(5, 2, 12, 8).eval()
    torch.nn.init.normal_(model.mel.weight)
    mask, flat = torch.ones(1, 1, 30), torch.zeros(1, 30)
    content = model.content(torch.randn(1, 12, 30), mask)
    made = [
        model.spoken(content, who, flat, flat, mask)
        for who in (torch.tensor([1]), torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5, 0.5]]))
    ]
    assert made[0].shape == (1, 12, 30)
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
