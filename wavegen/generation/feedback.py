"""The inputs of linear prediction of a batch, from its own samples as they are drawn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wavegen.audio.linear_prediction import Predictor, compress
from wavegen.audio.taps import TAPS
from wavegen.generation.batch import held
from wavegen.generation.job import Job, prompt_sound
from wavegen.model.autoregressive import Autoregressive


class Feedback:
    """`Predictor.inputs` of B utterances, sample by sample: the excitation is what was drawn, and
    the sound follows from it.

    Args:
        model: a network that takes these inputs.
        jobs: their prompts, if any, have one length.
        hop_length: samples per frame.

    Raises:
        ValueError: a job has no predictor.
    """

    def __init__(self, model: Autoregressive, jobs: Sequence[Job], hop_length: int) -> None:
        past = [_heard(model, j) for j in jobs]
        predictors = [Predictor.of(j.predictor) for j in jobs if j.predictor is not None]
        device = model.skip_bias.device

        def frames(values: Sequence[Tensor]) -> Tensor:
            """(F, B, …), on the network's device."""
            return held(values).transpose(0, 1).to(device)

        self._output, self._selection, self._hop = model.output, model.selection, hop_length
        self._coefficients = frames([p.coefficients.double() for p in predictors])
        self._gains = frames([p.gains.double() for p in predictors])
        self._lags = frames([p.lags for p in predictors])
        self._taps = torch.arange(-(TAPS // 2), TAPS // 2 + 1, device=device)
        self._time = jobs[0].begin
        order, slots = predictors[0].order, int(self._lags.max()) + TAPS // 2
        sound = torch.stack([_last(x, order).flip(0) for _, x in past])
        self._sound = sound.to(device)  # (B, K), the newest first
        # (B, slots), that of sample t in slot t % slots.
        period = torch.stack([_last(compress(e), slots) for e, _ in past])
        self._period = period.roll(self._time, 1).to(device)
        self._predicted = self._gain = sound.new_zeros(len(jobs))

    def inputs(self) -> Tensor:
        """(B, G) inputs of the next sample."""
        frame = min(self._time // self._hop, len(self._gains) - 1)
        lags, self._gain = self._lags[frame, :, None], self._gains[frame]
        self._predicted = (self._coefficients[frame] * self._sound).sum(1)
        sound = torch.stack([self._sound[:, 0], self._predicted], 1) / self._gain[:, None]
        at = (self._time - lags + self._taps) % self._period.shape[1]
        period = self._period.gather(1, at) * (lags > 0)
        every = torch.cat([compress(sound), period, lags > 0], 1)
        return every[:, self._selection]

    def append(self, codes: Tensor) -> None:
        """Take the (B,) codes drawn for the sample that `inputs` was called for."""
        excitation = self._output.decode(codes).double()
        sound = self._gain * excitation + self._predicted
        self._sound = torch.cat([sound[:, None], self._sound[:, :-1]], 1)
        self._period[:, self._time % self._period.shape[1]] = compress(excitation)
        self._time += 1


def prompt_inputs(model: Autoregressive, job: Job) -> Tensor:
    """(N, G) inputs of the samples of a job's prompt, for a network that takes them."""
    _, sound = _heard(model, job)
    assert job.predictor is not None
    return (
        Predictor.of(job.predictor).inputs(sound)[1][:, model.selection].to(model.skip_bias.device)
    )


def _heard(model: Autoregressive, job: Job) -> tuple[Tensor, Tensor]:
    """`prompt_sound` as tensors."""
    excitation, sound = prompt_sound(job, model.coding)
    return torch.from_numpy(excitation), torch.from_numpy(sound)


def _last(values: Tensor, count: int) -> Tensor:
    """The last ``count`` of (N,) values, after zeros if there are fewer."""
    known = values[max(0, len(values) - count) :]
    return torch.cat([values.new_zeros(count - len(known)), known])
