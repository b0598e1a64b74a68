"""What can be written to."""

import re


def is_address(text: str) -> bool:
    """Whether a mail server can be given this as a recipient: one plain address, in ASCII.

    >>> is_address("vp@example.com"), is_address("VP <vp@example.com>")
    (True, False)
    """
    return re.fullmatch(r"[^@\s<>(),;:\"]+@[^@\s<>(),;:\"]+", text) is not None and text.isascii()
