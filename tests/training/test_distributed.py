"""Several processes train what one would."""

import os
import subprocess
import sys
from pathlib import Path

import helpers
import pytest
import torch
from helpers import rows

from wavegen.library import read_about
from wavegen.training.checkpoint import load_state


@pytest.mark.slow
def test_processes_and_parts_of_a_batch_train_the_same_voice(tmp_path: Path) -> None:
    weights, figures = {}, {}
    for processes, accumulate in ((1, 1), (2, 1), (1, 3), (2, 2)):
        run = tmp_path / f"{processes}-{accumulate}"
        script = [str(Path(__file__).parent / "distributed.py"), run, tmp_path / "cache"]
        many = ["--standalone", f"--nproc-per-node={processes}", *script, str(accumulate)]
        done = subprocess.run(
            [sys.executable, "-m", "torch.distributed.run", *many],
            env=os.environ
            | {
                "OMP_NUM_THREADS": "1",
                "PYTHONWARNINGS": "default",
                "PYTHONPATH": os.pathsep.join([str(Path(helpers.__file__).parent), *sys.path]),
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        weights[run.name] = load_state(run, pytest.fail)["model"]
        figures[run.name] = [
            read_about(run / "voice.safetensors")["training"]["test_bits"],
            *(r[key] for r in rows(run) for key in ("loss_bits", "val_bits") if key in r),
        ]
    assert len(figures["1-1"]) == 1 + 10 + 5
    assert weights["2-2"]["hidden.weight"].any(0).float().mean() == 0.5
    for name, w in weights["1-1"].items():
        assert w.dtype == torch.float64
        for run_name, others in weights.items():
            assert (w - others[name]).abs().max() < 1e-9, (run_name, name)
    for bits in figures.values():
        assert bits[0] == pytest.approx(figures["1-1"][0], abs=1e-5)  # a voice file is read in f32
        assert bits[1:] == pytest.approx(figures["1-1"][1:], abs=1e-9)
