"""A server that answers as PagerDuty's Events API v2 does, and keeps what it was sent."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class ScriptedPagerDuty:
    """`script` holds the status of the next answers, then 202 for ever; `events` are the bodies that were taken."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.script: list[int] = []
        self.asked = 0
        self.events: list[dict[str, Any]] = []

    def answer(self, event: dict[str, Any]) -> int:
        """The status of an answer."""
        self.asked += 1
        status = self.script.pop(0) if self.script else 202
        if status == 202:
            self.events.append(event)
        return status


@contextmanager
def scripted_pagerduty() -> Generator[ScriptedPagerDuty]:
    """The server, on a port of 127.0.0.1, while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = pagerduty.answer(event) if self.path == "/v2/enqueue" else 404
            content = json.dumps({"status": "success", "dedup_key": event.get("dedup_key")}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pagerduty = ScriptedPagerDuty(f"http://127.0.0.1:{server.server_port}/v2/enqueue")
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield pagerduty
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
