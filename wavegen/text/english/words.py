"""Abbreviations, initials, addresses and signs to English words."""

from __future__ import annotations

import re
from re import Match

from wavegen.text.english.calendar import MONTHS, NAMED_DAYS
from wavegen.text.english.mathematics import COMPARISONS, LETTERS, ROOTS
from wavegen.text.english.measures import BARE as BARE_UNITS
from wavegen.text.english.numbers import cardinal, ordinal, spell
from wavegen.text.english.rules import apply, either
from wavegen.text.english.units import CURRENCIES
from wavegen.text.segmentation import word_set

DOTTED = {
    "prof": "professor", "rev": "reverend", "hon": "honorable", "gen": "general",
    "drs": "doctors", "col": "colonel", "capt": "captain", "cpt": "captain", "lt": "lieutenant",
    "cmdr": "commander", "sgt": "sergeant", "maj": "major", "adm": "admiral", "sen": "senator",
    "rep": "representative", "gov": "governor", "pres": "president", "mt": "mount", "ft": "fort",
    "ave": "avenue", "blvd": "boulevard", "rd": "road", "co": "company", "corp": "corporation",
    "bros": "brothers", "dept": "department", "est": "established", "approx": "approximately",
    "apt": "apartment", "ste": "suite", "univ": "university", "assn": "association",
    "ext": "extension", "avg": "average",
    "viz": "namely", "cf": "compare", "fr": "father", "messrs": "messieurs", "esq": "esquire",
    "jan": "January", "feb": "February", "mar": "March", "apr": "April", "jun": "June",
    "jul": "July", "aug": "August", "sep": "September", "sept": "September", "oct": "October",
    "nov": "November", "dec": "December", "ed": "editor", "eds": "editors",
}  # fmt: skip
"""Abbreviations that need their full stop, in lower case."""
BARE = {
    "Mr": "mister", "Mrs": "missus", "Ms": "miz", "Jr": "junior", "Sr": "senior",
    "Ltd": "limited", "Inc": "incorporated", "vs": "versus", "etc": "et cetera",
    "Ph.D": "PHD", "PhD": "PHD", "PhDs": "PHDs", "WWI": "World War one", "WWII": "World War two",
    "e.g": "for example", "i.e": "that is", "eg": "for example",
    "et al": "et al",
}  # fmt: skip
"""Abbreviations with or without a full stop."""
COUNTED = {
    "No": "number", "Nos": "numbers", "no": "number", "nos": "numbers", "p": "page",
    "pp": "pages", "fig": "figure", "Fig": "figure", "figs": "figures", "Figs": "figures",
    "vol": "volume", "Vol": "volume", "ch": "chapter", "Ch": "chapter", "sec": "section",
    "Sec": "section", "art": "article", "Art": "article", "ca": "circa", "c": "circa",
    "b": "born", "d": "died", "Nr": "number", "op": "opus", "Op": "opus", "eq": "equation",
    "Eq": "equation", "eqs": "equations", "Eqs": "equations", "min": "minimum", "max": "maximum",
    "Min": "minimum", "Max": "maximum", "tab": "table", "Tab": "table", "app": "appendix",
}  # fmt: skip
"""Abbreviations that need a full stop and a number after it."""


DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday",
    "Thur": "Thursday", "Thurs": "Thursday", "Fri": "Friday", "Tel": "telephone",
    "tel": "telephone",
}  # fmt: skip
"""Abbreviations that need their full stop and this case."""


_SAINT = re.compile(r"(?<![\w.])((?:\w{1,20},? [A-Z][a-z]{1,20} )?)(St|Dr)\b(\.?)(?=(\s+[A-Z])?)")
_BARE = re.compile(rf"(?<![\w.])({either(BARE)})(?:\.|(?![\w.]))")
_DOTTED = re.compile(rf"(?<![\w.])(?<!\d )((?i:{either(DOTTED)}))\.(?=[\s,;:)–-]|$)")
_COUNTED = re.compile(rf"(?<![\w.])({either(COUNTED)})\.\s?\(?(?=\d|[IVXLC]{{2,7}}\b|of\b)")
_DAY = re.compile(rf"(?<![\w.])({either(DAYS)})\.")
_SHORT_MONTH = f"(?:{'|'.join(m[:3] for m in MONTHS)}|Sept)"
_MONTH = re.compile(
    rf"(?<!\w){_SHORT_MONTH}(?= \d)|(?:(?<=\d )|(?<=\d(?:st|nd|rd|th) )){_SHORT_MONTH}\b"
)


def _saint(m: Match[str]) -> str:
    before, short, dot, capital = m.groups()
    if not dot and (short == "Dr" or not capital) and not before:
        return f"{before}{'doctor' if short == 'Dr' and capital else short}"
    title = capital and not before
    word = ("saint" if title else "street") if short == "St" else "doctor" if title else "drive"
    return before + word


def read_abbreviations(text: str) -> str:
    """Expand abbreviations: titles, months, "e.g.", "No. 5"."""
    if "St" in text or "Dr" in text:
        text = _SAINT.sub(_saint, text)
    text = _BARE.sub(lambda m: BARE[m[1]], text)
    text = re.sub(r"(?<=\w) v\. (?=[A-Z])", " versus ", text)
    text = re.sub(r"\bNo (?=\d)", "number ", text)
    if "." in text:
        text = _COUNTED.sub(lambda m: COUNTED[m[1]] + " ", text)
        text = _DOTTED.sub(lambda m: DOTTED[m[1].lower()], text)
        text = _DAY.sub(lambda m: DAYS[m[1]], text)
    text = _MONTH.sub(lambda m: DOTTED.get(m[0].lower(), m[0]), text)
    text = apply(NAMED_DAYS, text)
    return re.sub(r"\bA\s?[-–]\s?Z\b", "A. to Z.", text)


SAID = word_set("""
    am an as at be by do go he if in is it me my no of oh on or so to up we all and any are ask
    bad bag bed big bit box boy bus but buy can car cat cut dad day did die dog eat end eye far
    few fly for fun get god got guy had has hat her hey him his hit hot how its job joy key kid
    law let lie lot low mad man may men mom mum new not now odd off oil old one our out own pay
    per put ran red run sad sat saw say see set she sit six sky son sun ten the tie too top try
    two use war was way who why win won yes yet you add age ago aid air art ha hi gif pin ram rom
    sim zip
""")
"""Words of two or three letters that are not spelled out when written in capitals."""
NAMES = {
    "C++": "C. plus plus", "g++": "G. plus plus", ".NET": " dot net", "SaaS": "sass",
    "PaaS": "pass", "IoT": "I.O.T.", "IEEE": "I. triple E.", "NAACP": "N. double A.C.P.",
    "LaTeX": "lah tek", "NGINX": "engine x", "nginx": "engine x", "OAuth": "o auth",
    "Wi-Fi": "wi fi",
}  # fmt: skip
"""Names that neither the rules nor espeak-ng say right; this case."""
SLASHED = {"w/o": "without", "w/": "with", "c/o": "care of", "b/c": "because"}
_SLASHED = re.compile(rf"(?<![\w/])(?:{either(SLASHED)})(?=\s|\w|$)(?!/)")
TYPED = {"<=": "≤", ">=": "≥", "!=": "≠", "==": "=", "->": "→", "=>": "→", "&&": "&", "||": " or "}
"""Signs as they are typed in programs."""
_RULED = re.compile(r"([=+*#~_&@^<>|])\1{2,}|##|(?<!\S)#(?=\s[A-Za-z])")
"""Lines that are drawn, and the marks of headings and comments."""
_TYPED = re.compile(either(TYPED))
_NAME = re.compile(rf"(?:(?<!\w)(?=\w)|(?=\.))(?:{'|'.join(map(re.escape, NAMES))})(?![A-Za-z])")
_SHARP = re.compile(r"(?<!\w)([A-G])#(?!\w)")
_PLUSES = re.compile(r"(?<=\w)\+\+(?!\d)")
_GRADE = re.compile(r"(?<!\w)([A-F])([+-])(?=$|[\s,.;:!?)])")
_CAMEL = re.compile(r"(?<!\w)([a-z]{1,5}|[A-Z][a-z]{1,20})([A-Z]{2,5})(?!\w)")


def read_names(text: str) -> str:
    """Names with signs or inner capitals: "C#", "macOS", "OpenAI"."""
    text = _RULED.sub(" ", text).replace("§§", " sections ")
    text = _NAME.sub(lambda m: NAMES[m[0]], text)
    text = _SLASHED.sub(lambda m: f"{SLASHED[m[0]]} ", text)
    text = _TYPED.sub(lambda m: TYPED[m[0]], text)
    text = re.sub(r"(?:\b[Cc]opyright\s)?(?:\([cC]\)(?=\s?\d{4})|©)", "copyright ", text)
    if "#" in text:
        text = _SHARP.sub(lambda m: f"{m[1]}. sharp", text)
    text = re.sub(r"\^\{([^{}]{1,20})\}", r"^\1", text)
    if "+" in text or "-" in text:
        text = _PLUSES.sub(" plus plus", text)
        text = _GRADE.sub(lambda m: f"{m[1]}. {'plus' if m[2] == '+' else 'minus'}", text)
    text = re.sub(r"(?<!\w)A-(?=[a-z])", "A. ", text)
    return _CAMEL.sub(lambda m: f"{spell(m[1]) if len(m[1]) == 1 else m[1]} {spell(m[2])}", text)


SPELLED = word_set("""
    USSR UCLA YMCA NCAA ADHD ESPN HDMI ISBN ASAP USAF USPS USDA AARP ACLU IMDB USCIS UEFI OECD
    UNHCR ICBM UDP AFAIK IUCN
""")
_CAPITALS = re.compile(
    r"\b((?:[A-Za-z]\.){2,10}(?:[A-Za-z]\b)?|[A-Z]\.(?!\w))('?s\b)?|\b([A-Z]{1,5})('?s)?(?!\w)"
)
_JOINED = re.compile(r"\b([A-Z]{1,3})&([A-Z]{1,3})\b")
_KING = re.compile(
    r"\b(Henry|Louis|George|Edward|James|Charles|William|Richard|Elizabeth|Pius|Paul|Benedict|Leo|"
    r"Napoleon|Philip|Alexander|Frederick|Nicholas|Catherine|Ivan|Peter|Otto|Innocent|Gregory|"
    r"Clement|Urban|Ramses|Ferdinand|Francis|Gustav|Christian|Harald|Olaf)\s"
    r"([IVX]{2,6}|[VX]|I(?=[,.;:)]|\s(?:of|was|had)\b|'s|$))(?!\w)"
)
_PART = re.compile(
    r"\b((?i:chapter|part|volume|book|act|scene|section|article|phase|type|class|appendix|canto|"
    r"psalm|stage|title|war|bowl))\s([IVXLC]{1,7})\b(?!')|(?<![\w.])()(II|III|IV|VI|VII|VIII|IX|XI|XII|XIII|XIV|XV|"
    r"XVI|XVII|XVIII|XIX|XX|XXI)(?![\w.])"
)
_ROMAN = re.compile(r"C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


def _roman(numeral: str) -> str | None:
    if not _ROMAN.fullmatch(numeral):
        return None
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}[c] for c in numeral]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return str(sum(-v if v < following else v for v, following in pairs))


def _king(m: Match[str]) -> str:
    number = _roman(m[2])
    return f"{m[1]} the {ordinal(number)}" if number else m[0]


def _part(m: Match[str]) -> str:
    number = _roman(m[2] or m[4])
    return f"{m[1] or ''} {cardinal(number)}" if number else m[0]


def read_capitals(text: str, shouted: bool) -> str:
    """Spell initialisms ("F B I"), and read Roman numerals.

    Args:
        text: words.
        shouted: whether all of it is in capitals, which then mean nothing.

    Returns:
        The text in lower case, except for an "A" that is spelled.
    """
    text = _PART.sub(_part, _KING.sub(_king, text))
    text = _JOINED.sub(lambda m: f"{'.'.join(m[1])}. and {'.'.join(m[2])}.", text)  # AT&T

    def spell(m: Match[str]) -> str:
        word, ending = m[1] or m[3], m[2] or m[4] or ""
        letters = word.replace(".", "").upper()
        vowels = set(letters) & set("AEIOUY")
        if m[1]:
            spelled = True
        elif len(letters) < 2:
            spelled = ending[:1] == "'"
        elif len(letters) > 3 or shouted:
            spelled = not vowels or letters in SPELLED
        else:
            spelled = letters.lower() not in SAID
        if not spelled:
            return (letters + ending).lower()
        names = [c if c == "A" else c.lower() for c in letters]
        if ending:
            names[-1] = names[-1].lower() + "'s"
        return f" {' '.join(names)} "

    out, end = [], 0
    for m in _CAPITALS.finditer(text):
        out += [text[end : m.start()].lower(), spell(m)]
        end = m.end()
    return "".join([*out, text[end:].lower()])


SIGNS = {
    "&": "and", "+": "plus", "=": "equals", "@": "at", "%": "percent", "‰": "per mille",
    "§": "section", "©": "copyright", "°": "degrees", "×": "times", "÷": "divided by",
    "±": "plus or minus", "∞": "infinity", "−": "minus", "∑": "the sum of", "∫": "the integral of",
    "∈": "in", "∩": "intersected with", "∪": "united with", "→": "to", "♯": "sharp", "♭": "flat",
    **{sign: names[1] for sign, names in CURRENCIES.items() if len(sign) == 1}, "¢": "cents",
}  # fmt: skip
_SIGN = re.compile(f"[{re.escape(''.join(SIGNS))}]")
_NUMBERED = re.compile(r"#(?=\s?\d)")


def read_hashes(text: str) -> str:
    """Read "#5" as "number 5", and "~5" as "about 5"."""
    return re.sub(r"~(?=\s?\d)", "about ", _NUMBERED.sub("number ", text))


def read_signs(text: str) -> str:
    """Replace signs by their names."""
    text = apply((*ROOTS, *COMPARISONS, *BARE_UNITS, *LETTERS), text)
    text = re.sub(r"(?<=\w)\.(?=[a-z])", " dot ", text)
    return _SIGN.sub(lambda m: f" {SIGNS[m[0]]} ", text)
