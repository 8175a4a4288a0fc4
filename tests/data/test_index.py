"""The index of a cache."""

from pathlib import Path

from wavegen.data import index


def test_the_index_keeps_every_field(tmp_path: Path) -> None:
    entries = [
        index.Entry("a b/ç.wav", 5, 6, 0, 3, "00ff", 44100, 2, "WAV/PCM_16", 1, 0.25, 0.1, 0.5),
        index.Entry("bad.wav", 1, 2, problem="can't read \0 it"),
    ]
    (tmp_path / "x.i16").write_bytes(b"123456")
    for rows in ([], entries):
        index.write(tmp_path, index.Index("x.i16", 3, {e.path: e for e in rows}))
        got = index.read(tmp_path)
        assert (got.file, got.end) == ("x.i16", 3)
        want = [e._replace(problem=e.problem.replace("\0", " ")) for e in rows]
        assert list(got.entries.values()) == want
