"""A Salesforce over TLS that answers as it is told, for what the demo's never does."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from salesinsight_assets.adapters.salesforce import SalesforceCallError, SalesforceClient
from salesinsight_assets.domain.crm.tables import ACCOUNTS

UNTIL = datetime(2025, 6, 1, tzinfo=UTC)
COLUMNS = [column for column in ACCOUNTS.columns if column.field in ("Id", "Name")]
DATA = "/services/data/v62.0/"
SECRET = "s3cret-of-the-org"


class Answer(NamedTuple):
    """One answer of the server; no status means that it hangs up, `after` is how many seconds it takes to begin.

    `drip` is how many seconds each byte of its body takes. A header that is empty is not sent.
    """

    status: int | None = 200
    body: Any = ""
    headers: dict[str, str] = {}  # noqa: RUF012 read only
    after: float = 0.0
    drip: float = 0.0


def refused(status: int, code: str) -> Answer:
    return Answer(status, [{"errorCode": code, "message": f"{code} it is"}])


class Org:
    """A Salesforce of a few canned answers; `script[path]` holds answers that come before them."""

    def __init__(self) -> None:
        self.script: dict[str, list[Answer]] = {}
        self.asked: list[tuple[str, str]] = []
        self.targets: list[str] = []
        self.queries: list[str] = []
        self.jobs: list[dict[str, Any]] = []
        self.clock_ahead = timedelta(0)
        self.login: Callable[[dict[str, str]], Answer | None] | None = None
        self.headers: list[Any] = []
        self.grants: list[dict[str, str]] = []
        self.tokens = 0
        self.rows = [("001A", "Acme"), ("001B", "Bolt"), ("001C", "Cargo")]
        self.job: dict[str, Any] = {"id": "750X", "state": "JobComplete", "numberRecordsProcessed": 3}

    def times(self, path: str, method: str = "GET") -> int:
        return self.asked.count((method, path))

    def answer(self, method: str, target: str, body: bytes, url: str) -> Answer:
        parts = urlsplit(target)
        path, params = parts.path.removeprefix(DATA), {k: v[0] for k, v in parse_qs(parts.query).items()}
        self.asked.append((method, path))
        self.targets.append(target)
        self.queries += [params["q"]] if "q" in params else []
        self.jobs += [json.loads(body)] if (method, path) == ("POST", "jobs/query") else []
        if self.script.get(path):
            return self.script[path].pop(0)
        if path == "/services/oauth2/token":
            return self._login({k: v[0] for k, v in parse_qs(body.decode()).items()}, url)
        if path.startswith(("queryAll/", "query/")):
            return self._query(params.get("q", ""))
        if path == "jobs/query/750X/results":
            return self._part(int(params["maxRecords"]), int(params.get("locator", 0)))
        if method == "DELETE":
            return Answer(204)
        return Answer(200, self.job if path.startswith("jobs/query") else {"fields": [], "limits": 1})

    def _login(self, grant: dict[str, str], url: str) -> Answer:
        self.grants.append(grant)
        own = self.login(grant) if self.login else None
        self.tokens += own is None
        return own or Answer(200, {"access_token": f"token-{self.tokens}", "instance_url": url})

    def _query(self, query: str) -> Answer:
        records = [] if "COUNT()" in query else [{"Id": key, "Name": name} for key, name in self.rows]
        return Answer(200, {"totalSize": len(self.rows), "done": True, "records": records})

    def _part(self, size: int, start: int) -> Answer:
        rows = self.rows[start : start + size]
        following = str(start + size) if start + size < len(self.rows) else "null"
        csv = '"Id","Name"\n' + "".join(f'"{key}","{name}"\n' for key, name in rows)
        return Answer(200, csv, {"Sforce-Locator": following, "Sforce-NumberOfRecords": str(len(rows))})


class Server(ThreadingHTTPServer):
    daemon_threads = True
    org: Org
    url: str

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hangs up because it does not trust the certificate."""


class Desk(BaseHTTPRequestHandler):
    """Hands calls to the org and its answers back."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.org.headers.append(self.headers)
        answer = self.server.org.answer(self.command, self.path, body, self.server.url)
        time.sleep(answer.after)
        if answer.status is None:
            self.close_connection = True
            return
        content = answer.body.encode() if isinstance(answer.body, str) else json.dumps(answer.body).encode()
        self.send_response_only(answer.status)
        now = format_datetime(datetime.now(UTC) + self.server.org.clock_ahead, usegmt=True)
        for name, value in ({"Date": now, "Content-Length": str(len(content))} | answer.headers).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        for piece in [content[i : i + 1] for i in range(len(content))] if answer.drip else [content]:
            self.wfile.write(piece)
            time.sleep(answer.drip)

    do_POST = do_DELETE = do_PATCH = do_GET  # noqa: N815 the names http.server looks for

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def names(client: SalesforceClient) -> list[str]:
    batches = list(client.changes(ACCOUNTS, COLUMNS, None, UNTIL))
    return [name for batch in batches for name in batch["name"].to_pylist()]


def failure_of(call: Callable[[], object], kind: type[Exception] = SalesforceCallError) -> str:
    with pytest.raises(kind) as failed:
        call()
    return str(failed.value)
