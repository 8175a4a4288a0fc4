"""Recipes: training configurations as strict TOML. No torch here.

A recipe is a TOML file with the sections of `Config`; every field is also a command-line override
``--set section.key=value``, where the value is TOML. All faults are reported at once.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from wavegen.config import Config
from wavegen.errors import ConfigError, counted


def load_config(table: dict[str, Any], source: str, overrides: Sequence[str] = ()) -> Config:
    """Build a `Config` from a TOML table and ``section.key=value`` overrides.

    Raises:
        ConfigError: naming every unknown key, wrong type and impossible value at once.
    """
    faults: list[str] = []
    table = {k: dict(v) if isinstance(v, dict) else v for k, v in table.items()}
    for item in overrides:
        _override(table, item, faults)
    sections: dict[str, Any] = {}
    types = get_type_hints(Config)
    for name, values in table.items():
        if name not in types:
            faults.append(f"unknown section [{name}]{_suggest(name, types)}")
        elif not isinstance(values, dict):
            faults.append(f"{name} must be a section [{name}]")
        else:
            sections[name] = _section(types[name], name, values, faults)
    config = Config(**sections)
    faults += config.faults()
    if faults:
        count = counted(len(faults), "fault")
        raise ConfigError(f"{source}: {count}: {'; '.join(faults)}")
    return config


def read_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read a recipe file.

    Raises:
        ConfigError: the file can't be read, is not TOML, or has faults.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"can't read the recipe {path}: {e}") from e
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{path} is not valid TOML: {e}") from e
    return load_config(table, str(path), overrides)


def recipe_names() -> dict[str, Path]:
    """The recipes that come with the package: name → file."""
    here = Path(__file__).parent
    # A wheel has the recipes inside the package, a checkout beside it.
    folder = here / "recipes" if (here / "recipes").is_dir() else here.parent / "recipes"
    return {p.stem: p for p in sorted(folder.glob("*.toml"))}


def find_recipe(name: str) -> Path:
    """Return the file of a recipe, given its name or path.

    Raises:
        ConfigError: there is no such recipe.
    """
    names = recipe_names()
    if name in names:
        return names[name]
    if Path(name).is_file():
        return Path(name)
    raise ConfigError(
        f"no recipe '{name}': give a TOML file or one of {', '.join(names) or '(none bundled)'}"
    )


def to_dict(config: Config) -> dict[str, dict[str, Any]]:
    return dataclasses.asdict(config)


def to_toml(config: Config) -> str:
    """The configuration as TOML, which `read_config` reads back."""
    lines = []
    for section, values in to_dict(config).items():
        lines += [f"[{section}]"]
        lines += [f"{k} = {_value(v)}" for k, v in values.items()]
        lines += [""]
    return "\n".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{k} = {_value(v)}' for k, v in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)  # JSON scalars are valid TOML


def _suggest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _override(table: dict[str, Any], item: str, faults: list[str]) -> None:
    key, equals, text = item.partition("=")
    section, dot, name = key.strip().partition(".")
    if not (equals and dot and name):
        faults.append(f"--set {item}: expected section.key=value")
        return
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()  # a bare word is taken as a string
    values = table.setdefault(section, {})
    if isinstance(values, dict):
        values[name] = value


def _section(cls: type, section: str, values: dict[str, Any], faults: list[str]) -> Any:
    types = get_type_hints(cls)
    good: dict[str, Any] = {}
    for name, value in values.items():
        where = f"{section}.{name}"
        if name not in types:
            faults.append(f"unknown key {where}{_suggest(name, types)}")
        elif get_origin(types[name]) is Literal:
            choices = get_args(types[name])
            if any(type(value) is type(c) and value == c for c in choices):  # 1 is no true
                good[name] = value
            else:
                known = ", ".join(c if isinstance(c, str) else _value(c) for c in choices)
                faults.append(f"{where} must be one of {known}, not {value!r}")
        elif get_origin(types[name]) is tuple:
            if isinstance(value, list) and all(isinstance(v, dict) for v in value):
                inner = get_args(types[name])[0]
                good[name] = tuple(_section(inner, where, v, faults) for v in value)
            else:
                faults.append(f"{where} must be an array of tables, like [[{where}]]")
        elif types[name] is float and type(value) is int:
            good[name] = float(value)
        elif type(value) is float and not math.isfinite(value):
            faults.append(f"{where} must be a finite number, not {value}")
        elif type(value) is types[name]:
            good[name] = value
        else:
            faults.append(
                f"{where} must be {types[name].__name__}, not {type(value).__name__} ({value!r})"
            )
    return cls(**good)
