"""A server that answers as Slack's Web API does, and keeps what it was sent."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Answer = tuple[int, Mapping[str, str], Any]
POSTED: Answer = (200, {}, {"ok": True, "ts": "1.0"})


class ScriptedSlack:
    """`script` is answered in its order, then `POSTED` for ever; `calls` are path, token and fields of each call."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.script: list[Answer] = []
        self.calls: list[tuple[str, str, dict[str, Any]]] = []


@contextmanager
def scripted_slack() -> Generator[ScriptedSlack]:
    """The server, on a port of 127.0.0.1, while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            fields = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            slack.calls.append((self.path, self.headers["Authorization"].removeprefix("Bearer "), fields))
            status, headers, content = slack.script.pop(0) if slack.script else POSTED
            answer = json.dumps(content).encode()
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
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield slack
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
