"""Numbers as English words."""

from __future__ import annotations

import functools
import re

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPELLED_OUT = 10
"""Numbers with at least this many digits and no commas are codes, read digit by digit."""
N = r"(?:\d{1,3}(?:,\d{3})++(?!\d)(?:\.\d++)?|\d++(?:\.\d++)?|\.\d++)"
"""A number: ``1,234.5``, ``1234``, ``.5``."""


def digits(text: str) -> str:
    """The digits' names: "four two" for ``42``."""
    return " ".join(DIGITS[int(d)] for d in text if d.isdecimal())


def digit_groups(text: str) -> str:
    """The digits' names with a pause between the groups: "four two, seven" for ``42-7``."""
    return ", ".join(digits(group) for group in re.findall(r"\d+", text))


def spell(text: str) -> str:
    """Letters and digits one by one, as `read_capitals` takes them: "B. A. one" for ``BA1``."""
    return " ".join(digits(c) if c.isdecimal() else c.upper() + "." for c in text if c.isalnum())


@functools.lru_cache(4096)
def integer(n: int, to: str = "cardinal") -> str:
    from num2words import num2words  # of all languages: slow to import

    return str(num2words(n, to=to)).replace("-", " ").replace(",", "")


def cardinal(number: str) -> str:
    """A number such as ``1,234.5`` in words; digit by digit if it is long or begins with zero."""
    whole, _, part = number.partition(".")
    plain = whole.replace(",", "")
    spelled = len(plain) >= (31 if "," in whole or part else SPELLED_OUT)
    if spelled or (len(plain) > 1 and plain[0] == "0"):
        words = digits(plain)
    else:
        words = integer(int(plain)) if plain else ""
    return f"{words} point {digits(part)}" if part else words


def ordinal(number: str) -> str:
    """An ordinal in words: "twenty first" for ``21``."""
    plain = number.replace(",", "")
    return integer(int(plain), "ordinal") if len(plain) <= 30 else digits(plain) + " th"


def year(number: str) -> str:
    """A year of three or four digits in words: nineteen oh five, two thousand five, seventy nine
    is left to `cardinal`."""
    century, rest = divmod(int(number), 100)
    if century % 10 == 0 and rest < 10:
        return f"{integer(century * 100)} {integer(rest) if rest else ''}".strip()
    if not rest:
        return f"{integer(century)} hundred"
    return f"{integer(century)} {'oh ' if rest < 10 else ''}{integer(rest)}"


def maybe_year(number: str) -> str:
    return year(number) if re.fullmatch(r"(?:1[1-9]|20)\d\d", number) else cardinal(number)


def paired(number: str) -> str:
    """A port or a house number: "eighty eighty" for ``8080``, "four four three" for ``443``."""
    if len(number) == 4 and "0" not in (number[0], number[2]) and number[1:] != "000":
        return f"{integer(int(number[:2]))} {integer(int(number[2:]))}"
    return cardinal(number) if len(number) == 4 else digits(number)


def plural(words: str) -> str:
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith("x") else "s")
