"""HTML from templates, as pages and mails have it: what comes from outside is escaped, and a word that is missing is an error."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from css_inline import CSSInliner
    from jinja2 import Environment


@cache
def templates(package: str, folder: str = ".") -> "Environment":
    """The templates in a folder of a package."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # names of deals and people come from outside; a word that is missing must not pass as an empty one
    return Environment(
        loader=PackageLoader(package, folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def for_mail(page: str) -> str:
    """The page with its rules written at the elements.

    Mail programs drop parts of <style>, so it is left only what cannot be written at an element: the media queries.
    """
    return _inliner().inline(page)


@cache
def _inliner() -> "CSSInliner":
    from css_inline import CSSInliner

    return CSSInliner(keep_style_tags=True, remove_inlined_selectors=True, load_remote_stylesheets=False)
