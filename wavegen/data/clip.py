"""One recording of a data set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording of a data set."""

    path: str
    """Relative to the root, with forward slashes."""
    speaker: str = ""
    text: str = ""
    problem: str = ""
    """Why the layout can't use this file, which is then left out and listed."""
    spare: str = ""
    """Why this file is redundant. It is left out and listed, but does not count as unusable."""
