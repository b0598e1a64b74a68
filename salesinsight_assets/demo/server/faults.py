"""What can go wrong at the server, on purpose: the one place in which a test or the demo breaks it.

A fault is a function around the whole application, so that it may answer in its place, change what is sent, or hang up.
Rights that were taken away and sessions that ended stand here too, since a test asks for them in the same breath.
"""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from salesinsight_assets.demo.objects import SalesforceField, SalesforceObject
from salesinsight_assets.demo.server.sessions import Sessions

Fault = Callable[[ASGIApp, Scope, Receive, Send], Awaitable[None]]


class Faults:
    """The server's present faults; a change takes effect with the next request."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._hidden_fields: set[tuple[str, str]] = set()
        self._active: list[Fault] = []

    def expire_sessions(self) -> None:
        """End every session; each client has to log in again, and its query locators are gone."""
        self._sessions.expire_all()

    def hide_field(self, object_name: str, field_name: str) -> None:
        """Take the right to read a field from the client: no describe shows it, no query may name it."""
        self._hidden_fields.add((object_name, field_name))

    def show_field(self, object_name: str, field_name: str) -> None:
        """Give the right back."""
        self._hidden_fields.discard((object_name, field_name))

    def visible_fields(self, known: SalesforceObject) -> tuple[SalesforceField, ...]:
        """The fields of an object that the client may read."""
        return tuple(field for field in known.fields if (known.name, field.name) not in self._hidden_fields)

    @contextmanager
    def injected(self, fault: Fault) -> Generator[None, None, None]:
        """Let `fault` stand around the application for a while; of several, the latest is outermost."""
        self._active.append(fault)
        try:
            yield
        finally:
            self._active.remove(fault)

    def around(self, application: ASGIApp) -> ASGIApp:
        """The application as clients meet it."""

        async def met(scope: Scope, receive: Receive, send: Send) -> None:
            await _within(application, tuple(self._active))(scope, receive, send)

        return met


def _within(application: ASGIApp, faults: tuple[Fault, ...]) -> ASGIApp:
    for fault in faults:
        application = _bound(fault, application)
    return application


def _bound(fault: Fault, application: ASGIApp) -> ASGIApp:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        await fault(application, scope, receive, send)

    return faulty
