"""`wavegen synth`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavegen.cli import options as o
from wavegen.cli import show
from wavegen.cli.drawing import draw_all
from wavegen.cli.play import loudspeaker
from wavegen.cli.play import play as play_sound
from wavegen.cli.voices import list_speakers as print_list
from wavegen.config import Engine, WeightPrecision
from wavegen.errors import TextError, WavegenError
from wavegen.request import Finish, Request

if TYPE_CHECKING:
    from wavegen.utterance import Audio, Utterance
    from wavegen.voice import Voice

STDIN = "standard input"
STDOUT = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


Play = Annotated[
    bool,
    typer.Option(
        "--play", help="Play the sound while it is made, and write no file; needs sounddevice."
    ),
]
Timings = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.json", help="Also write when each word and phoneme is spoken, as JSON."
    ),
]
Subtitles = Annotated[
    Path | None,
    typer.Option(metavar="FILE.srt|.vtt", help="Also write subtitles of what is spoken."),
]


@o.expanded
def synth(
    *,
    words: Annotated[str | None, typer.Argument(metavar="TEXT", help="What to say.")] = None,
    text_file: Annotated[
        Path | None,
        typer.Option(
            "--text-file", "-f", help="A file with what to say (default: standard input, or -)."
        ),
    ] = None,
    request: Request,
    list_speakers: Annotated[
        bool, typer.Option("--list-speakers", help="List the speakers and what is known of them.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --list-speakers: print JSON.")
    ] = False,
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
    play: Play = False,
    timings: Timings = None,
    subtitles: Subtitles = None,
    finish: Finish,
    engine: o.EngineName = None,
    precision: o.Precision = None,
    device: o.Device = "auto",
    force: o.Force = False,
) -> None:
    """Speak a text into an audio file, or (-o -) into a pipe while it is made."""
    from wavegen.library import find_voice
    from wavegen.voice import SpeakingVoice

    if list_speakers:
        print_list(request.voice, as_json)
        return
    if as_json:
        raise WavegenError("--json goes with --list-speakers")
    piped = raw or play or str(output) == "-"
    if play and (raw or output is not None):
        raise WavegenError("--play writes nothing: leave out --output and --raw")
    if piped:
        _check_pipe(output, finish, play)
    else:
        output = _checked(output or Path("output.wav"), force)
    times = _Times(timings, subtitles, force)
    text_file = None if str(text_file) == "-" else text_file
    text = _one_text(words, request.text, text_file)
    voice, _ = find_voice(request.voice, request.speaker, request.speaker_path)
    speaks = request.seconds is None and isinstance(voice, SpeakingVoice)
    live = text is None and text_file is None and speaks
    texts: Iterator[str | None] = iter([text])
    if live or text_file is not None:
        texts = _read(text_file, piped and not request.ssml)
    requests: Iterable[Request] = (replace(request, text=t) for t in texts)
    if output is not None and not piped:
        how = engine, precision, device, force
        times.write(voice, _speak_into_file(voice, [*requests], output, finish, *how))
        return
    requests = _some(requests)  # before the header of a WAV file is written
    from wavegen.audio.writing import finish_stream
    from wavegen.generation import choose_device

    voice.to(choose_device(device, 1, engine, precision))
    said: list[Utterance] = []
    spoken = _spoken(voice, requests, live, engine, precision, said)
    if play:
        speaker = loudspeaker(finish.rate(voice.sample_rate))
        play_sound(finish_stream(spoken, voice.sample_rate, finish), speaker)
    else:
        _pipe(spoken, voice.sample_rate, finish, raw)
    times.write(voice, said)


class _Times:
    """The files of times that are asked for, which are checked before any work is done."""

    def __init__(self, timings: Path | None, subtitles: Path | None, force: bool) -> None:
        from wavegen.files import check_output
        from wavegen.timing import SUBTITLES

        self._files, self._force = {"--timings": timings, "--subtitles": subtitles}, force
        for flag, suffixes in (("--timings", [".json"]), ("--subtitles", SUBTITLES)):
            if file := self._files[flag]:
                check_output(file, force, suffixes, flag)

    def write(self, voice: Voice, utterances: Sequence[Utterance]) -> None:
        """Write them; raises `WavegenError` if that fails."""
        from wavegen.files import write_file
        from wavegen.timing import timing, write_times

        requests = {id(u.request): u.request for u in utterances}
        text = "\n".join(r.text or "" for r in requests.values())
        for flag, file in self._files.items():
            if file is not None:
                told = write_times(timing(voice, utterances), text, file.suffix.lower())
                write_file(file, told.encode(), self._force, flag)


def _checked(output: Path, force: bool) -> Path:
    """The file to write; raises `WavegenError` if it can't be written."""
    from wavegen.audio.writing import SUFFIXES
    from wavegen.files import check_output

    if str(output) in STDOUT:
        raise WavegenError(f"-o {output}: give -o - to write to standard output")
    check_output(output, force, SUFFIXES)
    return output


def _one_text(words: str | None, text: str | None, file: Path | None) -> str | None:
    """The text given on the command line, if there is one."""
    given = [t for t in (words, text) if t is not None]
    if len(given) + (file is not None) > 1:
        raise TextError("give one text: TEXT, --text or --text-file")
    if given and not given[0].strip():
        raise TextError("the text is empty")
    return given[0] if given else None


def _speak_into_file(
    voice: Voice,
    requests: Iterable[Request],
    output: Path,
    finish: Finish,
    engine: Engine | None,
    precision: WeightPrecision | None,
    device: str,
    force: bool,
) -> list[Utterance]:
    from wavegen.audio.writing import check_finish, write_audio
    from wavegen.synth import join, plan

    check_finish(output.suffix, finish.rate(voice.sample_rate), finish)
    utterances = [u for request in requests for u in plan(voice, request)]
    _warn_of_unknown_words(voice, utterances)
    audios, speed = draw_all(voice, utterances, engine, precision, device)
    audio = join(utterances, audios)
    write_audio(output, audio, voice.sample_rate, finish, replace=force)
    length = len(audio) / voice.sample_rate
    label = utterances[0].speaker.label
    speaker = f", speaker {label}" if label else ""
    show.err.print(
        f"{output}: {length:.2f} s, voice {voice.name}{speaker}, {speed:.2f} x real time",
        soft_wrap=True,
    )
    return utterances


def _spoken(
    voice: Voice,
    requests: Iterable[Request],
    live: bool,
    engine: Engine | None,
    precision: WeightPrecision | None,
    said: list[Utterance],
) -> Iterator[Audio]:
    """Audio piece by piece, of each request as soon as it comes.

    Args:
        voice: the voice.
        requests: what to speak.
        live: they are lines that are still being typed: a pause follows each, and one that can't
            be spoken is skipped with a warning.
        engine: as in `draw`.
        precision: as in `draw`.
        said: what has been spoken is added to it.
    """
    import numpy as np

    from wavegen.drawing import draw
    from wavegen.synth import plan, sentence_pause

    for number, request in enumerate(requests, 1):
        pause = sentence_pause(voice, request) if live else 0
        try:
            for u in plan(voice, request):
                _warn_of_unknown_words(voice, [u])
                for _, piece in draw(voice, [u], engine, precision):
                    yield piece
                yield np.zeros(u.pause, np.float32)
                said.append(u)
        except TextError as e:
            if not live:
                raise
            show.warn(f"line {number}: {e}")
        else:
            yield np.zeros(pause, np.float32)
            said[-1] = replace(said[-1], pause=said[-1].pause + pause)


def _warn_of_unknown_words(voice: Voice, utterances: Iterable[Utterance]) -> None:
    unknown = [*dict.fromkeys(w for u in utterances for w in u.unknown)]
    if unknown:
        words = ", ".join(unknown[:10]) + (" …" if len(unknown) > 10 else "")
        show.warn(f"not in the training data of voice {voice.name}: {words}")


def _check_pipe(output: Path | None, finish: Finish, play: bool) -> None:
    if output is not None and str(output) != "-":
        raise WavegenError("--raw writes to standard output; leave out --output, or give -o -")
    if not play and (sys.stdout is None or sys.stdout.isatty()):
        raise WavegenError("standard output is a terminal: pipe the sound into a program or a file")
    if finish.normalize is not None:
        raise WavegenError("--normalize needs the whole sound; write a file, or set --volume")
    if finish.bits != "16":
        raise WavegenError("--bits: sound in a pipe is 16-bit")


def _pipe(pieces: Iterable[Audio], rate: int, finish: Finish, raw: bool) -> None:
    from wavegen.audio.writing import finish_stream, pcm, wav_header

    header = b"" if raw else wav_header(finish.rate(rate))
    for piece in finish_stream(pieces, rate, finish):
        _write(header + pcm(piece))  # so that a text which can't be spoken leaves nothing
        header = b""
    _write(header)


def _write(data: bytes) -> None:
    out = sys.stdout.buffer
    try:
        out.write(data)
        out.flush()
    except BrokenPipeError:
        raise  # the reader has closed the pipe
    except OSError as e:
        # Python would write the rest at exit, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        raise WavegenError(f"can't write to standard output: {e.strerror}") from e


def _some(requests: Iterable[Request]) -> Iterator[Request]:
    """The same requests; raises `TextError` if there are none."""
    requests = iter(requests)
    for first in requests:
        return chain([first], requests)
    raise TextError("the text is empty")


def _read(file: Path | None, by_line: bool) -> Iterator[str]:
    """What to say from a file or standard input, as one text or line by line as they come."""
    from wavegen.decoding import read_text, text_lines, text_of

    if file is not None:
        try:
            text = read_text(file)
        except OSError as e:
            raise TextError(f"can't read {file}: {e.strerror}") from e
    elif sys.stdin is None or sys.stdin.isatty():
        raise TextError("nothing to say: give TEXT, --text-file, or text on standard input")
    elif by_line:
        for line in text_lines(iter(sys.stdin.buffer.readline, b""), STDIN):
            if line := line.strip():
                yield line
        return
    else:
        text = text_of(sys.stdin.buffer.read(), STDIN)
    if not text.strip():
        raise TextError("the text is empty")
    yield text
