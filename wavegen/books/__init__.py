"""Books: plain text, Markdown, HTML and EPUB to chapters of paragraphs."""

from wavegen.books.book import SUFFIXES as SUFFIXES
from wavegen.books.book import Book as Book
from wavegen.books.book import Chapter as Chapter
from wavegen.books.reading import read_book as read_book
