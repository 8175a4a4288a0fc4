"""`wavegen info`."""

from __future__ import annotations

from typing import Annotated

import typer

from wavegen.cli import show
from wavegen.cli.tables import Cell, listed, print_facts


def info(
    voice: Annotated[str, typer.Argument(help="A bundled voice's name, or a voice file.")],
) -> None:
    """Show everything a voice file holds."""
    from wavegen.library import load_voice
    from wavegen.recipe import to_dict

    v = load_voice(voice)
    symbols, words = (v.vocabulary()[name] for name in ("symbols", "words"))
    shown = [*words[:20], *(["…"] if len(words) > 20 else [])]
    facts: list[tuple[str, Cell]] = [
        ("voice", v.name),
        ("sample rate", f"{v.sample_rate} Hz"),
        ("parameters", f"{v.model.parameter_count:,}"),
        ("receptive field", show.timescales(v.config)),
        ("speakers", listed([f"{i} {s}" for i, s in enumerate(v.speakers)]) or "none"),
        ("phonemes", symbols or "none (no text)"),
        ("words in training", [f"{len(words):,}:", *listed(shown)] if words else "none"),
    ]
    for name, value in v.training.items():
        label = name.replace("_", " ")
        if name.endswith("_bits"):
            facts.append((label, f"{value:.4f} per sample ({v.unit})"))
        elif name != "unit":
            facts.append((label, str(value or "not given").split()))
    for section, values in to_dict(v.config).items():
        for key, value in values.items():
            if (section, key) not in {("data", "licence"), ("data", "attribution")}:
                facts.append((f"{section}.{key}", str(value)))
    print_facts(facts)
