"""`wavegen render`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from helpers import Result


def test_jobs_in_ssml_are_those_of_synth_and_keep_their_markup_when_they_fail(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    jobs, out, voice = tmp_path / "jobs.jsonl", tmp_path / "out", ("--voice", tiny_voice_file)
    ssml = "<speak>One <break time='300ms'/>two.</speak>"
    rows: list[dict[str, object]] = [{"text": ssml, "seed": 0}, {"text": "one", "ssml": False}]
    rows += [{"text": "<speak>one"}, {"text": "two", "seed": 0, "ssml": False}]
    jobs.write_text("".join(json.dumps(r) + "\n" for r in rows))
    command = ("render", jobs, "-o", out, *voice, "--ssml", "--subtitles", "srt")
    done = cli(*command)
    assert (done.code, "line 3: the SSML is not well-formed" in done.err) == (1, True)
    cli("synth", "--ssml", ssml, *voice, "-o", tmp_path / "one.wav")
    assert (out / "000001.wav").read_bytes() == (tmp_path / "one.wav").read_bytes()
    assert (out / "000001.srt").read_text().endswith("\nOne two.\n")
    [failed] = map(json.loads, (out / "failed.jsonl").read_text().splitlines())
    assert (failed["text"], failed["ssml"]) == ("<speak>one", True)
    (out / "failed.jsonl").write_text(json.dumps(failed | {"text": "<speak>one</speak>"}))
    assert cli("render", out / "failed.jsonl", "-o", out, *voice).code == 0
    assert "3 were there" in cli(*command).err
