"""Tokens of the API: of each only the hash is stored, with the person it acts as, what it is for, and until when."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from salesinsight_assets.adapters.dashboard.rows import Database, Row
from salesinsight_assets.adapters.dashboard.sessions import new_token, token_hash

PREFIX = "si_"
"""Begins each token, so that one that lies where it should not is found."""
_ID_BYTES = 4
_NOTED_EVERY = timedelta(minutes=1)
State = Literal["valid", "expired", "revoked"]
_COLUMNS = "token_id, name, email, scopes, created_at, expires_at, last_used_at, revoked_at"


@dataclass(frozen=True)
class ApiToken:
    """What is known of a token; the token itself is nowhere."""

    token_id: str
    name: str
    email: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def label(self) -> str:
        """How people know it."""
        return f"{self.name} ({self.token_id})"

    def state(self, at: datetime) -> State:
        """Whether it lets anyone in at a moment."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if at < self.expires_at else "expired"


class ApiTokens:
    """The tokens of one warehouse."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, email: str, scopes: Sequence[str], at: datetime, days: float) -> tuple[str, ApiToken]:
        """A new token, which is told this once, and what is stored of it."""
        token, token_id = f"{PREFIX}{new_token()}", secrets.token_hex(_ID_BYTES)
        (row,) = self._database.write(
            "INSERT INTO engagement.api_tokens (token_id, token_hash, name, email, scopes, created_at, expires_at)"
            f" VALUES (:token_id, :token_hash, :name, :email, :scopes, :at, :expires_at) RETURNING {_COLUMNS}",
            token_id=token_id,
            token_hash=token_hash(token),
            name=name,
            email=email,
            scopes=list(scopes),
            at=at,
            expires_at=at + timedelta(days=days),
        )
        return token, _token(row)

    def all(self) -> list[ApiToken]:
        """Every token there was, the newest first."""
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM engagement.api_tokens ORDER BY created_at DESC, token_id")
        return [_token(row) for row in rows]

    def find(self, token: str) -> ApiToken | None:
        """What is known of a token that somebody shows; None: it is not ours."""
        if not token.startswith(PREFIX):
            return None
        row = self._database.row(
            f"SELECT {_COLUMNS} FROM engagement.api_tokens WHERE token_hash = :token_hash", token_hash=token_hash(token)
        )
        return None if row is None else _token(row)

    def note_use(self, token: ApiToken, at: datetime) -> None:
        """That it was used; a row is written once a minute at most."""
        if token.last_used_at is not None and at - token.last_used_at < _NOTED_EVERY:
            return
        self._database.write(
            "UPDATE engagement.api_tokens SET last_used_at = :at WHERE token_id = :token_id",
            at=at,
            token_id=token.token_id,
        )

    def revoke(self, token_id: str, at: datetime) -> ApiToken | None:
        """End a token; one that was ended before keeps its moment. None: there is none with that Id."""
        rows = self._database.write(
            "UPDATE engagement.api_tokens SET revoked_at = coalesce(revoked_at, :at) WHERE token_id = :token_id"
            f" RETURNING {_COLUMNS}",
            token_id=token_id,
            at=at,
        )
        return _token(rows[0]) if rows else None


def _token(row: Row) -> ApiToken:
    values: dict[str, Any] = {**row, "scopes": tuple(row["scopes"])}
    return ApiToken(**values)
