"""`wavegen voices`."""

from __future__ import annotations

from wavegen.cli.tables import listed, print_table


def voices() -> None:
    """List the bundled voices."""
    from wavegen.library import bundled, read_about

    rows = []
    for name, path in bundled().items():
        about = read_about(path)
        rows.append(
            (
                name,
                listed([f"{i} {s}" for i, s in enumerate(about["speakers"])]) or "-",
                f"{about['config']['audio']['sample_rate']} Hz",
                f"{path.stat().st_size / 1e6:.1f} MB",
                about["training"].get("licence") or "-",
            )
        )
    print_table(("voice", "speakers", "rate", "size", "licence"), rows)
