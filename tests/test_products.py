"""Compiled products, and what is spoken on any number of threads."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from wavegen.products import convolve, product


@pytest.mark.parametrize(
    ("rows", "inputs", "outputs", "size", "dilation"),
    [
        (37, 19, 80, 3, 1),  # a strip that is not full, and a remainder of rows
        (40, 8, 33, 5, 2),
        (3, 5, 1, 3, 9),  # taps that see nothing but zeros
        (1, 192, 64, 1, 1),
    ],
)
def test_a_convolution_is_torch_s(
    rows: int, inputs: int, outputs: int, size: int, dilation: int
) -> None:
    rng = np.random.default_rng(0)
    x, taps, bias = (
        rng.standard_normal(shape, np.float32)
        for shape in ((rows, inputs), (outputs, inputs, size), (outputs,))
    )
    tensors = (torch.from_numpy(a).double() for a in (x.T[None], taps, bias))
    padding = (size - 1) * dilation // 2
    expected = torch.nn.functional.conv1d(*tensors, padding=padding, dilation=dilation)[0].T
    np.testing.assert_allclose(convolve(x, taps, bias, dilation), expected, atol=1e-4)


def test_a_row_is_the_same_alone_and_among_others() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((21, 30), np.float32)
    matrix = rng.standard_normal((30, 50), np.float32)
    whole = product(x, matrix)
    np.testing.assert_allclose(whole, x @ matrix, atol=1e-4)
    assert all((product(x[n : n + 1], matrix) == whole[n]).all() for n in range(21))


SPEAK = """
import hashlib, wavegen
[chunk] = wavegen.load_voice("kathleen").synthesize("Glue the sheet to the background.")
print(hashlib.sha256(chunk.audio).hexdigest())
"""


def test_a_clip_is_the_same_with_any_blas() -> None:
    made = set()
    for blas in (
        {},
        {"OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "1"},
        {"OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "3"},
    ):
        command = [sys.executable, "-c", SPEAK]
        done = subprocess.run(command, check=True, capture_output=True, env=os.environ | blas)
        made.add(done.stdout)
    assert len(made) == 1
