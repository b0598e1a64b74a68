"""A Salesforce org on 127.0.0.1, over TLS, for the demo and the tests: login, REST, Bulk API 2.0.

This module starts, stops and wires it. The endpoints and the faults live in `server`.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import trustme
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from salesinsight_assets.demo.server import application
from salesinsight_assets.demo.server.bulk import BulkApi
from salesinsight_assets.demo.server.deletions import DeletionRules
from salesinsight_assets.demo.server.faults import ActiveFault, Faults
from salesinsight_assets.demo.server.faults.draw import random_faults
from salesinsight_assets.demo.server.metadata import Metadata
from salesinsight_assets.demo.server.rest import ApiUsage, RestApi
from salesinsight_assets.demo.server.sessions import Credentials, Sessions, private_key_pem
from salesinsight_assets.demo.storage import connect, fact, remember

_HOST = "127.0.0.1"
_START_TIMEOUT_SECONDS = 20.0
_CALLS_END_SECONDS = 1


class _Server(uvicorn.Server):
    """A server that hangs up when it is stopped: a client that keeps its connection never answers a TLS goodbye."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)

    def transport(self, client: tuple[str, int]) -> asyncio.Transport | None:
        """The connection of a client; None where it is gone."""
        for connection in list(self.server_state.connections):
            if getattr(connection, "client", None) == client and not connection.transport.is_closing():
                return connection.transport
        return None


class DemoSalesforce:
    """The org of one company, served by a thread of this process between `start` and `stop`.

    `faults` breaks it, `metadata` hides and renames fields and objects, `usage` holds the quota, `deletions` the rules of
    getDeleted, `sessions` the logins and whether refresh tokens rotate.

    >>> with DemoSalesforce(company.path, directory) as server:  # doctest: +SKIP
    ...     settings = load_settings({**os.environ, **server.environment()})
    """

    def __init__(
        self,
        company_path: Path,
        directory: Path,
        port: int = 0,
        credentials: Credentials | None = None,
        session_lifetime: timedelta = timedelta(hours=2),
        smallest_page: int = 200,
    ) -> None:
        self._directory = directory
        self._port = port
        self._company_path = company_path
        self.credentials = credentials or Credentials()
        self.sessions = Sessions(self.credentials, session_lifetime)
        self.metadata = Metadata(company_path)
        self.faults = Faults(self.sessions, self.metadata)
        self.usage = ApiUsage()
        self.deletions = DeletionRules()
        self._rest = RestApi(company_path, self.faults, self.usage, self.deletions, smallest_page)
        self._bulk = BulkApi(company_path, self.faults)
        self._certificate: Path | None = None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._return: threading.Thread | None = None

    @property
    def login_url(self) -> str:
        """Where to log in; also the instance's address."""
        return f"https://{_HOST}:{self._port}"

    @property
    def ca_bundle(self) -> Path:
        """The certificate authority that signed the server's certificate, as PEM."""
        return self._directory / "demo-salesforce-ca.pem"

    @property
    def bulk_jobs(self) -> int:
        """How many Bulk jobs there are that no client has deleted."""
        return self._bulk.job_count

    @property
    def client_id(self) -> str:
        """The connected app's id."""
        return self.credentials.client_id

    @property
    def client_secret(self) -> str:
        """The connected app's secret."""
        return self.credentials.client_secret

    @property
    def private_key_file(self) -> Path:
        """The private key of the connected app, as PEM, for the JWT bearer grant."""
        path = self._directory / "demo-salesforce-app.pem"
        if not path.exists() or path.read_bytes() != private_key_pem():
            self._directory.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(private_key_pem())
        return path

    def environment(self, auth: str = "client_credentials") -> dict[str, str]:
        """The settings that point the platform at this org; `auth` is one of SALESFORCE_AUTH's."""
        known = self.credentials
        by_auth = {
            "client_credentials": {"CLIENT_SECRET": known.client_secret},
            "refresh_token": {"CLIENT_SECRET": known.client_secret, "REFRESH_TOKEN": known.refresh_token},
            "jwt": {"USERNAME": known.username},
            "password": {
                "CLIENT_SECRET": known.client_secret,
                "USERNAME": known.username,
                "PASSWORD": known.password,
            },
        }
        if auth == "jwt":
            by_auth["jwt"]["PRIVATE_KEY_FILE"] = str(self.private_key_file)
        return {
            "SALESFORCE_LOGIN_URL": self.login_url,
            "SALESFORCE_AUTH": auth,
            "SALESFORCE_CLIENT_ID": self.client_id,
            "SALESFORCE_CA_BUNDLE": str(self.ca_bundle),
            **{f"SALESFORCE_{name}": value for name, value in by_auth[auth].items()},
        }

    def start(self) -> Self:
        """Serve; returns once the port answers.

        Raises:
            FileNotFoundError: there is no company in that file.
            RuntimeError: the server did not start in time.
        """
        if not self._company_path.is_file():
            raise FileNotFoundError(f"expected a company's file at {self._company_path}, found none; create it first")
        listener = socket.create_server((_HOST, self._port))
        self._port = listener.getsockname()[1]
        self._server = _Server(self._configuration())
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError(
                    f"expected the demo's Salesforce on port {self._port} to start, it did not; see its log"
                )
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """Serve no more."""
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join(_START_TIMEOUT_SECONDS)
        self._server = self._thread = None

    @contextmanager
    def unreachable(self) -> Generator[None, None, None]:
        """Connections are refused while the context lasts; then it serves on the same port, with its sessions."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def go_away(self, seconds: float) -> None:
        """Refuse connections from about now for that time, in the background; nothing where that is so already."""

        def away() -> None:
            with self.unreachable():
                time.sleep(seconds)

        if self._return is None or not self._return.is_alive():
            self._return = threading.Thread(target=away, daemon=True)
            self._return.start()

    def wait_until_back(self) -> None:
        """Return once the server listens again after `go_away`."""
        if self._return:
            self._return.join()
            self._return = None

    @contextmanager
    def clock_skewed(self, by: timedelta) -> Generator[None, None, None]:
        """The org's clock, and so its Date and all new stamps, runs ahead by that while the context lasts."""
        connection = connect(self._company_path)
        before = int(fact(connection, "clock_skew_seconds", "0"))
        try:
            remember(connection, clock_skew_seconds=before + int(by.total_seconds()))
            yield
        finally:
            remember(connection, clock_skew_seconds=before)
            connection.close()

    def random_faults(
        self, rng: np.random.Generator, change: Callable[[], object] | None = None
    ) -> AbstractContextManager[list[ActiveFault]]:
        """One to three faults that pass, all gone at the context's end; `change` may alter the company between pages."""
        return random_faults(self.faults, rng, self, self.usage, change)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wait_until_back()
        self.stop()

    def _configuration(self) -> uvicorn.Config:
        certificate = self._certificate = self._certificate or self._new_certificate()
        return uvicorn.Config(
            self._application(),
            log_level="error",
            lifespan="off",
            # The org has its own clock, which is the simulated one.
            date_header=False,
            ssl_certfile=certificate,
            ssl_keyfile=certificate,
            timeout_graceful_shutdown=_CALLS_END_SECONDS,
        )

    def _application(self) -> ASGIApp:
        endpoints = application.endpoints(self.sessions, self._rest, self._bulk, self._company_path)
        admitted = application.admitted(endpoints, self.sessions, self.usage)
        stamped = application.stamped(self.faults.around(admitted), self.usage, self._company_path)

        async def connected(scope: Scope, receive: Receive, send: Send) -> None:
            """Lets a fault know whether the client is there, and hang up on it."""
            client, server = scope["client"], self._server
            scope["is_connected"] = lambda: server is not None and server.transport(client) is not None
            scope["hang_up"] = lambda: _hang_up(server, client)
            await stamped(scope, receive, send)

        return connected

    def _new_certificate(self) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_bundle))
        path = self._directory / "demo-salesforce-server.pem"
        authority.issue_cert(_HOST, "localhost").private_key_and_cert_chain_pem.write_to_path(str(path))
        path.chmod(0o600)
        return path


def _hang_up(server: _Server | None, client: tuple[str, int]) -> None:
    transport = server.transport(client) if server else None
    if transport:
        transport.abort()
