"""Pack a prepared data set to be trained on elsewhere, by gpu_train.sh.

    python recipes/gpu_pack.py VOICE RECIPE AUDIO_DIR OUT.tar

The archive holds the recordings and the cache of what took long to find in them: F0 and phonemes.
Samples are left out, since compressed recordings are a third of their size and decoded in seconds.
A cache belongs to a folder at one place, so both are made below ``WORK`` (/tmp/wavegen-gpu), and
must be unpacked there.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from pathlib import Path

from wavegen.data import index
from wavegen.data.dataset import open_dataset
from wavegen.data.pieces import source
from wavegen.recipe import find_recipe, read_config

WORK = Path(os.environ.get("WORK", "/tmp/wavegen-gpu"))


def pack(voice: str, recipe: str, audio: Path, out: Path, work: Path = WORK) -> int:
    """Write the archive; returns its size in bytes."""
    config = read_config(find_recipe(recipe))
    there, cache = work / "data" / voice, work / "cache"
    for folder in (there, cache):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(audio, there)
    dataset = open_dataset(there, config, cache)
    kept = {source(p) for p in dataset.clips}
    for path in there.rglob("*"):
        name = path.relative_to(there).as_posix()
        if path.is_file() and name not in kept and name in dict(dataset.left_out):
            path.unlink()
    for path in cache.rglob("*"):
        if path.suffix == index.SAMPLES or path.name in (index.FILE, index.LOCK):
            path.unlink()
    with tarfile.open(out, "w") as archive:
        for folder in (there, cache):
            archive.add(folder, folder.relative_to(work).as_posix())
    return out.stat().st_size


if __name__ == "__main__":
    voice, recipe, audio, out = sys.argv[1:]
    size = pack(voice, recipe, Path(audio), Path(out))
    print(f"{out}: {size / 2**20:.1f} MiB")
