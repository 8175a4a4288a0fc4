"""An aligner for a data set: fitted to its clips, and the clips whose texts do not fit."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from wavegen.data.dataset import Dataset
from wavegen.speech.aligner import ROUNDS, Aligner
from wavegen.speech.alignment import Alignment
from wavegen.speech.frontend import silent_symbols, symbol_ids, symbol_table
from wavegen.speech.misfit import misfits

Item = TypeVar("Item")
MOST_CLIPS = 2000
"""Most clips that speech models are fitted to; more only take longer."""


@dataclass(frozen=True)
class DatasetAligner:
    """An aligner, and the data set that it is fitted to."""

    aligner: Aligner
    dataset: Dataset
    symbols: tuple[str, ...]
    """Names of the aligner's symbols."""
    sample_rate: int
    """Hz, of the prepared audio."""

    def fit(
        self,
        paths: Sequence[str],
        progress: Callable[[int, int], None] = lambda done, total: None,
        first: int = 0,
        prior: Aligner | None = None,
    ) -> None:
        """Fit the aligner to clips with a text, at most `MOST_CLIPS` of them.

        ``progress``, ``first`` and ``prior`` are as those of `Aligner.fit`.
        """
        if first > ROUNDS:
            return
        paths = thinned(paths)
        self.aligner.fit(
            [self.features(p) for p in paths],
            [self.words(p) for p in paths],
            [self.dataset.speaker_id(p) for p in paths],
            progress,
            first,
            prior,
        )

    def misfits(
        self,
        paths: Sequence[str],
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[tuple[str, str]]:
        """(path, reason) of the given clips whose text does not match the recording.

        The aligner must have been fitted; for the method see `wavegen.speech.misfit`.
        ``progress`` is called with (clips scored, clips).
        """
        scores, wrong = misfits(
            self.aligner,
            lambda i: self.features(paths[i]),
            [self.words(p) for p in paths],
            [self.dataset.speaker_id(p) for p in paths],
            progress,
        )
        usual = statistics.median(scores) if scores else 0.0
        found = []
        for i in wrong:
            why = f"its text does not fit the sound (score {scores[i]:.1f}, usual {usual:.1f})"
            if scores[i] == -math.inf:
                why = "it is too short for its text"
            found.append((paths[i], why))
        return found

    def align(self, path: str) -> Alignment:
        """Align a clip with its text, in the aligner's frames."""
        speaker = self.dataset.speaker_id(path)
        return self.aligner.align(self.features(path), self.words(path), speaker)

    def features(self, path: str) -> Tensor:
        """(F, D) features of a clip for the aligner."""
        audio = torch.from_numpy(self.dataset.audio(path))
        return self.aligner.features(audio, self.sample_rate)

    def words(self, path: str) -> list[list[int]]:
        """The symbols of each word of a clip's text."""
        return symbol_ids(self.dataset.units[path], self.symbols)


def new_aligner(dataset: Dataset, sample_rate: int) -> DatasetAligner:
    """An aligner, not yet fitted, for the phonemes and speakers of a data set."""
    symbols = symbol_table(dataset.units.values())
    aligner = Aligner(len(symbols), len(dataset.speakers), silent_symbols(symbols))
    return DatasetAligner(aligner, dataset, symbols, sample_rate)


def thinned(items: Sequence[Item], clips: int = 0) -> Sequence[Item]:
    """Some of the items, evenly spread, so that about `MOST_CLIPS` are left of so many clips that
    they hold (0: each is one)."""
    return items[:: max(1, -(-(clips or len(items)) // MOST_CLIPS))]
