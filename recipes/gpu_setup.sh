# Sourced by gpu_check.sh and gpu_train.sh: the packages that a machine without network lacks.
# WHEELS: a folder of wheels, for its Python.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=${WORK:-/tmp/wavegen-gpu}
mkdir -p "$work"
python=${PYTHON:-python3}
export PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export WAVEGEN_CACHE="$work/cache" NUMBA_CACHE_DIR="$work/numba"
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
if [ -n "${WHEELS:-}" ]; then
    # Without dependencies: what is there already, torch above all, stays as it is.
    "$python" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade \
        --target "$work/site" "$WHEELS"/*.whl
    export PYTHONPATH="$root:$work/site${PYTHONPATH#"$root"}"
fi
# Said at once, not by each of the things that would use up its time in vain.
if ! said=$("$python" -c "import librosa, soundfile, wavegen.training.run" 2>&1); then
    echo "error: ${said##*$'\n'}: put its wheel into the folder WHEELS" >&2
    exit 2
fi
