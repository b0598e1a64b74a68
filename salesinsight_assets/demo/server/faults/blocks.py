"""What faults are made of: answer instead, hang up, delay, change the answer, do something before a call.

Each takes the fault's name first and, as `where`, which calls it fits.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from salesinsight_assets.demo.server.faults.switchboard import Fault

_SLICE_SECONDS = 0.05
_TIME_TO_ARRIVE_SECONDS = 0.02


@dataclass
class WholeAnswer:
    """An answer on its way to the client; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def answer_instead(
    name: str, status: int, content: Any, where: str = "", headers: Mapping[str, str] | None = None
) -> Fault:
    """Answers in the application's place: a text as HTML, anything else as JSON."""

    async def act(application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an Act
        kind = HTMLResponse if isinstance(content, str) else JSONResponse
        await kind(content, status, dict(headers or {}))(scope, receive, send)

    return Fault(name, act, where)


def hang_up(name: str, after_share: float | None = None, where: str = "") -> Fault:
    """Drops the connection: before anything is sent, or after that share of the body."""

    async def act(application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        if after_share is not None:
            answer = await whole_answer(application, scope, receive)
            sent = answer.body[: int(len(answer.body) * after_share)]
            await send({**_start(answer), "headers": _raw(answer.headers | {"content-length": str(len(answer.body))})})
            await send({"type": "http.response.body", "body": sent, "more_body": True})
            await asyncio.sleep(_TIME_TO_ARRIVE_SECONDS)
        scope["hang_up"]()
        await asyncio.sleep(_TIME_TO_ARRIVE_SECONDS)

    return Fault(name, act, where)


def delay(name: str, seconds: float, where: str = "") -> Fault:
    """Answers only after that time, or never where the client has gone by then."""

    async def act(application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await _wait(scope, seconds)
        await application(scope, receive, send)

    return Fault(name, act, where)


def drip(name: str, seconds_between: float, bytes_at_once: int = 1, where: str = "") -> Fault:
    """Sends the body a few bytes at a time."""

    async def act(application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await whole_answer(application, scope, receive)
        await send({**_start(answer), "headers": _raw(answer.headers | {"content-length": str(len(answer.body))})})
        for first in range(0, len(answer.body), bytes_at_once):
            part = answer.body[first : first + bytes_at_once]
            await send({"type": "http.response.body", "body": part, "more_body": True})
            if not await _wait(scope, seconds_between):
                return
        await send({"type": "http.response.body", "body": b""})

    return Fault(name, act, where)


def change_answer(name: str, change: Callable[[WholeAnswer], None], where: str = "") -> Fault:
    """Lets `change` alter the whole answer before it is sent; its length is kept right."""

    async def act(application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await whole_answer(application, scope, receive)
        change(answer)
        answer.headers.pop("content-length", None)
        await Response(answer.body, answer.status, answer.headers)(scope, receive, send)

    return Fault(name, act, where)


def before_call(name: str, what: Callable[[], object], where: str = "") -> Fault:
    """Does something before the call is answered: the company changes, sessions end."""

    async def act(application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await run_in_threadpool(what)
        await application(scope, receive, send)

    return Fault(name, act, where)


async def whole_answer(application: ASGIApp, scope: Scope, receive: Receive) -> WholeAnswer:
    """What the application answers, not yet sent."""
    answer, parts = WholeAnswer(500, {}, b""), list[bytes]()

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        else:
            parts.append(message.get("body", b""))

    await application(scope, receive, collect)
    answer.body = b"".join(parts)
    return answer


def _start(answer: WholeAnswer) -> Message:
    return {"type": "http.response.start", "status": answer.status}


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _wait(scope: Scope, seconds: float) -> bool:
    """Let time pass while the client is there; whether it still is."""
    end = asyncio.get_running_loop().time() + seconds
    while (left := end - asyncio.get_running_loop().time()) > 0 and scope["is_connected"]():
        await asyncio.sleep(min(left, _SLICE_SECONDS))
    return scope["is_connected"]()
