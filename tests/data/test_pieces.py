"""Long recordings, cut into several clips."""

from __future__ import annotations

from wavegen.data.pieces import stretches


def test_pieces_that_follow_each_other_are_one_stretch() -> None:
    kept = [f"b.ogg#{n}/12" for n in (1, 10, 11, 2, 3, 9)]
    assert stretches(["c.wav", *kept, "a.wav", "a.ogg#12/12"]) == [
        ["a.ogg#12/12"],
        ["a.wav"],
        ["b.ogg#1/12", "b.ogg#2/12", "b.ogg#3/12"],
        ["b.ogg#9/12", "b.ogg#10/12", "b.ogg#11/12"],
        ["c.wav"],
    ]
