"""Markdown as a real renderer, with GitHub's tables, understands it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

from markdown_it import MarkdownIt


@dataclass
class Page:
    """What is on a page: its tables as rows of texts, and the tags that it is made of."""

    tables: list[list[list[str]]] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    text: str = ""


def rendered(markdown: str) -> Page:
    """Return what a page shows; HTML in the Markdown is let through, as GitHub does."""
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._kept = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.tags.add(tag)
        if tag == "table":
            self.page.tables.append([])
        elif tag == "tr":
            self.page.tables[-1].append([])
        if tag in ("td", "th", "li", "pre"):
            self._kept = ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.page.tables[-1][-1].append(self._kept)
        elif tag == "li":
            self.page.items.append(self._kept.strip())
        elif tag == "pre":
            self.page.blocks.append(self._kept)

    def handle_data(self, data: str) -> None:
        self._kept += data
        self.page.text += data
