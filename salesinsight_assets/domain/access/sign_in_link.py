"""The address that signs somebody in, once: a random token and where to go then, signed.

The signature shows that it is ours before any row is looked for, and a new key ends all addresses made before. That it is used once and
in time is known by what is stored of the token.
"""

from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeSerializer

_SALT = "salesinsight sign-in"
"""Keeps addresses of other kinds, signed by the same key, apart."""
LINK_PATH = "/sign-in/link"


@dataclass(frozen=True)
class SignInLink:
    """A token that nobody can guess, and the page of ours that it leads to."""

    token: str
    then: str = "/"

    def signed(self, secret_key: str) -> str:
        """The last part of the address."""
        return str(_signer(secret_key).dumps([self.token, self.then]))


def read_link(signed: str, secret_key: str) -> SignInLink | None:
    """What the last part of an address says; None: we did not make it.

    >>> key = "k" * 32
    >>> read_link(SignInLink("abc", "/deals").signed(key), key)
    SignInLink(token='abc', then='/deals')
    >>> read_link(SignInLink("abc").signed(key), "another key") is None
    True
    """
    try:
        token, then = _signer(secret_key).loads(signed)
    except (BadSignature, ValueError):
        return None
    return SignInLink(str(token), str(then))


def _signer(secret_key: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret_key, salt=_SALT)
