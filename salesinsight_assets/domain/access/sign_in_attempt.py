"""A sign-in that has begun at an identity provider: what the browser brings back, to show that it is the one that began it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from itsdangerous import BadSignature, URLSafeSerializer

_SALT = "salesinsight single sign-on"


@dataclass(frozen=True)
class SignInAttempt:
    """What was sent to the provider: `state`, `nonce`, and of the `verifier` (PKCE, RFC 7636) the hash; where to go then; until when."""

    state: str
    nonce: str
    verifier: str
    then: str
    until: datetime

    def signed(self, secret_key: str) -> str:
        """As the browser's cookie holds it."""
        fields = [self.state, self.nonce, self.verifier, self.then, self.until.timestamp()]
        return str(_signer(secret_key).dumps(fields))


def read_attempt(cookie: str, secret_key: str, at: datetime) -> SignInAttempt | None:
    """What a cookie says; None: there is none, it is not ours, or too old."""
    try:
        state, nonce, verifier, then, until = _signer(secret_key).loads(cookie)
    except (BadSignature, ValueError):
        return None
    found = SignInAttempt(state, nonce, verifier, then, datetime.fromtimestamp(until, UTC))
    return found if at < found.until else None


def _signer(secret_key: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret_key, salt=_SALT)
