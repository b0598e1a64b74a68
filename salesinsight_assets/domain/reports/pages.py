"""A report as text or Markdown: headings, sentences, tables, and the pictures that go with them.

What belongs elsewhere: what a report says, how its pictures are drawn, and its HTML (`page_html`).
"""

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from salesinsight_assets.domain.plain_text import markdown_escaped, one_line

Pictures = Mapping[str, bytes]
"""PNGs by name."""
PICTURE_SCALE = 2
"""Pixels of a picture for one pixel of the page: screens of today show two."""


@dataclass(frozen=True)
class Table:
    """Rows of cells as they are read. In a cell with a line break the second line is a remark on the first.

    `numbers` are the columns whose cells stand to the right.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Collection[str] = ()


@dataclass(frozen=True)
class Section:
    """A heading, sentences below it, a table, and the name of the picture that goes with them (empty: none).

    `paragraphs` are read as they stand, each with its own line breaks; a first line that ends with a colon is its title.
    """

    title: str
    lines: Sequence[str]
    picture: str = ""
    table: Table | None = None
    paragraphs: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Titles and sentences name what people have entered: each is kept as one line."""
        object.__setattr__(self, "title", one_line(self.title))
        object.__setattr__(self, "lines", [one_line(line) for line in self.lines])


def as_text(title: str, sections: Sequence[Section]) -> str:
    """For a terminal and the plain half of a mail.

    >>> print(as_text("Replay", [Section("Scores", ["12 deals"])]))
    Replay
    <BLANKLINE>
    Scores
      12 deals
    """
    blocks = [_block(section) for section in sections]
    return "\n\n".join([title, *blocks])


def _block(section: Section) -> str:
    below = [*section.lines, *(_aligned(section.table) if section.table else [])]
    blocks = [[section.title, *_indented(below)], *(_indented(text.split("\n")) for text in section.paragraphs)]
    return "\n\n".join("\n".join(lines) for lines in blocks)


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _aligned(table: Table) -> list[str]:
    """The rows under each other, remarks below what they are of; one that is wider than the first column has its own line."""
    rows = [list(table.columns), *(list(row) for row in table.rows)]
    firsts = [[cell.partition("\n")[0] for cell in row] for row in rows]
    remarks = [[cell.partition("\n")[2] for cell in row] for row in rows]
    widths = [max(len(row[0]) for row in firsts)]
    widths += [max(len(row[place]) for row in (*firsts, *remarks)) for place in range(1, len(table.columns))]
    lines: list[str] = []
    for shown, (about, *others) in zip(firsts, remarks, strict=True):
        fits = len(about) + 2 <= widths[0]
        below = [f"  {about}" if fits and about else "", *others]
        lines += [_row(cells, widths, table) for cells in (shown, below) if cells is shown or any(cells)]
        lines += [] if fits else [f"  {about}"]
    return lines


def _row(cells: Sequence[str], widths: Sequence[int], table: Table) -> str:
    is_number = [column in table.numbers for column in table.columns]
    placed = zip(cells, widths, is_number, strict=True)
    return "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in placed).rstrip()


def as_markdown(title: str, sections: Sequence[Section], pictures: Pictures) -> str:
    """Headings, lists, tables, and the pictures as data."""
    blocks = [f"# {markdown_escaped(title)}"]
    for section in sections:
        lines = [f"- {markdown_escaped(line)}" for line in section.lines]
        blocks += [f"## {markdown_escaped(section.title)}", "\n".join(lines)]
        blocks += [markdown_escaped(paragraph).replace("\n", "<br>\n") for paragraph in section.paragraphs]
        if section.table:
            blocks.append(_markdown_table(section.table))
        if section.picture in pictures:
            blocks.append(f"![{section.picture}]({picture_address(pictures[section.picture])})")
    return "\n\n".join(block for block in blocks if block) + "\n"


def _markdown_table(table: Table) -> str:
    marks = [" ---: |" if column in table.numbers else " --- |" for column in table.columns]
    rows = ["| " + " | ".join(map(_cell, row)) + " |" for row in (table.columns, *table.rows)]
    return "\n".join([rows[0], "|" + "".join(marks), *rows[1:]])


def _cell(text: str) -> str:
    return markdown_escaped(text).replace("\n", "<br>")


def picture_address(picture: bytes) -> str:
    """A PNG as an address that carries it along."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}"
