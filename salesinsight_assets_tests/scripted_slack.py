"""A server that answers as Slack's Web API does, and keeps what it was sent."""

import json
import os
import socket
import struct
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, Mapping[str, str], Any]
POSTED: Answer = (200, {}, {"ok": True})
LOST_BEFORE: Answer = (0, {}, {"ok": False})
LOST_AFTER: Answer = (0, {}, {"ok": True})
"""The connection ends without an answer, before or after the message was posted."""
RESET_BEFORE: Answer = (-1, {}, {"ok": False})
RESET_AFTER: Answer = (-1, {}, {"ok": True})
"""It is reset (RST) instead of closed."""
POST_MESSAGE = "chat.postMessage"


class ScriptedSlack:
    """`script` is answered to posts in its order, then `POSTED` for ever; `calls` are path, token and fields of each call.

    A content that is bytes is answered as it is, by a post that is seen. A function in a script is called at the instant at which
    the call is there and not yet answered; it gives the answer.

    `scripts` does the same for other methods. Anyone is found by an e-mail address unless it is in `strangers`; `posted` are the
    messages that people see, with the time of `clock`, by which a conversation is read.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.clock: Callable[[], float] = time.time
        self.script: list[Answer | Callable[[], Answer]] = []
        self.scripts: dict[str, list[Answer | Callable[[], Answer]]] = {}
        self.strangers: set[str] = set()
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.posted: list[dict[str, Any]] = []

    def answer(self, method: str, fields: dict[str, Any]) -> Answer:
        """What Slack says to a call."""
        script = self.script if method == POST_MESSAGE else self.scripts.get(method, [])
        scripted = script.pop(0) if script else (200, {}, self._usual(method, fields))
        status, headers, content = scripted() if callable(scripted) else scripted
        if method == POST_MESSAGE and (isinstance(content, bytes) or content.get("ok")):
            told = {"ts": f"{self.clock():.6f}", **({} if isinstance(content, bytes) else content)}
            self.posted.append({**fields, "ts": told["ts"]})
            content = content if isinstance(content, bytes) else told
        return status, headers, content

    def _usual(self, method: str, fields: dict[str, Any]) -> dict[str, Any]:
        if method == "users.lookupByEmail":
            is_known = fields["email"] not in self.strangers
            return (
                {"ok": True, "user": {"id": f"U-{fields['email']}"}}
                if is_known
                else {"ok": False, "error": "users_not_found"}
            )
        if method == "conversations.open":
            return {"ok": True, "channel": {"id": f"D-{fields['users']}"}}
        if method == "conversations.history":
            seen = [m for m in self.posted if m["channel"] == fields["channel"]]
            return {"ok": True, "messages": [m for m in seen if float(m["ts"]) >= float(fields["oldest"])]}
        return POSTED[2]


@contextmanager
def scripted_slack() -> Generator[ScriptedSlack]:
    """The server, on a port of 127.0.0.1, while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(dict(parse_qsl(urlsplit(self.path).query)))

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(json.loads(content) if content.startswith("{") else dict(parse_qsl(content)))

        def _answer(self, fields: dict[str, Any]) -> None:
            path = urlsplit(self.path).path
            slack.calls.append((path, (self.headers["Authorization"] or "").removeprefix("Bearer "), fields))
            status, headers, content = slack.answer(path.rpartition("/")[2], fields)
            if status <= 0:
                self.close_connection = True
                if status < 0:
                    at_once = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
                    os.close(self.connection.detach())
                return
            answer = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(answer)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    slack = ScriptedSlack(f"http://127.0.0.1:{server.server_port}/api/")
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)  # seconds until it sees that it shall end
    thread.start()
    try:
        yield slack
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
