"""Training windows: joined utterances cut into pieces that keep their true past, in a reproducible
order."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from wavegen.audio import mulaw
from wavegen.audio.adaptive import AdaptivePredictor
from wavegen.audio.coarse import with_noise
from wavegen.audio.filters import input_count, of_excitation
from wavegen.audio.linear_prediction import Predictor, predictor
from wavegen.audio.local_features import LocalFeatures
from wavegen.config import PAUSE_SECONDS, Config
from wavegen.data.excerpts import Excerpt, excerpt
from wavegen.outputs import OUTPUTS
from wavegen.outputs.distribution import Distribution
from wavegen.transfer import sent

BLANK_SECONDS = (0.03, 0.3)
"""Range of lengths of the segments that ``train.blank`` corrupts."""
BLANK_GAINS = ((-45, -6), (3, 15))
"""Ranges of their gain in dB: attenuated, or amplified."""
CACHED_FEATURES = 50_000_000
"""Numbers of local features kept in memory, and as many with predicted spectrograms."""
POOL = 32
"""Batches whose windows are sorted by length together, which keeps padding short."""


@dataclass(frozen=True)
class TrainingClip:
    """A prepared clip."""

    samples: int
    speaker: int
    audio: Callable[[int, int], Tensor]
    """Samples begin…end, float32."""
    local: Callable[[bool], LocalFeatures | None] = lambda predicted: None
    """Its local features, if it has any, of ``ceil(samples / hop)`` frames; True asks for those
    with a predicted spectrogram."""

    def frames(self, hop: int) -> int:
        return -(-self.samples // hop)


@dataclass(frozen=True)
class Blank:
    """A segment of an utterance that is attenuated or amplified, and left out of the loss."""

    begin: int
    """First frame."""
    end: int
    gain: float
    """Gain of the recording, in dB."""
    noise: float
    """Level of the added white noise, in dB relative to full scale."""


@dataclass(frozen=True)
class Window:
    """Frames ``begin…end`` of an utterance; the loss counts from ``begin``."""

    utterance: tuple[tuple[int, int], ...]
    """(clip index, first frame) of each clip."""
    begin: int
    end: int
    blank: Blank | None = None
    predicted: bool = False
    """Whether its mel spectrogram is predicted by the acoustic model, if there is one."""
    seed: int = 0
    """Of the noise in its past."""


@dataclass(frozen=True)
class Batch:
    codes: Tensor
    """(B, T) int64 samples to be predicted, as the output's codes; T is a multiple of
    `Config.stride`."""
    past: Tensor
    """(B, T) the codes that later samples are predicted from: the same, or with noise."""
    before: Tensor
    """(B,) the code before the first; the start symbol at an utterance's beginning."""
    speaker: Tensor
    """(B,) ids."""
    local: LocalFeatures | None
    """Local features of F frames; F divides T."""
    counted: Tensor
    """(B, T) bool: whether the loss counts it; the past and the padding are not counted."""
    speech: Tensor
    """(B, T) bool: counted, and inside a clip rather than a pause between clips."""
    history: Tensor | None
    """(B, H) uint8 µ-law codes from further back to the window's end, for context stacks."""
    lead: Tensor | None
    """(B,) samples of the history before the window."""
    given: Tensor | None
    """(B, T, G) inputs of linear prediction, in a network that takes them."""

    def each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """Apply a function to every tensor, such as a move to a device or a selection of rows."""
        fields: dict[str, Any] = {
            name: value.each(change) if isinstance(value, LocalFeatures) else change(value)
            for name, value in vars(self).items()
            if value is not None
        }
        return dataclasses.replace(self, **fields)


class Windows:
    """The training set of one run.

    An epoch shuffles each speaker's clips, joins runs of 1…``data.join`` of them with short
    pauses, cuts what is longer than a window, and batches windows of similar length. Every sample
    counts exactly once an epoch, and an epoch is a function of seed and number alone.

    Args:
        clips: the training clips.
        config: of the run.
        pause: local features of one frame of silence; None without local features.
    """

    def __init__(
        self,
        clips: Sequence[TrainingClip],
        config: Config,
        pause: LocalFeatures | None,
    ) -> None:
        self.clips = clips
        self.config = config
        self.pause = None if pause is None else pause.each(torch.as_tensor)
        self.hop = config.hop_length
        self.output: Distribution = OUTPUTS[config.model.output].distribution(config.model)
        self.given = input_count(config)
        self.filtered = of_excitation(config)
        self.coarse_noise = config.model.scales[-1].noise if config.model.scales else 0.0
        self.step = config.stride // self.hop
        self.past = -(-config.model.past // self.hop)
        fields = [c.receptive_field for c in config.model.context]
        self.span = -(-max(fields, default=0) // config.stride) * self.step
        window = round(config.train.window_seconds * config.conditioning.frame_rate)
        self.window = max(1, window)
        self.grid = -(-(self.window + self.past) // (8 * self.step)) * self.step
        """Frames to whose multiples batches are padded where few shapes are wanted."""
        # Computing features costs more than storing them, but a corpus may exceed memory.
        pause = self.pause
        numbers = 0 if pause is None else sum(t.numel() for t in pause.tracks.values())
        size = sum(map(self._length, clips)) * numbers
        fraction = min(1.0, CACHED_FEATURES / max(size, 1))
        self.known = functools.lru_cache(round(2 * fraction * len(clips)))(self._known)

    def _length(self, clip: TrainingClip) -> int:
        """Frames of a clip, with its end symbol."""
        return -(-(clip.samples + (self.output.end is not None)) // self.hop)

    def _known(
        self, index: int, predicted: bool
    ) -> tuple[LocalFeatures | None, Predictor | AdaptivePredictor]:
        """A clip's local features, if it has any, and its linear predictor."""
        local = self.clips[index].local(predicted)
        return local, predictor(self.config, local)

    def epoch(self, number: int) -> list[list[Window]]:
        """The batches of an epoch, in order."""
        rng = random.Random(f"{self.config.train.seed}/{number}")
        windows = [w for u in self._utterances(rng) for w in self._cut(u)]
        windows = [dataclasses.replace(w, blank=self._blank(w, rng)) for w in windows]
        fraction = self.config.train.predicted
        windows = [dataclasses.replace(w, predicted=rng.random() < fraction) for w in windows]
        rng.shuffle(windows)
        size = self.config.train.batch_size
        batches = []
        for i in range(0, len(windows), size * POOL):
            pool = sorted(windows[i : i + size * POOL], key=lambda w: w.end - w.begin)
            batches += [pool[j : j + size] for j in range(0, len(pool), size)]
        rng.shuffle(batches)
        return [[dataclasses.replace(w, seed=rng.getrandbits(32)) for w in b] for b in batches]

    def _utterances(self, rng: random.Random) -> list[tuple[tuple[int, int], ...]]:
        by_speaker: dict[int, list[int]] = defaultdict(list)
        for i, c in enumerate(self.clips):
            by_speaker[c.speaker].append(i)
        rate = self.config.conditioning.frame_rate
        shortest, longest = (max(1, round(s * rate)) for s in PAUSE_SECONDS)
        out = []
        for indices in by_speaker.values():
            rng.shuffle(indices)
            while indices:
                frame = 0
                parts = []
                for _ in range(min(rng.randint(1, self.config.data.join), len(indices))):
                    i = indices.pop()
                    parts.append((i, frame))
                    frame += self._length(self.clips[i]) + rng.randint(shortest, longest)
                out.append(tuple(parts))
        return out

    def _cut(self, utterance: tuple[tuple[int, int], ...]) -> list[Window]:
        last, start = utterance[-1]
        frames = start + self._length(self.clips[last])
        # Pieces of equal length: a short remainder would need a full receptive field of past.
        pieces = -(-frames // self.window)
        cuts = [round(frames * k / pieces) for k in range(pieces + 1)]
        return [Window(utterance, a, b) for a, b in itertools.pairwise(cuts)]

    def _blank(self, w: Window, rng: random.Random) -> Blank | None:
        fraction = 0.0 if self.filtered or self.output.end is not None else self.config.train.blank
        if rng.random() >= fraction:
            return None
        length = max(1, round(rng.uniform(*BLANK_SECONDS) * self.config.conditioning.frame_rate))
        if length >= w.end - w.begin:
            return None
        begin = rng.randrange(w.begin, w.end - length)
        gain = rng.uniform(*rng.choice(BLANK_GAINS))
        return Blank(begin, begin + length, gain, rng.uniform(-70, -45))

    def frames(self, window: Window) -> int:
        """Frames of a window with its past, a multiple of the stride."""
        frames = window.end - self.low(window)
        return frames + -frames % self.step

    def low(self, window: Window) -> int:
        """First frame of a window with its past."""
        return max(0, window.begin - self.past) // self.step * self.step

    def counted(self, window: Window) -> int:
        """Samples of a window that the loss counts."""
        if self.filtered:
            return sum(b - a for _, _, a, b in self._parts(window, window.begin * self.hop))
        blank = 0 if window.blank is None else window.blank.end - window.blank.begin
        samples = (window.end - window.begin - blank) * self.hop
        if self.output.end is not None and (end := self.end_sample(window)) is not None:
            samples -= window.end * self.hop - (end + 1)
        return samples

    def batch(self, windows: Sequence[Window], frames: int = 0) -> Batch:
        """Read the samples and features of windows.

        Shorter ones are padded at the end, to the longest or to ``frames`` if that is more.
        """
        frames = max(frames, *map(self.frames, windows))
        size, hop, out = len(windows), self.hop, self.output
        time = frames * hop
        counted, speech = torch.zeros(2, size, time, dtype=torch.bool)
        local = history = lead = given = None
        if self.pause is not None:
            pause = self.pause
            local = LocalFeatures.stack([self._features(w, frames, pause) for w in windows])
        leads = [min(self.low(w), self.span) * hop for w in windows]
        more = max(1, *leads)  # columns before the window, the last for the sample before it
        target, past = torch.zeros(2, size, more + time)
        if self.given:
            given = torch.zeros(size, time, self.given)
        for row, w in enumerate(windows):
            low = self.low(w) * hop
            counted[row, w.begin * hop - low : w.end * hop - low] = True
            for at, e in self._sound(w, low - max(leads[row], low > 0)):
                inside = slice(max(0, at - low), max(0, at - low + len(e.past)))
                speech[row, inside] = True
                target[row, at - low + more :][: len(e.past)] = e.target
                past[row, at - low + more :][: len(e.past)] = e.past
                if given is not None and e.given is not None:
                    given[row, inside] = e.given[max(0, low - at) :]
            speech[row] &= counted[row]
            if self.filtered:  # in a pause the excitation is exactly 0: certain, and of no use
                counted[row] = speech[row]
            if w.blank is not None:
                hidden = slice(w.blank.begin * hop - low, w.blank.end * hop - low)
                past[row, more:][hidden] = corrupted(past[row, more:][hidden], w.blank)
                counted[row, hidden] = speech[row, hidden] = False
        drawn = out.encode(past)
        codes = out.encode(target[:, more:]) if given is not None else drawn[:, more:].clone()
        first = torch.tensor([self.low(w) == 0 for w in windows])
        before = torch.where(first, out.start, drawn[:, more - 1])
        if self.config.model.context:
            lead = torch.tensor(leads)
            history = torch.full((size, max(leads) + time), mulaw.SILENCE, dtype=torch.uint8)
            for row, n in enumerate(leads):
                history[row, : n + time] = out.companded(drawn[row, more - n :])
        drawn = drawn[:, more:].contiguous()  # or a GPU would wait for its copy
        for row, w in enumerate(windows):
            if out.end is not None and (end := self.end_sample(w)) is not None:
                at = end - self.low(w) * hop
                codes[row, at] = drawn[row, at] = out.end
                counted[row, at + 1 :] = False
        speaker = torch.tensor([self.clips[w.utterance[0][0]].speaker for w in windows])
        return Batch(codes, drawn, before, speaker, local, counted, speech, history, lead, given)

    def _sound(self, window: Window, begin: int) -> Iterator[tuple[int, Excerpt]]:
        """(first sample, excerpt) of each clip's part of a window from sample ``begin`` of its
        utterance on."""
        for index, first, a, b in self._parts(window, begin):
            filters = self.known(index, window.predicted)[1]
            known = min(a - first, filters.reach)
            sound = self.clips[index].audio(a - first - known, b - first)
            yield a, excerpt(self.config, filters, sound, a - first, known, window.seed)

    def _parts(self, window: Window, begin: int) -> Iterator[tuple[int, int, int, int]]:
        """(clip index, its first sample, begin, end) of the clips' parts of a window from sample
        ``begin`` on, in samples of the utterance."""
        for index, frame in window.utterance:
            first = frame * self.hop
            a = max(begin, first)
            b = min(window.end * self.hop, first + self.clips[index].samples)
            if a < b:
                yield index, first, a, b

    def end_sample(self, window: Window) -> int | None:
        """The sample after the utterance's last one, if the window holds it."""
        index, frame = window.utterance[-1]
        end = frame * self.hop + self.clips[index].samples
        return end if window.begin * self.hop <= end < window.end * self.hop else None

    def _features(self, window: Window, frames: int, pause: LocalFeatures) -> LocalFeatures:
        """Local features of a window with its past, padded with silence to ``frames``."""
        low, filled = self.low(window), 0
        parts = []
        for index, first in window.utterance:
            begin = max(low, first)
            end = min(window.end, first + self.clips[index].frames(self.hop))
            local = self.known(index, window.predicted)[0] if begin < end else None
            if local is not None:
                before = pause.repeat(begin - low - filled)
                parts += [before, local.cut(begin - first, end - first)]
                filled = end - low
        local = LocalFeatures.cat([*parts, pause.repeat(frames - filled)])
        return with_noise(local, self.coarse_noise, window.seed) if self.coarse_noise else local


def corrupted(audio: Tensor, blank: Blank) -> Tensor:
    same = torch.Generator().manual_seed(blank.begin * 100_003 + blank.end)
    noise = torch.randn(audio.shape, generator=same) * 10 ** (blank.noise / 20)
    return audio * 10 ** (blank.gain / 20) + sent(noise, audio.device)
