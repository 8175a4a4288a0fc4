"""The state of an engine after a prompt, from one parallel forward."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen.generation.feedback import prompt_inputs
from wavegen.generation.job import Job
from wavegen.model.wavenet import WaveNet


@dataclass(frozen=True)
class PromptState:
    """What a network knows of one utterance after N samples."""

    inputs: list[Tensor]
    """Per block (slots, R): its last inputs, oldest first; zeros before the first sample."""
    frames: list[list[Tensor]]
    """Per context stack and block (slots, C): the same of its frames."""
    gates: list[Tensor]
    """Per context stack (L · 2R,): what it adds to the main stack's gates until its next frame is
    complete."""


@torch.inference_mode()
def replay_prompt(model: WaveNet, job: Job, hop_length: int) -> PromptState:
    """The state that stepping through the prompt of a job would leave.

    The main stack runs over the end of the prompt only, as far back as its queues depend on it; the
    context stacks run over all of it.
    """
    assert job.prompt is not None
    device = model.skip_bias.device
    codes, m = torch.as_tensor(job.prompt, device=device)[None], model.config
    count = codes.shape[1]
    slots = [(m.kernel_size - 1) * d for d in m.dilations]
    low = max(0, count - max(slots) - m.past)
    at = torch.arange(low, count, device=codes.device)
    companded = model.output.companded(codes)
    frames: list[list[Tensor]] = [[] for _ in model.stacks]
    known = [c(companded, kept)[0] for c, kept in zip(model.stacks, frames, strict=True)]
    views = [k[None, at // c.config.pool] for c, k in zip(model.stacks, known, strict=True)]
    inputs: list[Tensor] = []
    # Indexed on the CPU, as rows may be computed only up to there.
    wanted = (at // hop_length).clamp(max=len(job.rows) - 1).cpu().numpy()
    rows = torch.as_tensor(job.rows[wanted], device=device)[None]
    phase = job.phases(low, count)
    given = None if model.given is None else prompt_inputs(model, job)[None, low:]
    model.run(
        codes[:, low:],
        rows,
        codes[:, low - 1] if low else None,
        views,
        None if phase is None else torch.from_numpy(phase)[None].to(device),
        given,
        inputs,
    )
    return PromptState(
        [_last(x[0], n) for x, n in zip(inputs, slots, strict=True)],
        [
            [
                _last(x[0], (c.config.kernel_size - 1) * d)
                for x, d in zip(keep, c.config.dilations, strict=True)
            ]
            for c, keep in zip(model.stacks, frames, strict=True)
        ],
        [c.gates(k[-1]) for c, k in zip(model.stacks, known, strict=True)],
    )


def _last(x: Tensor, count: int) -> Tensor:
    """The last ``count`` rows of (n, C), after zeros if there are fewer."""
    return F.pad(x[max(0, len(x) - count) :], (0, 0, max(0, count - len(x)), 0))
