"""`wavegen report`."""

from __future__ import annotations

from pathlib import Path

import typer

from wavegen.cli import show


def report(
    run_dir: Path = typer.Argument(..., help="A run directory of `wavegen train`."),
    output: Path | None = typer.Option(
        None, "--output", "-o", help="HTML file (default: report.html in the run directory)."
    ),
    force: bool = typer.Option(False, "--force", help="Replace an existing file."),
) -> None:
    """Write one HTML page about a run: curves, samples to hear, data, settings, machine."""
    from wavegen.files import check_output
    from wavegen.report.page import check_run, write_report

    check_run(run_dir)
    target = output or run_dir / "report.html"
    check_output(target, force, (".html", ".htm"))
    with show.err.status("writing the report"):
        write_report(run_dir, target)
    show.err.print(f"{target}: written", soft_wrap=True)
