"""How many requests were answered, with what and how fast, since the process began: counted before everything else.

By route and not by address, so that neither deals nor strangers who try addresses make new series.
https://prometheus.io/docs/practices/naming/, https://prometheus.io/docs/practices/histograms/
"""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from salesinsight_assets.web.api.metrics import in_braces

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds."""
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
_OTHER = "other"
_ANSWERS, _SECONDS = "salesinsight_http_requests_total", "salesinsight_http_request_seconds"


class RequestCounts:
    """Answers by method, route and status, and their seconds by route."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: Counter[tuple[str, str, int]] = Counter()
        self._within: Counter[tuple[str, float]] = Counter()
        self._seconds: dict[str, float] = {}

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """One answer."""
        with self._lock:
            self._answers[method if method in _METHODS else _OTHER, route, status] += 1
            self._seconds[route] = self._seconds.get(route, 0.0) + seconds
            for bound in (*BUCKETS, float("inf")):
                self._within[route, bound] += seconds <= bound

    def lines(self) -> list[str]:
        """A counter and a histogram, as Prometheus reads them."""
        with self._lock:
            answers, seconds, within = sorted(self._answers.items()), sorted(self._seconds.items()), dict(self._within)
        counted = [
            f"{_ANSWERS}{in_braces({'method': method, 'route': route, 'status': str(status)})} {n}"
            for (method, route, status), n in answers
        ]
        timed = [line for route, total in seconds for line in _histogram(route, total, within)]
        return [
            f"# HELP {_ANSWERS} Answers since the process began.",
            f"# TYPE {_ANSWERS} counter",
            *counted,
            f"# HELP {_SECONDS} How long they took.",
            f"# TYPE {_SECONDS} histogram",
            *timed,
        ]


def _histogram(route: str, total: float, within: Mapping[tuple[str, float], int]) -> Iterable[str]:
    """Cumulative, as it was counted."""
    for bound in (*BUCKETS, float("inf")):
        named = "+Inf" if bound == float("inf") else f"{bound:g}"
        yield f"{_SECONDS}_bucket{in_braces({'route': route, 'le': named})} {within[route, bound]}"
    yield f"{_SECONDS}_sum{in_braces({'route': route})} {total}"
    yield f"{_SECONDS}_count{in_braces({'route': route})} {within[route, float('inf')]}"


class CountedAnswers:
    """An application whose answers are counted. What was given again from `kept` has no route any more and counts as `other`."""

    def __init__(self, app: ASGIApp, counts: RequestCounts) -> None:
        self._app, self._counts = app, counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it; one whose answer never began counts as 500."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self._counts.note(scope["method"], _route(scope), status, time.perf_counter() - began)


def _route(scope: Scope) -> str:
    path = getattr(scope.get("route"), "path", None)
    return path or ("/static" if scope["path"].startswith("/static/") else _OTHER)
