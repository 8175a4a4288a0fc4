"""From a request to planned utterances, and to their sound."""

import contextlib
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from odd_texts import ODD

from wavegen.assembly import untrained
from wavegen.config import Config
from wavegen.errors import TextError, VoiceError
from wavegen.request import Request
from wavegen.synth import join, plan, plan_in_turns, synthesize
from wavegen.voice import Voice


def in_sentences(voice: Voice) -> Voice:
    """A voice that speaks each sentence, and each nine words, in an utterance of its own."""
    return replace(voice, config=voice.config.replace("data", join=1), longest=9)


@pytest.mark.usefixtures("lengths_only")
def test_odd_inputs_are_spoken_in_no_more_than_ten_times_the_time_expected(
    tiny_voice: Voice,
) -> None:
    usual, spoken = 0.09, 0  # seconds of a phoneme
    for text in ODD:
        with contextlib.suppress(TextError):  # nothing to say, or too much
            asked = Request(text=text, max_seconds=60)
            for u in itertools.islice(plan(in_sentences(tiny_voice), asked), 20):
                phonemes = sum(map(len, u.phonemes))
                assert u.samples / tiny_voice.sample_rate < 10 * usual * (phonemes + 2), text[:50]
                spoken += 1
    assert spoken > len(ODD) / 2


@pytest.mark.usefixtures("lengths_only")
def test_twenty_thousand_characters_fit_under_a_higher_limit(tiny_voice: Voice) -> None:
    request = Request(text="seven " * 3334, max_seconds=None)
    [whole] = plan(replace(tiny_voice, longest=9), request)
    assert whole.samples > 600 * 8000


@pytest.mark.usefixtures("lengths_only")
def test_a_long_utterance_lets_others_have_their_turn_while_it_is_planned(
    tiny_voice: Voice,
) -> None:
    joined = replace(tiny_voice, longest=9)
    turns = [*plan_in_turns(joined, Request(text="one two three. " * 20))]
    assert turns.count(None) == len(turns) - 1 > 5
    assert [*plan_in_turns(in_sentences(tiny_voice), Request(text="One. Two."))].count(None) == 0


def test_silence_counts_as_what_is_spoken(tiny_voice: Voice) -> None:
    for text in ("one [pause 60s]", "one [pause 60s] two", "[pause 60s] one"):
        with pytest.raises(TextError, match="more than --max-seconds 30"):
            [*plan(in_sentences(tiny_voice), Request(text=text, max_seconds=30))]


def test_sentences_come_one_by_one_and_join_with_silence(tiny_voice: Voice) -> None:
    alone = in_sentences(tiny_voice)
    long = plan(alone, Request(text="One two. Three! " * 10_000))
    assert next(long).text == "one two"  # the rest is not read
    request = Request(text="One two. Three! Four?", sentence_silence=0.5)
    parts = [*plan(alone, request)]
    assert [u.text for u in parts] == ["one two", "three", "four"]
    assert [u.pause for u in parts] == [4000, 4000, 0]
    audio = join(parts, synthesize(alone, parts))
    assert len(audio) == sum(u.samples for u in parts) + 8000
    assert not audio[parts[0].samples : parts[0].samples + 4000].any()
    [whole] = plan(replace(tiny_voice, longest=9), request)
    assert [said.unit.words for said in whole.said] == [("one", "two"), ("three",), ("four",)]


def test_a_path_of_speakers_runs_over_all_sentences(tiny_voice: Voice) -> None:
    alone = replace(tiny_voice, config=tiny_voice.config.replace("data", join=1), longest=9)
    request = Request(text="One. Two three! Four?", speaker_path="george,theo")
    parts = [*plan(alone, request)]
    [whole] = plan(replace(tiny_voice, longest=9), request)
    for weights in (np.concatenate([u.weights for u in parts]), whole.weights):
        assert weights[0].tolist() == [1, 0, 0, 0, 0, 0]
        assert weights[-1].tolist() == [0, 0, 0, 0, 1, 0]
        assert (np.diff(weights[:, 4]) >= 0).all()
    for u in (*parts, whole):
        assert u.local is not None
        assert len(u.weights) == u.local.frames
        assert u.speaker.label == "george > theo"
    second = [parts[1].weights[n, 4].item() for n in (0, -1)]
    assert second == pytest.approx([3 / 12, 9 / 12], abs=0.1)  # its phonemes among all
    assert sum(map(len, synthesize(alone, parts))) == sum(u.samples for u in parts)


def test_a_path_needs_a_length_where_there_is_no_text(tmp_path: Path, tiny_config: Config) -> None:
    voice = untrained(tiny_config.replace("conditioning", features="none"), ("a", "b"), ())
    [u] = plan(voice, Request(seconds=0.1, speaker_path="a,b"))
    assert u.weights.tolist()[::9] == [[1, 0], [0, 1]]
    [audio] = synthesize(voice, [u])
    assert len(audio) == 800
    with pytest.raises(VoiceError, match="--seconds"):
        next(plan(voice, Request(speaker_path="a,b")))


def test_a_lexicon_says_how_words_are_spoken(tiny_voice: Voice, tmp_path: Path) -> None:
    lexicon = tmp_path / "names.tsv"
    lexicon.write_text("Severn\tseven\nZorn\t[[wˈʌn]]\n")
    [spoken] = plan(tiny_voice, Request(text="Severn Zorn", lexicon=str(lexicon)))
    assert spoken.text == "seven wˈʌn"
    assert "wˈʌn" in spoken.phonemes
    with pytest.raises(TextError, match=r"can't read lexicon .*none\.tsv"):
        next(plan(tiny_voice, Request(text="one", lexicon=str(tmp_path / "none.tsv"))))


def test_what_a_voice_can_not_say_is_one_warning_and_an_error_where_nothing_is_left(
    tiny_voice: Voice, caplog: pytest.LogCaptureFixture
) -> None:
    [spoken] = plan(tiny_voice, Request(text="one 日本語. two 🎉 привет!"))
    assert spoken.text == "one two"
    [message] = caplog.messages
    assert "日本語 (Chinese characters), 🎉" in message
    assert "привет (Cyrillic)" in message
    with pytest.raises(TextError, match=r"no words to speak \(.*'en-us': 日本語"):
        next(plan(tiny_voice, Request(text="日本語")))
