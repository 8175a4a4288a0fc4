"""`wavegen align`."""

from __future__ import annotations

from pathlib import Path

import typer

from wavegen.cli import show
from wavegen.cli.folder import CACHE_HELP, LAYOUT_HELP, open_folder, read_settings
from wavegen.errors import WavegenError


def align(
    audio_dir: Path = typer.Argument(..., help="Folder of recordings with transcripts."),
    out: Path = typer.Option(..., "-o", "--out", help="Folder for TextGrid and JSON files."),
    plots: list[str] = typer.Option(
        [], "--plot", metavar="CLIP", help="Also draw this clip (its path in the folder) as a PNG."
    ),
    force: bool = typer.Option(False, "--force", help="Replace files in a folder that has some."),
    recipe: str | None = typer.Option(None, help="The recipe to train with: a name or TOML file."),
    layout: str | None = typer.Option(None, help=LAYOUT_HELP),
    settings: list[str] = typer.Option(
        [], "--set", metavar="SECTION.KEY=VALUE", help="Override one field of the recipe."
    ),
    cache_dir: Path | None = typer.Option(None, help=CACHE_HELP),
    allow_bad: bool = typer.Option(
        False, "--allow-bad", help="Go on when over a tenth of the files are unusable."
    ),
) -> None:
    """Find when every word and phoneme of a folder's recordings is said."""
    config = read_settings(recipe, layout, settings)
    # Times are those of the files as they are, so silence at their ends must stay.
    config = config.replace("data", trim_db=0.0).replace("conditioning", features="mel")
    from wavegen.align import check_folder, fit_dataset, output_stems, write_alignments
    from wavegen.report.clip_plots import check_matplotlib, plot_clip

    check_folder(out, force)
    if plots:
        check_matplotlib("leave out --plot")
    dataset = open_folder(audio_dir, config, cache_dir, allow_bad, f0=False)
    for path, why in dataset.left_out:
        show.warn(f"left out {path}: {why}")
    for path in plots:
        if path not in dataset.units:
            known = next(iter(dataset.units), "none")
            raise WavegenError(
                f"--plot {path}: there is no such clip with a text (the first is {known})"
            )
    if 0 < len(dataset.units) < len(dataset.clips):
        show.warn(f"{len(dataset.clips) - len(dataset.units)} clips have no text")
    with show.phases() as progress:
        fitted = fit_dataset(config, dataset, progress)
    with show.progress_bar("writing alignments", "clips") as writing:
        write_alignments(fitted, out, writing)
    stems = output_stems(dataset)
    for path in plots:
        samples = dataset.prepared.audio(path, 0, dataset.entry(path).samples)
        phones = [(i.label, i.start, i.end) for i in fitted.clip(path).phones]
        file = out / f"{stems[path]}.png"
        plot_clip(samples, config.audio.sample_rate, phones, path, file)
        show.err.print(f"wrote {file}", soft_wrap=True)
    for path, why in fitted.misfits:
        show.out.print(f"{path}: {why}", soft_wrap=True)
    count, wrong = len(dataset.units), len(fitted.misfits)
    show.err.print(f"aligned {count:,} clips into {out}; {wrong:,} do not fit their texts")
