"""The HTML half of a digest: the words of `texts`, laid out by `digest.html.jinja` for mail programs."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from salesinsight_assets.domain.delivery import texts
from salesinsight_assets.domain.delivery.texts import AlertContent, DigestLinks

if TYPE_CHECKING:
    from css_inline import CSSInliner
    from jinja2 import Template

TEMPLATE = "digest.html.jinja"


def digest_html(alerts: Sequence[AlertContent], note: str | None = None, links: DigestLinks | None = None) -> str:
    """The day's digest of one rep as an HTML document that stands alone: the words of `digest_text`, a card a deal.

    Args:
        alerts: one at least, in the order in which they are read.
        note: what the rep must know of the rows behind all of them.
        links: where the rep answers; None: nothing is asked.
    """
    return _inliner().inline(_template().render(alerts=alerts, note=note, links=links, texts=texts))


@cache
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # names of deals and reasons come from outside; a word that is missing must not pass as an empty one
    return Environment(
        loader=PackageLoader(__name__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template(TEMPLATE)


@cache
def _inliner() -> "CSSInliner":
    from css_inline import CSSInliner

    # mail programs drop parts of <style>, so it is left only what cannot be written at an element: the media queries
    return CSSInliner(keep_style_tags=True, remove_inlined_selectors=True, load_remote_stylesheets=False)
