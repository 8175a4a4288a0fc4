"""Where a run comes from, kept in its directory: its data, and each start with its machine."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import wavegen
from wavegen.data.dataset import Dataset
from wavegen.files import atomic_write
from wavegen.report.watch import Watch, is_clipped

DATA = "data.json"
STARTS = "starts.jsonl"
PROBES = 12
"""At most this many validation clips show what conditioning is worth."""
LOOKED_AT = 200
"""At most this many recordings are checked for clipping, in their first ten seconds."""
LISTED = 200
"""At most this many files are listed by name."""


@dataclass(frozen=True)
class DataSummary:
    """The content of data.json."""

    folder: str
    layout: str
    sample_rate: int
    clips: int
    speakers: dict[str, dict[str, float]]
    """``clips`` and ``seconds`` of each speaker (all under "" in data without speakers)."""
    formats: dict[str, int]
    split: dict[str, int]
    texts: int
    words: int
    left_out: list[tuple[str, str]]
    """(path, reason), at most `LISTED`."""
    left_out_count: int
    trimmed_seconds: float
    looked_at: int
    """Recordings checked for clipping."""
    clipped: list[str]
    """Those whose peaks are cut off."""
    sha256: str
    probes: list[dict[str, str]]
    """``path``, ``sha256``, ``speaker`` and ``text`` of some validation clips."""

    def warn(self, watch: Watch) -> None:
        """Let ``watch`` check the data."""
        seconds = {name: s["seconds"] for name, s in self.speakers.items()}
        watch.data(seconds, self.clipped, self.looked_at)


def describe(dataset: Dataset, rate: int) -> DataSummary:
    """Summarise a data set whose prepared audio has this sample rate."""
    paths = list(dataset.clips)
    counts = Counter(c.speaker for c in dataset.clips.values())
    looked_at = _spread(paths, LOOKED_AT)
    clipped = [
        p
        for p in looked_at
        if is_clipped(dataset.prepared.audio(p, 0, min(dataset.entry(p).samples, 10 * rate)))
    ]
    return DataSummary(
        folder=str(dataset.root.resolve()),
        layout=dataset.layout,
        sample_rate=rate,
        clips=len(paths),
        speakers={
            name: {"clips": counts[name], "seconds": seconds}
            for name, seconds in dataset.seconds(rate).items()
        },
        formats=dict(dataset.sources().most_common()),
        split={part: len(clips) for part, clips in dataset.split.items()},
        texts=len(dataset.units),
        words=len({w for u in dataset.units.values() for w in u.words}),
        left_out=dataset.left_out[:LISTED],
        left_out_count=len(dataset.left_out),
        trimmed_seconds=sum(dataset.entry(p).trimmed for p in paths),
        looked_at=len(looked_at),
        clipped=clipped,
        sha256=dataset.content_hash(),
        probes=[
            {
                "path": p,
                "sha256": dataset.entry(p).sha256,
                "speaker": dataset.clips[p].speaker,
                "text": dataset.clips[p].text,
            }
            for p in _spread(dataset.split["validation"], PROBES)
        ],
    )


def environment(device: torch.device) -> dict[str, Any]:
    """Versions and hardware of this process."""
    packages = ("torch", "torchaudio", "numpy", "numba", "librosa")
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else "none used"
    return {
        "wavegen": wavegen.__version__,
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        "CUDA": torch.version.cuda or "none",
        "system": platform.platform(),
        "CPU": _cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "GPU": gpu,
    }


def write_record(run: Path, data: DataSummary, device: torch.device, step: int) -> None:
    """Write data.json, and append this start of the run to starts.jsonl."""
    with atomic_write(run / DATA) as beside:
        beside.write_text(json.dumps(asdict(data), indent=1))
    start = {
        "time": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "step": step,
        "command": ["wavegen", *sys.argv[1:]],
        **environment(device),
    }
    with (run / STARTS).open("a") as f:
        f.write(json.dumps(start) + "\n")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The complete rows of a .jsonl file; none if there is no file."""
    rows = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and isinstance(row.get("step"), int):
                rows.append(row)
    except (OSError, UnicodeDecodeError):
        return []
    return rows


def read_data(run: Path) -> DataSummary | None:
    """The data of a run; None if it isn't recorded, or not in this version's form."""
    table = read_json(run / DATA)
    try:
        return DataSummary(**table)
    except TypeError:
        return None


def read_json(path: Path) -> Any:
    """The content of a JSON file; None if it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _spread(paths: list[str], count: int) -> list[str]:
    """At most ``count`` of the paths, evenly spaced."""
    return paths[:: max(1, -(-len(paths) // count))]


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [x.partition(":")[2].strip() for x in lines if x.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
