"""Books of every kind to chapters."""

import zipfile
from pathlib import Path

import pytest

from wavegen.books import Book, epub, read_book
from wavegen.errors import WavegenError


def read(folder: Path, name: str, text: str) -> Book:
    (folder / name).write_text(text, "utf-8")
    return read_book(folder / name)


def told(book: Book) -> list[tuple[str, tuple[str, ...]]]:
    return [(c.title, c.paragraphs) for c in book.chapters]


def test_plain_text_has_chapters_where_short_paragraphs_say_so(tmp_path: Path) -> None:
    text = (
        "Licence\n\n*** START OF THE PROJECT GUTENBERG EBOOK X ***\n\nA word before.\n\n"
        "CHAPTER I. Down\n\nOne\ntwo.\n\nThree.\n\nChapter II\n\nFour.\n\n"
        "*** END OF THE PROJECT GUTENBERG EBOOK X ***\n\nMore licence"
    )
    book = read(tmp_path, "alice.txt", text)
    assert book.title == "alice"
    assert told(book) == [
        ("alice", ("A word before.",)),
        ("CHAPTER I. Down", ("One two.", "Three.")),
        ("Chapter II", ("Four.",)),
    ]
    assert told(read(tmp_path, "note.txt", "One.\n\nTwo.")) == [("note", ("One.", "Two."))]


def test_markdown_has_chapters_at_its_headings_and_no_footnotes(tmp_path: Path) -> None:
    text = (
        "---\nkey: x\n---\n# The Book\n\nBy *me*.\n\n## One\n\nText[^1] and [a link](http://x).\n\n"
        "[^1]: A note\n    that goes on.\n\n## Two\n\n- a\n- b\n"
    )
    book = read(tmp_path, "b.md", text)
    assert book.title == "The Book"
    assert told(book) == [
        ("The Book", ("By me.",)),
        ("One", ("Text and a link.",)),
        ("Two", ("a", "b")),
    ]


@pytest.mark.parametrize(
    ("html", "paragraphs"),
    [
        ("<p>a<br>b</p>c", ("a b", "c")),
        ("<nav>x</nav><p>a<sup><a href='#n'>1</a></sup>.</p>", ("a.",)),
        ("<p>a<a epub:type='noteref'>1</a></p><aside epub:type='footnote'>x</aside>", ("a",)),
        ("<div class='footnotes'><p>x</div><p>E = mc<sup>2</sup>", ("E = mc2",)),
        ("<script>x</script><style>y</style><ul><li>a<li>b</ul>", ("a", "b")),
        ("<p>a &amp; b&nbsp;c</p><p hidden>x</p>", ("a & b c",)),
        ("</p></div><p>a", ("a",)),
    ],
)  # fmt: skip
def test_html_is_read_without_footnotes_and_navigation(
    tmp_path: Path, html: str, paragraphs: tuple[str, ...]
) -> None:
    book = read(tmp_path, "a.html", f"<head><title>T</title></head><body>{html}</body>")
    assert (book.title, told(book)) == ("T", [("T", paragraphs)])


OPF = """<package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>A Book</dc:title><dc:creator>Ann</dc:creator></metadata>
<manifest>
<item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="a" href="text/one%20a.xhtml" media-type="application/xhtml+xml"/>
<item id="b" href="text/two.xhtml" media-type="application/xhtml+xml"/>
<item id="c" href="text/three.xhtml" media-type="application/xhtml+xml"/>
<item id="d" href="text/notes.xhtml" media-type="application/xhtml+xml"/>
</manifest>
<spine><itemref idref="n"/><itemref idref="a"/><itemref idref="b"/><itemref idref="c"/>
<itemref idref="d" linear="no"/></spine></package>"""
EPUB = {
    "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
    '<rootfiles><rootfile full-path="E/book.opf"/></rootfiles></container>',
    "E/book.opf": OPF,
    "E/nav.xhtml": '<html xmlns="http://www.w3.org/1999/xhtml"><body><nav><ol>'
    '<li><a href="text/one%20a.xhtml">First</a></li></ol></nav></body></html>',
    "E/text/one a.xhtml": "<body><h1>I</h1><p>One.</p></body>",
    "E/text/two.xhtml": "<body><p>Goes on.</p></body>",
    "E/text/three.xhtml": "<body><h2>Third</h2><p>Three.</p></body>",
    "E/text/notes.xhtml": "<body><p>A note.</p></body>",
}


def write_epub(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_an_epub_is_read_in_its_order_with_the_titles_of_its_contents(tmp_path: Path) -> None:
    book = read_book(write_epub(tmp_path / "a.epub", EPUB))
    assert (book.title, book.author) == ("A Book", "Ann")
    assert told(book) == [("First", ("One.", "Goes on.")), ("Third", ("Three.",))]


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("a.pdf", b"x", "suffix"),
        ("a.txt", b"", "no text"),
        ("a.md", b"# \n", "no text"),
        ("a.epub", b"x", "EPUB"),
        ("missing.txt", None, "can't read"),
        ("folder.txt", "folder", "can't read"),
    ],
)
def test_what_is_no_book_is_one_clear_line(
    tmp_path: Path, name: str, content: bytes | str | None, part: str
) -> None:
    if content == "folder":
        (tmp_path / name).mkdir()
    elif isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(WavegenError, match=name) as raised:
        read_book(tmp_path / name)
    assert part in str(raised.value)


@pytest.mark.parametrize("missing", ["META-INF/container.xml", "E/book.opf", "E/text/two.xhtml"])
def test_a_damaged_epub_is_one_clear_line(tmp_path: Path, missing: str) -> None:
    files = {name: text for name, text in EPUB.items() if name != missing}
    with pytest.raises(WavegenError, match="EPUB"):
        read_book(write_epub(tmp_path / "a.epub", files))


def test_an_epub_without_a_table_of_contents_has_the_chapters_of_its_headings(
    tmp_path: Path,
) -> None:
    nav = "<!DOCTYPE html><html><nav><a>One&nbsp;two</a></nav></html>"  # which XML does not know
    book = read_book(write_epub(tmp_path / "a.epub", EPUB | {"E/nav.xhtml": nav}))
    assert [c.title for c in book.chapters] == ["I", "Third"]


@pytest.mark.parametrize("name", ["E/book.opf", "E/text/two.xhtml"])
def test_a_small_epub_cannot_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(epub, "MOST", 5000)
    files = EPUB | {name: EPUB[name] + 4000 * " "}
    with pytest.raises(WavegenError, match="larger"):
        read_book(write_epub(tmp_path / "a.epub", files))
    entity = '<!DOCTYPE package [<!ENTITY a "aaaaaaaaaa">]>' + OPF.replace("A Book", "&a;")
    with pytest.raises(WavegenError, match="entities"):
        read_book(write_epub(tmp_path / "b.epub", EPUB | {"E/book.opf": entity}))


def test_an_epub_whose_files_cannot_be_unpacked_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "a.epub"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", EPUB["META-INF/container.xml"])
    data = path.read_bytes()
    begin = data.index(b"container.xml") + len("container.xml")
    path.write_bytes(data[:begin] + 9 * b"\xff" + data[begin + 9 :])
    with pytest.raises(WavegenError, match="EPUB"):
        read_book(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("META-INF/container.xml", EPUB["META-INF/container.xml"])
    with pytest.raises(WavegenError, match="packed"):
        read_book(path)


def test_the_front_matter_of_markdown_is_left_out_whatever_ends_its_lines(tmp_path: Path) -> None:
    book = read(tmp_path, "a.md", "---\r\ntitle: x\r\n---\r\n\r\nOne.\r\n")
    assert told(book) == [("a", ("One.",))]
