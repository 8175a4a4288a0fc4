"""`wavegen info`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from wavegen.cli import completion, show
from wavegen.cli.tables import Cell, listed, print_facts
from wavegen.errors import counted

if TYPE_CHECKING:
    from wavegen.latents import LatentVoice
    from wavegen.voice import Voice


SHOWN = {("data", "licence"), ("data", "attribution"), ("data", "speaker")}
"""Settings that are shown among the facts before the settings."""


def info(
    voice: Annotated[
        str,
        typer.Argument(
            help="A bundled voice's name, or a voice file.", autocompletion=completion.voices
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show everything a voice file holds."""
    from wavegen.latents import LatentVoice
    from wavegen.library import load_voice, speaker_infos
    from wavegen.recipe import to_dict

    v = load_voice(voice)
    scales = _scales(v)
    symbols, words = (v.vocabulary()[name] for name in ("symbols", "words"))
    if as_json:
        about = {
            "name": v.name,
            "sha256": v.digest,
            "sample_rate": v.sample_rate,
            "parameters": v.model.parameter_count,
            "receptive_field": v.config.model.receptive_field,
            **({"scales": scales} if scales else {}),
            "speakers": [asdict(s) for s in speaker_infos(v.speakers, v.config.data, v.training)],
            "phonemes": symbols,
            "words": words,
            **({"codes": _codes(v)} if isinstance(v, LatentVoice) else {}),
            "training": v.training,
            "config": to_dict(v.config),
        }
        typer.echo(json.dumps(about, ensure_ascii=False, indent=2))
        return
    shown = [*words[:20], *(["…"] if len(words) > 20 else [])]
    facts: list[tuple[str, Cell]] = [
        ("voice", v.name),
        ("sample rate", f"{v.sample_rate} Hz"),
        ("network", v.config.model.kind),
        ("parameters", f"{v.model.parameter_count:,}"),
        ("receptive field", show.timescales(v.config)),
        *(
            (
                f"scale of {part.sample_rate} Hz",
                f"{s['parameters']:,} parameters, {s['share_of_products']:.0%} of the products; "
                f"receptive field {show.timescales(part.config)}".split(),
            )
            for s, part in zip(scales, v.chain, strict=False)  # none of a single one
        ),
        ("speakers", listed([f"{i} {s}" for i, s in enumerate(v.speakers)]) or "none"),
        *_speakers(v),
        ("phonemes", symbols or "none (no text)"),
        ("words in training", [f"{len(words):,}:", *listed(shown)] if words else "none"),
    ]
    if isinstance(v, LatentVoice):
        facts.append(
            (
                "codes",
                "{}, {used:.0f} of {codes} in use, perplexity {perplexity:.1f}; {per_second} a "
                "second: {bits_per_second:.0f} bits".format(
                    counted(v.config.conditioning.codebooks, "book"), **_codes(v)
                )
                + (f", and {v.bits_per_second[1]:.0f} of F0" if v.config.conditioning.f0 else ""),
            )
        )
    for name, value in v.training.items():
        label = name.replace("_", " ")
        if name == "coarser":
            continue
        if name == "from":
            facts += [("made from", _origin(voice).split()) for voice in value]
        elif name.endswith("_bits"):
            facts.append((label, f"{value:.4f} per sample ({v.unit})"))
        elif name not in ("unit", "speaker_minutes"):
            facts.append((label, str(value or "not given").split()))
    for section, values in to_dict(v.config).items():
        for key, value in values.items():
            if (section, key) not in SHOWN:
                facts.append((f"{section}.{key}", str(value)))
    print_facts(facts)


def _scales(voice: Voice) -> list[dict[str, float]]:
    """What each of several scales is like, from coarse to fine, and its part of the products that
    drawing takes."""
    from wavegen.bench import products_per_second

    if len(voice.chain) == 1:
        return []
    cost = [products_per_second(v.model, v.config) for v in voice.chain]
    return [
        {
            "sample_rate": part.sample_rate,
            "parameters": part.model.parameter_count,
            "share_of_products": products / sum(cost),
        }
        for part, products in zip(voice.chain, cost, strict=True)
    ]


def _codes(voice: LatentVoice) -> dict[str, float]:
    """What a discrete code is like."""
    c, (used, perplexity) = voice.config.conditioning, voice.code_use
    said, f0 = voice.bits_per_second
    return {
        "books": c.codebooks,
        "codes": c.codes,
        "used": used,
        "perplexity": perplexity,
        "per_second": c.code_rate,
        "bits_per_second": said,
        "f0_bits_per_second": f0,
    }


def _speakers(voice: Voice) -> Iterator[tuple[str, Cell]]:
    """A fact for each speaker of whom more is known than the name; licence and attribution where
    they are not the voice's."""
    from wavegen.library import speaker_infos

    common = {voice.training.get(k) for k in ("licence", "attribution")}
    for s in speaker_infos(voice.speakers, voice.config.data, voice.training):
        minutes = None if s.minutes is None else f"{s.minutes:.1f} minutes"
        own = [text for text in (s.licence, s.attribution) if text not in common]
        if parts := [text for text in (s.sex, minutes, s.description, *own) if text]:
            yield f"speaker {s.id}", "; ".join([s.name, *parts]).split()


def _origin(voice: dict[str, str]) -> str:
    """The voice that a fine-tuned one started from."""
    name, digest, licence, credit = (
        voice.get(k, "") for k in ("voice", "sha256", "licence", "attribution")
    )
    parts = f"voice {name} (SHA-256 {digest[:16]}…)", licence or "licence not given", credit
    return "; ".join(filter(None, parts))
