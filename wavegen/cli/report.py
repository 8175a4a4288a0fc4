"""`wavegen report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavegen.cli import show
from wavegen.cli.options import Force


def report(
    run_dir: Annotated[Path, typer.Argument(help="A run directory of `wavegen train`.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="HTML file (default: report.html in the run directory)."
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Write an HTML page about a run: curves, samples to hear, data, settings, machine."""
    from wavegen.files import check_output
    from wavegen.report.page import check_run, write_report

    check_run(run_dir)
    target = output or run_dir / "report.html"
    check_output(target, force, (".html", ".htm"))
    with show.progress_bar("measuring the conditioning", "clips") as progress:
        write_report(run_dir, target, progress)
    show.err.print(f"wrote {target}", soft_wrap=True)
