"""A report as text, Markdown or a page of HTML that carries its pictures along.

What belongs elsewhere: what a report says, and how its pictures are drawn.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

Pictures = Mapping[str, bytes]
"""PNGs by name."""
_STYLE = "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}img{max-width:100%}"


@dataclass(frozen=True)
class Section:
    """A heading, sentences below it, and the name of the picture that goes with them (empty: none)."""

    title: str
    lines: Sequence[str]
    picture: str = ""


def as_text(title: str, sections: Sequence[Section]) -> str:
    """For a terminal.

    >>> print(as_text("Replay", [Section("Scores", ["12 deals"])]))
    Replay
    <BLANKLINE>
    Scores
      12 deals
    """
    blocks = ["\n".join([section.title, *(f"  {line}" for line in section.lines)]) for section in sections]
    return "\n\n".join([title, *blocks])


def as_markdown(title: str, sections: Sequence[Section], pictures: Pictures) -> str:
    """Headings, lists, and the pictures as data."""
    blocks = [f"# {title}"]
    for section in sections:
        blocks += [f"## {section.title}", "\n".join(f"- {line}" for line in section.lines)]
        if section.picture in pictures:
            blocks.append(f"![{section.picture}]({_address(pictures[section.picture])})")
    return "\n\n".join(blocks) + "\n"


def as_html(title: str, sections: Sequence[Section], pictures: Pictures) -> str:
    """One page that needs nothing else."""
    body = [f"<h1>{escape(title)}</h1>"]
    for section in sections:
        items = "".join(f"<li>{escape(line)}</li>" for line in section.lines)
        body += [f"<h2>{escape(section.title)}</h2>", f"<ul>{items}</ul>"]
        if section.picture in pictures:
            body.append(f'<img alt="{escape(section.picture)}" src="{_address(pictures[section.picture])}">')
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return "\n".join(["<!doctype html>", f'<html lang="en"><head>{head}</head><body>', *body, "</body></html>", ""])


def _address(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}"
