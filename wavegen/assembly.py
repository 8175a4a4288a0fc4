"""Voices put together, of random weights or of stored ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wavegen.config import Config
from wavegen.latents import LatentVoice
from wavegen.model import shapes
from wavegen.model.inputs import FEATURES, needs_text
from wavegen.model.part import Part
from wavegen.scales import ScaledVoice
from wavegen.speech.alignment import aligner_shapes
from wavegen.speech.frontend import silent_symbols
from wavegen.speech.phones import phone_channels
from wavegen.voice import ConditionedVoice, Floats, SpeakingVoice, Voice

if TYPE_CHECKING:
    from wavegen.model.acoustic import AcousticModel
    from wavegen.model.autoregressive import Autoregressive
    from wavegen.model.content import ContentModel
    from wavegen.model.latent import LatentModel
    from wavegen.speech.aligner import Aligner


def untrained(
    config: Config,
    speakers: tuple[str, ...],
    symbols: tuple[str, ...],
    words: tuple[str, ...] = (),
    longest: int = 0,
    weights: Mapping[str, Floats] | None = None,
) -> Voice:
    """A voice of the class that fits its features and symbols; for the arguments see the fields of
    `SpeakingVoice`.

    Args:
        weights: under the names of the voice file (default: random ones, in torch modules).

    Raises:
        ValueError: the features include phonemes, but there are no symbols.
    """
    _check(config, symbols)
    c, sizes = config.conditioning, (len(symbols), len(speakers))

    def part(name: str, make: Callable[[], Any]) -> Part[Any]:
        return Part(make, None if weights is None else _below(name, weights))

    def wavenet() -> Autoregressive:
        from wavegen.model.networks import NETWORKS

        network = NETWORKS[config.model.kind]
        return network(config, len(speakers), phone_channels(len(symbols)))

    def acoustic() -> AcousticModel:
        from wavegen.model.acoustic import AcousticModel

        channels = c.mel_channels, c.acoustic_channels, c.flow_channels
        return AcousticModel(*sizes, *channels).eval()

    def aligner() -> Aligner:
        from wavegen.speech.aligner import Aligner

        return Aligner(*sizes, silent_symbols(symbols))

    def content() -> ContentModel:
        from wavegen.model.content import ContentModel

        return ContentModel(*sizes, c.mel_channels, c.content_channels).eval()

    def latent() -> LatentModel:
        from wavegen.model.latent import LatentModel

        channels = c.mel_channels, c.latent_channels
        sizes = c.codes, c.code_frames, c.codebooks
        return LatentModel(len(speakers), *channels, *sizes).eval()

    def prior() -> Autoregressive:
        from wavegen.model.wavenet import WaveNet

        assert config.prior is not None
        return WaveNet(config.prior, len(speakers)).eval()

    network = part("wavenet", wavenet)
    if c.features not in FEATURES:
        return Voice(config, network, speakers)
    if (coarser := config.coarser) is not None:
        below = None if weights is None else _below("coarser", weights)
        told = untrained(coarser, speakers, symbols, weights=below)
        return ScaledVoice(config, network, speakers, coarser=told)
    if c.features == "latent":
        codes = part("latent", latent), part("prior", prior) if config.prior else None
        return LatentVoice(config, network, speakers, latent_part=codes[0], prior_part=codes[1])
    if not symbols:
        return ConditionedVoice(config, network, speakers)
    return SpeakingVoice(
        config,
        network,
        speakers,
        speech_parts=(part("acoustic", acoustic), part("aligner", aligner)),
        symbols=symbols,
        words=words,
        longest=longest,
        content_part=part("content", content) if _converts(config) else None,
    )


def _below(name: str, weights: Mapping[str, Floats]) -> dict[str, Floats]:
    """The weights of a part, by its own names for them."""
    start = f"{name}."
    return {n.removeprefix(start): w for n, w in weights.items() if n.startswith(start)}


def weight_shapes(
    config: Config, speakers: tuple[str, ...], symbols: tuple[str, ...]
) -> dict[str, tuple[int, ...]]:
    """The shapes of all weights under the names of the voice file; arguments and errors as of
    `untrained`."""
    _check(config, symbols)
    sizes = len(symbols), len(speakers)
    parts = {"wavenet": shapes.network(config, len(speakers), phone_channels(len(symbols)))}
    if (coarser := config.coarser) is not None:
        parts["coarser"] = weight_shapes(coarser, speakers, symbols)
    elif config.conditioning.features == "latent":
        parts["latent"] = shapes.latent(config, len(speakers))
        if (drawing := config.prior) is not None:
            parts["prior"] = shapes.network(drawing, len(speakers), 0)
    elif config.conditioning.features in FEATURES and symbols:
        parts["acoustic"] = shapes.acoustic(config, *sizes)
        parts["aligner"] = aligner_shapes(*sizes)
        if _converts(config):
            parts["content"] = shapes.content(config, *sizes)
    return {f"{part}.{name}": s for part, named in parts.items() for name, s in named.items()}


def _converts(config: Config) -> bool:
    """Whether a voice that speaks texts has a content model."""
    c = config.conditioning
    return c.features == "mel" and c.content_channels > 0


def _check(config: Config, symbols: tuple[str, ...]) -> None:
    features = config.conditioning.features
    if needs_text(features) and not symbols:
        raise ValueError(f"features {features} need phonemes")
