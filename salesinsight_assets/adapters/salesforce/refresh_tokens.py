"""Refresh tokens that Salesforce changes at each use: the newest one outlives the process that was given it.

Kept in one file of the state directory, which only its owner may read. What belongs elsewhere: how a token is asked
for (login).
"""

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from salesinsight_assets.adapters.salesforce.errors import LoginError
from salesinsight_assets.settings import SalesforceSettings

FILE_NAME = "salesforce-refresh-token.json"


class RefreshTokens:
    """The refresh token in force: the latest that descends from the configured one, else the configured one.

    Without a state directory it is kept in memory only.
    """

    def __init__(self, settings: SalesforceSettings) -> None:
        self._configured = settings.refresh_token or ""
        self._origin = _origin(settings)
        directory = settings.state_directory
        self._path = directory / FILE_NAME if directory else None
        self._in_memory: str | None = None

    @contextmanager
    def in_use(self) -> Generator[str]:
        """The token in force, while no other process uses or changes it.

        Raises:
            LoginError: the state directory cannot be written; a token that Salesforce changed would be lost there.
        """
        if self._path is None:
            yield self._in_memory or self._configured
            return
        with _locked(self._path.with_suffix(".lock")):
            yield self._stored(self._path) or self._configured

    def keep(self, token: str) -> None:
        """Store a token that Salesforce gave in place of the one sent; durable on return.

        Raises:
            LoginError: it cannot be written.
        """
        self._in_memory = token
        if self._path is None:
            return
        try:
            _write(self._path, {"descends_from": self._origin, "refresh_token": token})
        except OSError as error:
            raise _unwritable(self._path, error) from None

    def _stored(self, path: Path) -> str | None:
        try:
            content: Any = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        is_ours = isinstance(content, dict) and content.get("descends_from") == self._origin
        return str(content["refresh_token"]) if is_ours and content.get("refresh_token") else None


def _origin(settings: SalesforceSettings) -> str:
    """What a stored token must descend from to be used: a newly configured token, org or app begins anew."""
    parts = (settings.refresh_token or "", settings.login_url.rstrip("/"), settings.client_id or "")
    return hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()


@contextmanager
def _locked(path: Path) -> Generator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _write(path: Path, content: Mapping[str, str]) -> None:
    """Replace the file by one that is whole on the disk, readable by its owner only."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _unwritable(path: Path, error: OSError) -> LoginError:
    return LoginError(
        f"Salesforce login: expected to store the refresh token at {path}, got {type(error).__name__}; let the user "
        "that runs SalesInsight write to SALESINSIGHT_HOME"
    )
