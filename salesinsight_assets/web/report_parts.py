"""A stored report as part of a page of the dashboard: its sections with their tables and pictures, in the dashboard's own look.

What is stored is a page that stands alone (`domain.reports.page_html`). Of it only what a report consists of is taken over, and
everything else is left out: styles, addresses, and whatever else somebody might have written into the table.
"""

import html
import re
from collections.abc import Sequence
from html.parser import HTMLParser

_TAGS = {"h2", "p", "ul", "li", "table", "tr", "th", "td", "br", "span"}
_CLASSES = {"number", "remark", "subtitle"}
_PICTURE = "data:image/png;base64,"
_SCROLLS = '<div class="sideways" tabindex="0" role="region" aria-label="{}">'
"""A table that is wider than a phone moves by itself, with a finger or the arrow keys."""
_NO_HEAD = re.compile("<th[^>]*></th>")
"""A column without a name: a head that is empty says nothing to who hears the page."""
Attributes = Sequence[tuple[str, str | None]]


def report_parts(page: str) -> str:
    """The sections of a stored page, each as a panel; empty where it has none.

    >>> report_parts('<td><h1>All</h1><h2 class="title">One</h2><p style="x">a &lt; b</p></td><p>left out</p>')
    '<section class="panel"><h2>One</h2><p>a &lt; b</p></section>'
    """
    reader = _Reader()
    reader.feed(page)
    reader.close()
    found = "".join(reader.parts) + ("</section>" if reader.title is not None else "")
    return _NO_HEAD.sub("<td></td>", found)


class _Reader(HTMLParser):
    """`parts` is what was taken over; `title` that of the section it is in, None before the first one."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.title: str | None = None
        self._is_inside, self._is_title, self._tables = False, False, 0

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "h2" and self._is_inside:
            self.parts.append('<section class="panel">' if self.title is None else '</section><section class="panel">')
            self.title, self._is_title = "", True
        if not self._is_inside or self.title is None:
            return
        if tag == "table":
            self._tables += 1
            self.parts.append(_SCROLLS.format(html.escape(self.title)))
        if tag == "img" and given.get("src", "").startswith(_PICTURE):
            self.parts.append(
                f'<img class="drawn" alt="{html.escape(given.get("alt", ""))}" src="{html.escape(given["src"])}">'
            )
        if tag in _TAGS:
            self.parts.append(_opened(tag, given))

    def handle_endtag(self, tag: str) -> None:
        if tag == "h1":
            self._is_inside = True
        elif tag == "td" and not self._tables:
            self._is_inside = False
        elif self._is_inside and self.title is not None and tag in _TAGS:
            self._close(tag)

    def _close(self, tag: str) -> None:
        self._is_title = False
        self.parts.append(f"</{tag}>")
        if tag == "table":
            self._tables -= 1
            self.parts.append("</div>")

    def handle_data(self, data: str) -> None:
        if self._is_inside and self.title is not None and data.strip():
            self.title += data if self._is_title else ""
            self.parts.append(html.escape(data))


def _opened(tag: str, given: dict[str, str]) -> str:
    kept = [name for name in given.get("class", "").split() if name in _CLASSES]
    scope = ' scope="col"' if tag == "th" else ""
    return f"<{tag}{scope}" + (f' class="{" ".join(kept)}">' if kept else ">")
