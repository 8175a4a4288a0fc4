"""How well faults of recordings are found, by `wavegen anomalies` and by flux and energy.

    python recipes/evaluate_anomalies.py FOLDER --voice VOICE [--others FOLDER] [--voices FOLDER]

FOLDER holds the recordings that the voice was trained on. Its validation clips tell what is usual.
Faults (faults.py) are made in its test clips; both are taken from all speakers evenly:

clicks, dropouts, clipping, 50 Hz hum
splice        a second of another speaker of FOLDER, or of any recording of ``--others``
knock, voice  with a voice without texts: a knock, and a second of ``--voices`` beside it
word          a word is another one, as the speaker says it elsewhere
transcript    the text is that of another clip of about the same length

A row for each: the areas under the ROC curves (clips with the fault against the same clips without
it) of the greatest surprise with and without texts, and of the highest z-scores of a frame's
spectral flux and energy; and the share of these clips that is above the threshold for a false alarm
rate of 5 %, with texts. The row without a fault has the false alarms. With ``--apart``, the clips
of each speaker, or each machine, are compared with usual ones of the same alone.
"""

from __future__ import annotations

import random
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import joblib
import numpy as np
import torch
import typer
from faults import ALONE, Audio, beside, knock, replaced, spliced
from judges import heading, row
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from wavegen.audio.features import mel
from wavegen.cli.app import script
from wavegen.cli.show import phases
from wavegen.data.dataset import Dataset, open_dataset
from wavegen.errors import DataError
from wavegen.library import load_voice
from wavegen.score.anomalies import judge
from wavegen.score.features import tiers
from wavegen.score.tracks import Heard, Tracks, hear, measure
from wavegen.score.words import Lexicon
from wavegen.speech.frontend import Unit
from wavegen.speech.intervals import Interval
from wavegen.speech.predict import Floats
from wavegen.voice import SpeakingVoice, Voice

COLUMNS = {"texts": ".3f", "no texts": ".3f", "found": ".0%", "flux": ".3f", "energy": ".3f"}
FALSE_ALARMS = 0.05
WORD_SECONDS = (0.2, 0.8)
"""Of a word that is swapped."""


@dataclass(frozen=True)
class Clip:
    """A recording, perhaps with a fault."""

    path: str
    audio: Audio
    speaker: str
    weights: Floats
    unit: Unit | None = None


def heard(voice: Voice, digest: str, audio: Audio, weights: Floats) -> Heard:
    """What takes long, to be kept."""
    return hear(voice, torch.from_numpy(audio), weights)


class Bench:
    """A voice, its held-out recordings, and the faults in them."""

    def __init__(
        self,
        voice: Voice,
        data: Dataset,
        others: Dataset | None = None,
        voices: Dataset | None = None,
        keep: Path | None = None,
    ) -> None:
        self.voice, self.data, self.others, self.voices = voice, data, others, voices
        self.lexicon = Lexicon.of(voice) if isinstance(voice, SpeakingVoice) else None
        self.look = joblib.Memory(keep, verbose=0).cache(heard, ignore=["voice"])

    def clip(self, path: str) -> Clip:
        name = self.data.clips[path].speaker if len(self.voice.speakers) > 1 else ""
        who = self.voice.weights(self.voice.who(name or None))[0]
        speaks = isinstance(self.voice, SpeakingVoice)
        unit = self.data.units.get(path) if speaks else None
        return Clip(path, self.data.audio(path).copy(), name, who, unit)

    def tracks(self, clip: Clip) -> Tracks:
        """As by `wavegen anomalies`."""
        voice, audio = self.voice, torch.from_numpy(clip.audio)
        known = None
        if not voice.needs_text:
            known = self.look(voice, voice.digest, clip.audio, clip.weights)
        tracks = measure(voice, audio, clip.weights, clip.unit, None, known, self.lexicon)
        return replace(tracks, speaker=clip.speaker)

    def faulty(self, path: str) -> Iterator[tuple[str, Clip]]:
        """A clip with each fault by its name, and the clip itself."""
        clean, rate = self.clip(path), self.voice.sample_rate
        yield "none", clean

        def with_sound(audio: Audio) -> Clip:
            steps = np.clip(np.round(audio * 32768), -32768, 32767)
            return replace(clean, audio=(steps / 32768).astype(np.float32))

        def chance(kind: str) -> np.random.Generator:
            return np.random.default_rng(zlib.crc32(f"{kind}/{path}".encode()))

        for kind, fault in ALONE.items():
            yield kind, with_sound(fault(clean.audio, rate, chance(kind)))
        rng, speaker = chance("splice"), self.data.clips[path].speaker
        others = self.others or self.data
        pool = [p for p in others.clips if self.others or others.clips[p].speaker != speaker]
        if pool:
            other = others.audio(pool[rng.integers(len(pool))])
            yield "splice", with_sound(spliced(clean.audio, other, rate, rng))
        if not isinstance(self.voice, SpeakingVoice):
            yield "knock", with_sound(knock(clean.audio, rate, chance("knock")))
            if self.voices is not None:
                rng, said = chance("voice"), [*self.voices.clips]
                other = self.voices.audio(said[rng.integers(len(said))])
                yield "voice", with_sound(beside(clean.audio, other, rate, rng))
        if clean.unit is None:
            return
        said = [p for p in self.data.units if self.data.clips[p].speaker == speaker and p != path]
        swapped = self.swapped(clean, said, chance("word"))
        if swapped is not None:
            yield "word", with_sound(swapped)
        length = len(self.data.clips[path].text)
        near = sorted(said, key=lambda p: abs(len(self.data.clips[p].text) - length))[:20]
        if near:
            wrong = self.data.units[near[chance("transcript").integers(len(near))]]
            yield "transcript", replace(clean, unit=wrong)

    def swapped(self, clip: Clip, said: list[str], rng: np.random.Generator) -> Audio | None:
        """A clip with another word of its speaker in place of one."""
        if not said:
            return None
        source = self.clip(said[rng.integers(len(said))])
        old, new = self.words(clip), self.words(source)
        if not old or not new:
            return None
        word, rate = old[rng.integers(len(old))], self.voice.sample_rate
        like = [w for w in new if w.label != word.label] or new
        other = min(like, key=lambda w: abs(w.end - w.start - word.end + word.start))
        begin, end, first, last = (
            round(t * rate) for t in (word.start, word.end, other.start, other.end)
        )
        return replaced(clip.audio, begin, end, source.audio[first:last], rate)

    def words(self, clip: Clip) -> list[Interval]:
        """The words that may be swapped."""
        assert isinstance(self.voice, SpeakingVoice)
        assert clip.unit is not None
        audio = torch.from_numpy(clip.audio)
        alignment = self.voice.align(clip.unit, torch.from_numpy(clip.weights), audio)
        words = tiers(self.voice, clip.unit, alignment, len(audio) / self.voice.sample_rate)[0]
        low, high = WORD_SECONDS
        return [w for w in words if w.label and low < w.end - w.start < high]


def simple(audio: Audio, rate: int) -> NDArray[np.float64]:
    """(F, 2) spectral flux, and level in dB, of every hundredth of a second."""
    hop = rate // 100
    bands = np.exp(mel(torch.from_numpy(audio), rate, hop, 40).numpy() * 3 - 5)
    flux = np.sqrt(np.square(np.maximum(np.diff(bands, prepend=bands[:, :1]), 0)).sum(0))
    return np.stack([np.log(flux + 1e-4), 10 * np.log10(np.square(bands).mean(0))], 1)


def area(usual: list[float], faulty: list[float]) -> float:
    """Under the ROC curve."""
    right = [0] * len(usual) + [1] * len(faulty)
    return float(roc_auc_score(right, usual + faulty))


def evenly(data: Dataset, paths: Sequence[str], count: int) -> list[str]:
    """Clips of all speakers in turn, as long as they have some, those of each at random."""
    by_speaker = defaultdict(list)
    for path in random.Random(0).sample(paths, len(paths)):
        by_speaker[data.clips[path].speaker].append(path)
    turns = zip_longest(*by_speaker.values())
    return [path for turn in turns for path in turn if path is not None][:count]


class Outcome(NamedTuple):
    """Of a clip."""

    surprise: float
    found: bool


def outcomes(
    clips: dict[str, Tracks], usual: list[Tracks], apart: bool
) -> tuple[dict[str, Outcome], bool]:
    """Those of clips by their names, and whether their texts were used.

    Args:
        clips: by name.
        usual: recordings.
        apart: compare the clips of a speaker with usual recordings of the same one alone.
    """
    out: dict[str, Outcome] = {}
    texts = True
    speakers = sorted({t.speaker for t in usual}) if apart else [None]
    if lacking := {t.speaker for t in clips.values()} - set(speakers) if apart else set():
        raise DataError(f"no usual clips of {', '.join(sorted(lacking))}: give more --usual")
    for speaker in speakers:
        mine = {name: t for name, t in clips.items() if speaker in (None, t.speaker)}
        verdict = judge(mine, [t for t in usual if speaker in (None, t.speaker)], FALSE_ALARMS)
        found = {j.path: j.surprise for j in verdict.judged}
        out |= {n: Outcome(x, x >= verdict.threshold) for n, x in found.items()}
        texts &= verdict.texts
    return out, texts


def evaluate(
    bench: Bench, fit: list[str], tested: list[str], progress: Any, apart: bool = False
) -> dict[str, Any]:
    """The figures of `COLUMNS` by fault; ``apart`` as for `outcomes`."""
    rate = bench.voice.sample_rate
    usual, plain = [], []
    for done, path in enumerate(fit, 1):
        clip = bench.clip(path)
        usual.append(bench.tracks(clip))
        plain.append(simple(clip.audio, rate))
        progress("usual clips", done, len(fit))
    frames = np.concatenate(plain)
    mean, deviation = frames.mean(0), frames.std(0)
    found: dict[str, dict[str, Tracks]] = {}
    z: dict[str, list[NDArray[np.float64]]] = {}
    for done, path in enumerate(tested, 1):
        for kind, clip in bench.faulty(path):
            found.setdefault(kind, {})[path] = bench.tracks(clip)
            highest = ((simple(clip.audio, rate) - mean) / deviation).max(0)
            z.setdefault(kind, []).append(highest)
        progress("test clips", done, len(tested))
    flat = {f"{kind}\n{path}": t for kind, some in found.items() for path, t in some.items()}
    known, texts = outcomes(flat, usual, apart)
    columns = {"texts" if texts else "no texts": known}
    if texts:
        columns["no texts"] = outcomes(flat, [t.without_text() for t in usual], apart)[0]
    figures: dict[str, Any] = {}
    for kind, clips in found.items():
        names = [f"{kind}\n{path}" for path in clips]
        figures[kind] = {"found": float(np.mean([known[n].found for n in names]))}
        for column, some in columns.items():
            if kind != "none" and not (kind == "transcript" and column == "no texts"):
                clean = [some[f"none\n{path}"].surprise for path in tested]
                figures[kind][column] = area(clean, [some[n].surprise for n in names])
    for n, name in enumerate(("flux", "energy")):
        for kind in found:
            if kind != "none":
                figures[kind][name] = area([x[n] for x in z["none"]], [x[n] for x in z[kind]])
    return figures


def main(
    folder: Annotated[Path, typer.Argument(help="The recordings.")],
    voice: Annotated[str, typer.Option(help="A bundled voice, or a voice file.")],
    others: Annotated[
        Path | None, typer.Option(help="Recordings of others: speakers, places or machines.")
    ] = None,
    voices: Annotated[
        Path | None, typer.Option(help="Speech that is heard beside sound that is none.")
    ] = None,
    clips: Annotated[int, typer.Option(help="Test clips.")] = 40,
    usual: Annotated[int, typer.Option(help="Usual clips.")] = 40,
    apart: Annotated[
        bool, typer.Option("--apart", help="Compare each speaker, or machine, with itself alone.")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option(help="Folder for what is measured, to go on after a stop.")
    ] = None,
) -> None:
    """Print the table."""
    v = load_voice(voice)
    with phases() as progress:
        data = open_dataset(folder, v.config, f0=False, transcripts=True, progress=progress)
        config = v.config.replace("data", layout="auto")
        more, speech = (
            None if root is None else open_dataset(root, config, f0=False, progress=progress)
            for root in (others, voices)
        )
        fit, tested = (
            evenly(data, data.split[part], count)
            for part, count in (("validation", usual), ("test", clips))
        )
        figures = evaluate(Bench(v, data, more, speech, keep), fit, tested, progress, apart)
    print(heading(COLUMNS))
    for kind, some in figures.items():
        print(row(kind, some, COLUMNS))


if __name__ == "__main__":
    script(main)
