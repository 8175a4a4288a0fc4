"""Where sentences end."""

import pytest

from wavegen.text.english.sentences import ENDINGS
from wavegen.text.segmentation import sentences


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three? Four… Five", 5),
        ("Mr. J. Smith paid $3.50 at www.a.com at 5 p.m. in the U.S. for No. 5 etc. and left.", 1),
        ('"Really?" she asked. "Yes!"', 2),
        ("At 7 p.m. Monday, or 5 p.m. He left. I have 5. Then 6", 4),
        (
            "A title\n\nA paragraph of words that is long enough to be wrapped\nin its middle. End",
            3,
        ),
        ("[[a. b! c]] d", 1),
    ],
)
def test_sentences_end_where_they_end(text: str, count: int) -> None:
    assert len(list(sentences(text, ENDINGS))) == count
