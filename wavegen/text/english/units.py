"""Names of units and currencies in English."""

from __future__ import annotations


def _prefixed(unit: str, name: str, prefixes: str) -> dict[str, tuple[str, str]]:
    names = {"k": "kilo", "c": "centi", "m": "milli", "µ": "micro", "μ": "micro", "n": "nano"}
    names |= {"M": "mega", "G": "giga", "T": "tera", "h": "hecto", "K": "kilo"}
    return {p + unit: (names[p] + name, names[p] + name + "s") for p in prefixes}


def _regular(names: str) -> dict[str, tuple[str, str]]:
    pairs = (line.split(maxsplit=1) for line in names.strip().splitlines())
    return {short: (name, name + "s") for short, name in pairs}


_HERTZ = {"k": "kilo", "M": "mega", "G": "giga", "T": "tera"}
UNITS: dict[str, tuple[str, str]] = {
    **_prefixed("m", "meter", "kcmµμn"),
    **_prefixed("g", "gram", "kmµμ"),
    **_prefixed("l", "liter", "mc"),
    **_prefixed("L", "liter", "m"),
    **_prefixed("B", "byte", "kKMGT"),
    **_prefixed("W", "watt", "kMGm"),
    **_prefixed("Wh", "watt hour", "kMG"),
    **_prefixed("V", "volt", "km"),
    **_prefixed("A", "amp", "m"),
    **_prefixed("J", "joule", "kM"),
    **_prefixed("Pa", "pascal", "hkM"),
    **_prefixed("cal", "calorie", "k"),
    **_prefixed("s", "second", "mµμn"),
    **{p + "Hz": (n + "hertz",) * 2 for p, n in _HERTZ.items()},
    **_regular(
        """
        m meter
        g gram
        l liter
        L liter
        W watt
        V volt
        J joule
        min minute
        mins minute
        hr hour
        hrs hour
        sec second
        secs second
        yd yard
        mi mile
        lb pound
        lbs pound
        oz ounce
        gal gallon
        mol mole
        dB decibel
        px pixel
        ¢ cent
        """
    ),
    "Hz": ("hertz", "hertz"),
    "ft": ("foot", "feet"),
    "mph": ("mile per hour", "miles per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "m/s": ("meter per second", "meters per second"),
    "m/s^2": ("meter per second squared", "meters per second squared"),
    "rpm": ("revolution per minute", "revolutions per minute"),
    "fps": ("frame per second", "frames per second"),
    "kbps": ("kilobit per second", "kilobits per second"),
    "Mbps": ("megabit per second", "megabits per second"),
    "Gbps": ("gigabit per second", "gigabits per second"),
    "mm^2": ("square millimeter", "square millimeters"),
    "cm^2": ("square centimeter", "square centimeters"),
    "m^2": ("square meter", "square meters"),
    "km^2": ("square kilometer", "square kilometers"),
    "cm^3": ("cubic centimeter", "cubic centimeters"),
    "m^3": ("cubic meter", "cubic meters"),
    "%": ("percent", "percent"),
    "°": ("degree", "degrees"),
    "°C": ("degree celsius", "degrees celsius"),
    "°F": ("degree fahrenheit", "degrees fahrenheit"),
    "bn": ("billion", "billion"),
    "x": ("times", "times"),
}
"""Singular and plural names, by the sign that follows a number."""

CURRENCIES: dict[str, tuple[str, str, str, str]] = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "US$": ("US dollar", "US dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}
"""Singular and plural, then those of a hundredth; empty where hundredths are not spoken."""
