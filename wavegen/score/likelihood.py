"""How likely a voice finds each sample of a recording."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wavegen.audio.linear_prediction import predictor
from wavegen.audio.local_features import LocalFeatures
from wavegen.model.speaker import Speaker
from wavegen.voice import Voice

Doubles = NDArray[np.float64]


class Bits(NamedTuple):
    """Of each sample of a recording, (T,)."""

    sound: Doubles
    """−log₂ of the probability that the sample of the recording is what it is to 16 bits, given
    those before it. These are comparable whatever a voice's output and its filters are, since those
    of all 65,536 sounds sum to 1."""
    network: Doubles
    """The same of the sample as the network has it, see `Voice.unit`."""


@torch.inference_mode()
def bits(voice: Voice, audio: Tensor, speaker: Speaker, local: LocalFeatures | None) -> Bits:
    """How likely a voice finds a recording.

    The network predicts an excitation e = (x − p) / g, where p and g are the prediction and the
    gain of the recording's filter. Its probability of a sample x is therefore that of all e between
    (x − ½ step − p) / g and (x + ½ step − p) / g: the change of variables, done exactly.

    Args:
        voice: the voice.
        audio: (T,) float32 at the voice's rate.
        speaker: id, or (S,) weights.
        local: what the voice is told of the recording, as tensors.
    """
    codes, given = voice.samples(audio, local)
    output = voice.model.output
    low, high = (t.to(codes.device) for t in predictor(voice.config, local).cells(audio))
    predictions = voice.model.predictions(
        codes[None],
        voice.encode(speaker, local),
        voice.config.hop_length,
        phase=voice.phase_codes(local),
        given=None if given is None else given[None],
    )
    sound, network = [], []
    for part, logits in predictions:
        sound.append(output.loss_between(logits[0], low[part], high[part]))
        network.append(output.loss(logits[0], codes[part]))
    nats = (torch.cat(pieces).double().cpu().numpy() for pieces in (sound, network))
    return Bits(*(n / math.log(2) for n in nats))
