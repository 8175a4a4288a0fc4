"""For `evaluate_speech.py`: clips of other programs, judges of speech, and tables of figures.

Judges come from `pip install ".[evaluate]"` with their weights and need no network. Clips are (T,)
float32 in [-1, 1], at `RATE` unless said.
"""

from __future__ import annotations

import contextlib
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio.functional as AF
from numpy.typing import NDArray

from wavegen.audio.features import mel
from wavegen.audio.reading import SUFFIXES, read_audio
from wavegen.errors import DataError

Audio = NDArray[np.float32]

RATE = 16000
"""Hz."""
LEVEL = -26.0
"""dB; clips are brought to it before they are judged."""

COLUMNS = {
    "OVRL": ".2f",
    "SIG": ".2f",
    "BAK": ".2f",
    "P808": ".2f",
    "distilMOS": ".2f",
    "PER": ".1%",
    "PESQ": ".2f",
    "STOI": ".3f",
    "mel dB": ".2f",
}
"""What is told of clips, and the formats of the figures."""


def read_clips(folder: Path, recordings: Sequence[Path], rate: int) -> list[Audio]:
    """The clips of another program at ``rate`` Hz, named as the recordings.

    Raises:
        DataError: one is missing, or can't be read.
    """
    files = []
    for r in recordings:
        found = [f for s in SUFFIXES if (f := folder / f"{r.stem}{s}").is_file()]
        if not found:
            raise DataError(f"{folder} holds no clip {r.stem}")
        files.append(found[0])
    return [read_audio(f, rate).audio for f in files]


class Judge:
    """Judges of speech that need no reference; all bring their own weights."""

    def __init__(self) -> None:
        with contextlib.redirect_stdout(sys.stderr):
            from distillmos import ConvTransformerSQAModel
            from hama import ASRModel, G2PModel
            from speechmos import dnsmos

            self.dnsmos, self.recogniser, self.dictionary = dnsmos, ASRModel(), G2PModel()
            self.mos: Any = ConvTransformerSQAModel().eval()

    def figures(
        self, texts: Sequence[str], clips: Sequence[Audio], rate: int, real: Sequence[Audio] = ()
    ) -> dict[str, float]:
        """The means of `COLUMNS`.

        Args:
            texts: what is said.
            clips: a clip of each text.
            rate: of the clips, in Hz.
            real: the recordings of which they are copies, if so, at the same rate.
        """
        clips, real = ([_resampled(a, rate) for a in some] for some in (clips, real))
        level = [levelled(a) for a in clips]
        rows = [self.opinions(a) for a in level]
        for row, x, y in zip(rows, real, clips, strict=False):
            row |= likeness(x, y)
        means = {k: float(np.mean([row[k] for row in rows])) for k in rows[0]}
        return means | {"PER": self.phoneme_errors(texts, level)}

    @torch.inference_mode()
    def opinions(self, audio: Audio) -> dict[str, float]:
        """Mean opinion scores of a clip."""
        found = self.dnsmos.run(audio, RATE)
        scores = {k: float(found[f"{k.lower()}_mos"]) for k in ("OVRL", "SIG", "BAK", "P808")}
        return scores | {"distilMOS": float(self.mos(torch.from_numpy(audio)[None]))}

    def phoneme_errors(self, texts: Sequence[str], clips: Sequence[Audio]) -> float:
        """Substituted, missing and added phonemes, by all that the texts have."""
        import jiwer

        words = [re.sub(r"[^a-z' ]", "", t.lower().replace("-", " ")).split() for t in texts]
        said = ["".join(self.dictionary.predict(w).ipa for w in some) for some in words]
        heard = [self.recogniser.transcribe_waveform(a, RATE).phoneme_text for a in clips]
        return float(jiwer.wer([_single(s) for s in said], [_single(h) for h in heard]))


def _single(ipa: str) -> str:
    """Phonemes with spaces between them, without stress, length and ties."""
    return " ".join(re.sub(r"[|\s\u032f\u0361ˈˌː]", "", ipa))


def _resampled(audio: Audio, rate: int) -> Audio:
    resampled: Audio = AF.resample(torch.from_numpy(audio), rate, RATE).numpy()
    return resampled


def levelled(audio: Audio) -> Audio:
    """Scale to `LEVEL`, measured where it is not silent."""
    loud = audio[np.abs(audio) > 0.02 * np.abs(audio).max()]
    level = math.sqrt(np.mean(np.square(loud, dtype=np.float64)) + 1e-12)
    at_level: Audio = np.clip(audio * np.float32(10 ** (LEVEL / 20) / level), -1, 1)
    return at_level


def likeness(real: Audio, made: Audio) -> dict[str, float]:
    """How near a copy is to its recording."""
    from pesq import pesq
    from pystoi import stoi

    n = min(len(real), len(made))
    real, made = real[:n], made[:n]
    return {
        "PESQ": float(pesq(RATE, real, made, "wb")),
        "STOI": float(stoi(real, made, RATE)),
        "mel dB": spectral_distance(real, made),
    }


def spectral_distance(real: Audio, made: Audio) -> float:
    """Root mean square difference of log-mel spectra in dB, averaged over the frames that lie less
    than 35 dB below the loudest."""
    both = (mel(torch.from_numpy(x), RATE, RATE // 100, 80) for x in (real, made))
    a, b = (m * 60 / math.log(10) for m in both)  # `mel` is a third of the natural logarithm
    on = a.mean(0) > a.mean(0).max() - 35
    return float((a - b)[:, on].square().mean(0).sqrt().mean())


def decibels(audio: Audio) -> float:
    """Root mean square level in dB; full scale is 0."""
    return float(20 * np.log10(np.sqrt(np.mean(np.square(audio))) + 1e-9))


def heading(columns: Mapping[str, str]) -> str:
    """The first two lines of a Markdown table."""
    return f"| | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}"


def row(name: str, figures: Mapping[str, float], columns: Mapping[str, str]) -> str:
    """One line of a Markdown table; cells are empty where there is no figure."""
    cells = [f"{figures[c]:{f}}" if c in figures else "" for c, f in columns.items()]
    return f"| {name} | {' | '.join(cells)} |".replace("%", " %")
