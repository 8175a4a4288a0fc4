"""`wavegen synth`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavegen.cli import options as o
from wavegen.cli import show
from wavegen.errors import TextError, WavegenError

if TYPE_CHECKING:
    from wavegen.audio.writing import Finish
    from wavegen.synth import Audio, Utterance
    from wavegen.voice import Voice


def synth(
    words: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="What to say.")] = None,
    text: Annotated[str | None, typer.Option("--text", "-t", help="The same.")] = None,
    text_file: Annotated[
        Path | None,
        typer.Option(
            "--text-file", "-f", help="A file with what to say (default: standard input, or -)."
        ),
    ] = None,
    speaker: o.Speaker = None,
    list_speakers: Annotated[
        bool, typer.Option("--list-speakers", help="List ids and names, and whose.")
    ] = False,
    voice: o.VoiceName = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            "--output-file",
            help="File to write: .wav, .flac, .ogg, .mp3 or .aiff (default: output.wav); - is "
            "standard output.",
        ),
    ] = None,
    raw: Annotated[
        bool,
        typer.Option(
            "--raw", "--output-raw", help="Bare 16-bit samples to standard output, for | aplay."
        ),
    ] = False,
    seed: o.Seed = 0,
    temperature: o.Temperature = 1.0,
    language: o.Language = None,
    sentence_silence: o.SentenceSilence = None,
    length_scale: o.LengthScale = 1.0,
    pitch_shift: o.PitchShift = 0.0,
    noise_scale: o.NoiseScale = 0.0,
    seconds: o.Seconds = None,
    max_seconds: o.MaxSeconds = 600.0,
    sample_rate: o.SampleRate = None,
    bits: o.BitDepth = "16",
    volume: o.Volume = 1.0,
    normalize: o.Normalize = None,
    fade: o.Fade = 0.005,
    engine: o.EngineName = None,
    precision: o.Precision = None,
    force: o.Force = False,
) -> None:
    """Speak a text into an audio file, or (-o -) into a pipe while it is made."""
    from wavegen.library import bundled, find_voice
    from wavegen.voice import Style

    if list_speakers:
        for found in [voice] if voice is not None else bundled():
            for i, name in enumerate(find_voice(found).speakers):
                typer.echo(f"{i}\t{name}" + ("" if voice is not None else f"\t{found}"))
        return
    piped = raw or str(output) == "-"
    finish = o.finish(sample_rate, volume, normalize, fade, bits)
    if piped:
        _check_pipe(output, finish)
    else:
        output = output or Path("output.wav")
        from wavegen.audio.writing import SUFFIXES
        from wavegen.files import check_output

        check_output(output, force, SUFFIXES)
    if str(text_file) == "-":
        text_file = None
    given = [t for t in (words, text) if t is not None]
    if len(given) + (text_file is not None) > 1:
        raise TextError("give one text: TEXT, --text or --text-file")
    if given and not given[0].strip():
        raise TextError("the text is empty")
    chosen = find_voice(voice, speaker)
    who = 0 if speaker is None else chosen.speaker_id(speaker)
    lines: Iterable[str] = given
    if not given and text_file is None and (seconds is not None or not chosen.symbols):
        lines = [""]
    elif not given:
        lines = _read(text_file, piped)
        lines = lines if piped else [*lines]
    from wavegen.synth import Take, draw, join, pause_of, plan, synthesize

    style = Style(length_scale, pitch_shift, noise_scale, seed)

    def planned(line: str) -> Iterator[Utterance]:
        return plan(chosen, line, who, max_seconds, style, language, sentence_silence, seconds)

    def spoken() -> Iterator[Audio]:
        """Piece by piece, each line as soon as it is there."""
        import numpy as np

        pause = np.zeros(pause_of(chosen, sentence_silence), np.float32)
        for n, line in enumerate(lines):
            try:
                for u in planned(line):
                    _warn_of_unheard(chosen, [u])
                    for _, piece in draw(chosen, [Take(u, seed, temperature)], engine, precision):
                        yield piece
                    yield np.zeros(u.after, np.float32)
            except TextError as e:
                if given or text_file is not None:
                    raise
                show.warn(f"line {n + 1}: {e}")  # others are to come
            else:
                yield pause[: 0 if given else None]

    if piped:
        lines = _some(lines)  # before the head of a WAV is written
        _pipe(spoken(), chosen.sample_rate, finish, raw)
        return
    assert output is not None
    from wavegen.audio.writing import check_finish, write_audio

    check_finish(output.suffix, finish.rate(chosen.sample_rate), finish)
    utterances = [u for line in lines for u in planned(line)]
    _warn_of_unheard(chosen, utterances)
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
    write_audio(output, audio, chosen.sample_rate, finish)
    name = f", speaker {chosen.speakers[who]}" if chosen.speakers else ""
    show.err.print(
        f"{output}: {length:.2f} s, voice {chosen.name}{name}, {length / took:.2f} x real time",
        soft_wrap=True,
    )


def _warn_of_unheard(voice: Voice, utterances: Iterable[Utterance]) -> None:
    unheard = [*dict.fromkeys(w for u in utterances for w in u.unheard)]
    if unheard:
        words = ", ".join(unheard[:10]) + (" …" if len(unheard) > 10 else "")
        show.warn(f"voice {voice.name} never heard: {words}")


def _check_pipe(output: Path | None, finish: Finish) -> None:
    if output is not None and str(output) != "-":
        raise WavegenError("--raw writes to standard output; leave out --output, or give -o -")
    if sys.stdout is None or sys.stdout.isatty():
        raise WavegenError("standard output is a terminal: pipe the sound into a program or a file")
    if finish.normalize is not None:
        raise WavegenError("--normalize needs the whole sound; write a file, or set --volume")
    if finish.bits != "16":
        raise WavegenError("--bits: sound in a pipe is 16-bit")


def _pipe(pieces: Iterable[Audio], rate: int, finish: Finish, raw: bool) -> None:
    from wavegen.audio.writing import finished, pcm, wav_header

    if not raw:
        _write(wav_header(finish.rate(rate)))
    for piece in finished(pieces, rate, finish):
        _write(pcm(piece))


def _write(data: bytes) -> None:
    out = sys.stdout.buffer
    try:
        out.write(data)
        out.flush()
    except BrokenPipeError:
        raise  # the reader has had enough
    except OSError as e:
        # Python would write the rest on its way out, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        raise WavegenError(f"can't write to standard output: {e.strerror}") from e


def _some(lines: Iterable[str]) -> Iterator[str]:
    lines = iter(lines)
    for first in lines:
        return chain([first], lines)
    raise TextError("the text is empty")


def _read(file: Path | None, by_line: bool) -> Iterator[str]:
    """What to say from a file or standard input, as one text or line by line as they come."""
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError as e:
            raise TextError(f"can't read {file}: {e.strerror}") from e
    elif sys.stdin is None or sys.stdin.isatty():
        raise TextError("nothing to say: give TEXT, --text-file, or text on standard input")
    elif by_line:
        while line := sys.stdin.buffer.readline():
            if line := line.strip():
                yield line.decode("utf-8", errors="replace")
        return
    else:
        text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    if not text.strip():
        raise TextError("the text is empty")
    yield text
