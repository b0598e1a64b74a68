"""What can be written to."""

import re

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
"""A dot-atom and a domain (RFC 5322, 3.4.1). What Python's parser of headers reads otherwise must not pass: it would be another's."""


def is_address(text: str) -> bool:
    """Whether a mail server can be given this as a recipient: one plain address, in ASCII, and no encoded word (RFC 2047).

    >>> is_address("vp@example.com"), is_address("VP <vp@example.com>")
    (True, False)
    """
    return _ADDRESS.fullmatch(text) is not None and "=?" not in text
