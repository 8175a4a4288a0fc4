#!/usr/bin/env bash
# Train a voice on a GPU machine that has no network and is lent for minutes.
#   python recipes/gpu_pack.py kathleen kathleen DIR kathleen.tar     where the recordings are
#   bash recipes/gpu_train.sh kathleen 30                              there, until it is done
# The second argument is the length of the whole training in minutes, by which its steps are chosen.
# Every two minutes OUT/VOICE.saved becomes a checkpoint in files of at most 15 MiB. Where FROM
# names the folder that holds such a checkpoint, training resumes from it.
#   DATA (VOICE.tar, or its parts VOICE.tar.aa, …, made by `split`), RECIPE (VOICE), OUT (.), FROM (OUT),
#   LIMIT (seconds until it stops and saves: 540), EVERY (120), WHEELS,
#   SETTINGS ("--set train.batch_size=16 …", the same in every call)
set -euo pipefail
voice=$1 minutes=$2
data=$(realpath "${DATA:-$voice.tar}")
out=$(mkdir -p "${OUT:-.}" && realpath "${OUT:-.}")
from=$(realpath "${FROM:-$out}")
recipe=${RECIPE:-$voice}
[ ! -f "$recipe" ] || recipe=$(realpath "$recipe")
source "$(dirname "${BASH_SOURCE[0]}")/gpu_setup.sh"
run=$work/runs/$voice

saved=
save() { # the run with its newest checkpoint, whole or not at all; "save again" though it is old
    local newest voices parts=$out/.$voice.parts
    [ -d "$run" ] || return 0
    newest=$(cd "$run" && ls states/[0-9]*.pt 2>/dev/null | sort | tail -n 1 || true)
    [ -n "$newest" ] && [ -f "$run/config.toml" ] || return 0
    [ "$newest" != "$saved" ] || [ -n "${1:-}" ] || return 0
    rm -rf "$parts" && mkdir "$parts"
    voices=$(cd "$run" && ls voice.safetensors last.safetensors metrics.jsonl 2>/dev/null || true)
    tar -c -C "$run" config.toml split.json $voices "$newest" | split -b 15M - "$parts/run.tar." ||
        return 0 # a file was replaced meanwhile; the next time will do
    rm -rf "$out/$voice.saved" && mv "$parts" "$out/$voice.saved"
    saved=$newest
    echo "saved $newest"
}

cat "$data"* | tar -x -C "$work"
if [ -d "$from/$voice.saved" ]; then
    rm -rf "$run" && mkdir -p "$run"
    cat "$from/$voice.saved"/run.tar.* | tar -x -C "$run"
fi
timeout -s INT -k 30 "${LIMIT:-540}" "$python" -m wavegen train "$work/data/$voice" \
    --recipe "$recipe" --out "$run" --resume --minutes "$minutes" ${SETTINGS:-} &
job=$!
trap 'kill -INT "$job" 2>/dev/null || true' INT TERM
while kill -0 "$job" 2>/dev/null; do
    for ((i = 0; i < ${EVERY:-120} * 2; i++)); do
        kill -0 "$job" 2>/dev/null || break
        sleep 0.5
    done
    save
done
code=0
wait "$job" || code=$?
save again
# 124: the limit was reached, 130: it was stopped; both have saved.
[ "$code" = 0 ] && echo "done" || echo "not done yet ($code): call it again"
[ "$code" = 0 ] || [ "$code" = 124 ] || [ "$code" = 130 ]
