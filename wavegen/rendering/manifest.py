"""The rendered clips of a folder, and the failed jobs: `manifest.jsonl` and `failed.jsonl`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from wavegen.errors import WavegenError
from wavegen.files import write_file
from wavegen.rendering.jobs import FailedJob, RenderJob, name_of, read_jobs
from wavegen.request import Request


class Manifest:
    """The lists of a folder: a row for each clip, written after the clip.

    Each row is appended in a single write, so that two processes don't mix theirs; every shard has
    its own file, since network file systems have no such appending. The newest row of a clip
    counts, and a row that was cut off by a kill is ignored.

    Args:
        folder: of the clips.
        shard: (rank, world), for names of its own.

    Raises:
        WavegenError: a list is there that can't be read.
    """

    def __init__(self, folder: Path, shard: tuple[int, int] | None = None) -> None:
        self.folder, self.file = folder, folder / shard_name("manifest", shard)
        self.failed = folder / shard_name("failed", shard)
        self._rows: dict[str, tuple[int, str, int]] = {}
        if self.failed.is_dir():
            raise WavegenError(f"{self.failed} is a folder; the failed jobs must be listed there")
        for file in folder.glob("manifest*.jsonl"):
            try:
                text = file.read_text(encoding="utf-8", errors="replace")
            except OSError as e:
                raise WavegenError(f"can't read {file}: {e.strerror or e}") from e
            for line in text.splitlines():
                self._read(line)

    def _read(self, line: str) -> None:
        try:
            row = json.loads(line)
            name = str(row["output_file"])
            found = int(row["time"]), str(row["hash"]), int(row["bytes"])
        except (AttributeError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return
        if name not in self._rows or found[0] >= self._rows[name][0]:
            self._rows[name] = found

    def holds(self, job: RenderJob, digest: str) -> bool:
        """Whether the clip is there, complete, and was made by this job."""
        _, made, size = self._rows.get(job.output_file, (0, "", 0))
        if made != digest:
            return False
        try:
            return (self.folder / job.output_file).stat().st_size == size
        except OSError:
            return False

    def add(self, job: RenderJob, digest: str, size: int, seconds: float) -> None:
        """Add a finished clip.

        Args:
            job: its job.
            digest: the job's hash.
            size: of the file, in bytes.
            seconds: of the sound.
        """
        row = {
            **job.fields(),
            "duration": round(seconds, 4),
            "bytes": size,
            "hash": digest,
            "time": time.time_ns(),
        }
        line = json.dumps(row, ensure_ascii=True) + "\n"
        with self.file.open("ab+", buffering=0) as f:
            torn = False
            if f.seek(0, os.SEEK_END):
                f.seek(-1, os.SEEK_END)
                torn = f.read(1) != b"\n"
            f.write(("\n" * torn + line).encode())

    def list_failed(self, failed: Sequence[FailedJob], tried: Collection[str]) -> None:
        """Write the list of failed jobs; those of other lists stay in it.

        Args:
            failed: the jobs.
            tried: names of all files that this list of jobs is about.

        Raises:
            WavegenError: the list can't be read or written.
        """
        try:
            lines = self.failed.read_text(encoding="utf-8", errors="replace").split("\n")
            old = read_jobs(lines, "jsonl", Request())
            kept = [lines[job.line - 1] for job in old if name_of(job) not in tried]
        except FileNotFoundError:
            kept = []
        except OSError as e:
            raise WavegenError(f"can't read {self.failed}: {e.strerror or e}") from e
        ordered = sorted(failed, key=lambda f: f.line)
        kept += [json.dumps({**f.fields, "error": f.error}) for f in ordered]
        if kept:
            write_file(self.failed, "".join(f"{line}\n" for line in kept).encode())
        else:
            self.failed.unlink(missing_ok=True)


def shard_name(stem: str, shard: tuple[int, int] | None) -> str:
    """Name of a list that each (rank, world) has for itself."""
    return f"{stem}.jsonl" if shard is None else f"{stem}-{shard[0] + 1}-of-{shard[1]}.jsonl"
