"""µ-law companding."""

import numpy as np
import torch
import torchaudio.functional as AF

from wavegen.audio import mulaw


def test_decoding_then_encoding_is_the_identity_on_all_codes() -> None:
    codes = np.arange(256)
    assert np.array_equal(mulaw.encode(mulaw.decode(codes)), codes)


def test_the_mapping_is_torchaudios_and_silence_is_its_code_of_zero() -> None:
    x = torch.linspace(-1, 1, 10001)
    assert np.array_equal(mulaw.encode(x.numpy()), AF.mu_law_encoding(x, 256))
    codes = torch.arange(256)
    assert np.allclose(mulaw.decode(codes.numpy()), AF.mu_law_decoding(codes, 256), atol=1e-6)
    assert mulaw.encode(np.zeros(1)).item() == mulaw.SILENCE


def test_values_beyond_one_are_clamped_not_wrapped() -> None:
    assert mulaw.encode(np.array([-3.0, 3.0])).tolist() == [0, 255]
