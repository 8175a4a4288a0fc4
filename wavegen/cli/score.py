"""`wavegen score`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavegen.cli import options as o
from wavegen.cli import show
from wavegen.cli.tables import print_table
from wavegen.config import ScoreBy, WeightPrecision
from wavegen.errors import DataError, WavegenError, counted
from wavegen.request import Request

if TYPE_CHECKING:
    from wavegen.score import Score
    from wavegen.voice import Voice

GIVEN = {
    "none": "",
    "spectrogram": ", given its own spectrogram: what is said costs nothing (see --text)",
    "text": ", given the text, and the timing, F0 and loudness of the recording",
    "scales": ", at most: the sum over the scales also tells which coarse signal is meant, and the "
    "voice could draw the same sound over others",
}
"""What a voice was told, by `Score.features`."""


@o.expanded
def score(
    *,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings.")],
    request: Annotated[Request, o.Only("voice", "speaker")],
    text: Annotated[
        str | None, typer.Option("--text", "-t", help="What is said in the recordings.")
    ] = None,
    by: Annotated[
        ScoreBy | None, typer.Option(help="Also the bits of each part (words need --text).")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Plot one recording and its bits over time (PNG)."),
    ] = None,
    force: o.Force = False,
    precision: Annotated[
        WeightPrecision, typer.Option(help="Round as the engines do in this precision.")
    ] = "f32",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object per line.")] = False,
) -> None:
    """Bits per sample of recordings under a voice: the fewer, the likelier.

    With --text the voice expects what the text lets expect, and a wrong text or speaker costs bits;
    without, it is told each recording's own spectrogram.
    """
    if plot is not None:
        _check_plot(plot, force, files)
    from wavegen.generation.rounding import rounded
    from wavegen.library import find_voice
    from wavegen.score import score_file

    voice, _ = find_voice(request.voice, request.speaker)
    if precision != "f32":
        for scale in voice.chain:
            scale.model = rounded(scale.model, precision)
    scores: dict[Path, Score] = {}
    failed = 0
    with show.progress_bar("scoring", "files") as bar:
        for done, file in enumerate(files, 1):
            try:
                scores[file] = score_file(voice, file, request.speaker, text)
            except DataError as e:
                if len(files) == 1:
                    raise
                show.warn(str(e))
                failed += 1
                continue
            bar(done, len(files))
            if as_json:
                row = _row(voice, file, scores[file], by)
                show.out.print(json.dumps(row, ensure_ascii=False), soft_wrap=True)
    if scores and not as_json:
        _table(voice, scores, by)
    if plot is not None:
        from wavegen.report.score_plot import plot_score

        plot_score(scores[files[0]], _frame(voice), str(files[0]), plot)
    if failed:
        show.failure(f"{failed} of {counted(len(files), 'file')} could not be scored")
        raise typer.Exit(1)


def _each(scales: Mapping[int, float]) -> list[str]:
    """The cells of bits of each scale."""
    return [f"{b:.4f}" for b in scales.values()]


def _check_plot(plot: Path, force: bool, files: list[Path]) -> None:
    from wavegen.files import check_output
    from wavegen.report.clip_plots import check_matplotlib

    check_matplotlib("leave out --plot")
    check_output(plot, force, (".png",), "--plot")
    if len(files) > 1:
        raise WavegenError("--plot is of one recording: give one file")


def _frame(voice: Voice) -> float:
    """Seconds of a frame."""
    return voice.config.hop_length / voice.sample_rate


def _row(voice: Voice, file: Path, s: Score, by: ScoreBy | None) -> dict[str, object]:
    row: dict[str, object] = {
        "file": str(file),
        "bits_per_sample": s.bits_per_sample,
        "features": s.features,
        "network_bits_per_sample": s.network_bits_per_sample,
        "network_sample": voice.unit,
        "samples": s.samples,
        "seconds": s.seconds,
    }
    if s.scales:
        row["upper_bound"] = True
        row["bits_per_sample_by_rate"] = {str(rate): b for rate, b in s.scales.items()}
    if by is not None:
        from wavegen.score.spans import spans

        row[f"by_{by}"] = [vars(part) for part in spans(s, by, _frame(voice))]
    return row


def _table(voice: Voice, scores: dict[Path, Score], by: ScoreBy | None) -> None:
    from wavegen.score import mean_bits
    from wavegen.score.spans import spans

    if by is not None:
        header = ("file", by, "from", "to", "bits/sample")
        parts = [(str(f), p) for f, s in scores.items() for p in spans(s, by, _frame(voice))]
        print_table(
            header,
            [
                (f, p.label, f"{p.start:.3f}", f"{p.end:.3f}", f"{p.bits_per_sample:.2f}")
                for f, p in parts
            ],
        )
        show.out.print()
    total = list(scores.values())
    seconds, rates = sum(s.seconds for s in total), [*total[0].scales]
    rows = [
        (str(f), f"{s.bits_per_sample:.4f}", *_each(s.scales), f"{s.seconds:.2f}")
        for f, s in scores.items()
    ]
    means = {r: sum(s.scales[r] * s.samples for s in total) for r in rates}
    samples = sum(s.samples for s in total)
    each = _each({r: b / samples for r, b in means.items()})
    rows.append(("mean", f"{mean_bits(total):.4f}", *each, f"{seconds:.2f}"))
    print_table(("file", "bits/sample", *(f"{r} Hz" for r in rates), "seconds"), rows)
    given = GIVEN[total[0].features]
    show.out.print(f"of 16-bit sound at {voice.sample_rate} Hz{given}", soft_wrap=True)
