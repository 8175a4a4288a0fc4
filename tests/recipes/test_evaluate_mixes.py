"""When one speaker turns into another step by step."""

import pytest
from evaluate_mixes import COLUMNS, even


def rows(*figures: tuple[float, float, float]) -> list[dict[str, float]]:
    return [dict(zip(COLUMNS, (n / 2, *row), strict=True)) for n, row in enumerate(figures)]


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (((0.9, 0.5, 220.0), (0.7, 0.7, 160.0), (0.5, 0.9, 110.0)), True),
        (((0.9, 0.5, 110.0), (0.7, 0.7, 160.0), (0.5, 0.9, 220.0)), True),
        (((0.7, 0.5, 220.0), (0.9, 0.7, 160.0), (0.5, 0.9, 110.0)), False),
        (((0.9, 0.5, 220.0), (0.7, 0.4, 160.0), (0.5, 0.9, 110.0)), False),
        (((0.9, 0.5, 220.0), (0.7, 0.7, 230.0), (0.5, 0.9, 110.0)), False),
    ],
)
def test_even(figures: tuple[tuple[float, float, float], ...], expected: bool) -> None:
    assert even(rows(*figures)) is expected
