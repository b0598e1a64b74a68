"""Text from outside, such as the names of deals and people, made safe to stand in a line or in Markdown.

What belongs elsewhere: what HTML (`delivery.html`), Slack (`delivery.texts`) and spreadsheets (`crm.uploads.cells`) ask for.
"""

import re

_BIDI_CONTROLS = "\u202a-\u202e\u2066-\u2069"
"""Embeddings, overrides and isolates (Unicode 16.0, chapter 23.2): one left open turns round what stands behind it."""
_UNSEEN = re.compile(f"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f{_BIDI_CONTROLS}]")
_MARKUP = re.compile(r"[\\`*\[\]~|]|(?<![^\W_])_|_(?![^\W_])")


def one_line(text: str) -> str:
    r"""`text` in one line, without control characters: a name cannot add lines of its own to what is said around it.

    >>> one_line("Acme\r\n\nRecommended actions: ask \u202eme")
    'Acme Recommended actions: ask me'
    """
    return " ".join(_UNSEEN.sub("", text).split())


def markdown_escaped(text: str) -> str:
    r"""`text` so that Markdown shows it as it is: no tag, no emphasis, no link, no cell of its own.

    >>> print(markdown_escaped("<b> & *it* [x](y) a|b snake_case _it_"))
    &lt;b&gt; &amp; \*it\* \[x\](y) a\|b snake_case \_it\_
    """
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(lambda found: f"\\{found[0]}", safe)
