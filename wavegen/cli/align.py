"""`wavegen align`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavegen.cli import folder, show
from wavegen.errors import WavegenError, counted

if TYPE_CHECKING:
    from wavegen.data.dataset import Dataset


def align(
    audio_dir: Annotated[Path, typer.Argument(help="Folder of recordings with transcripts.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the TextGrid and JSON files.")
    ],
    plots: Annotated[
        list[str] | None,
        typer.Option(
            "--plot", metavar="CLIP", help="Also plot this clip (its path in the folder) as a PNG."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write into a folder that is not empty.")
    ] = False,
    recipe: folder.Recipe = None,
    layout: folder.Layout = None,
    settings: folder.Settings = None,
    cache_dir: folder.CacheDir = None,
    allow_bad: folder.AllowBad = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the clips and what is wrong with them as JSON.")
    ] = False,
) -> None:
    """Find when each word and phoneme of a folder's recordings is spoken."""
    config = folder.read_settings(recipe, layout, settings)
    # Times are those of the files, so silence at their ends must stay.
    config = config.replace("data", trim_db=0.0, padding=0.0)
    from wavegen.align import check_folder, fit_dataset, output_stems, write_alignments
    from wavegen.report.clip_plots import check_matplotlib, plot_clip

    check_folder(out, force)
    if plots:
        check_matplotlib("leave out --plot")
    dataset = folder.open_folder(
        audio_dir, config, cache_dir, allow_bad, f0=False, transcripts=True
    )
    for path, why in dataset.left_out:
        show.warn(f"left out {path}: {why}")
    _check_plots(plots or (), dataset)
    if 0 < len(dataset.units) < len(dataset.clips):
        silent = len(dataset.clips) - len(dataset.units)
        show.warn(f"{counted(silent, 'clip')} without a text left out")
    with show.phases() as progress:
        fitted = fit_dataset(dataset, config.audio.sample_rate, progress)
    with show.progress_bar("writing alignments", "clips") as writing:
        write_alignments(fitted, out, writing)
    stems = output_stems(dataset)
    for path in plots or ():
        samples = dataset.prepared.audio(path, 0, dataset.entry(path).samples)
        phones = [(i.label, i.start, i.end) for i in fitted.clip(path).phones]
        file = out / f"{stems[path]}.png"
        plot_clip(samples, config.audio.sample_rate, phones, path, file)
        show.err.print(f"wrote {file}", soft_wrap=True)
    _print({p: out / f"{stem}.json" for p, stem in stems.items()}, fitted.misfits, as_json)
    aligned, wrong = counted(len(dataset.units), "clip"), len(fitted.misfits)
    show.err.print(
        f"aligned {aligned} into {out}, of which {wrong:,} may not match the text", soft_wrap=True
    )


def _print(files: Mapping[str, Path], misfits: Sequence[tuple[str, str]], as_json: bool) -> None:
    """Print the clips whose texts don't fit, or all of them as JSON."""
    if as_json:
        wrong = dict(misfits)
        rows = [{"clip": p, "file": str(f), "misfit": wrong.get(p)} for p, f in files.items()]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for path, why in misfits:
        show.out.print(f"{path}: {why}", soft_wrap=True)


def _check_plots(plots: Sequence[str], dataset: Dataset) -> None:
    for path in plots:
        if path not in dataset.units:
            known = next(iter(dataset.units), "none")
            raise WavegenError(
                f"--plot {path}: there is no such clip with a text (the first is {known})"
            )
