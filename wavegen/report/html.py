"""Self-contained HTML pages: pictures and sound are inside."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from wavegen.errors import WavegenError, counted
from wavegen.files import atomic_write

if TYPE_CHECKING:
    from jinja2 import Template


def check_extra(what: str) -> None:
    """Raise `WavegenError` if the ``report`` extra, which ``what`` needs, is not installed."""
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError as e:
        message = f"{what} needs {e.name}: pip install 'wavegen[report]' adds it"
        raise WavegenError(message) from e


def template(name: str) -> Template:
    """A page of this package, to be filled."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name, globals={"counted": counted})


def write_page(page: str, target: Path) -> None:
    """Write a page, which appears complete or not at all.

    Raises:
        WavegenError: it can't be written.
    """
    try:
        with atomic_write(target) as beside:
            beside.write_text(page, encoding="utf-8", errors="replace")
    except OSError as e:
        raise WavegenError(f"can't write {target}: {e.strerror or e}") from e


def data_uri(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
