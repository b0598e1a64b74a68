"""Who is signed in: a random token in the browser's cookie, of which only the hash is stored."""

import hashlib
import secrets
from datetime import datetime, timedelta

from salesinsight_assets.adapters.dashboard.people import ACTIVE
from salesinsight_assets.adapters.dashboard.rows import Database
from salesinsight_assets.domain.access.viewer import Identity

_TOKEN_BYTES = 32
_IDENTITY = f"""
SELECT email, name, user_id FROM engagement.sessions AS s WHERE token_hash = :token_hash AND expires_at > :at
  AND (user_id IS NULL OR EXISTS (SELECT FROM crm.users AS t WHERE t.id = s.user_id AND {ACTIVE}))
"""


def new_token() -> str:
    """A token that nobody can guess, for an address or a cookie."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def token_hash(token: str) -> str:
    """What is stored of a token. It is random and long, so a plain SHA-256 is enough: there is nothing to try out."""
    return hashlib.sha256(token.encode()).hexdigest()


class Sessions:
    """The browsers that are signed in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, identity: Identity, signed_in_by: str, at: datetime, hours: float) -> str:
        """Sign someone in; the token for the cookie. Sessions that are over are forgotten."""
        token = new_token()
        self._database.write("DELETE FROM engagement.sessions WHERE expires_at < :at", at=at)
        self._database.write(
            "INSERT INTO engagement.sessions (token_hash, email, name, user_id, signed_in_by, signed_in_at, expires_at)"
            " VALUES (:token_hash, :email, :name, :user_id, :signed_in_by, :at, :expires_at)",
            token_hash=token_hash(token),
            email=identity.email,
            name=identity.name,
            user_id=identity.user_id,
            signed_in_by=signed_in_by,
            at=at,
            expires_at=at + timedelta(hours=hours),
        )
        return token

    def identity(self, token: str, at: datetime) -> Identity | None:
        """Who a cookie belongs to; None: nobody, or not any more, or somebody who has left."""
        row = self._database.row(_IDENTITY, token_hash=token_hash(token), at=at)
        return None if row is None else Identity(row["email"], row["name"], row["user_id"])

    def end(self, token: str) -> None:
        """Sign out."""
        self._database.write(
            "DELETE FROM engagement.sessions WHERE token_hash = :token_hash", token_hash=token_hash(token)
        )
