"""`wavegen anomalies`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavegen.cli import folder, show
from wavegen.cli import options as o
from wavegen.cli.tables import print_table
from wavegen.errors import WavegenError, counted
from wavegen.request import Request

if TYPE_CHECKING:
    from wavegen.data.dataset import Dataset
    from wavegen.score.anomalies import Judged, Verdict
    from wavegen.score.tracks import Tracks
    from wavegen.voice import Voice


@o.expanded
def anomalies(
    *,
    audio_dir: folder.AudioDir,
    request: Annotated[Request, o.Only("voice", "speaker")],
    fit: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Usual recordings, best none that the voice was trained on (default: the "
            "recordings themselves, which should then mostly be usual).",
        ),
    ] = None,
    texts: Annotated[
        bool, typer.Option("--texts/--no-texts", help="Compare with what is said, where known.")
    ] = True,
    threshold: Annotated[
        float,
        typer.Option(metavar="RATE", help="False alarm rate: share of usual recordings reported."),
    ] = 0.05,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="HTML page with the anomalies, to see and hear."),
    ] = None,
    force: o.Force = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object per recording.")
    ] = False,
    layout: folder.Layout = None,
    cache_dir: folder.CacheDir = None,
    allow_bad: folder.AllowBad = False,
) -> None:
    """Find recordings, and times in them, that don't sound as usual.

    Bits under the voice and their peaks, clicks, repeated samples, the spectrum, the background in
    it, steady low tones and, where texts are known, how badly phonemes fit and how many other words
    would fit better are compared over time with what is usual; the most unusual recordings come
    first. In a voice of several speakers, who speaks is whom the folder names, or --speaker.
    """
    if not 0 < threshold < 1:
        raise WavegenError(f"--threshold must be between 0 and 1, not {threshold:g}")
    if output is not None:
        _check_page(output, force)
    from wavegen.library import find_voice
    from wavegen.score.anomalies import judge

    voice, _ = find_voice(request.voice, request.speaker)

    def measured(root: Path) -> tuple[Dataset, dict[str, Tracks]]:
        dataset = _open(root, voice, layout, cache_dir, allow_bad)
        return dataset, _measure(voice, dataset, request.speaker, texts)

    usual = [] if fit is None else [*measured(fit)[1].values()]
    dataset, tracks = measured(audio_dir)
    verdict = judge(tracks, usual, threshold)
    if as_json:
        for judged in verdict.judged:
            row = _row(judged, verdict, dataset, voice.sample_rate)
            show.out.print(json.dumps(row, ensure_ascii=False), soft_wrap=True)
    else:
        _table(verdict, dataset, voice.sample_rate, threshold)
    if output is not None:
        from wavegen.report.anomaly_page import write_anomalies

        write_anomalies(verdict, dataset, voice.sample_rate, threshold, output)
        show.err.print(f"wrote {output}", soft_wrap=True)


def _check_page(output: Path, force: bool) -> None:
    from wavegen.files import check_output
    from wavegen.report.html import check_extra

    check_extra("a page")
    check_output(output, force, (".html", ".htm"))


def _open(
    root: Path, voice: Voice, layout: str | None, cache: Path | None, allow_bad: bool
) -> Dataset:
    """A folder as the voice hears it, whole: times are those of the files."""
    from wavegen.score.anomalies import folder_config

    dataset = folder.open_folder(
        root, folder_config(voice, layout), cache, allow_bad, transcripts=True
    )
    for path, why in dataset.left_out:
        show.warn(f"left out {path}: {why}")
    return dataset


def _measure(voice: Voice, dataset: Dataset, speaker: str | None, texts: bool) -> dict[str, Tracks]:
    from wavegen.score.anomalies import measure_clips

    with show.progress_bar(f"measuring {dataset.root.name}", "clips") as bar:
        return measure_clips(voice, dataset, speaker, texts, bar)


def _row(judged: Judged, verdict: Verdict, dataset: Dataset, rate: int) -> dict[str, object]:
    file, begin = dataset.origin(judged.path, rate)
    return {
        "file": file,
        "surprise": judged.surprise,
        "threshold": verdict.threshold,
        "start": begin,
        "seconds": judged.tracks.frames * judged.tracks.frame,
        "anomalies": [
            {
                "start": begin + s.first * judged.tracks.frame,
                "end": begin + s.end * judged.tracks.frame,
                "surprise": s.surprise,
                "shown_by": s.track,
                "words": judged.words(s),
            }
            for s in judged.stretches
        ],
    }


def _table(verdict: Verdict, dataset: Dataset, rate: int, false_alarms: float) -> None:
    header = ("file", "from", "to", "surprise", "shown by", "words")
    rows = []
    for judged in verdict.anomalous:
        file, begin = dataset.origin(judged.path, rate)
        for s in judged.stretches:
            times = (f"{begin + t * judged.tracks.frame:.2f}" for t in (s.first, s.end))
            rows.append((file, *times, f"{s.surprise:.1f}", s.track, judged.words(s)))
    if rows:
        print_table(header, rows)
    found = counted(len(verdict.judged), "recording")
    how = "phoneme by phoneme" if verdict.texts else "without texts"
    show.out.print(
        f"{len(verdict.anomalous):,} of {found} above {verdict.threshold:.1f} bits of surprise, "
        f"which {false_alarms:.1%} of usual ones exceed; compared {how}",
        soft_wrap=True,
    )
