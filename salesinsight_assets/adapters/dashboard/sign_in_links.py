"""Sign-in links that were asked for: of each only the hash is stored, with whom it signs in, until when, and whether it was used."""

from datetime import datetime, timedelta

from salesinsight_assets.adapters.dashboard.rows import Database
from salesinsight_assets.adapters.dashboard.sessions import new_token, token_hash

_OPEN = "used_at IS NULL AND expires_at > :at"


class SignInLinks:
    """The links of one warehouse."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self, email: str, at: datetime, minutes: float) -> str:
        """The token of a new link. Those that are over are forgotten."""
        token = new_token()
        self._database.write("DELETE FROM engagement.sign_in_links WHERE expires_at < :at", at=at)
        self._database.write(
            "INSERT INTO engagement.sign_in_links (token_hash, email, asked_at, expires_at)"
            " VALUES (:token_hash, :email, :at, :expires_at)",
            token_hash=token_hash(token),
            email=email,
            at=at,
            expires_at=at + timedelta(minutes=minutes),
        )
        return token

    def email(self, token: str, at: datetime) -> str | None:
        """Whom a link would sign in; None: nobody, or not any more."""
        row = self._database.row(
            f"SELECT email FROM engagement.sign_in_links WHERE token_hash = :token_hash AND {_OPEN}",
            token_hash=token_hash(token),
            at=at,
        )
        return row["email"] if row else None

    def use(self, token: str, at: datetime) -> str | None:
        """Whom a link signs in, which then works no more, nor do the others of that address; None: nobody.

        Of two that use it at once, one is refused: the row is changed by one statement.
        """
        found = self._database.write(
            f"UPDATE engagement.sign_in_links SET used_at = :at WHERE token_hash = :token_hash AND {_OPEN} RETURNING email",
            token_hash=token_hash(token),
            at=at,
        )
        if not found:
            return None
        email = str(found[0]["email"])
        self._database.write(
            f"UPDATE engagement.sign_in_links SET used_at = :at WHERE email = :email AND {_OPEN}", email=email, at=at
        )
        return email
