"""A Salesforce org on 127.0.0.1, over TLS, for the demo and the tests: login, REST, Bulk API 2.0.

This module starts, stops and wires it. The endpoints and the faults live in `server`.
"""

import email.utils
import socket
import threading
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import trustme
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from salesinsight_assets.demo.server.answers import DATA_PATH, SalesforceError
from salesinsight_assets.demo.server.bulk import BulkApi
from salesinsight_assets.demo.server.faults import Faults
from salesinsight_assets.demo.server.rest import ApiUsage, RestApi
from salesinsight_assets.demo.server.sessions import Credentials, Sessions
from salesinsight_assets.demo.storage import connect, org_clock

_HOST = "127.0.0.1"
_TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - an address
_LONGEST_ADDRESS = 16_384
_START_TIMEOUT_SECONDS = 20.0
Answer = Callable[[Request], Awaitable[Response]]


class _Server(uvicorn.Server):
    """A server that hangs up when it is stopped: a client that keeps its connection never answers a TLS goodbye."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)


class DemoSalesforce:
    """The org of one company, served by a thread of this process between `start` and `stop`.

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
        self.faults = Faults(self.sessions)
        self.usage = ApiUsage()
        self._rest = RestApi(company_path, self.faults, self.usage, smallest_page)
        self._bulk = BulkApi(company_path, self.faults)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def login_url(self) -> str:
        """Where to log in; also the instance's address."""
        return f"https://{_HOST}:{self._port}"

    @property
    def ca_bundle(self) -> Path:
        """The certificate authority that signed the server's certificate, as PEM."""
        return self._directory / "demo-salesforce-ca.pem"

    @property
    def client_id(self) -> str:
        """The connected app's id."""
        return self.credentials.client_id

    @property
    def client_secret(self) -> str:
        """The connected app's secret."""
        return self.credentials.client_secret

    def environment(self) -> dict[str, str]:
        """The settings that point the platform at this org."""
        return {
            "SALESFORCE_LOGIN_URL": self.login_url,
            "SALESFORCE_AUTH": "client_credentials",
            "SALESFORCE_CLIENT_ID": self.client_id,
            "SALESFORCE_CLIENT_SECRET": self.client_secret,
            "SALESFORCE_CA_BUNDLE": str(self.ca_bundle),
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

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _configuration(self) -> uvicorn.Config:
        certificate = self._certificate()
        return uvicorn.Config(
            self.faults.around(self._application()),
            log_level="error",
            lifespan="off",
            # The org has its own clock, which is the simulated one.
            date_header=False,
            ssl_certfile=certificate,
            ssl_keyfile=certificate,
        )

    def _certificate(self) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_bundle))
        path = self._directory / "demo-salesforce-server.pem"
        authority.issue_cert(_HOST, "localhost").private_key_and_cert_chain_pem.write_to_path(str(path))
        path.chmod(0o600)
        return path

    def _application(self) -> Starlette:
        rest, bulk = self._rest, self._bulk
        data_routes = {
            "/query": rest.query,
            "/queryAll": rest.query,
            "/query/{locator}": rest.query_more,
            "/queryAll/{locator}": rest.query_more,
            "/sobjects": rest.describe_global,
            "/sobjects/{name}/describe": rest.describe,
            "/sobjects/{name}/deleted": rest.deleted,
            "/limits": rest.limits,
            "/jobs/query/{job_id}/results": bulk.results,
        }
        routes = [Route(_TOKEN_PATH, self._login, methods=["POST"])]
        for path, endpoint in data_routes.items():
            # Clients differ in whether they end an address with a slash; Salesforce takes both.
            routes += [Route(DATA_PATH + path + end, endpoint) for end in ("", "/")]
        job_path = DATA_PATH + "/jobs/query/{job_id}"
        routes += [
            Route(DATA_PATH + "/jobs/query", bulk.create, methods=["POST"]),
            Route(job_path, bulk.state),
            Route(job_path, bulk.change, methods=["PATCH"]),
            Route(job_path, bulk.delete, methods=["DELETE"]),
        ]
        application = Starlette(
            routes=routes,
            exception_handlers={SalesforceError: _error_answer},
            middleware=[Middleware(BaseHTTPMiddleware, dispatch=self._answer)],
        )
        application.router.redirect_slashes = False
        return application

    async def _login(self, request: Request) -> Response:
        form = dict(urllib.parse.parse_qsl((await request.body()).decode("utf-8")))
        return self.sessions.login(form, self.login_url)

    async def _answer(self, request: Request, answer: Answer) -> Response:
        """Around every endpoint: the address's length, the session, the count of calls, the org's clock."""
        if len(str(request.url)) > _LONGEST_ADDRESS:
            response: Response = PlainTextResponse("URI Too Long", 414)
        else:
            response = await self._checked_answer(request, answer)
        response.headers["Date"] = self._date()
        response.headers["Sforce-Limit-Info"] = f"api-usage={self.usage.used}/{self.usage.granted}"
        return response

    async def _checked_answer(self, request: Request, answer: Answer) -> Response:
        if request.url.path == _TOKEN_PATH:
            return await answer(request)
        self.usage.used += 1
        try:
            request.state.token = self.sessions.checked_token(request.headers.get("Authorization", ""))
        except SalesforceError as error:
            return error.response()
        return await answer(request)

    def _date(self) -> str:
        connection = connect(self._company_path)
        try:
            return email.utils.format_datetime(org_clock(connection), usegmt=True)
        finally:
            connection.close()


async def _error_answer(request: Request, error: Exception) -> Response:  # noqa: ARG001 - starlette's signature
    return cast("SalesforceError", error).response()
