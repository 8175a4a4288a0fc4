"""Networks that carry a state, in one torch step per sample."""

from __future__ import annotations

import torch
from torch import Tensor

from wavegen.generation.batch import Batch
from wavegen.generation.feedback import prompt_inputs
from wavegen.model.stateful import Stateful


class StateSteps:
    """Steps of a `Stateful` network through the samples of a batch; see `cached.Steps`."""

    def __init__(self, model: Stateful, batch: Batch, hop_length: int) -> None:
        self._model, self._rows, self._hop = model, batch.rows, hop_length
        self._time, self._state = batch.begin, model.body.initial(len(batch.rows))
        if not batch.begin:
            self._code = batch.prompts.new_full((len(batch.rows),), model.output.start)
            return
        self._code = batch.prompts[:, -1]
        given = None
        if model.given is not None:
            given = torch.stack([prompt_inputs(model, j) for j in batch.jobs])
        _, self._state = model.advance(
            model.preceding(batch.prompts),
            self._frames(0, batch.begin),
            self._state,
            batch.phases(0, batch.begin),
            given,
        )

    def _frames(self, begin: int, end: int) -> Tensor:
        """(B, end - begin, E) rows of samples."""
        at = torch.arange(begin, end, device=self._rows.device) // self._hop
        return self._rows[:, at.clamp_(max=self._rows.shape[1] - 1)]

    def logits(self, phase: Tensor | None, given: Tensor | None) -> Tensor:
        logits, self._state = self._model.advance(
            self._code[:, None],
            self._frames(self._time, self._time + 1),
            self._state,
            None if phase is None else phase[:, None],
            None if given is None else given[:, None],
        )
        return logits[:, 0]

    def append(self, codes: Tensor) -> None:
        self._code = codes
        self._time += 1
