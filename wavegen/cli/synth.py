"""`wavegen synth`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wavegen.cli import show
from wavegen.config import Engine, WeightPrecision
from wavegen.errors import TextError

if TYPE_CHECKING:
    pass


def synth(
    text: str | None = typer.Option(None, "--text", "-t", help="What to say."),
    text_file: Path | None = typer.Option(
        None, "--text-file", "-f", help="A file with what to say (default: standard input)."
    ),
    speaker: str | None = typer.Option(None, "--speaker", "-s", help="Speaker, by name or id."),
    list_speakers: bool = typer.Option(False, "--list-speakers", help="List names and ids."),
    voice: str | None = typer.Option(
        None,
        help="A bundled voice's name, or a voice file (default: the first bundled voice, with "
        "--speaker the first that has it).",
    ),
    output: Path = typer.Option(Path("output.wav"), "--output", "-o", help="File to write."),
    seed: int = typer.Option(0, help="Another seed gives another take."),
    temperature: float = typer.Option(1.0, min=0.0, help="Below 1: less variation."),
    language: str | None = typer.Option(
        None, help="Read the text as this language of espeak-ng's (default: the voice's)."
    ),
    sentence_silence: float | None = typer.Option(
        None, min=0.0, max=10.0, help="Seconds between sentences (default: the voice's own)."
    ),
    length_scale: float = typer.Option(1.0, min=0.1, max=10.0, help="Above 1 is slower."),
    pitch_shift: float = typer.Option(0.0, min=-24.0, max=24.0, help="Semitones."),
    noise_scale: float = typer.Option(
        0.0, min=0.0, max=2.0, help="How far lengths and melody stray from the likeliest."
    ),
    seconds: float | None = typer.Option(
        None, min=0.001, help="Length, for a voice trained without texts."
    ),
    engine: Engine | None = typer.Option(
        None, help="How to draw samples (default: numba on a CPU; naive is slow, the reference)."
    ),
    precision: WeightPrecision | None = typer.Option(
        None, help="Of the weights, in the numba engine (default: bf16)."
    ),
    max_seconds: float = typer.Option(600.0, min=0.0, help="Refuse to speak for longer."),
    force: bool = typer.Option(False, "--force", help="Replace an existing output file."),
) -> None:
    """Speak a text into an audio file."""
    from wavegen.voice import Style, find_voice

    if list_speakers:
        for i, name in enumerate(find_voice(voice).speakers):
            typer.echo(f"{i}\t{name}")
        return
    from wavegen.audio import check_output, write_audio

    check_output(output, force)
    if seconds is None:
        text = _read_text(text, text_file)
    from wavegen.synth import join, plan, plan_seconds, synthesize

    chosen = find_voice(voice, speaker)
    who = 0 if speaker is None else chosen.speaker_id(speaker)
    if seconds is not None:
        utterances = [plan_seconds(chosen, min(seconds, max_seconds), who)]
    elif not chosen.symbols and chosen.kind is None:
        raise TextError(f"voice {chosen.name} was trained without texts: --seconds sets its length")
    else:
        style = Style(length_scale, pitch_shift, noise_scale, seed)
        silence = sentence_silence
        utterances = [*plan(chosen, text or "", who, max_seconds, style, language, silence)]
    unheard = [*dict.fromkeys(w for u in utterances for w in u.unheard)]
    if unheard:
        words = ", ".join(unheard[:10]) + (" …" if len(unheard) > 10 else "")
        show.warn(f"voice {chosen.name} never heard: {words}")
    start = 0.0
    with show.progress_bar("speaking", "samples") as bar:

        def progress(done: int, total: int) -> None:
            nonlocal start
            start = start if done else time.perf_counter()
            bar(done, total)

        audios = synthesize(chosen, utterances, seed, temperature, engine, precision, progress)
    took = time.perf_counter() - start
    audio = join(utterances, audios)
    length = len(audio) / chosen.sample_rate
    write_audio(output, audio, chosen.sample_rate)
    name = f", speaker {chosen.speakers[who]}" if chosen.speakers else ""
    show.err.print(
        f"{output}: {length:.2f} s, voice {chosen.name}{name}, {length / took:.2f} x real time",
        soft_wrap=True,
    )


def _read_text(text: str | None, text_file: Path | None) -> str:
    if text is not None and text_file is not None:
        raise TextError("give --text or --text-file, not both")
    if text is None and text_file is None:
        if sys.stdin is None or sys.stdin.isatty():
            raise TextError("nothing to say: give --text, --text-file, or text on standard input")
        text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    elif text_file is not None:
        try:
            text = text_file.read_text(encoding="utf-8", errors="replace")
        except OSError as e:
            raise TextError(f"can't read {text_file}: {e.strerror}") from e
    assert text is not None
    if not text.strip():
        raise TextError("the text is empty")
    return text
