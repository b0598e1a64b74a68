"""Random lives of a small CRM: events that hypothesis draws and shrinks, and how each one plays out.

An event is a plain tuple (step, kind, which, value), so that a failing example reads like a diary. One that makes no
sense at its time is left out, or makes what it needs: winning a deal that does not exist creates it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from hypothesis import strategies as st

from salesinsight_assets_tests.domain.worlds import FIRST_START, LOST, STAGES, WON, World, at, day

STEPS_A_DAY = 4
LAST_STEP = 120 * STEPS_A_DAY
Event = tuple[int, str, int, int]


def moment(step: int) -> datetime:
    """The time of a step."""
    return at(step / STEPS_A_DAY)


def lived(events: Iterable[Event], *, tracks_owner: bool = True) -> World:
    """The CRM to which `events` happened, in the order of their times."""
    world = World(tracks_owner=tracks_owner)
    for account in range(3):
        world.account(f"account {account}", at(-300), industry=f"industry {account % 2}")
    for rep in range(3):
        world.user(f"rep {rep}", at(-300), f"Rep {rep}")
    for code, rate in (("USD", 1.0), ("EUR", 0.9), ("JPY", 150.0)):
        world.currency(code, rate, at(-300))
    world.dated_rate("EUR", 0.8, FIRST_START, at(-300))
    world.dated_rate("EUR", 0.85, day(40), at(-300))
    for step, kind, which, value in sorted(events, key=lambda event: event[0]):
        KINDS[kind](Now(world, step, which, value))
    return world


@dataclass(frozen=True)
class Now:
    """One event's world and time, and the two small numbers that say what it is about."""

    world: World
    step: int
    which: int
    value: int

    @property
    def when(self) -> datetime:
        return moment(self.step)

    def day(self, later: int = 0) -> date:
        return day(self.step / STEPS_A_DAY + later)

    def deal(self) -> str | None:
        """The deal `which`, made if there is none yet; None if it is in the recycle bin."""
        deal = f"deal {self.which}"
        if deal not in self.world.states["opportunities"]:
            self.world.deal(deal, self.when, has_history=self.which != 5, **self._new_deal())
        return deal if self.world.has("opportunities", deal) else None

    def _new_deal(self) -> dict[str, Any]:
        value, which = self.value, self.which
        return {
            "stage_name": STAGES[value % 2],
            "amount": [None, 9_000.0, 30_000.0, 120_000.0, 500_000.0][value],
            "currency_iso_code": ["USD", "EUR", None, "JPY", "USD"][value],
            "close_date": None if value == 3 else self.day(10 * value),
            "owner_id": f"rep {(which + value) % 3}",
            "account_id": None if which == 4 else f"account {which % 3}",
            "lead_source": [None, "Web", "Partner"][value % 3],
            "product": ["Core", "Pro"][which % 2],
            "region": [None, "North"][value % 2],
            "type": ["New Business", None, "Existing Business"][which % 3],
            "next_step": [None, "Call"][value % 2],
        }

    def change(self, **fields: Any) -> None:
        if deal := self.deal():
            self.world.change(deal, self.when, **fields)

    def row(self, table: str) -> str | None:
        """One of the rows that a table has."""
        rows = list(self.world.states[table])
        return rows[(self.which * 5 + self.value) % len(rows)] if rows else None

    def add(self, kind: str) -> None:
        """A new task, event or competitor of the deal."""
        if deal := self.deal():
            getattr(self.world, kind)(f"{kind} {len(self.world.states[f'{kind}s'])}", deal, self.when)


Happens = Callable[[Now], None]


def _edited(table: str, **fields: Any) -> Happens:
    """One of a table's rows takes new values."""

    def happens(now: Now) -> None:
        if row := now.row(table):
            now.world.write(table, row, now.when, **fields)

    return happens


def _deleted(table: str, *, is_deleted: bool = True) -> Happens:
    def happens(now: Now) -> None:
        if row := now.row(table):
            now.world.delete(table, row, now.when, is_deleted=is_deleted)

    return happens


def _moved(now: Now) -> None:
    stage = (*STAGES, "Legal")[now.value]
    if stage == "Legal" and "stage Legal" not in now.world.states["opportunity_stages"]:
        now.world.stage("Legal", 3, now.when, default_probability=60.0)
    now.change(stage_name=stage, is_closed=False, is_won=False)


def _lost(now: Now) -> None:
    if deal := now.deal():
        amount = 0.0 if now.value % 2 else now.world.current("opportunities", deal)["amount"]
        now.world.close(deal, now.when, is_won=False, amount=amount)


def _responded(now: Now) -> None:
    number = len(now.world.states["campaign_members"])
    account = f"account {now.which % 3}"
    now.world.response(f"response {number}", account, now.when, has_responded=now.value > 1)


def _dated_rate(now: Now) -> None:
    """Entered late or ahead of time, new or corrected."""
    start = now.day(15 * (now.value - 2))
    now.world.dated_rate(["EUR", "JPY"][now.which % 2], 0.5 + now.value, start, now.when)


def _stage_made_or_edited(now: Now) -> None:
    names = ("Legal", "Pilot", *STAGES, WON, LOST)
    name = names[now.which % len(names)]
    now.world.stage(name, now.value, now.when, is_closed=name in (WON, LOST), is_won=name == WON)


KINDS: dict[str, Happens] = {
    "deal": lambda now: now.change(),
    "stage move": _moved,
    "won": lambda now: now.change(stage_name=WON, is_closed=True, is_won=True, close_date=now.day()),
    "lost": _lost,
    "amount": lambda now: now.change(amount=[None, 100.0, 20_000.0, 90_000.0, 250_000.0][now.value]),
    "close date": lambda now: now.change(close_date=None if now.value == 4 else now.day(15 * now.value)),
    "owner": lambda now: now.change(owner_id=f"rep {now.value % 3}"),
    "next step": lambda now: now.change(next_step=None if now.value % 2 else "Meet"),
    "lead source": lambda now: now.change(lead_source=["Web", "Partner", None][now.value % 3]),
    "account of deal": lambda now: now.change(account_id=f"account {now.value % 3}"),
    "currency of deal": lambda now: now.change(currency_iso_code=["USD", "EUR", "JPY", "XTS", None][now.value]),
    "touch": _edited("opportunities"),
    "deal deleted": _deleted("opportunities"),
    "deal restored": _deleted("opportunities", is_deleted=False),
    "task": lambda now: now.add("task"),
    "task edited": _edited("tasks", status="Done"),
    "task deleted": _deleted("tasks"),
    "task restored": _deleted("tasks", is_deleted=False),
    "task moved": _edited("tasks", what_id="deal 1"),
    "event": lambda now: now.add("event"),
    "event edited": _edited("events", subject="Workshop"),
    "event deleted": _deleted("events"),
    "competitor": lambda now: now.add("competitor"),
    "competitor edited": _edited("competitors", strengths="Price"),
    "competitor deleted": _deleted("competitors"),
    "response": _responded,
    "response came": _edited("campaign_members", has_responded=True),
    "response edited": _edited("campaign_members", status="Called back"),
    "response deleted": _deleted("campaign_members"),
    "account": lambda now: now.world.account(f"account {now.which}", now.when, industry=f"industry {now.value}"),
    "account deleted": _deleted("accounts"),
    "user": lambda now: now.world.user(f"rep {now.which % 4}", now.when, f"Name {now.value}"),
    "rate": lambda now: now.world.currency(["EUR", "JPY", "USD"][now.which % 3], 1.0 + now.value, now.when),
    "dated rate": _dated_rate,
    "dated rate corrected": _edited("dated_conversion_rates", conversion_rate=2.5),
    "dated rate deleted": _deleted("dated_conversion_rates"),
    "stage": _stage_made_or_edited,
}


def events(first: int, last: int, least: int, most: int) -> st.SearchStrategy[list[Event]]:
    """Lists of events between two steps."""
    event = st.tuples(st.integers(first, last), st.sampled_from(sorted(KINDS)), st.integers(0, 6), st.integers(0, 4))
    return st.lists(event, min_size=least, max_size=most)


def random_events(seed: int, count: int, n_deals: int = 7) -> list[Event]:
    """Many events at once, deals mostly; for worlds that are too large to be drawn and shrunk."""
    random = np.random.default_rng(seed)
    common = ("deal", "stage move", "stage move", "won", "lost", "task", "event", "close date", "amount", "owner")
    kinds = sorted(KINDS)
    return [
        (
            int(random.integers(0, LAST_STEP)),
            str(random.choice(common if random.random() < 0.6 else kinds)),
            int(random.integers(0, n_deals)),
            int(random.integers(0, 5)),
        )
        for _ in range(count)
    ]
