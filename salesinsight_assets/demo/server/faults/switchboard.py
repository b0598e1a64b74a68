"""Which faults stand around the application at present, for which calls, and for how many of them.

A fault is a function around the whole application, so that it may answer in its place, change what is sent, or hang up.
"""

import re
import urllib.parse
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from salesinsight_assets.demo.server.metadata import Metadata
from salesinsight_assets.demo.server.sessions import Sessions

Act = Callable[[ASGIApp, Scope, Receive, Send], Awaitable[None]]
_CALLS_REMEMBERED = 100_000
_OBJECT = re.compile(r"/sobjects/(\w+)|\bfrom\s+(\w+)", re.IGNORECASE)
_ID = re.compile(r"/((?:750|01g)\w{15})")


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong. `where` is searched for in a call: `GET /services/data/v62.0/query?q=SELECT …`.

    The address is unquoted; what is posted follows it after a blank. `finish` is called when the fault is switched off.
    """

    name: str
    act: Act
    where: str = ""
    finish: Callable[[], object] | None = None


@dataclass
class ActiveFault:
    """A fault that is switched on: it spares the first `after` calls it fits, and hits `calls` of them, or all.

    `object_name` narrows it to calls about one object. `hits` counts.
    """

    fault: Fault
    calls: int | None = None
    after: int = 0
    object_name: str | None = None
    where: str = ""
    met: int = 0
    hits: int = 0

    @property
    def name(self) -> str:
        """What goes wrong, for people: the fault's name and how often and where it strikes."""
        limits = [
            f"for {self.object_name}" if self.object_name else "",
            f"after {self.after} calls" if self.after else "",
            f"{self.calls} times" if self.calls is not None else "",
        ]
        return " ".join([self.fault.name, *filter(None, limits)])

    def takes(self, call: str, object_name: str | None) -> bool:
        """Whether this call is hit; counts it."""
        is_about_it = self.object_name is None or self.object_name == object_name
        if not (is_about_it and re.search(self.fault.where, call) and re.search(self.where, call)):
            return False
        self.met += 1
        if self.met <= self.after or (self.calls is not None and self.hits >= self.calls):
            return False
        self.hits += 1
        return True


class Faults:
    """The server's present faults; a change takes effect with the next request.

    `metadata` is what the client may see. `calls` remembers the latest calls, the oldest first.
    """

    def __init__(self, sessions: Sessions, metadata: Metadata) -> None:
        self._sessions = sessions
        self.metadata = metadata
        self.calls: deque[str] = deque(maxlen=_CALLS_REMEMBERED)
        self._objects: dict[str, str] = {}
        self._active: list[ActiveFault] = []

    def expire_sessions(self) -> None:
        """End every session; each client has to log in again, and its query locators are gone."""
        self._sessions.expire_all()

    def hide_field(self, object_name: str, field_name: str) -> None:
        """Take the right to read a field from the client: no describe shows it, no query may name it."""
        self.metadata.hide_field(object_name, field_name)

    def show_field(self, object_name: str, field_name: str) -> None:
        """Give the right back."""
        self.metadata.show_field(object_name, field_name)

    def inject(
        self,
        fault: Fault | Act,
        *,
        calls: int | None = None,
        after: int = 0,
        object_name: str | None = None,
        where: str = "",
    ) -> ActiveFault:
        """Switch a fault on until `remove`; of several, the latest is outermost. See `ActiveFault` for the limits.

        `where` narrows the calls further than the fault itself does.
        """
        known = fault if isinstance(fault, Fault) else Fault("a fault of the test's own", fault)
        active = ActiveFault(known, calls, after, object_name, where)
        self._active.append(active)
        return active

    def remove(self, active: ActiveFault) -> None:
        """Switch it off; nothing where that was done."""
        if any(other is active for other in self._active):
            self._active = [other for other in self._active if other is not active]
            if active.fault.finish:
                active.fault.finish()

    def remove_all(self) -> None:
        """Switch all of them off."""
        for active in list(self._active):
            self.remove(active)

    @contextmanager
    def injected(
        self,
        fault: Fault | Act,
        *,
        calls: int | None = None,
        after: int = 0,
        object_name: str | None = None,
        where: str = "",
    ) -> Generator[ActiveFault, None, None]:
        """A fault that is switched on while the context lasts."""
        active = self.inject(fault, calls=calls, after=after, object_name=object_name, where=where)
        try:
            yield active
        finally:
            self.remove(active)

    def note_object(self, record_id: str, object_name: str) -> None:
        """Remember which object a query locator or a job is about."""
        self._objects[record_id] = object_name

    def around(self, application: ASGIApp) -> ASGIApp:
        """The application as clients meet it."""

        async def met(scope: Scope, receive: Receive, send: Send) -> None:
            body = await _body(receive) if scope["method"] in ("POST", "PATCH") else None
            address = f"{scope['path']}?{urllib.parse.unquote_plus(scope['query_string'].decode('latin-1'))}"
            call = f"{scope['method']} {address.removesuffix('?')}"
            self.calls.append(call)
            call += "" if body is None else f" {body.decode('utf-8', 'replace')}"
            about = self._object_of(call)
            acting = [active.fault.act for active in self._active if active.takes(call, about)]
            await _within(application, acting)(scope, receive if body is None else _replayed(body, receive), send)

        return met

    def _object_of(self, call: str) -> str | None:
        known = _ID.search(call)
        if known:
            return self._objects.get(known[1])
        named = _OBJECT.search(call)
        return (named[1] or named[2]) if named else None


async def _body(receive: Receive) -> bytes:
    body, has_more = b"", True
    while has_more:
        message = await receive()
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
    return body


def _replayed(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return messages.pop() if messages else await receive()

    return received


def _within(application: ASGIApp, acts: list[Act]) -> ASGIApp:
    for act in acts:
        application = _bound(act, application)
    return application


def _bound(act: Act, application: ASGIApp) -> ASGIApp:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        await act(application, scope, receive, send)

    return faulty
