"""What every page stands on: settings, policies, the clock, the database, and what is kept of it for a while."""

import logging
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, TypeVar, cast

from fastapi import Depends, Request

from salesinsight_assets.adapters.dashboard import people
from salesinsight_assets.adapters.dashboard.api_tokens import ApiTokens
from salesinsight_assets.adapters.dashboard.audit import AuditLog
from salesinsight_assets.adapters.dashboard.freshness import company_currency, freshness
from salesinsight_assets.adapters.dashboard.rows import Database
from salesinsight_assets.adapters.dashboard.score_now import ScoreNow
from salesinsight_assets.adapters.dashboard.sessions import Sessions
from salesinsight_assets.adapters.dashboard.sign_in_links import SignInLinks
from salesinsight_assets.adapters.oidc import OidcProvider
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.last_week import last_week
from salesinsight_assets.domain.access.hierarchy import Hierarchy
from salesinsight_assets.domain.access.viewer import Identity, Viewer, viewer_of
from salesinsight_assets.domain.delivery.messages import LastWeek
from salesinsight_assets.domain.history.grid import end_of_day
from salesinsight_assets.domain.monitoring.freshness import Banner, Freshness, banner
from salesinsight_assets.policies import Policies
from salesinsight_assets.settings import Settings
from salesinsight_assets.web.limits import Limits

SINGLE_SIGN_ON_BACK = "/sign-in/oidc/back"
"""Where an identity provider leads browsers back to; it has to know this address beforehand."""
Value = TypeVar("Value")
_log = logging.getLogger(__name__)
_AT_ONCE_LATER = 2
_SECONDS_KEPT = 60
"""How long what hardly ever changes is kept: who is above whom, and which day is the latest."""


class _Kept:
    """Values that are made anew after a while, each under a key that says for whom and of what it is."""

    def __init__(self) -> None:
        self._values: dict[Hashable, tuple[float, object]] = {}

    def get(self, key: Hashable, make: Callable[[], Value], seconds: float) -> Value:
        now = time.monotonic()
        until, value = self._values.get(key, (0.0, None))
        if until < now:
            value = make()
            fresh = {kept: entry for kept, entry in self._values.items() if entry[0] >= now}
            self._values = {**fresh, key: (now + seconds, value)}
        return cast("Value", value)


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
    sign_in_links: SignInLinks = field(init=False)
    tokens: ApiTokens = field(init=False)
    limits: Limits = field(init=False)
    oidc: OidcProvider | None = field(init=False)
    score_now: ScoreNow = field(init=False)

    def __post_init__(self) -> None:
        self.database = Database(self.warehouse.url)
        self.sessions, self.audit = Sessions(self.database), AuditLog(self.database)
        self.sign_in_links, self.tokens = SignInLinks(self.database), ApiTokens(self.database)
        self.limits = Limits(self.policies.access)
        self.oidc = _provider(self.settings)
        self._later = ThreadPoolExecutor(_AT_ONCE_LATER, "later")
        self.score_now = ScoreNow(self.warehouse, self.settings.zone, self.policies)
        self._kept = _Kept()
        self._last_week: tuple[date, LastWeek] | None = None
        self._noted: set[tuple[date, str]] = set()

    @property
    def today(self) -> date:
        """The day by the company's clock."""
        return self.clock().astimezone(self.settings.zone).date()

    def freshness(self) -> Freshness:
        """How fresh what is shown is."""
        return self.kept("freshness", lambda: freshness(self.database, self.warehouse))

    def banner(self) -> Banner | None:
        """What is said now of the age of what is shown."""
        night_ends = self.policies.schedule.at("messages")
        return banner(self.freshness(), self.clock(), self.settings.zone, night_ends)

    def currency(self) -> str | None:
        """The company's currency, None where it is not known."""
        return self.kept("currency", lambda: company_currency(self.database))

    def last_week(self, day: date) -> LastWeek:
        """What was recommended and done in the week up to a day, read once a day."""
        if self._last_week is None or self._last_week[0] != day:
            self._last_week = (day, last_week(self.warehouse, day, end_of_day(day, self.settings.zone)))
        return self._last_week[1]

    def kept(self, key: Hashable, make: Callable[[], Value], seconds: float = _SECONDS_KEPT) -> Value:
        """What `make` gives, made once in a while: a page and its pictures ask for the same. The key has to say whose rows it is of."""
        return self._kept.get(key, make, seconds)

    def viewer(self, identity: Identity) -> Viewer | None:
        """What somebody who is active may see now; None: nothing."""
        return self.kept(identity, lambda: viewer_of(identity, self._hierarchy(), self.policies.access))

    def _hierarchy(self) -> Hierarchy:
        return self.kept("hierarchy", lambda: people.hierarchy(self.database))

    def note_visit(self, viewer: Viewer) -> None:
        """That somebody looked at the dashboard today."""
        visit = (self.today, viewer.identity.email)
        if visit not in self._noted:
            self.audit.note_visit(*visit, viewer.identity.user_id)
            self._noted = {noted for noted in self._noted if noted[0] == visit[0]} | {visit}

    def identity_of(self, email: str) -> Identity | None:
        """Whose an address is that was proved; None: nobody's who may see anything."""
        return people.identity_of(self.database, email, self.policies.access)

    def later(self, work: Callable[[], object]) -> None:
        """Do something that nobody waits for, in a thread of its own: none of those that pages are made in."""
        self._later.submit(work).add_done_callback(_tell_failure)

    def warm_up(self) -> None:
        """Begin to prepare what takes seconds, so that nobody who asks first waits for it."""
        self.later(lambda: self.score_now.deals(self.clock()))

    def close(self) -> None:
        """Finish what is being done, and give up the connections."""
        self._later.shutdown(cancel_futures=True)
        self.database.close()


def _provider(settings: Settings) -> OidcProvider | None:
    if settings.oidc is None or settings.links is None:
        return None
    return OidcProvider(settings.oidc, f"{settings.links.base_url}{SINGLE_SIGN_ON_BACK}")


def _tell_failure(done: "Future[object]") -> None:
    if not done.cancelled() and (error := done.exception()):
        _log.error("What was to be done later failed", exc_info=error)


def site_of(request: Request) -> Site:
    """The site that a request came to."""
    found: Site = request.app.state.site
    return found


SiteOf = Annotated[Site, Depends(site_of)]
