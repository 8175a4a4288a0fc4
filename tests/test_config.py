"""Values that no training could use."""

import tomllib

import pytest

from wavegen.config import Config
from wavegen.errors import ConfigError
from wavegen.recipe import load_config, to_toml


def test_impossible_values_are_reported_together() -> None:
    with pytest.raises(ConfigError, match="3 faults") as caught:
        load_config(
            {"model": {"kernel_size": 4}, "train": {"steps": 0}, "data": {"pattern": "(a"}}, "x"
        )
    assert "kernel_size must be 2 or 3" in str(caught.value)


def test_a_frame_rate_that_does_not_divide_the_rate_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not divide"):
        load_config({}, "x", ["audio.sample_rate=11025"])


def test_the_default_configuration_has_no_faults() -> None:
    assert Config().faults() == []


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        (
            {"kind": "gru", "kernel_size": 3},
            "kernel_size goes with model.kind wavenet, not",
        ),
        ({"kind": "gru", "context": [{"pool": 16}]}, "context goes with model.kind wavenet, not"),
        ({"kind": "gru", "heads": 2}, "heads goes with model.kind transformer, not with gru"),
        ({"attention": 99}, "attention goes with model.kind transformer, not with wavenet"),
        (
            {"kind": "transformer", "dilation_cycle": 2},
            "dilation_cycle goes with model.kind",
        ),
        ({"kind": "transformer", "residual_channels": 36}, "a multiple of twice the 4 model.heads"),
        ({"kind": "transformer", "attention": 0}, "attention must be at least 1"),
        ({"kind": "lstm"}, "kind must be one of wavenet, gru, transformer, not 'lstm'"),
    ],
)
def test_settings_of_another_kind_of_network_are_refused(
    model: dict[str, object], fault: str
) -> None:
    with pytest.raises(ConfigError, match="1 fault:") as caught:
        load_config({"model": model}, "x")
    assert fault in str(caught.value)


def test_only_a_wavenet_has_fused_kernels_empty_blocks_and_adaptive_filters() -> None:
    config = Config().replace("model", kind="gru")
    assert config.faults() == []
    [fault] = config.replace("train", fused=True).faults()
    assert fault == "train.fused goes with model.kind wavenet, not with gru"
    assert config.replace("train", fused=False).faults() == []
    [fault] = config.replace("train", sparsity=0.5).faults()
    assert fault == "train.sparsity goes with model.kind wavenet, not with gru"
    adaptive = config.replace("audio", adaptive=True)
    assert "audio.adaptive needs model.kind wavenet" in adaptive.faults()


def scaled(*divisors: int, **sections: dict[str, object]) -> Config:
    table: dict[str, dict[str, object]] = {"data": {"layout": "flat"}, **sections}
    scales = [{"divide": n, "layers": 10, "context": [{"pool": 8}]} for n in divisors]
    return load_config(table | {"model": table.get("model", {}) | {"scales": scales}}, "x")


def test_a_coarser_scale_is_a_configuration_of_its_own() -> None:
    config = scaled(16, 4, audio={"sample_rate": 16000}, train={"window_seconds": 0.5})
    assert config.coarser is not None
    assert config.coarser.coarser is not None
    chain = [config.coarser.coarser, config.coarser, config]
    assert [c.audio.sample_rate for c in chain] == [1000, 4000, 16000]
    assert [c.conditioning.features for c in chain] == ["none", "coarse", "coarse"]
    assert [c.hop_length for c in chain] == [10, 4, 4]
    assert [c.model.layers for c in chain] == [10, 10, 20]
    assert [len(c.model.context) for c in chain] == [1, 1, 0]
    assert [c.train.window_seconds for c in chain] == [8, 2, 0.5]
    assert chain[0].coarser is None
    for c in chain:
        assert c.faults() == []
        assert load_config(tomllib.loads(to_toml(c)), "x") == c


@pytest.mark.parametrize(
    ("divisors", "sections", "fault"),
    [
        ((3,), {}, "model.scales.divide 3 does not divide audio.sample_rate 16000"),
        ((4, 16), {}, "must fall from coarse to fine"),
        ((20, 8), {}, "each a multiple of the next: 20 is none of 8"),
        ((128, 1), {}, "model.scales.divide must be at least 2"),
        ((128,), {"audio": {"sample_rate": 128000}}, "64 is the most"),
        ((32,), {}, "in model.scales: audio.sample_rate must be between 1000"),
        ((4,), {"data": {"layout": "folders"}}, "model.scales needs data.layout flat"),
        ((4,), {"data": {"layout": "flat", "fold": "1/3"}}, "needs data.fold empty"),
        ((4,), {"model": {"kind": "gru"}}, "model.scales needs model.kind wavenet"),
        ((4,), {"model": {"ends": True}}, "model.scales needs model.ends false"),
        ((4,), {"conditioning": {"features": "mel"}}, "needs conditioning.features coarse"),
        ((), {"conditioning": {"features": "coarse"}}, "coarse needs model.scales"),
    ],
)
def test_scales_that_can_not_be_are_one_fault(
    divisors: tuple[int, ...], sections: dict[str, dict[str, object]], fault: str
) -> None:
    with pytest.raises(ConfigError, match="1 fault:") as caught:
        scaled(*divisors, **sections)
    assert fault in str(caught.value)


def test_a_network_of_codes_is_a_configuration_of_its_own() -> None:
    config = Config().replace("conditioning", features="latent", codebooks=3, codes=300)
    assert config.faults() == []
    assert config.prior is None
    config = config.replace("conditioning", prior_steps=10)
    [fault] = config.faults()
    assert "conditioning.codes of at most 256" in fault
    [fault] = Config().replace("conditioning", codebooks=33).faults()
    assert "conditioning.codebooks must be at most 32" in fault
    [fault] = Config().replace("conditioning", code_temperature=-1.0).faults()
    assert "conditioning.code_temperature must be between 0 and 2" in fault
    [fault] = Config().replace("conditioning", features="none", prediction_order=32).faults()
    assert "conditioning.prediction_order needs linear_prediction" in fault
    [fault] = Config().replace("conditioning", prediction_order=640).faults()
    assert "conditioning.prediction_order must be less than the 640 samples" in fault
    [fault] = config.replace("conditioning", prior_steps=0, code_phonemes=-0.1).faults()
    assert fault == "conditioning.code_phonemes must be at least 0"
    [fault] = Config().replace("conditioning", features="mel", code_phonemes=0.3).faults()
    assert fault == "conditioning.code_phonemes needs conditioning.features latent"
    for f0, symbols in ((True, 4), (False, 3)):
        prior = config.replace("conditioning", f0=f0).prior
        assert prior is not None
        assert prior.hop_length == symbols
        assert prior.audio.sample_rate == 50 * symbols
        assert prior.prior is None


def test_adaptive_filters_need_a_plain_network_over_16_bit_samples() -> None:
    faults = Config().replace("audio", adaptive=True).faults()
    assert "audio.adaptive needs model.output logistic_mixture" in faults
    assert "audio.adaptive needs train.sample_every 0" in faults
    assert "audio.adaptive needs data.layout flat" in faults
