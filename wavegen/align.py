"""Time-align the words and phonemes of a folder's recordings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from wavegen.data.alignment import DatasetAligner, new_aligner
from wavegen.data.dataset import Dataset
from wavegen.errors import DataError, WavegenError
from wavegen.files import atomic_write, check_output_folder
from wavegen.speech.aligner import Aligner
from wavegen.speech.intervals import Interval, Tier, intervals


@dataclass(frozen=True)
class ClipAlignment:
    """The words and the phonemes of a clip; both tile it from 0 to its end."""

    words: Tier
    phones: Tier
    score: float
    """See `wavegen.speech.aligner.Alignment`."""

    def textgrid(self) -> str:
        """The alignment as a Praat TextGrid with the tiers words and phones, in the long format
        (Praat manual, "TextGrid file formats")."""
        lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
        lines += [f"xmin = 0\nxmax = {self.phones[-1].end}\ntiers? <exists>\nsize = 2\nitem []:"]
        for n, (name, tier) in enumerate((("words", self.words), ("phones", self.phones)), 1):
            lines += [f'item [{n}]:\nclass = "IntervalTier"\nname = "{name}"']
            lines += [f"xmin = 0\nxmax = {tier[-1].end}\nintervals: size = {len(tier)}"]
            for k, i in enumerate(tier, 1):
                text = i.label.replace('"', '""')
                lines += [f'intervals [{k}]:\nxmin = {i.start}\nxmax = {i.end}\ntext = "{text}"']
        return "\n".join(lines) + "\n"

    def json(self, **more: object) -> str:
        """The alignment as JSON: words and phones without silences, the score, and ``more``."""

        def labelled(tier: Iterable[Interval]) -> list[dict[str, object]]:
            return [vars(i) for i in tier if i.label]

        score = self.score if np.isfinite(self.score) else None
        tiers = {"words": labelled(self.words), "phones": labelled(self.phones)}
        about = {"score": score, **more, **tiers}
        return json.dumps(about, ensure_ascii=False, indent=1) + "\n"


@dataclass(frozen=True)
class Fitted:
    """An aligner fitted to a data set."""

    aligner: DatasetAligner
    misfits: list[tuple[str, str]]
    """(path, reason) of the clips whose texts do not fit."""

    @property
    def dataset(self) -> Dataset:
        return self.aligner.dataset

    def clip(self, path: str) -> ClipAlignment:
        """The alignment of one clip that has a text."""
        dataset, symbols, rate = self.dataset, self.aligner.symbols, self.aligner.sample_rate
        unit, silent = dataset.units[path], self.aligner.aligner.silent
        aligned = self.aligner.align(path)
        length = dataset.entry(path).samples / rate
        ends = np.cumsum(aligned.frames) * Aligner.hop(rate) / rate
        ends[-1] = length
        ends = np.minimum(ends, length).round(6)
        words, phones = intervals(unit, aligned, ends.tolist(), symbols, silent)
        return ClipAlignment(words, phones, aligned.score)


def fit_dataset(
    dataset: Dataset,
    sample_rate: int,
    progress: Callable[[str, int, int], None] = lambda phase, done, total: None,
) -> Fitted:
    """Fit an aligner to all clips of a data set that have a text.

    Args:
        dataset: the clips; it must not be trimmed for times in it to be those of the files.
        sample_rate: Hz, of its prepared audio.
        progress: called with the phase, "fitting the aligner" or "checking the texts", and the
            rounds or clips done of all in it.

    Raises:
        DataError: no clip has a text.
    """
    if not dataset.units:
        raise DataError(f"no clip in {dataset.root} has a text to align")
    aligner = new_aligner(dataset, sample_rate)
    paths = list(dataset.units)
    with torch.inference_mode():
        aligner.fit(paths, partial(progress, "fitting the aligner"))
        return Fitted(aligner, aligner.misfits(paths, partial(progress, "checking the texts")))


def check_folder(folder: Path, force: bool) -> None:
    """Raises `WavegenError` when alignments can't go there, before any work is done."""
    check_output_folder(folder, "--out")
    if not force and folder.is_dir() and any(folder.iterdir()):
        raise WavegenError(f"--out {folder} is not empty; --force replaces what is in it")


def output_stems(dataset: Dataset) -> dict[str, str]:
    """Path of each clip's outputs within the output folder, without suffix.

    It is the clip's path without its suffix, unless another clip has the same.
    """
    stems = {p: str(Path(p).with_suffix("")) for p in dataset.units}
    count = Counter(stems.values())
    return {p: s if count[s] == 1 else p for p, s in stems.items()}


def write_alignments(
    fitted: Fitted, folder: Path, progress: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Write STEM.TextGrid and STEM.json of every clip; files are complete or absent.

    Raises:
        WavegenError: when they can't be written.
    """
    wrong = dict(fitted.misfits)
    stems = output_stems(fitted.dataset)
    for done, (path, stem) in enumerate(stems.items(), 1):
        aligned = fitted.clip(path)
        for suffix, text in (
            (".TextGrid", aligned.textgrid()),
            (".json", aligned.json(clip=path, misfit=wrong.get(path))),
        ):
            file = folder / (stem + suffix)
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                with atomic_write(file) as beside:
                    beside.write_text(text, encoding="utf-8")
            except OSError as e:
                raise WavegenError(f"can't write {file}: {e.strerror or e}") from e
        progress(done, len(stems))
