"""The runbook, which every page to the data engineer links to: docs/runbook.md, for anyone who has the link.

It is shown without signing in and without the database, because it is read when these are broken; nothing in it is of a company.
"""

from functools import cache
from itertools import pairwise

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from markdown_it import MarkdownIt
from markdown_it.token import Token

from salesinsight_assets.installed import installed_file
from salesinsight_assets.web.frame import bare_page

router = APIRouter()


@router.get("/runbook")
def runbook() -> HTMLResponse:
    """What to do about each page; an entry has its name as its anchor."""
    return bare_page("runbook.html.jinja", text=_text())


@cache
def _text() -> str:
    renderer = MarkdownIt("commonmark", {"html": False})
    tokens = renderer.parse(installed_file("docs/runbook.md").read_text(encoding="utf-8"))
    for token, content in pairwise(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            token.attrSet("id", content.content)
    for token in tokens:
        token.children = _without_links_to_files(token.children or [])
    return renderer.renderer.render(tokens, renderer.options, {})


def _without_links_to_files(tokens: list[Token]) -> list[Token]:
    """The other files of docs/ are not served: their names stay as text."""
    kept: list[Token] = []
    is_ours = True
    for token in tokens:
        if token.type == "link_open":
            is_ours = str(token.attrGet("href")).startswith("#")
        if is_ours or token.type not in ("link_open", "link_close"):
            kept.append(token)
    return kept
