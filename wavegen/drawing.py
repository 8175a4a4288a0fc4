"""Planned utterances to sound, by an engine: a number of them, or those that come at any time."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.coarse import UNSETTLED, decimate, places
from wavegen.audio.filters import filters, input_count, usual_order
from wavegen.audio.synthesis_filter import Synthesis
from wavegen.config import Engine, WeightPrecision
from wavegen.errors import WavegenError
from wavegen.generation import choose_engine, default_engine, default_engines
from wavegen.generation.job import Job
from wavegen.generation.spec import EngineSpec
from wavegen.generation.uniforms import key
from wavegen.generation.waiting import Arrivals
from wavegen.latents import Codes, LatentVoice
from wavegen.model.inputs import phase_codes
from wavegen.model.numpy import conditioning
from wavegen.request import Request
from wavegen.scales import CoarseRows, ScaledVoice
from wavegen.utterance import Audio, Utterance
from wavegen.voice import Voice

log = logging.getLogger(__name__)

SLICE_SECONDS = 0.05
"""Sound per call of an engine, so that progress and Ctrl-C stay live."""
VOICED, UNVOICED = 0.6, 0.9
"""Temperatures of voices with mel features, multiplied by the request's. Compared to 1, copies of
recordings gain 0.2 to 0.4 in DNSMOS (overall) and 0.15 to 0.25 in PESQ; below 0.5 nothing more."""


def draw(
    voice: Voice,
    utterances: Iterable[Utterance],
    engine: Engine | None = None,
    precision: WeightPrecision | None = None,
    ready: Callable[[], None] = lambda: None,
    devices: Sequence[str] = (),
) -> Iterator[tuple[int, Audio]]:
    """Draw the samples of any number of utterances, and yield them as they come.

    Args:
        voice: the voice.
        utterances: read as the engine has room for them, by any of its threads.
        engine: default: the fastest for the voice's device that works there; one that doesn't is
            told of in a warning.
        precision: of the weights, in an engine that takes one (default: its own).
        ready: called once the engine can begin.
        devices: that share the utterances, if the engine can (default: the voice's).

    Yields:
        (index of an utterance, mono float32 in [-1, 1] that follows its last piece), in pieces of
        at most `SLICE_SECONDS`; an empty one where the utterance has ended by itself.

    Raises:
        WavegenError: the engine can't run this voice so.
    """
    spec = _working_engine(voice, engine, precision, devices)
    open_: dict[int, _Progress] = {}

    def jobs() -> Iterator[Job]:
        # Encoded one by one, so that an utterance does not depend on its company.
        for i, u in enumerate(utterances):
            job, open_[i] = _begin(voice, u, engine=engine, precision=precision)
            yield job

    options = voice.config.hop_length, _block(voice), precision, devices
    pieces = spec.draw(voice.network, jobs(), *options)
    ready()
    for i, codes in pieces:
        audio, complete = open_[i].add(voice, codes)
        if complete:
            del open_[i]
        yield i, audio


def _working_engine(
    voice: Voice,
    engine: Engine | None,
    precision: WeightPrecision | None,
    devices: Sequence[str],
) -> EngineSpec:
    """The engine that is asked for; or the fastest that works, which is found by trying it.

    Raises:
        WavegenError: there is none.
    """
    kind = voice.config.model.kind
    spec = choose_engine(engine, precision, voice.device, kind)
    slower = [] if engine or precision else default_engines(voice.device, kind)[1:]
    while True:
        try:
            _try_out(spec, voice, precision, devices)
            return spec
        except WavegenError as e:
            if not slower:
                raise
            log.warning("%s; engine %s draws instead", e, slower[0])
            spec = choose_engine(slower.pop(0), None, voice.device, kind)


def _try_out(
    spec: EngineSpec, voice: Voice, precision: WeightPrecision | None, devices: Sequence[str]
) -> None:
    order = voice.config.conditioning.prediction_order or usual_order(voice.sample_rate)
    spec.try_out(voice.network, voice.config.hop_length, order, precision, devices)


def _block(voice: Voice) -> int:
    """Samples per call of an engine."""
    return max(1, round(voice.sample_rate * SLICE_SECONDS))


def draw_codes(
    voice: LatentVoice, request: Request, samples: int, begin: Codes | None = None
) -> Codes:
    """Codes of new sound, by the voice's network of codes.

    Args:
        voice: that has one.
        request: of which the seed, the temperature and the speakers count.
        samples: of the sound, its beginning included.
        begin: codes of a recording, which it begins with.
    """
    config, speaker = voice.config.prior, voice.who(request.speaker, request.speaker_path)
    assert config is not None
    each, hop = voice.config.conditioning.code_frames, config.hop_length
    step = voice.config.hop_length * each
    frames, prompt = -(-samples // step), np.zeros(0, np.int64)
    if begin is not None:  # of which a last code that it fills but in part is drawn anew
        prompt = voice.symbols(begin)[: begin.samples // step].flatten()
    network, local = voice.prior_network, places(frames, hop)
    weights = network.weights.part("conditioning")
    rows = conditioning.encode(weights, config.conditioning, voice.weights(speaker, frames), local)
    job = Job(
        rows,
        frames * hop - len(prompt),
        key(request.seed or 0, "codes", speaker.label),
        request.temperature * voice.config.conditioning.code_temperature,
        prompt if len(prompt) else None,
        phase=phase_codes(local.phase, local.phase_step, hop),
    )
    spec = choose_engine(None, None, "cpu")
    drawn = [codes for _, codes in spec.draw(network, [job], hop, job.length)]
    symbols = np.concatenate([prompt, *drawn]).reshape(frames, hop)
    return voice.of_symbols(symbols, samples, "codes")


@dataclass
class _Progress:
    """An utterance that is being drawn."""

    synthesis: Synthesis
    left: int
    """Samples to come, at most."""
    gains: Audio | None
    """Of these samples, where the text sets the volume."""

    def add(self, voice: Voice, codes: NDArray[np.int64]) -> tuple[Audio, bool]:
        """The sound of its next codes, and whether it is complete."""
        self.left -= len(codes)
        audio = self.synthesis(voice.network.coding.decode(codes))
        if self.gains is not None:
            gains, self.gains = np.split(self.gains, [len(audio)])
            audio = np.clip(audio * gains, -1, 1)
        return audio, not (len(codes) and self.left)


def _gains(volume: Audio, hop: int) -> Audio:
    """(T,) factors of samples from (F,) dB of frames, gliding from frame to frame."""
    frames = np.arange(len(volume) * hop) / hop - 0.5
    decibels = np.interp(frames, np.arange(len(volume)), volume)
    return (10 ** (decibels / 20)).astype(np.float32)


def _begin(
    voice: Voice,
    u: Utterance,
    wanted: Callable[[], bool] = lambda: True,
    engine: Engine | None = None,
    precision: WeightPrecision | None = None,
) -> tuple[Job, _Progress]:
    made = filters(voice.config, u.local)
    if isinstance(voice, ScaledVoice):
        rows: Any = _coarse_rows(voice, u, engine, precision)
        phases: Any = voice.places(u.begin + u.samples)
    else:
        rows, phases = voice.rows(u.weights, u.local), voice.phases(u.local)
    job = Job(
        rows,
        u.samples,
        key(u.request.seed or 0, u.text, u.speaker.label),
        _temperature(voice, u),
        _prompt_codes(voice, u),
        u.ends,
        phases,
        made if input_count(voice.config) else None,
        wanted,
        voice.endings,
    )
    gains = None if u.volume is None else _gains(u.volume, voice.config.hop_length)
    return job, _Progress(Synthesis(made, u.prompt), u.samples, gains)


def _coarse_rows(
    voice: ScaledVoice, u: Utterance, engine: Engine | None, precision: WeightPrecision | None
) -> CoarseRows:
    """The conditioning of an utterance, drawn by the coarser voice as it is needed. A recording
    that is continued is known at its rate, too, but for its end: that depends on what follows."""
    coarser, known = voice.coarser, np.zeros(0, np.float32)
    frames = -(-(u.begin + u.samples) // voice.ratio)
    if u.prompt is not None:
        known = decimate(u.prompt, voice.ratio)[:-UNSETTLED]
    wanted = replace(
        u,
        text=f"{u.text} at {coarser.sample_rate} Hz",
        samples=frames - len(known),
        prompt=known if len(known) else None,
    )
    # One utterance alone is drawn on the CPU, where the coarser voice stays.
    how = (engine, precision) if voice.device == coarser.device else (None, None)
    drawn = (piece for _, piece in draw(coarser, [wanted], *how))
    return CoarseRows(voice, itertools.chain([known], drawn), frames, u.weights)


def _temperature(voice: Voice, utterance: Utterance) -> float | NDArray[np.float64]:
    """The temperature of each frame, or of all."""
    asked = utterance.request.temperature
    if utterance.local is None or not voice.config.conditioning.spectral:
        return asked
    return asked * np.where(utterance.local.f0 > 0, VOICED, UNVOICED)


def _prompt_codes(voice: Voice, utterance: Utterance) -> NDArray[np.int64] | None:
    """The codes of the recording that an utterance continues."""
    if utterance.prompt is None:
        return None
    import torch

    codes, _ = voice.samples(torch.from_numpy(utterance.prompt), utterance.local)
    found: NDArray[np.int64] = codes.cpu().numpy()
    return found


PAUSE = 0.1
"""Seconds before an engine that has failed is started anew; it may fail again at once."""
Deliver = Callable[[Audio | Exception | None], None]
"""Takes the sound of an utterance piece by piece, then None, or the error that has ended it."""


class Live:
    """Draws utterances that come at any time: each joins those that are being drawn, and sounds as
    it does alone. It has a thread of its own beside those of the engine.

    Args:
        voice: the voice.
        engine: as in `draw`.
        precision: as in `draw`.
        devices: as in `draw`.

    Raises:
        WavegenError: the engine can't run this voice so, fails, or takes no utterances while it
            draws.
    """

    def __init__(
        self,
        voice: Voice,
        engine: Engine | None = None,
        precision: WeightPrecision | None = None,
        devices: Sequence[str] = (),
    ) -> None:
        self.voice, self._devices = voice, devices
        self._engine, self._precision = engine, precision
        self._spec = choose_engine(engine, precision, voice.device, voice.config.model.kind)
        if not self._spec.streams:
            name = engine or default_engine(voice.device, voice.config.model.kind)
            raise WavegenError(f"engine {name} takes no requests while it draws")
        _try_out(self._spec, voice, precision, devices)
        self._open: dict[int, tuple[_Progress, Deliver]] = {}
        self._numbers = itertools.count()
        self._arrivals = Arrivals()
        self._closing = False
        pieces = self._draw()  # compiles, so that the first utterance needn't wait for it
        self._thread = threading.Thread(target=self._run, args=(pieces,), daemon=True)
        self._thread.start()

    def add(self, u: Utterance, deliver: Deliver, rank: float = 0.0) -> Callable[[], None]:
        """Draw an utterance as soon as there is room for it.

        Args:
            u: from `plan`.
            deliver: called with its sound, in the thread of this object; must not block.
            rank: those of lower rank are drawn first.

        Returns:
            Call it to stop drawing; what is delivered afterwards is to be ignored.
        """
        stopped = threading.Event()
        how = self._engine, self._precision
        job, progress = _begin(self.voice, u, lambda: not stopped.is_set(), *how)
        number = next(self._numbers)
        self._open[number] = progress, deliver

        def stop() -> None:
            stopped.set()
            self._open.pop(number, None)

        self._arrivals.put(number, job, rank)
        return stop

    def close(self) -> None:
        """Draw what has been added, and end."""
        self._closing = True
        self._arrivals.close()
        self._thread.join()

    def _draw(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        options = self.voice.config.hop_length, _block(self.voice), self._precision, self._devices
        return self._spec.draw(self.voice.network, self._arrivals, *options)

    def _run(self, pieces: Iterator[tuple[int, NDArray[np.int64]]] | None) -> None:
        while True:
            try:
                for number, codes in pieces or self._draw():
                    self._deliver(number, codes)
                return
            except Exception as e:
                log.exception("drawing failed; it starts anew")
                # In this order: what `add` still puts into the old ones is among those that fail.
                self._arrivals = Arrivals()
                failed, self._open = self._open, {}
                for _, deliver in failed.values():
                    deliver(e)
                if self._closing:
                    return
                pieces = None
                time.sleep(PAUSE)

    def _deliver(self, number: int, codes: NDArray[np.int64]) -> None:
        if (found := self._open.get(number)) is None:
            return  # nobody wants it any more
        progress, deliver = found
        audio, complete = progress.add(self.voice, codes)
        deliver(audio)
        if complete:
            self._open.pop(number, None)
            deliver(None)
