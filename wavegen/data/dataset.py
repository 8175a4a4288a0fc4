"""A folder of audio as training sees it: what was found, what was left out, and the split."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wavegen.config import Config
from wavegen.data.clip import Clip
from wavegen.data.index import Entry
from wavegen.data.layouts import find_clips
from wavegen.data.pieces import cut_long, source
from wavegen.data.prepare import Prepared, prepare
from wavegen.data.split import Split, split_clips
from wavegen.data.texts import Units, read_units
from wavegen.data.tracks import Tracks, no_tracks, pitch_tracks
from wavegen.errors import DataError
from wavegen.model.inputs import FEATURES
from wavegen.text import load_lexicon

SAID = ("auto", "mel", "phones_f0")
"""Features of which texts are a part, or may be."""
BAD_SHARE = 0.10
"""Above this fraction of unusable files training stops: something is wrong with the folder."""


@dataclass(frozen=True)
class Dataset:
    root: Path
    layout: str
    clips: dict[str, Clip]
    """Usable clips by path."""
    units: Units
    """The transcript of each clip that has one."""
    left_out: list[tuple[str, str]]
    """(path, reason) of every other audio file."""
    prepared: Prepared
    split: Split
    speakers: tuple[str, ...]
    """Names, in the order of ``data.speaker``, then sorted; empty in data without speakers."""
    features: str = "none"
    """Name of the local features, as in the configuration but never ``auto``."""
    tracks: Tracks = field(default_factory=no_tracks)
    """F0 of each clip, if the features include it."""
    others: dict[str, int] = field(default_factory=dict)
    """Number of files that are neither audio nor read for it, by kind."""
    notes: list[str] = field(default_factory=list)
    """What was found but not used, such as a second table of metadata."""

    def entry(self, path: str) -> Entry:
        return self.prepared.entries[path]

    def audio(self, path: str) -> NDArray[np.float32]:
        """(T,) samples of a clip, mono in [-1, 1]."""
        return self.prepared.audio(path, 0, self.entry(path).samples)

    def origin(self, path: str, rate: int) -> tuple[str, float]:
        """The file of a clip, and the second of it at which the clip begins."""
        file = source(path)
        return file, (self.entry(path).offset - self.entry(file).offset) / rate

    def speaker_id(self, path: str) -> int:
        """Id of a clip's speaker (0 in data without speakers)."""
        return self.speakers.index(self.clips[path].speaker) if self.speakers else 0

    def seconds(self, rate: int) -> dict[str, float]:
        """Seconds of audio by speaker (under "" in data without speakers)."""
        out: dict[str, float] = defaultdict(float)
        for c in self.clips.values():
            out[c.speaker] += self.entry(c.path).samples / rate
        return dict(sorted(out.items()))

    def sources(self) -> Counter[str]:
        """Number of files by format, rate and channel count."""
        entries = [self.entry(p) for p in self.clips]
        return Counter(f"{e.format} {e.source_rate} Hz, {e.channels} ch" for e in entries)

    def never_held_out(self) -> list[str]:
        """Speakers with clips to train on only."""
        held = {self.clips[p].speaker for n in ("validation", "test") for p in self.split[n]}
        return [s for s in self.speakers if s not in held]

    def levels(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """RMS and peak of each clip in dBFS; digital silence is −120 dB."""
        entries = [self.entry(p) for p in self.clips]
        linear = np.array([[e.rms for e in entries], [e.peak for e in entries]])
        rms, peak = 20 * np.log10(np.maximum(linear, 1e-6))
        return rms, peak

    def leaving_out(self, paths: Collection[str]) -> Dataset:
        """Move training clips to a part of the split, ``misfit``, that nothing uses."""
        if not paths:
            return self
        kept = [p for p in self.split["train"] if p not in set(paths)]
        return replace(self, split=self.split | {"train": kept, "misfit": sorted(paths)})

    def content_hash(self) -> str:
        """SHA-256 over the contents of all usable files."""
        digests = sorted(self.entry(p).sha256 for p in self.clips)
        return hashlib.sha256("".join(digests).encode()).hexdigest()


def open_dataset(
    root: Path,
    config: Config,
    cache: Path | None = None,
    allow_bad: bool = False,
    f0: bool = True,
    transcripts: bool = False,
    progress: Callable[[str, int, int], None] = lambda phase, done, total: None,
) -> Dataset:
    """Find, decode (or take from the cache), check and split the clips of a folder; estimate F0.

    Args:
        root: the folder.
        config: `Config.data` and `Config.audio` are read.
        cache: folder of prepared data (default: the user's).
        allow_bad: continue even if more than a tenth of the files are unusable.
        f0: also estimate the F0 of each clip, if the features include it.
        transcripts: read the texts even if the configuration needs none.
        progress: called with the phase, "reading audio" or "finding F0", and the files done of all
            in it.

    Raises:
        DataError: there is no audio, no usable audio, or too many unusable files.
    """
    found = find_clips(root, config.data)
    clips = found.clips
    placed = [c for c in clips if not c.problem and not c.spare]
    rate = config.audio.sample_rate
    how = config.data.trim_db, config.data.padding, cache, partial(progress, "reading audio")
    prepared = prepare(root, placed, rate, *how)
    if config.data.longest:
        longest = max(2, round(config.data.longest * rate))
        placed, prepared = cut_long(placed, prepared, longest)
        clips = [*placed, *(c for c in clips if c.problem or c.spare)]
    problems = {c.path: c.problem or c.spare for c in clips}
    told = config.conditioning
    transcripts = transcripts or told.features in SAID or told.code_phonemes > 0
    texts: dict[str, str] = {}
    for c in placed:
        entry = prepared.entries[c.path]
        if entry.problem:
            problems[c.path] = entry.problem
        elif entry.samples < 2:
            problems[c.path] = "is shorter than two samples"
        elif c.text and transcripts:
            texts[c.path] = c.text
    lexicon = load_lexicon(config.data.lexicon)
    units, empty = read_units(texts, config.data.language, prepared.folder, lexicon)
    if told.features != "latent":  # whose code needs no text
        problems |= {path: f"its text '{texts[path]}' has no words" for path in empty}
    if any(c.speaker for c in placed):
        for c in placed:
            if not c.speaker:
                problems[c.path] = problems[c.path] or "has no speaker, though others have"
    left_out = [(path, why) for path, why in problems.items() if why]
    usable = {c.path: c for c in clips if not problems[c.path]}
    if not usable:
        path, why = left_out[0]
        raise DataError(f"no usable audio in {root} ({len(left_out)} left out; {path}: {why})")
    spare = {c.path for c in clips if c.spare}
    bad = [(path, why) for path, why in left_out if path not in spare]
    if len(bad) > BAD_SHARE * (len(clips) - len(spare)) and not allow_bad:
        path, why = bad[0]
        raise DataError(
            f"{len(bad)} of {len(clips)} files in {root} are unusable, for one {path}: {why} "
            "(--allow-bad trains on the rest)"
        )
    d = config.data
    split = split_clips(list(usable.values()), d.validation, d.test, config.train.seed, d.fold)
    heard = {c.speaker for c in usable.values()} - {""}
    listed = [s.called for s in d.speaker if s.called in heard]
    speakers = (*listed, *sorted(heard - set(listed)))
    if d.level:
        gains = _gains(list(usable.values()), prepared.entries, d.level)
        prepared = Prepared(prepared.folder, prepared.entries, prepared.samples, gains)
    features = config.conditioning.features
    if features == "auto":
        features = "mel" if len(units) == len(usable) else "none"
    tracks = no_tracks()
    if f0 and config.conditioning.f0 and "octaves" in FEATURES.get(features, ()):
        finding = partial(progress, "finding F0")
        tracks = pitch_tracks(prepared, list(usable), rate, config.hop_length, finding)
    return Dataset(
        root,
        found.layout,
        usable,
        units,
        left_out,
        prepared,
        split,
        speakers,
        features,
        tracks,
        found.others,
        found.notes,
    )


def _gains(clips: Sequence[Clip], entries: Mapping[str, Entry], level: float) -> dict[str, float]:
    """The factor of each clip that brings all clips of its speaker together to a level in dBFS, as
    far as no peak is clipped."""
    by_speaker: dict[str, list[Entry]] = defaultdict(list)
    for c in clips:
        by_speaker[c.speaker].append(entries[c.path])
    out: dict[str, float] = {}
    for own in by_speaker.values():
        power = sum(e.rms**2 * e.samples for e in own) / sum(e.samples for e in own)
        gain = min(
            10 ** (level / 20) / max(power**0.5, 1e-6), 1 / max(1e-6, *(e.peak for e in own))
        )
        out |= {e.path: gain for e in own}
    return out
