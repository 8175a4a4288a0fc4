"""Reading ahead changes nothing but the time."""

import itertools
import threading

import pytest

from wavegen.data.prefetch import prefetch


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_items_come_in_order_and_an_error_at_its_turn(ahead: int) -> None:
    out: list[tuple[int, float]] = []
    with pytest.raises(ZeroDivisionError):
        out.extend(prefetch([4, 2, 1, 0, 5], lambda n: 4 / n, ahead))
    assert out == [(4, 1.0), (2, 2.0), (1, 4.0)]


def test_an_endless_reader_stops_when_closed() -> None:
    made = []
    read = prefetch(itertools.count(), lambda n: made.append(n), 2)
    assert [next(read)[0] for _ in range(3)] == [0, 1, 2]
    read.close()
    assert len(made) <= 6
    assert not [t for t in threading.enumerate() if t.name.startswith("prefetch")]
