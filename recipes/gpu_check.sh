#!/usr/bin/env bash
# What a GPU does: tests marked gpu, speed of training and of the engines, in under eight minutes.
#   WHEELS=wheels bash recipes/gpu_check.sh FOLDER          writes FOLDER/check.json and check.md
# Needs torch, torchaudio, triton, numba, accelerate, safetensors, typer, rich, tqdm and pytest; the
# rest of pyproject.toml may come as wheels. Without a GPU, TINY=1 rehearses it.
set -uo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)
source "$(dirname "${BASH_SOURCE[0]}")/gpu_setup.sh"
cd "$root"
tiny=${TINY:+--tiny}

# Not those of pyproject.toml, which ask for pytest-xdist and turn warnings of other versions of
# torch into errors.
workers=$("$python" -c "import xdist; print('-n3')" 2>/dev/null || true)
timeout "${TESTS_SECONDS:-150}" "$python" -m pytest -q $workers -o addopts= --import-mode=importlib -W default \
    -p no:cacheprovider -m gpu --durations=8 ${TESTS:-tests/test_gpu.py tests/generation} \
    >"$out/tests.txt" 2>&1
tail -n 3 "$out/tests.txt"
for part in training:110 kernels:30 reading:90 engines:100; do
    timeout "${part#*:}" "$python" recipes/gpu_check.py "${part%:*}" "$out" $tiny \
        2>"$out/${part%:*}.err" || echo "${part%:*}: stopped ($?), see $out/${part%:*}.err"
done
"$python" recipes/gpu_check.py report "$out" && cat "$out/check.md"
