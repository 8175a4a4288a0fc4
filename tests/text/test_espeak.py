"""Words to phonemes with espeak-ng."""

import random
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from wavegen.errors import TextError
from wavegen.text import espeak, phonemes


def test_espeak_gives_phonemes_with_stress_by_word() -> None:
    assert phonemes(["seven"]) == [["s", "ˈɛ", "v", "ə", "n"]]
    assert len(phonemes(["four", "two"])) == 2


def test_without_espeak_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    espeak._espeak.cache_clear()
    espeak._speaking.cache_clear()
    espeak._phonemes.cache_clear()
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    with pytest.raises(TextError, match=r"wavegen\[espeak\]"):
        phonemes(["one"])
    monkeypatch.undo()
    assert phonemes(["one"])


def test_threads_that_read_several_languages_at_once_get_their_own_words() -> None:
    words = ["the", "quick", "brown", "fox", "haus", "baum", "maison", "casa", "river", "winter"]
    rng = random.Random(0)
    jobs = [(rng.choices(words, k=4), rng.choice(("en-us", "de", "fr"))) for _ in range(600)]
    alone = {str(job): phonemes(*job) for job in sorted(jobs, key=lambda job: job[1])}
    espeak._phonemes.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda job: phonemes(*job), jobs))
    assert found == [alone[str(job)] for job in jobs]
