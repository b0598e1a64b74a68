"""Who asks for a page: the site it is asked of, the viewer, the rows that viewer may see, and how fresh they are."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Request

from salesinsight_assets.adapters.dashboard import people
from salesinsight_assets.adapters.dashboard.audit import AuditLog
from salesinsight_assets.adapters.dashboard.freshness import company_currency, freshness
from salesinsight_assets.adapters.dashboard.rows import Database, Rows
from salesinsight_assets.adapters.dashboard.score_now import ScoreNow
from salesinsight_assets.adapters.dashboard.sessions import Sessions
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.domain.access.hierarchy import Hierarchy
from salesinsight_assets.domain.access.viewer import Identity, Viewer, viewer_of
from salesinsight_assets.domain.monitoring.freshness import Banner, Freshness, banner
from salesinsight_assets.policies import Policies
from salesinsight_assets.settings import Settings

COOKIE = "salesinsight"
Value = TypeVar("Value")
_SECONDS_KEPT = 20
"""How long what hardly ever changes is kept: who is above whom, and which day is the latest."""


class SignInNeededError(Exception):
    """Nobody is signed in, or not any more."""


class _Kept(Generic[Value]):
    """A value that is read anew after a while."""

    def __init__(self, read: Callable[[], Value]) -> None:
        self._read, self._lock = read, threading.Lock()
        self._value: Value | None = None
        self._until = 0.0

    def get(self) -> Value:
        with self._lock:
            if self._value is None or time.monotonic() > self._until:
                self._value = self._read()
                self._until = time.monotonic() + _SECONDS_KEPT
            return self._value


@dataclass
class Site:
    """What every page stands on. `signs_in_locally`: whoever sits at this machine may choose who to be (`salesinsight dev`)."""

    warehouse: Warehouse
    settings: Settings
    policies: Policies
    clock: Callable[[], datetime]
    signs_in_locally: bool = False
    database: Database = field(init=False)
    sessions: Sessions = field(init=False)
    audit: AuditLog = field(init=False)
    score_now: ScoreNow = field(init=False)

    def __post_init__(self) -> None:
        self.database = Database(self.warehouse.url)
        self.sessions, self.audit = Sessions(self.database), AuditLog(self.database)
        self.score_now = ScoreNow(self.warehouse, self.settings.zone, self.policies)
        self._hierarchy = _Kept[Hierarchy](lambda: people.hierarchy(self.database))
        self._currency = _Kept[str](lambda: company_currency(self.database) or "")
        self._noted: set[tuple[date, str]] = set()
        self._freshness = _Kept[Freshness](lambda: freshness(self.database, self.warehouse))

    @property
    def today(self) -> date:
        """The day by the company's clock."""
        return self.clock().astimezone(self.settings.zone).date()

    def freshness(self) -> Freshness:
        """How fresh what is shown is."""
        return self._freshness.get()

    def currency(self) -> str | None:
        """The company's currency, None where it is not known."""
        return self._currency.get() or None

    def viewer(self, identity: Identity) -> Viewer | None:
        """What somebody may see now; None: nothing, as one who has left."""
        if identity.user_id is not None and not people.is_active(self.database, identity.user_id):
            return None
        return viewer_of(identity, self._hierarchy.get(), self.policies.access)

    def note_visit(self, viewer: Viewer) -> None:
        """That somebody looked at the dashboard today."""
        visit = (self.today, viewer.identity.email)
        if visit not in self._noted:
            self.audit.note_visit(*visit, viewer.identity.user_id)
            self._noted = {noted for noted in self._noted if noted[0] == visit[0]} | {visit}

    def close(self) -> None:
        """Give up the connections."""
        self.database.close()


@dataclass(frozen=True)
class Visit:
    """One request of somebody who is signed in; `day` is the latest day with scores, None where there are none yet."""

    request: Request
    site: Site
    viewer: Viewer
    rows: Rows
    freshness: Freshness
    banner: Banner | None

    @property
    def day(self) -> date | None:
        """The latest day with scores."""
        return self.freshness.day


def site_of(request: Request) -> Site:
    """The site that a request came to."""
    found: Site = request.app.state.site
    return found


def visit_of(request: Request) -> Visit:
    """The visit of whoever is signed in.

    Raises:
        SignInNeededError: nobody is.
    """
    site = site_of(request)
    at = site.clock()
    identity = site.sessions.identity(request.cookies.get(COOKIE, ""), at)
    viewer = site.viewer(identity) if identity else None
    if viewer is None:
        raise SignInNeededError
    site.note_visit(viewer)
    found = site.freshness()
    said = banner(found, at, site.settings.zone, site.policies.schedule.at("messages"))
    return Visit(request, site, viewer, Rows(site.database, viewer), found, said)


SiteOf = Annotated[Site, Depends(site_of)]
VisitOf = Annotated[Visit, Depends(visit_of)]
