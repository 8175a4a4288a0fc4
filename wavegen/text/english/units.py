"""Names of units and currencies in English."""

from __future__ import annotations


def _prefixed(unit: str, name: str, prefixes: str) -> dict[str, tuple[str, str]]:
    names = {"k": "kilo", "c": "centi", "m": "milli", "µ": "micro", "μ": "micro", "n": "nano"}
    names |= {"M": "mega", "G": "giga", "T": "tera", "h": "hecto", "K": "kilo"}
    return {p + unit: (names[p] + name, names[p] + name + "s") for p in prefixes}


def _regular(names: str) -> dict[str, tuple[str, str]]:
    pairs = (line.split(maxsplit=1) for line in names.strip().splitlines())
    spaced = ((short, name.replace("-", " ")) for short, name in pairs)
    return {short: (name, name + "s") for short, name in spaced}


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
        s second
        h hour
        KiB kibibyte
        MiB mebibyte
        GiB gibibyte
        TiB tebibyte
        kbit kilobit
        Mbit megabit
        Gbit gigabit
        Ω ohm
        kΩ kiloohm
        MΩ megaohm
        eV electronvolt
        MP megapixel
        Nm newton-meter
        N·m newton-meter
        kN kilonewton
        wk week
        wks week
        mo month
        mos month
        yr year
        yrs year
        tbsp tablespoon
        tsp teaspoon
        pt pint
        qt quart
        kt knot
        ly light-year
        Å angstrom
        mAh milliamp-hour
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
    "W/m^2": ("watt per square meter", "watts per square meter"),
    "kg/m^3": ("kilogram per cubic meter", "kilograms per cubic meter"),
    "mg/L": ("milligram per liter", "milligrams per liter"),
    "Mbit/s": ("megabit per second", "megabits per second"),
    "Gbit/s": ("gigabit per second", "gigabits per second"),
    "MB/s": ("megabyte per second", "megabytes per second"),
    "GB/s": ("gigabyte per second", "gigabytes per second"),
    "in.": ("inch", "inches"),
    "ft.": ("foot", "feet"),
    "sq ft": ("square foot", "square feet"),
    "sq m": ("square meter", "square meters"),
    "sq km": ("square kilometer", "square kilometers"),
    "mmHg": ("millimeter of mercury", "millimeters of mercury"),
    "hp": ("horsepower", "horsepower"),
    "psi": ("pound per square inch", "pounds per square inch"),
    "dpi": ("dot per inch", "dots per inch"),
    "° C": ("degree celsius", "degrees celsius"),
    "° F": ("degree fahrenheit", "degrees fahrenheit"),
    "mm^3": ("cubic millimeter", "cubic millimeters"),
    "km^3": ("cubic kilometer", "cubic kilometers"),
    "bpm": ("beat per minute", "beats per minute"),
    "ppm": ("part per million", "parts per million"),
    "°K": ("kelvin", "kelvin"),
    "ha": ("hectare", "hectares"),
    "%": ("percent", "percent"),
    "‰": ("per mille", "per mille"),
    "°": ("degree", "degrees"),
    "°C": ("degree celsius", "degrees celsius"),
    "°F": ("degree fahrenheit", "degrees fahrenheit"),
    "mn": ("million", "million"),
    "bn": ("billion", "billion"),
    "x": ("times", "times"),
    "×": ("times", "times"),
}
"""Singular and plural names, by the sign that follows a number."""

CURRENCIES: dict[str, tuple[str, str, str, str]] = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "US$": ("US dollar", "US dollars", "cent", "cents"),
    "A$": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "C$": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "CA$": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "NZ$": ("New Zealand dollar", "New Zealand dollars", "cent", "cents"),
    "HK$": ("Hong Kong dollar", "Hong Kong dollars", "cent", "cents"),
    "S$": ("Singapore dollar", "Singapore dollars", "cent", "cents"),
    "R$": ("real", "reais", "centavo", "centavos"),
    "MX$": ("Mexican peso", "Mexican pesos", "centavo", "centavos"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "Rs": ("rupee", "rupees", "paisa", "paise"),
    "₩": ("won", "won", "", ""),
    "₽": ("ruble", "rubles", "kopeck", "kopecks"),
    "₺": ("lira", "lira", "kurus", "kurus"),
    "₦": ("naira", "naira", "kobo", "kobo"),
    "₿": ("bitcoin", "bitcoin", "", ""),
    "₪": ("shekel", "shekels", "agora", "agorot"),
    "฿": ("baht", "baht", "satang", "satang"),
    "₫": ("dong", "dong", "", ""),
    "₱": ("peso", "pesos", "centavo", "centavos"),
    "₴": ("hryvnia", "hryvnias", "kopiyka", "kopiykas"),
    "₵": ("cedi", "cedis", "pesewa", "pesewas"),
    "₡": ("colon", "colones", "", ""),
    "₸": ("tenge", "tenge", "", ""),
    "₾": ("lari", "lari", "tetri", "tetri"),
    "₼": ("manat", "manat", "", ""),
    "৳": ("taka", "taka", "", ""),
    "kr": ("krone", "kroner", "ore", "ore"),
    "zł": ("zloty", "zlotys", "grosz", "groszy"),
    "Kč": ("koruna", "korunas", "", ""),
    "Ft": ("forint", "forints", "", ""),
    "CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"),
    "CNY": ("yuan", "yuan", "fen", "fen"),
    "SEK": ("Swedish krona", "Swedish kronor", "ore", "ore"),
    "ZAR": ("rand", "rand", "cent", "cents"),
    "ETH": ("ether", "ether", "", ""),
}
"""Singular and plural, then those of a hundredth; empty where hundredths are not spoken."""
CODES = {
    "USD": "US$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "RUB": "₽",
    "CAD": "C$", "AUD": "A$", "NZD": "NZ$", "HKD": "HK$", "SGD": "S$", "BRL": "R$", "MXN": "MX$",
    "PLN": "zł", "CZK": "Kč", "HUF": "Ft", "NOK": "kr", "DKK": "kr", "ILS": "₪", "THB": "฿",
    "NGN": "₦", "UAH": "₴", "BTC": "₿", "CHF": "CHF", "CNY": "CNY", "SEK": "SEK", "ZAR": "ZAR",
    "ETH": "ETH",
}  # fmt: skip
"""Codes of ISO 4217 that are no English words, and of coins."""


def per_unit(short: str) -> str:
    """The name of a unit or a word after "per"."""
    return UNITS.get(short, (short, ""))[0]
