"""Directions in a text, as they are heard."""

from dataclasses import replace

import numpy as np
import pytest

from wavegen.config.data import SpeakerConfig
from wavegen.errors import TextError, VoiceError
from wavegen.request import Request
from wavegen.synth import join, plan, synthesize
from wavegen.timing import timing
from wavegen.utterance import Utterance
from wavegen.voice import Voice


@pytest.fixture
def voice(tiny_voice: Voice) -> Voice:
    """It speaks each sentence in an utterance of its own."""
    return replace(tiny_voice, config=tiny_voice.config.replace("data", join=1), longest=9)


def said(voice: Voice, text: str, **how: object) -> list[Utterance]:
    return [*plan(voice, Request(text=text, **how))]  # type: ignore[arg-type]


def seconds(voice: Voice, text: str) -> list[float]:
    """How long each word takes."""
    return [w.end - w.start for w in timing(voice, said(voice, text, noise_scale=0)).words]


def test_directions_that_change_nothing_change_no_sample(voice: Voice) -> None:
    plain, told = (said(voice, text) for text in ("One two.", "[rate 1]One two.[/rate]"))
    assert np.array_equal(*(synthesize(voice, us)[0] for us in (plain, told)))


def test_a_rate_makes_only_its_words_slower(voice: Voice) -> None:
    plain, slow = (
        seconds(voice, t) for t in ("Three three one.", "Three [rate 0.5]three[/rate] one.")
    )
    assert slow[0] == pytest.approx(plain[0], abs=0.011)
    assert slow[1] == pytest.approx(2 * plain[1], abs=0.021)
    assert slow[2] == pytest.approx(plain[2], abs=0.011)


def test_a_pitch_raises_only_its_words(voice: Voice) -> None:
    [plain], [high] = (said(voice, t) for t in ("One nine.", "One [pitch 12]nine."))
    assert plain.local is not None
    assert high.local is not None
    raised = high.local.octaves - plain.local.octaves
    at = round(timing(voice, [high]).words[1].start * voice.config.conditioning.frame_rate)
    assert not raised[:at].any()
    assert np.allclose(raised[at:], high.local.voicing[at:], atol=1e-5)


def test_pauses_are_silence_of_their_length_anywhere(voice: Voice) -> None:
    parts = said(voice, "[pause 1s] One [pause 300ms] two. Three. [pause 0.5s]")
    assert [u.text for u in parts] == ["one", "two", "three"]
    assert [u.pause for u in parts] == [2400, round(0.2 * 8000), 4000]
    assert timing(voice, parts).words[0].start >= 1.0
    assert (
        said(voice, "One two. Three.")[0].samples
        < said(voice, "[pause 1s] One two. Three.")[0].samples - 7000
    )
    [joined] = plan(
        replace(voice, config=voice.config.replace("data", join=2)),
        Request(text="One [pause 2s] two."),
    )
    one, two = timing(voice, [joined]).words
    assert two.start - one.end >= 2.0


def test_the_volume_scales_samples(voice: Voice) -> None:
    [plain], [soft] = (said(voice, t) for t in ("One nine.", "One [volume -20 dB]nine."))
    a, b = (synthesize(voice, [u])[0] for u in (plain, soft))
    at = round(timing(voice, [soft]).words[1].start * 8000)
    assert np.array_equal(a[: at - 80], b[: at - 80])
    assert np.allclose(b[at + 80 :], 0.1 * a[at + 80 :], atol=1e-6)


def test_a_speaker_s_gain_scales_samples(voice: Voice) -> None:
    theo = (SpeakerConfig("theo", gain=-20.0),)
    faint = replace(voice, config=voice.config.replace("data", speaker=theo))
    for speaker, gain in (("theo", 0.1), ("lucas", 1.0), ("theo:0.5,lucas:0.5", 0.1**0.5)):
        [u], [v] = (said(x, "One.", speaker=speaker) for x in (voice, faint))
        [a], [b] = synthesize(voice, [u]), synthesize(faint, [v])
        assert np.allclose(b, gain * a, atol=1e-6)
    [u], [v] = (said(faint, t, speaker="theo") for t in ("One.", "[volume +20 dB] One."))
    assert np.allclose(synthesize(faint, [v])[0], 10 * synthesize(faint, [u])[0], atol=1e-5)


@pytest.mark.parametrize("together", [1, 2])
def test_a_text_names_its_speakers(voice: Voice, together: int) -> None:
    voice = replace(voice, config=voice.config.replace("data", join=together))
    parts = said(voice, "One. [speaker theo] Two. [/speaker] Three.", speaker="lucas")
    assert [u.speaker.label for u in parts] == ["lucas", "theo", "lucas"]
    assert len(join(parts, [np.zeros(u.samples, np.float32) for u in parts]))
    with pytest.raises(VoiceError, match="no speaker 'bob'"):
        said(voice, "One. [speaker bob] Two.")
    with pytest.raises(TextError, match="not both"):
        said(voice, "[speaker theo] Two.", speaker_path="theo,lucas")


def test_marks_have_the_time_of_the_word_that_follows(voice: Voice) -> None:
    told = timing(
        voice, said(voice, "[mark a] One [mark b] two. [mark c] Three. [pause 1s] [mark d]")
    )
    starts = [w.start for w in told.words]
    assert dict(told.marks) == pytest.approx(
        {"a": starts[0], "b": starts[1], "c": starts[2], "d": told.seconds}
    )
