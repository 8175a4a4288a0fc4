"""What an engine is asked to draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.filters import Filters
from wavegen.audio.synthesis_filter import Synthesis
from wavegen.generation.uniforms import Endings, Uniforms
from wavegen.model.inputs import PHASES
from wavegen.outputs.coding import Coding

if TYPE_CHECKING:
    from wavegen.audio.linear_prediction import Predictor

Array = Any
"""An array of NumPy or, for the engines that take them, a tensor."""
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Job:
    """One utterance to draw."""

    rows: Array
    """(F, E) from `Conditioning.encode`, beginning with the prompt's; the last row is held. They
    may be computed as they are asked for, in ascending order: by index, or all as ``rows[:]``."""
    length: int
    """Samples to draw; at most that many if the utterance may end by itself."""
    key: str
    """Names its random stream; see `uniforms.key`."""
    temperature: float | Array = 1.0
    """As in `Distribution.sample`; 0 takes the most likely sample. One for all, or (F,) for each
    row, of which the last is held."""
    prompt: Array | None = None
    """(N,) codes of a recording to continue."""
    ends: bool = False
    """Whether it may end by itself, if the output has an `end`."""
    phase: Array | None = None
    """(T,) codes from `Conditioning.phase_codes`, beginning with the prompt's; samples after them
    are unvoiced. They may be computed as they are asked for, by slices."""
    predictor: Filters | Predictor | None = None
    """Of the utterance, beginning with the prompt's, for a network that takes its inputs."""
    wanted: Callable[[], bool] = lambda: True
    """Whether it is still to be drawn; an engine that streams frees the lane of one that isn't."""
    endings: Endings | None = None
    """Makes its end likelier, if that has a uniform of its own."""

    @property
    def begin(self) -> int:
        """The first sample to draw."""
        return 0 if self.prompt is None else len(self.prompt)

    def uniforms(self, draws: int) -> Uniforms:
        """Its stream, of ``draws`` for each sample to draw."""
        return Uniforms(self.key, draws, self.endings, self.begin)

    def temperatures(self, begin: int, end: int, hop_length: int) -> Doubles:
        """(end - begin,) temperatures of samples ``begin…end``."""
        each = np.asarray(self.temperature, np.float64).reshape(-1)
        return each[np.minimum(np.arange(begin, end) // hop_length, len(each) - 1)]

    def phases(self, begin: int, end: int) -> NDArray[np.int64] | None:
        """The codes of samples ``begin…end``."""
        if self.phase is None:
            return None
        out = np.full(end - begin, PHASES)
        known = np.asarray(self.phase[begin:end])
        out[: len(known)] = known
        return out


def prompt_sound(job: Job, coding: Coding) -> tuple[Doubles, Doubles]:
    """(N,) excitation and sound of a job's prompt, as if its codes had been drawn; N may be 0.

    Raises:
        ValueError: the job has no predictor.
    """
    if job.predictor is None:
        raise ValueError("this model needs the inputs of linear prediction")
    if job.prompt is None:
        return np.zeros(0), np.zeros(0)
    excitation = coding.decode(np.asarray(job.prompt))
    return excitation.astype(np.float64), Synthesis(job.predictor).unclipped(excitation)
