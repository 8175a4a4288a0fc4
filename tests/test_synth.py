"""A plan of what is spoken."""

import contextlib
import itertools

from odd_texts import ODD

from wavegen.errors import TextError
from wavegen.request import Request
from wavegen.synth import plan
from wavegen.voice import Voice


def test_odd_inputs_are_spoken_in_no_more_than_ten_times_the_time_expected(
    tiny_voice: Voice,
) -> None:
    usual = 0.09  # seconds of a phoneme
    for text in ODD:
        with contextlib.suppress(TextError):  # nothing to say, or too much
            for u in itertools.islice(plan(tiny_voice, Request(text=text, max_seconds=60)), 20):
                phonemes = sum(map(len, u.phonemes))
                assert u.samples / tiny_voice.sample_rate < 10 * usual * (phonemes + 2), text[:50]
