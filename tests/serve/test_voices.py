"""Which voice and speaker a name means."""

from pathlib import Path

import pytest
from helpers import free_voice

from wavegen.errors import VoiceError
from wavegen.serve.voices import Voices


@pytest.mark.parametrize(
    ("name", "model", "voice", "speaker"),
    [
        (None, None, "tiny", None),
        ("other", None, "other", None),
        ("ann", None, "other", "ann"),
        ("theo", None, "tiny", "theo"),
        ("other/theo", None, "other", "theo"),
        ("other/0", None, "other", "0"),
        ("theo:0.7,lucas:0.3", None, "tiny", "theo:0.7,lucas:0.3"),
        ("theo", "other", "other", "theo"),
        ("other", "other", "other", None),
        ("other/theo", "other", "other", "theo"),
        (None, "other", "other", None),
        ("ann", "tts-1", "other", "ann"),
    ],
)
def test_a_name_is_a_voice_a_speaker_or_both(
    voices: Voices, name: str | None, model: str | None, voice: str, speaker: str | None
) -> None:
    found, who = voices.find(name, model)
    assert (found.name, who) == (voice, speaker)


@pytest.mark.parametrize(
    ("name", "model"), [("zork", None), ("tiny/ann", None), ("ann", "tiny"), ("0", None)]
)
def test_other_names_are_an_error_that_lists_these(
    voices: Voices, name: str, model: str | None
) -> None:
    with pytest.raises(VoiceError, match=r"tiny/george|0 george"):
        voices.find(name, model)


def test_only_voices_that_speak_and_have_names_of_their_own_are_served(
    tmp_path: Path, tiny_voice_file: Path
) -> None:
    assert [*Voices.load().all] == ["readers", "digits", "kathleen"]
    with pytest.raises(VoiceError, match="voice free speaks no texts"):
        Voices.load([str(free_voice(tmp_path / "free.safetensors"))])
    with pytest.raises(VoiceError, match="two voices are called tiny"):
        Voices.load([str(tiny_voice_file)] * 2)
