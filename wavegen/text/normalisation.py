"""Text to sentences of words and marks, as they are read aloud."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from wavegen.text.english import ENGLISH
from wavegen.text.espeak import LANGUAGE
from wavegen.text.language import Language
from wavegen.text.lexicon import EMPTY, Lexicon
from wavegen.text.markup import BLOCK, is_direction
from wavegen.text.plain import PLAIN, SIGN
from wavegen.text.raw import raw_words
from wavegen.text.segmentation import sentences

LANGUAGES: dict[str, Language] = {"en": ENGLISH}
"""By language code without the region. A language that is missing here is read by `PLAIN`."""
MARKS = (",", ".", "?", "!")
"""The punctuation that is kept: ``;`` ``:`` and dashes become a comma, ``…`` a full stop."""
STRENGTH = ",.!?"
"""Marks from the weakest to the strongest."""
FEW = 100
"""A voice trained on fewer words than this is taken to say only those well."""
_FOLDED = re.compile(r"[;:,]|--+|[–—]|(?<=\s)-(?=\s)")
_TOKEN = re.compile(r"[,.?!]|[^\s,.?!]+")
_AFTER_STOP = re.compile(r"(?<=[.!?…\"'”’)\]])\s+|\s*\n\s*")
_OTHER = re.compile(r"[\"()\[\]{}<>~*/\\^_|#-]|(?<!\w)'|'(?!\w)")


def normalise(
    text: str,
    vocabulary: Collection[str] = (),
    language: str = LANGUAGE,
    lexicon: Lexicon = EMPTY,
    left_out: set[str] | None = None,
) -> Iterator[list[str]]:
    """Split text into sentences, each a list of the words to speak and the marks between them.

    Args:
        text: anything.
        vocabulary: words in the voice's training data. If they are fewer than `FEW` and lack a
            number's words but include its digits' names, the number is read by digits: "427" is
            "four two seven" to a voice that knows digits only.
        language: an espeak-ng language code; `LANGUAGES` holds those with rules for abbreviations,
            units, money, dates and the like. Elsewhere numbers alone become words, where num2words
            knows the language.
        lexicon: spellings and phonemes that go before all rules.
        left_out: what the sentences yielded so far leave unsaid is added to it.

    Yields:
        For each sentence with at least one word or direction: lower-case words ("A" is the
        letter's name, "a" the article), raw phonemes in ``[[…]]`` one word each, `MARKS`, and
        directions as they are. But for these, a mark is never first, never follows another, and is
        always last.
    """
    known = frozenset(vocabulary) if len(vocabulary) < FEW else frozenset()
    spoken = LANGUAGES.get(language.lower().split("-")[0], PLAIN)
    for sentence in sentences(lexicon.apply(text), spoken.endings, left_out):
        tokens: list[str] = []
        for part in re.split(f"({BLOCK})", sentence):
            if part.startswith("[["):
                new = [w if w in MARKS else f"[[{w}]]" for w in raw_words(part[2:-2])]
                if left_out is not None and (not new or any(c.isdigit() for c in part)):
                    left_out.add(part)
            elif re.fullmatch(BLOCK, part):
                new = [part]
            else:
                part = spoken.normalise(part, known, language)
                new = _TOKEN.findall(_OTHER.sub(" ", _FOLDED.sub(",", part)))
            for token in new:
                _add(tokens, token)
        if tokens:
            last = _last(tokens)
            if last is not None and tokens[last] == ",":
                tokens[last] = "."
            _add(tokens, ".")
            yield tokens


def complete_sentences(text: str, language: str = LANGUAGE) -> tuple[str, str]:
    """Split a text that is still being written: the sentences that are complete, and the rest.

    A sentence is known to be complete once the word after it is.
    """
    endings = LANGUAGES.get(language.lower().split("-")[0], PLAIN).endings

    def count(part: str) -> int:
        return sum(1 for _ in sentences(part, endings))

    for m in reversed([*_AFTER_STOP.finditer(text)]):
        head, tail = text[: m.end()], text[m.end() :]
        if re.search(r"\S\s", tail) and count(head) + count(tail) == count(text):
            return head, tail
    return "", text


def _add(tokens: list[str], token: str) -> None:
    """Append a word or a mark; of consecutive marks only the strongest is kept."""
    last = _last(tokens)
    if token not in MARKS:
        if any(c.isalnum() for c in token) or SIGN.fullmatch(token):
            tokens.append(token)
    elif last is not None and tokens[last] in MARKS:
        tokens[last] = max(tokens[last], token, key=STRENGTH.index)
    elif last is not None:
        tokens.insert(last + 1, token)


def _last(tokens: list[str]) -> int | None:
    """Index of the last word or mark."""
    return next((n for n in reversed(range(len(tokens))) if not is_direction(tokens[n])), None)
