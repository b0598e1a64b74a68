"""Pages that somebody looked at within the last minute, given again as they were.

People go back and forth between the same few pages, whose rows change once a night; what changes in between is what a person answers,
and that person's pages are forgotten then. What others answered is seen a minute late. A page is kept for the cookie it was made for,
so nobody gets another person's; files to take along and calls of the API are not kept, as each is noted down or counted.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS_KEPT = 60
_MOST_BYTES = 64 * 2**20
CHANGES_NOTHING = ("GET", "HEAD", "OPTIONS")
"""The methods of requests that only look."""
_Key = tuple[str, bytes, str]


def keep(request: Request) -> None:
    """Say of the answer to a request that it may be given again to the same person."""
    request.state.may_be_kept = True


@dataclass
class _Answer:
    """What was sent, and until when it is good; `person` is the cookie."""

    person: str
    until: float
    messages: list[Message] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return sum(len(message.get("body", b"")) for message in self.messages)


class KeptAnswers:
    """An application before which recent answers are kept. All runs in the thread of the event loop, so nothing is locked."""

    def __init__(self, app: ASGIApp, most_bytes: int = _MOST_BYTES) -> None:
        self._app, self._most_bytes = app, most_bytes
        self._answers: OrderedDict[_Key, _Answer] = OrderedDict()
        self._being_made: dict[_Key, asyncio.Event] = {}
        self._size = 0
        self._changes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        person = headers.get("cookie", "")
        if scope["method"] not in CHANGES_NOTHING:
            await self._changed(person, scope, receive, send)
        elif scope["method"] != "GET" or not person:
            await self._app(scope, receive, send)
        else:
            key = (scope["path"], scope["query_string"], f"{person} {headers.get('hx-request', '')}")
            await self._given(key, person, scope, receive, send)

    async def _changed(self, person: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Somebody changes something: before that person hears that it is done, the pages are forgotten, and those being made."""

        async def sending(message: Message) -> None:
            self._changes += 1
            for key in [key for key, answer in self._answers.items() if answer.person == person]:
                self._forget(key)
            await send(message)

        await self._app(scope, receive, sending)

    async def _given(self, key: _Key, person: str, scope: Scope, receive: Receive, send: Send) -> None:
        """A kept answer; one that is being made for the same person is waited for."""
        if key in self._being_made and self._fresh(key) is None:
            await self._being_made[key].wait()
        found = self._fresh(key)
        if found is not None:
            for message in found.messages:
                await send(message)
            return
        done = self._being_made.setdefault(key, asyncio.Event())
        try:
            await self._made(key, person, scope, receive, send)
        finally:
            done.set()
            self._being_made.pop(key, None)

    async def _made(self, key: _Key, person: str, scope: Scope, receive: Receive, send: Send) -> None:
        made = _Answer(person, time.monotonic() + SECONDS_KEPT)
        before = self._changes

        async def sending(message: Message) -> None:
            made.messages.append(message)
            await send(message)

        await self._app(scope, receive, sending)
        if before == self._changes and scope.get("state", {}).get("may_be_kept") and made.messages[0]["status"] == 200:
            self._remember(key, made)

    def _fresh(self, key: _Key) -> _Answer | None:
        found = self._answers.get(key)
        return found if found is not None and found.until > time.monotonic() else None

    def _remember(self, key: _Key, made: _Answer) -> None:
        """Keep an answer; the oldest make room for it."""
        self._forget(key)
        self._answers[key] = made
        self._size += made.size
        while self._answers and self._is_to_go(next(iter(self._answers.values()))):
            self._forget(next(iter(self._answers)))

    def _is_to_go(self, oldest: _Answer) -> bool:
        return self._size > self._most_bytes or oldest.until <= time.monotonic()

    def _forget(self, key: _Key) -> None:
        answer = self._answers.pop(key, None)
        self._size -= answer.size if answer else 0
