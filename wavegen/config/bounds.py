"""Bounds of a section's fields."""

from __future__ import annotations

from typing import Any


def at_least(section: str, values: Any, bound: int, *names: str) -> list[str]:
    return [
        f"{section}.{n} must be at least {bound}" for n in names if not getattr(values, n) >= bound
    ]
