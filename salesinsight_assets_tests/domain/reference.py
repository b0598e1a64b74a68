"""The features once more, written from the docs' sentences as slow loops over single deals: what a reader would check by.

Only rows known at the moment are ever looked at, so nothing here can leak. It holds for deals whose every change was
synced when it happened.
"""

import math
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import pandas as pd

from salesinsight_assets.domain.features.policy import FeaturePolicy

Row = dict[str, Any]


class Reference:
    """What was known as of a moment."""

    def __init__(self, crm: dict[str, pd.DataFrame], now: datetime, policy: FeaturePolicy) -> None:
        self.now, self.policy = now, policy
        self.crm = {name: _records(frame) for name, frame in crm.items()}
        self.deals = {row["id"] for row in self.crm["opportunities"]}
        self.open = [d for d in sorted(self.deals) if self.is_there(d, now) and not self.state(d, now)["is_closed"]]
        self.closed = [c for c in map(self.closure, sorted(self.deals)) if c]

    # --- rows as of a moment ---

    def row(self, table: str, key: str | None, when: datetime) -> Row | None:
        """The version of a row that was valid at `when`."""
        found = [r for r in self.crm[table] if r["id"] == key and r["valid_from"] <= when]
        return max(found, key=lambda r: r["valid_from"], default=None)

    def alive(self, table: str) -> list[Row]:
        """The rows of a table that exist now."""
        rows = [self.row(table, key, self.now) for key in {r["id"] for r in self.crm[table]}]
        return [r for r in rows if r and not r["is_deleted"]]

    def is_there(self, deal: str, when: datetime) -> bool:
        row = self.row("opportunities", deal, when)
        return row is not None and not row["is_deleted"]

    def stage(self, name: str) -> Row:
        """What a stage meant when it was first seen."""
        rows = [r for r in self.crm["opportunity_stages"] if r["api_name"] == name]
        return min(rows, key=lambda r: r["valid_from"])

    def states(self, deal: str, when: datetime) -> list[Row]:
        """Stage, amount and close date after each change by `when`."""
        rows = {r["id"]: r for r in self.crm["opportunity_history"] if r["opportunity_id"] == deal}
        changes = [{**r, "at": r["created_date"]} for r in rows.values()]
        if not changes:
            changes = [{**r, "at": r["valid_from"]} for r in self.crm["opportunities"] if r["id"] == deal]
        changes = sorted((c for c in changes if c["at"] <= when), key=lambda c: (c["at"], c["id"]))
        return [{**c, "is_closed": bool(self.stage(c["stage_name"])["is_closed"])} for c in changes]

    def state(self, deal: str, when: datetime) -> Row:
        return self.states(deal, when)[-1]

    def entered_at(self, deal: str, when: datetime) -> datetime:
        """When the deal came into the stage it is in."""
        states = self.states(deal, when)
        entered = states[-1]["at"]
        for row in reversed(states):
            if row["stage_name"] != states[-1]["stage_name"]:
                break
            entered = row["at"]
        return entered

    def company_amount(
        self, amount: float | None, currency: str | None, close: datetime | None, when: datetime
    ) -> float | None:
        """In a CRM that knew several currencies from its beginning."""
        rate = self.exchange_rate(currency, min(when.date(), close.date()) if close else when.date(), when)
        return None if amount is None or rate is None else amount / rate

    def exchange_rate(self, currency: str | None, day: date, when: datetime) -> float | None:
        """The dated rate of the day, else that of the currency; None where neither is known."""
        keys = {r["id"] for r in self.crm["dated_conversion_rates"] if r["iso_code"] == currency}
        rows = [self.row("dated_conversion_rates", key, when) for key in keys]
        dated = [r for r in rows if r and not r["is_deleted"] and r["start_date"].date() <= day]
        if dated:
            return max(dated, key=lambda r: r["start_date"])["conversion_rate"]
        row = self.row("currency_types", f"currency {currency}", when)
        return row["conversion_rate"] if row else None

    # --- closed deals ---

    def closure(self, deal: str) -> Row | None:
        """A deal that is closed, not deleted, and closed for less than the window: as it was when it closed."""
        if not self.is_there(deal, self.now):
            return None
        last = self.state(deal, self.now)
        closed_at = self.entered_at(deal, self.now)
        if not last["is_closed"] or self.now >= closed_at + timedelta(days=self.policy.window_days):
            return None
        if not self.is_there(deal, last["at"]) or not self.is_there(deal, self.now):
            return None
        version = self.row("opportunities", deal, last["at"])
        assert version
        open_amounts = [s["amount"] for s in self.states(deal, self.now) if not s["is_closed"]] or [last["amount"]]
        account = self.row("accounts", version["account_id"], last["at"])
        of_closing = (version["currency_iso_code"], last["close_date"], last["at"])
        return {
            **version,
            "deal": deal,
            "is_won": bool(self.stage(last["stage_name"])["is_won"]),
            "industry": account["industry"] if account else None,
            "size": _band(self.company_amount(open_amounts[-1], *of_closing)),
            "cycle": _days(closed_at - version["created_date"]),
            "known_at": last["at"],
        }

    @property
    def company_rate(self) -> float:
        won = sum(c["is_won"] for c in self.closed)
        return (won + self.policy.prior_deals * self.policy.prior_win_rate) / (
            len(self.closed) + self.policy.prior_deals
        )

    def rate(self, column: str, value: object) -> float | None:
        """The win rate of closed deals with this value, mixed with average deals."""
        alike = [c for c in self.closed if value is not None and c[column] == value]
        if not alike:
            return None
        strength = self.policy.shrinkage_deals
        return (sum(c["is_won"] for c in alike) + strength * self.company_rate) / (len(alike) + strength)

    @property
    def company_cycle(self) -> float:
        won = [c["cycle"] for c in self.closed if c["is_won"]]
        return (sum(won) + self.policy.prior_deals * self.policy.prior_cycle_days) / (
            len(won) + self.policy.prior_deals
        )

    def cycle(self, column: str, value: object) -> float | None:
        won = [c["cycle"] for c in self.closed if c["is_won"] and value is not None and c[column] == value]
        strength = self.policy.shrinkage_deals
        return (sum(won) + strength * self.company_cycle) / (len(won) + strength) if won else None

    def stage_days(self, name: str) -> float:
        """Days that won deals spent in a stage before they left it."""
        visits = []
        for closed in (c for c in self.closed if c["is_won"]):
            states = self.states(closed["deal"], closed["known_at"])
            entered = states[0]["at"]
            for before, after in pairwise(states):
                if after["stage_name"] != before["stage_name"]:
                    if before["stage_name"] == name:
                        visits.append(_days(after["at"] - entered))
                    entered = after["at"]
        prior = self.policy.prior_deals
        return (sum(visits) + prior * self.policy.prior_stage_days) / (len(visits) + prior)

    # --- features ---

    def features(self) -> dict[str, dict[str, float | None]]:
        """By open deal and feature; None where nothing is known."""
        return {deal: self.of_deal(deal) for deal in self.open}

    def of_deal(self, deal: str) -> dict[str, float | None]:
        row, states = self.row("opportunities", deal, self.now), self.states(deal, self.now)
        assert row
        now = states[-1]
        age = _days(self.now - row["created_date"])
        amount = self.company_amount(now["amount"], row["currency_iso_code"], now["close_date"], self.now)
        account = self.row("accounts", row["account_id"], self.now)
        expected = self.cycle("size", _band(amount)) or self.company_cycle
        in_stage = _days(self.now - self.entered_at(deal, self.now))
        log_amount = None if amount is None else math.log1p(max(amount, 0.0))
        rep_cycle = self.cycle("owner_id", row["owner_id"])
        to_close = (now["close_date"].date() - self.now.date()).days if now["close_date"] else None
        moves = [(a, b) for a, b in pairwise(states) if a["stage_name"] != b["stage_name"]]
        return {
            "log_amount": log_amount,
            "age_days": age,
            "stage_position": self.position(now["stage_name"]),
            "stage_probability": _share(self.stage(now["stage_name"])["default_probability"]),
            "days_to_close_date": to_close,
            "is_overdue": None if to_close is None else float(to_close < 0),
            **self.pushes(states),
            "amount_change": self.amount_change(row["currency_iso_code"], states),
            "stage_regressions": sum(self.went_back(a["stage_name"], b["stage_name"]) for a, b in moves),
            "efficiency": None if log_amount is None else log_amount / (1 + age / 7),
            "competitor_count": sum(r["opportunity_id"] == deal for r in self.alive("competitors")),
            "has_next_step": float(row["next_step"] is not None),
            "company_win_rate": self.company_rate,
            "rep_win_rate": self.rate("owner_id", row["owner_id"]),
            "source_win_rate": self.rate("lead_source", row["lead_source"]),
            "industry_win_rate": self.rate("industry", account["industry"] if account else None),
            "product_win_rate": self.rate("product", row["product"]),
            "region_win_rate": self.rate("region", row["region"]),
            "type_win_rate": self.rate("type", row["type"]),
            "size_win_rate": self.rate("size", _band(amount)),
            "account_wins": row["account_id"]
            and sum(c["is_won"] for c in self.closed if c["account_id"] == row["account_id"]),
            "rep_closed_deals": sum(c["owner_id"] == row["owner_id"] for c in self.closed),
            "rep_open_deals": sum(self.owner(other) == row["owner_id"] for other in self.open),
            "expected_cycle_days": expected,
            "cycle_ratio": age / expected,
            "days_in_stage": in_stage,
            "expected_stage_days": self.stage_days(now["stage_name"]),
            "stage_time_ratio": in_stage / self.stage_days(now["stage_name"]),
            "stage_changes_30_days": 30 * len(moves) / (age + 7),
            "rep_cycle_ratio": None if rep_cycle is None else rep_cycle / self.company_cycle,
            "days_since_last_change": _days(self.now - now["at"]),
            **self.activity(deal, age),
            "campaign_responses": self.responses(row["account_id"]),
        }

    def amount_change(self, currency: str | None, states: list[Row]) -> float | None:
        """Of two currencies in the company's."""
        (first, first_currency), now = (states[0]["amount"], states[0]["currency_iso_code"]), states[-1]
        if None in (currency, first_currency) or currency == first_currency:
            return _log_ratio(now["amount"], first)
        both = ((now["amount"], currency), (first, first_currency))
        return _log_ratio(*(self.company_amount(*pair, now["close_date"], self.now) for pair in both))

    def owner(self, deal: str) -> str:
        row = self.row("opportunities", deal, self.now)
        assert row
        return row["owner_id"]

    def position(self, name: str) -> float | None:
        """Place among the open stages that exist."""
        names = {r["api_name"] for r in self.crm["opportunity_stages"] if r["valid_from"] <= self.now}
        places = {self.stage(n)["sort_order"] for n in names if not self.stage(n)["is_closed"]}
        own = self.stage(name)["sort_order"]
        return sum(p < own for p in places) / max(len(places) - 1, 1)

    def went_back(self, before: str, after: str) -> bool:
        stages = self.stage(before), self.stage(after)
        return not any(s["is_closed"] for s in stages) and stages[1]["sort_order"] < stages[0]["sort_order"]

    @staticmethod
    def pushes(states: list[Row]) -> dict[str, float]:
        pushed = [
            (after["close_date"] - before["close_date"]).days
            for before, after in pairwise(states)
            if before["close_date"] and after["close_date"] and not after["is_closed"]
        ]
        later = [days for days in pushed if days > 0]
        return {"close_date_pushes": len(later), "pushed_days": sum(later)}

    def activity(self, deal: str, age: float) -> dict[str, float | None]:
        def ages(table: str) -> list[float]:
            return [_days(self.now - r["created_date"]) for r in self.alive(table) if r["what_id"] == deal]

        meetings = ages("events")
        done = ages("tasks") + meetings
        last_14, last_28 = (sum(a < days for a in done) for days in (14, 28))
        return {
            "days_since_last_activity": min(done, default=None),
            "activities_14_days": last_14,
            "activities_30_days": sum(a < 30 for a in done),
            "meetings_30_days": sum(a < 30 for a in meetings),
            "activity_count": len(done),
            "activities_per_week": len(done) / (1 + age / 7),
            "activity_trend": (last_14 + 1) / (last_28 / 2 + 1),
        }

    def responses(self, account: str | None) -> int:
        """Responses that came in the last 90 days."""
        count = 0
        for row in self.alive("campaign_members"):
            versions = [r for r in self.crm["campaign_members"] if r["id"] == row["id"] and r["valid_from"] <= self.now]
            came = [r["valid_from"] for r in versions if r["has_responded"] and not r["is_deleted"]]
            is_own = account is not None and row["account_id"] == account
            count += bool(is_own and row["has_responded"] and _days(self.now - min(came)) < 90)
        return count


NORMS = {
    f"{name}_win_rate": "company_win_rate"
    for name in ("rep", "source", "industry", "product", "region", "type", "size")
}
NUMBERS = {"rep_cycle_ratio": 1.0, "account_wins": 0.0, "efficiency": 0.0, "is_overdue": 0.0, "amount_change": 0.0}


def with_defaults(features: dict[str, dict[str, float | None]]) -> dict[str, dict[str, float]]:
    """Missing values as the catalogue says: a number, the company's rate, or the median of the open deals."""
    medians = {
        name: median([f[name] for f in features.values() if f[name] is not None] or [0.0])
        for name in next(iter(features.values()), {})
    }

    def filled(of_deal: dict[str, float | None], name: str) -> float:
        value = of_deal[name]
        if value is not None:
            return value
        default = NUMBERS[name] if name in NUMBERS else of_deal[NORMS[name]] if name in NORMS else medians[name]
        assert default is not None
        return default

    return {deal: {name: filled(of_deal, name) for name in of_deal} for deal, of_deal in features.items()}


def _records(frame: pd.DataFrame) -> list[Row]:
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def _days(span: timedelta) -> float:
    return span / timedelta(days=1)


def _band(amount: float | None) -> int | None:
    return None if amount is None else sum(amount >= limit for limit in (10_000, 50_000, 200_000))


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _log_ratio(now: float | None, first: float | None) -> float | None:
    return math.log(now / first) if now and first else None
