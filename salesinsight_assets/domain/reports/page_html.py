"""A report as HTML: a page that needs nothing else, and the HTML half of a mail. Both by `page.html.jinja`.

Mail programs drop pictures that are written into the page and most of <style>: in a mail a picture is named by its
Content-ID (RFC 2392) and travels beside the text, and the rules are written at the elements.
"""

import struct
from collections.abc import Callable, Sequence

from salesinsight_assets.domain.delivery.html import for_mail, templates
from salesinsight_assets.domain.reports.pages import PICTURE_SCALE, Pictures, Section, picture_address

TEMPLATE = "page.html.jinja"
MOST_WIDE = 560
"""Pixels that a picture may take of a mail's frame."""


def as_html(title: str, sections: Sequence[Section], pictures: Pictures, note: str | None = None) -> str:
    """One page that needs nothing else, for every screen, light and dark; `note` stands below the title."""
    return _rendered(title, sections, pictures, note, lambda name: picture_address(pictures[name]), is_mail=False)


def as_mail(title: str, sections: Sequence[Section], pictures: Pictures, note: str | None = None) -> str:
    """The HTML half of a mail that carries its pictures under `content_id`."""
    page = _rendered(title, sections, pictures, note, lambda name: f"cid:{content_id(name)}", is_mail=True)
    return for_mail(page)


def content_id(picture: str) -> str:
    """Under what a picture of this name travels in a mail.

    >>> content_id("movement")
    'movement@salesinsight'
    """
    return f"{picture.replace(' ', '-')}@salesinsight"


def picture_width(png: bytes) -> int:
    """The width in pixels of the page at which a PNG is shown (its header: PNG specification, 11.2.2)."""
    if len(png) < 24:
        return MOST_WIDE
    (width,) = struct.unpack(">I", png[16:20])
    return min(width // PICTURE_SCALE, MOST_WIDE)


def _rendered(
    title: str,
    sections: Sequence[Section],
    pictures: Pictures,
    note: str | None,
    address: Callable[[str], str],
    *,
    is_mail: bool,
) -> str:
    widths = {name: picture_width(png) for name, png in pictures.items()}
    return (
        templates(__name__)
        .get_template(TEMPLATE)
        .render(title=title, sections=sections, widths=widths, address=address, note=note, is_mail=is_mail)
    )
