"""`wavegen convert`."""

from collections.abc import Callable
from pathlib import Path

import soundfile
from helpers import DIGITS, Result, one_clear_line

import wavegen

SEVEN = DIGITS / "7_jackson_12.wav"


def test_a_recording_is_said_by_another_speaker(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    out = tmp_path / "theo.wav"
    args = ("convert", SEVEN, "-v", tiny_voice_file, "-t", "seven", "-o", out)
    done = cli(*args, "--speaker", "theo:0.7,lucas:0.3")
    assert done.code == 0, done.err
    assert "speaker lucas:0.3,theo:0.7, " in done.err
    audio, rate = soundfile.read(out, dtype="float32")
    assert len(audio) == soundfile.info(SEVEN).frames
    one_clear_line(cli(*args), "--force")
    voice = wavegen.load_voice(tiny_voice_file)
    mix = {"theo": 0.7, "lucas": 0.3}
    same = voice.convert(SEVEN, mix, text="seven")
    assert rate == voice.sample_rate
    # The file has a fade at either end, and 16 bits.
    assert abs(audio[100:-100] - same[100:-100]).max() < 1e-4
    kept = voice.convert(SEVEN, mix, text="seven", keep_pitch=True, pitch_shift=2)
    assert abs(kept - same).max() > 1e-3


def test_what_is_wrong_is_one_clear_line(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    for args, part in (
        ((SEVEN,), "needs --text: what 7_jackson_12.wav says"),
        ((tmp_path / "no.wav", "-t", "one"), "no.wav"),
        ((SEVEN, "-t", "one", "-s", "nobody"), "no speaker 'nobody'"),
        ((SEVEN, "-t", "one", "--pitch-shift", "90"), "--pitch-shift must be a number from -24"),
    ):
        done = cli("convert", *args, "-v", tiny_voice_file, "-o", tmp_path / "a.wav")
        one_clear_line(done, part)
        assert not (tmp_path / "a.wav").exists()
