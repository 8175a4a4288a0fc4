"""Several processes train what one would."""

import os
import subprocess
import sys
from pathlib import Path

import helpers
import pytest
import torch
from helpers import rows


@pytest.mark.slow
def test_processes_and_parts_of_a_batch_train_the_same_voice(tmp_path: Path) -> None:
    ends = {}
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
                "PYTHONPATH": str(Path(helpers.__file__).parent),
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        ends[processes, accumulate] = torch.load(run / "end.pt", weights_only=True)
    one = ends.pop((1, 1))
    logged = [r.get("loss_bits") for r in rows(tmp_path / "1-1")]
    for (processes, accumulate), end in ends.items():
        for name, w in one["weights"].items():
            assert (w - end["weights"][name]).abs().max() < 1e-9, (processes, name)
        assert end["bits"] == pytest.approx(one["bits"], abs=1e-9)
        again = [r.get("loss_bits") for r in rows(tmp_path / f"{processes}-{accumulate}")]
        assert [x for x in again if x] == pytest.approx([x for x in logged if x], abs=1e-9)
