"""What the alerts of past days were worth, or would have been: were the deals lost, and how long before were they told of?

Deals are counted, not alerts: a deal that is told of every week is still one deal.
"""

from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from salesinsight_assets.domain.alerts.episodes import HELD_OUT, TO_SEND
from salesinsight_assets.domain.shares import Share, share

LOST, WON, UNDECIDED = "lost", "won", "not yet decided"


@dataclass(frozen=True)
class RuleWorth:
    """The deals that one rule told of: how many, and the share lost of those that are decided (None: none is)."""

    rule: str
    n_deals: int
    lost: Share | None


@dataclass(frozen=True)
class JudgedAlerts:
    """The alerts to send, after every cap; those held out to measure whether alerts help are among them.

    Attributes:
        n_days, n_alerts, n_deals: days looked at, alerts to send on them, deals that these told of.
        n_undecided: of those deals, how many are not decided.
        lost: precision at the cap, the share lost of the decided ones; None: not yet known.
        lost_of_all: the same share of all decided deals that were open on those days, told of or not.
        lost_warned: of the deals lost within these days, the share told of before.
        median_days: days from a lost deal's first alert to its loss, the middle one; `quartile_days` the middle half.
        amount: in the company's currency, of the deals told of, as it was at the first alert; `amount_lost`, `amount_won`
            of those lost and won.
        n_without_amount: deals told of whose amount is not known.
        by_rule: each rule for itself.
        told: one row a deal told of: `opportunity_id`, `told_on`, `amount`, `became`, `days_of_warning` (missing: not lost).
    """

    n_days: int
    n_alerts: int
    n_deals: int
    n_undecided: int
    lost: Share | None
    lost_of_all: Share | None
    lost_warned: Share | None
    median_days: float | None
    quartile_days: tuple[float, float] | None
    amount: float
    amount_lost: float
    amount_won: float
    n_without_amount: int
    by_rule: tuple[RuleWorth, ...]
    told: pd.DataFrame = field(repr=False, compare=False)


def judged_alerts(
    alerts: pd.DataFrame, scores: pd.DataFrame, outcomes: pd.DataFrame, first: date, last: date
) -> JudgedAlerts:
    """The worth of the alerts of the days from `first` to `last`.

    Args:
        alerts: `as_of_date`, `opportunity_id`, `rule`, `amount`, `status`.
        scores: every open deal of those days: `as_of_date`, `opportunity_id`.
        outcomes: one row a decided deal: `opportunity_id`, `is_won`, `decided_on` (a day in the company's time zone).
        first: the first day.
        last: the last day.
    """
    to_send = alerts[alerts["status"].isin([TO_SEND, HELD_OUT])].sort_values("as_of_date", kind="stable")
    told = _told(to_send, outcomes)
    days = told["days_of_warning"].dropna()
    amounts = told.groupby("became")["amount"].sum()
    return JudgedAlerts(
        n_days=int(scores["as_of_date"].nunique()),
        n_alerts=len(to_send),
        n_deals=len(told),
        n_undecided=int((told["became"] == UNDECIDED).sum()),
        lost=_lost(told["became"]),
        lost_of_all=_lost_of_all(scores, outcomes),
        lost_warned=_lost_warned(scores, told, outcomes, first, last),
        median_days=float(days.median()) if len(days) else None,
        quartile_days=(float(days.quantile(0.25)), float(days.quantile(0.75))) if len(days) else None,
        amount=float(told["amount"].sum()),
        amount_lost=float(amounts.get(LOST, 0.0)),
        amount_won=float(amounts.get(WON, 0.0)),
        n_without_amount=int(told["amount"].isna().sum()),
        by_rule=_by_rule(to_send, told),
        told=told,
    )


def _told(to_send: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """The deals told of, by their first alert."""
    told = to_send.drop_duplicates("opportunity_id")[["opportunity_id", "as_of_date", "amount"]]
    told = told.rename(columns={"as_of_date": "told_on"}).merge(outcomes, on="opportunity_id", how="left")
    told["became"] = told["is_won"].map({True: WON, False: LOST}).astype(object).fillna(UNDECIDED)
    days = (pd.to_datetime(told["decided_on"]) - pd.to_datetime(told["told_on"])).dt.days.astype("float64")
    told["days_of_warning"] = days.where(told["became"] == LOST)
    return told[["opportunity_id", "told_on", "amount", "became", "days_of_warning"]].reset_index(drop=True)


def _lost(became: pd.Series) -> Share | None:
    return share(int((became == LOST).sum()), int((became != UNDECIDED).sum()))


def _lost_of_all(scores: pd.DataFrame, outcomes: pd.DataFrame) -> Share | None:
    is_won = outcomes.loc[outcomes["opportunity_id"].isin(scores["opportunity_id"]), "is_won"].astype(bool)
    return share(int((~is_won).sum()), len(is_won))


def _lost_warned(
    scores: pd.DataFrame, told: pd.DataFrame, outcomes: pd.DataFrame, first: date, last: date
) -> Share | None:
    is_within = outcomes["decided_on"].between(pd.Timestamp(first), pd.Timestamp(last))
    was_open = outcomes["opportunity_id"].isin(scores["opportunity_id"])
    lost = outcomes.loc[is_within & was_open & ~outcomes["is_won"].astype(bool), "opportunity_id"]
    return share(int(lost.isin(told["opportunity_id"]).sum()), len(lost))


def _by_rule(to_send: pd.DataFrame, told: pd.DataFrame) -> tuple[RuleWorth, ...]:
    deals = to_send.drop_duplicates(["rule", "opportunity_id"]).merge(
        told[["opportunity_id", "became"]], on="opportunity_id"
    )
    return tuple(RuleWorth(str(rule), len(rows), _lost(rows["became"])) for rule, rows in deals.groupby("rule"))
