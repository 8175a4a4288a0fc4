"""The network: causality, receptive field, gradients, likelihood in pieces."""

import pytest
import torch
from networks import random_features
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from wavegen.audio.taps import INPUTS
from wavegen.config import Config
from wavegen.model.layers import GatedResidualBlock, PlainBlock, run_blocks
from wavegen.model.wavenet import WaveNet
from wavegen.recipe import load_config


def small(layers: int = 4, cycle: int = 2, kernel: int = 2, conditioned: bool = False) -> Config:
    return load_config(
        {
            "model": {
                "layers": layers,
                "dilation_cycle": cycle,
                "kernel_size": kernel,
                "residual_channels": 6,
                "skip_channels": 7,
            },
            "conditioning": {
                "features": "mel" if conditioned else "none",
                "mel_channels": 1,
                "phase": False,
                "encoder_channels": 5,
                "speaker_channels": 3,
            },
        },
        "small",
    )


def reach(model: WaveNet, time: int) -> Tensor:
    """(T, T) bool: whether output t moves with the embedding of input position s."""
    embedded = torch.randn(1, time, 6, dtype=torch.float64, requires_grad=True)
    cond = model.conditioning.project(model.conditioning.encode(1))

    def forward(x: Tensor) -> Tensor:
        skip = run_blocks(model.layers, x, [(rows,) for rows in cond], model.skip_bias)
        return model.readout(skip)[0].sum(-1)

    jacobian = torch.autograd.functional.jacobian(forward, embedded)
    return jacobian[:, 0].abs().sum(-1) > 0


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize(("layers", "cycle"), [(3, 3), (4, 2), (6, 2)])
def test_outputs_see_exactly_the_receptive_field_and_never_the_future(
    layers: int, cycle: int, kernel: int
) -> None:
    config = small(layers, cycle, kernel)
    field = config.model.receptive_field
    time = field + 5
    # Several networks, since a rectifier can happen to close a path in one of them.
    seen = torch.stack([reach(WaveNet(config).double(), time) for _ in range(4)]).any(0)
    for t in range(time):
        # Input position s holds sample s − 1, so output t may see positions up to t.
        assert seen[t].nonzero()[:, 0].tolist() == list(range(max(0, t + 1 - field), t + 1))


def test_logits_never_depend_on_the_sample_they_predict_or_later_ones() -> None:
    model = WaveNet(small(conditioned=True), 2).double()
    speaker, local = torch.tensor([1]), random_features(1, 4, 1, torch.float64)
    codes, given = torch.randint(0, 256, (1, 40)), torch.randn(1, 40, INPUTS)
    base = model(codes, speaker, local, given=given)
    for t in (0, 1, 17, 39):
        changed, later = codes.clone(), given.clone()
        changed[:, t:] = (changed[:, t:] + 100) % 256
        later[:, t + 1 :] += 1  # what is given for sample t + 1 depends on sample t
        logits = model(changed, speaker, local, given=later)
        assert torch.equal(logits[:, : t + 1], base[:, : t + 1])
        assert not torch.equal(logits[:, t + 1 :], base[:, t + 1 :]) or t == 39


def test_logits_depend_on_speaker_and_on_features_of_other_frames() -> None:
    model = WaveNet(small(conditioned=True), 2).double()
    codes, given = torch.randint(0, 256, (1, 40)), torch.randn(1, 40, INPUTS)
    local = random_features(1, 4, 1, torch.float64)
    local.mel.requires_grad_()
    a = model(codes, torch.tensor([0]), local, given=given)
    assert not torch.equal(a, model(codes, torch.tensor([1]), local, given=given))
    [grad] = torch.autograd.grad(a[0, :10].sum(), local.mel)
    assert grad[0, :, 1].abs().sum() > 0  # frame 1 from samples of frame 0


@pytest.mark.parametrize(("kernel", "dilation"), [(2, 1), (2, 4), (3, 2), (3, 5)])
def test_the_hand_written_gradient_is_right(kernel: int, dilation: int) -> None:
    shapes = [(2, 8, 3), (kernel, 3, 6), (3, 3), (2, 4, 6), (2, 8, 6), (2, 1, 6)]
    inputs = [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in shapes]

    def block(x: Tensor, taps: Tensor, w_res: Tensor, *conds: Tensor) -> tuple[Tensor, Tensor]:
        gates = torch.zeros(2, 8, 9, dtype=torch.float64)
        out: tuple[Tensor, Tensor]
        out = PlainBlock.apply(x, gates, 1, taps, w_res, dilation, *conds)
        return out

    assert torch.autograd.gradcheck(block, inputs)


@pytest.mark.parametrize("precision", [torch.float64, torch.bfloat16])
def test_skip_sums_of_all_layers_at_once_are_those_of_one_after_the_other(
    precision: torch.dtype,
) -> None:
    """Without gradients they are summed layer by layer."""
    blocks = [GatedResidualBlock(4, 6, 2, d, 5) for d in (1, 2, 4, 1, 2)]
    x, bias = torch.randn(2, 20, 4), torch.randn(6)
    conds = [(torch.randn(2, 5, 8), torch.randn(2, 1, 8)) for _ in blocks]
    if precision == torch.float64:
        for block in blocks:
            block.double()
        x, bias = x.double(), bias.double()
    kept: list[list[Tensor]] = [[], []]
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        together = run_blocks(blocks, x, conds, bias, kept[0])
        with torch.no_grad():
            one_by_one = run_blocks(blocks, x, conds, bias, kept[1])
    assert together.dtype == precision
    assert together.requires_grad
    tolerance = 0.03 if precision == torch.bfloat16 else 1e-12
    assert (together - one_by_one).abs().max() < tolerance
    for a, b in zip(*kept, strict=True):
        assert torch.equal(a, b)


def test_a_gpu_sums_gradients_in_float32() -> None:
    """On tensors without data, since no GPU may be at hand."""

    class Context:
        saved_tensors: tuple[Tensor, ...] = ()

        def save_for_backward(self, *tensors: Tensor) -> None:
            self.saved_tensors = tensors

        def mark_dirty(self, *tensors: Tensor) -> None:
            pass

    with FakeTensorMode(), torch.no_grad():
        context, on = Context(), {"device": "cuda", "dtype": torch.bfloat16}
        x, gates, cond = (torch.empty(2, n, c, **on) for n, c in ((20, 4), (20, 12), (5, 8)))
        taps, w_res = torch.empty(3, 4, 8, device="cuda"), torch.empty(4, 4, device="cuda")
        y, _ = PlainBlock.forward(context, x, gates, 2, taps, w_res, 4, cond)
        assert y.dtype == torch.bfloat16
        grads = PlainBlock.backward.__wrapped__(context, y, gates)
    found = [g if g is None else (g.dtype, tuple(g.shape)) for g in grads]
    low, high = torch.bfloat16, torch.float32
    assert found[0] == (low, (2, 20, 4))
    assert found[3:5] == [(high, (3, 4, 8)), (high, (4, 4))]
    assert found[6] == (low, (2, 5, 8))


def test_likelihood_in_pieces_equals_one_forward() -> None:
    model = WaveNet(small(conditioned=True), 2).double()
    hop = 10
    codes = torch.randint(0, 256, (205,))
    local = random_features(1, 21, 1, torch.float64)
    speaker = torch.tensor([1])
    rows = model.conditioning.encode(1, speaker, local)
    padded = torch.cat([codes, codes.new_zeros(5)])[None]
    given = torch.randn(210, INPUTS)
    whole = model.output.loss(model(padded, speaker, local, given=given[None]), padded)[0, :205]
    pieces = model.nll(codes[None], rows, hop, chunk_frames=4, given=given[None, :205])[0]
    assert torch.allclose(whole, pieces, atol=1e-12)


def test_bf16_autocast_comes_close_to_f32() -> None:
    model = WaveNet(small())
    codes = torch.randint(0, 256, (2, 50))
    exact = model(codes)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(codes)
    assert rough.dtype == torch.bfloat16
    assert (rough.float() - exact).abs().max() < 0.1


def test_the_names_of_the_weights_are_pinned() -> None:
    names = {
        n.replace("blocks.3", "blocks.0") for n in WaveNet(small(conditioned=True), 2).state_dict()
    }
    assert {n for n in names if not n.startswith(("blocks.1", "blocks.2"))} == {
        "skip_bias",
        "conditioning.weight",
        "conditioning.bias",
        "conditioning.speaker.weight",
        "conditioning.encoder.0.weight",
        "conditioning.encoder.0.bias",
        "conditioning.encoder.1.weight",
        "conditioning.encoder.1.bias",
        "given.weight",
        "embedding.weight",
        "blocks.0.taps",
        "blocks.0.w_res",
        "blocks.0.w_skip",
        "hidden.weight",
        "hidden.bias",
        "head.weight",
        "head.bias",
    }
