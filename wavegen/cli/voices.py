"""`wavegen voices`."""

from __future__ import annotations

from wavegen.cli import show


def voices() -> None:
    """List the voices that come with wavegen."""
    from rich.table import Table

    from wavegen.library import bundled, read_about

    table = Table("voice", "speakers", "rate", "size", "licence", box=None, pad_edge=False)
    for name, path in bundled().items():
        about = read_about(path)
        table.add_row(
            name,
            ", ".join(f"{i} {s}" for i, s in enumerate(about["speakers"])) or "-",
            f"{about['config']['audio']['sample_rate']} Hz",
            f"{path.stat().st_size / 1e6:.1f} MB",
            about["training"].get("licence") or "-",
        )
    show.out.print(table)
