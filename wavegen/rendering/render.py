"""Batch rendering: a list of jobs to a folder of clips, resumable at any moment."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

import numpy as np

from wavegen.audio.writing import PLAIN, apply_finish, check_finish, encode
from wavegen.config import Engine, WeightPrecision
from wavegen.drawing import draw
from wavegen.errors import VoiceError, WavegenError
from wavegen.files import forget_killed, make_folder, write_file
from wavegen.generation import choose_device, gpus
from wavegen.library import find_voice, load_voice
from wavegen.rendering.jobs import FailedJob, RenderJob, name_of
from wavegen.rendering.manifest import Manifest
from wavegen.request import Finish, Request
from wavegen.speakers import SpeakerPath
from wavegen.synth import expected_samples, join, plan
from wavegen.text import load_lexicon
from wavegen.timing import timing, write_times
from wavegen.utterance import Audio, Utterance
from wavegen.voice import Voice

RULES = 2
"""Part of every job's hash: raised when the same job comes to sound otherwise."""
TRIAL_SECONDS, TRIAL_UTTERANCES = 3.0, 64
"""The time left is estimated by drawing for at most this many seconds and utterances."""


@dataclass(frozen=True)
class Clip:
    """A rendered job."""

    job: RenderJob
    data: bytes
    """The file's content."""
    seconds: float
    times: Mapping[str, str] = field(default_factory=dict)
    """Contents of the files beside it, by suffix."""


Result = Clip | FailedJob


class Renderer:
    """Jobs to clips, with voices that are loaded once.

    Args:
        finish: of every clip.
        engine: as in `draw`.
        precision: as in `draw`.
        device: as in `choose_device`; cuda is all GPUs, except under torchrun.
        times: suffixes of files beside each clip that tell when its words are spoken.
    """

    def __init__(
        self,
        finish: Finish = PLAIN,
        engine: Engine | None = None,
        precision: WeightPrecision | None = None,
        device: str = "auto",
        times: Sequence[str] = (),
    ) -> None:
        self.finish, self.engine, self.precision, self.device = finish, engine, precision, device
        self.times = tuple(times)
        place = choose_device(device, 2, engine, precision)
        self._devices = [place]
        if place != "cpu" and device in ("auto", "cuda") and "LOCAL_RANK" not in os.environ:
            self._devices = [f"cuda:{n}" for n in range(gpus())]

        @cache
        def load(name: str) -> Voice:
            voice = load_voice(name)
            voice.to(place)
            return voice

        @cache
        def find(
            voice: str | None, speaker: str | None, path: str | None
        ) -> tuple[Voice, SpeakerPath] | str:
            try:
                return find_voice(voice, speaker, path, load=load)
            except VoiceError as e:
                return str(e)

        self._find = find

    def voice(self, request: Request) -> tuple[Voice, SpeakerPath]:
        """The voice that a request asks for, and who speaks; raises `VoiceError`."""
        found = self._find(request.voice, request.speaker, request.speaker_path)
        if isinstance(found, str):
            raise VoiceError(found)
        return found

    def hash(self, job: RenderJob) -> str:
        """Hash everything that a job's clip depends on.

        Raises:
            VoiceError: there is no such voice or speaker.
            TextError: the lexicon can't be read.
        """
        voice, speaker = self.voice(job.request)
        parts = {
            **job.fields(),
            "voice": voice.digest,
            "lexicon": load_lexicon(job.request.lexicon).digest,
            "speaker": speaker.key,
            "finish": vars(self.finish),
            "engine": self.engine,
            "precision": self.precision,
            "rules": RULES,
        }
        if self.times:
            parts["times"] = sorted(self.times)
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]

    def plan(self, job: RenderJob) -> list[Utterance]:
        """The utterances of a job; raises `WavegenError` where it can't be rendered."""
        voice, _ = self.voice(job.request)
        rate = self.finish.rate(voice.sample_rate)
        check_finish(PurePosixPath(job.output_file).suffix, rate, self.finish)
        return [*plan(voice, job.request)]

    def render(self, jobs: Iterable[RenderJob]) -> Iterator[Result]:
        """Clips as they are done. Jobs of one voice share the batch, and are planned as the engine
        has room for them."""
        groups: dict[int, tuple[Voice, list[RenderJob]]] = {}
        for job in jobs:
            try:
                voice, _ = self.voice(job.request)
            except WavegenError as e:
                yield _failed(job, e)
            else:
                groups.setdefault(id(voice), (voice, []))[1].append(job)
        for voice, group in groups.values():
            yield from self._render(voice, group)

    def _render(self, voice: Voice, jobs: Sequence[RenderJob]) -> Iterator[Result]:
        parts: dict[int, tuple[_Open, int]] = {}
        failed: list[FailedJob] = []

        def utterances() -> Iterator[Utterance]:
            number = 0
            for job in jobs:
                try:
                    clip = _Open(job, self.plan(job))
                except WavegenError as e:
                    failed.append(_failed(job, e))
                    continue
                for part, utterance in enumerate(clip.utterances):
                    parts[number] = clip, part
                    number += 1
                    yield utterance

        pieces = draw(voice, utterances(), self.engine, self.precision, devices=self._devices)
        for number, piece in pieces:
            clip, part = parts[number]
            if clip.add(part, piece):
                del parts[number]
                if not clip.missing:
                    yield self._clip(voice, clip)
            while failed:
                yield failed.pop(0)
        yield from failed

    def _clip(self, voice: Voice, clip: _Open) -> Clip:
        rate = self.finish.rate(voice.sample_rate)
        audio = join(clip.utterances, clip.audios)
        audio = apply_finish(audio, voice.sample_rate, self.finish)
        suffix = PurePosixPath(clip.job.output_file).suffix
        text, times = clip.utterances[0].request.text or "", dict[str, str]()
        if self.times:
            told = timing(voice, clip.utterances)
            times = {name: write_times(told, text, name) for name in self.times}
        return Clip(clip.job, encode(audio, suffix, rate, self.finish), len(audio) / rate, times)

    def estimate(self, jobs: Sequence[RenderJob]) -> tuple[float, float, list[FailedJob]]:
        """Seconds of sound, seconds that drawing it takes here, and the jobs that fail."""
        failed: list[FailedJob] = []
        sound = work = 0.0
        groups: dict[int, tuple[Voice, list[Utterance]]] = {}
        for job in jobs:
            try:
                utterances = self.plan(job)
                voice, _ = self.voice(job.request)
            except WavegenError as e:
                failed.append(_failed(job, e))
            else:
                groups.setdefault(id(voice), (voice, []))[1].extend(utterances)
        for voice, utterances in groups.values():
            samples = sum(expected_samples(voice, u) + u.pause for u in utterances)
            sound += samples / voice.sample_rate
            work += samples / self._rate(voice, utterances)
        return sound, work, failed

    def _rate(self, voice: Voice, utterances: Sequence[Utterance]) -> float:
        """Samples drawn in a second, on a few of the utterances."""
        some = utterances[:: max(1, len(utterances) // TRIAL_UTTERANCES)]
        start = drawn = 0.0

        def ready() -> None:
            nonlocal start
            start = time.perf_counter()

        options = self.engine, self.precision, ready, self._devices
        for _, piece in draw(voice, some[:TRIAL_UTTERANCES], *options):
            drawn += len(piece)
            if time.perf_counter() - start > TRIAL_SECONDS:
                break
        return drawn / (time.perf_counter() - start)


def _failed(job: RenderJob, error: WavegenError) -> FailedJob:
    return FailedJob(job.line, str(error), job.fields())


class _Open:
    """A clip that is being drawn."""

    def __init__(self, job: RenderJob, utterances: Sequence[Utterance]) -> None:
        self.job, self.utterances = job, utterances
        self.audios = [np.empty(u.samples, np.float32) for u in utterances]
        self.filled = [0] * len(utterances)
        self.missing = len(utterances)

    def add(self, part: int, piece: Audio) -> bool:
        """Append samples to a part; returns whether it is complete."""
        begin = self.filled[part]
        self.filled[part] = end = begin + len(piece)
        if not len(piece):  # it has ended by itself
            self.audios[part] = self.audios[part][:end]
        self.audios[part][begin:end] = piece
        complete = end == len(self.audios[part])
        self.missing -= complete
        return complete


@dataclass
class Summary:
    """The outcome of rendering a list of jobs."""

    made: int = 0
    kept: int = 0
    """Clips that existed already."""
    seconds: float = 0.0
    """Seconds of sound rendered."""
    failed: list[FailedJob] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    """Names of all files in the list."""


def sort_out(
    jobs: Iterable[RenderJob | FailedJob], renderer: Renderer, manifest: Manifest
) -> tuple[dict[str, str], list[RenderJob], Summary]:
    """Hashes of the jobs left to do, these jobs, and the others."""
    hashes: dict[str, str] = {}
    todo: list[RenderJob] = []
    summary = Summary()
    for job in jobs:
        summary.names.add(name_of(job))
        if isinstance(job, FailedJob):
            summary.failed.append(job)
            continue
        try:
            digest = renderer.hash(job)
        except WavegenError as e:
            summary.failed.append(_failed(job, e))
            continue
        if manifest.holds(job, digest):
            summary.kept += 1
        else:
            hashes[job.output_file] = digest
            todo.append(job)
    return hashes, todo, summary


def render(
    jobs: Iterable[RenderJob | FailedJob],
    folder: Path,
    renderer: Renderer,
    shard: tuple[int, int] | None = None,
    run: Callable[[Iterable[RenderJob]], Iterator[Result]] | None = None,
    begin: Callable[[list[RenderJob], Summary], None] = lambda todo, summary: None,
    progress: Callable[[Result], None] = lambda result: None,
) -> Summary:
    """Render what is missing in a folder, or was made by another job.

    A clip is complete or absent, and then gets its row in ``manifest.jsonl``. Jobs that
    failed are listed in ``failed.jsonl``, which can be rendered again; those that another list left
    there stay.

    Args:
        jobs: from `read_jobs`.
        folder: made where it is missing.
        renderer: of the jobs.
        shard: (rank, world): render every world-th job only.
        run: what renders them (default: the renderer, in this process).
        begin: called with the jobs to do, and with what is known of the others.
        progress: called with every result.

    Raises:
        WavegenError: the folder can't be written to.
    """
    make_folder(folder)
    forget_killed(folder)
    manifest = Manifest(folder, shard)
    if shard is not None:
        jobs = (job for job in jobs if job.line % shard[1] == shard[0])
    hashes, todo, summary = sort_out(jobs, renderer, manifest)
    begin(todo, summary)
    inside = cache(lambda path: path.resolve().is_relative_to(folder.resolve()))
    for result in (run or renderer.render)(todo):
        if isinstance(result, Clip):
            file = folder / result.job.output_file
            try:
                if not inside(file.parent):
                    raise WavegenError(f"output_file '{file.name}' would lie outside of the folder")
                file.parent.mkdir(parents=True, exist_ok=True)
                for suffix, content in result.times.items():
                    write_file(file.with_suffix(suffix), content.encode())
                write_file(file, result.data)
                digest = hashes[result.job.output_file]
                manifest.add(result.job, digest, len(result.data), result.seconds)
            except (OSError, WavegenError) as e:
                result = _failed(result.job, WavegenError(str(e)))
            else:
                summary.made += 1
                summary.seconds += result.seconds
        if isinstance(result, FailedJob):
            summary.failed.append(result)
        progress(result)
    manifest.list_failed(summary.failed, summary.names)
    return summary
