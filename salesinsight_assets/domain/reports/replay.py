"""A replay: past days with that day's knowledge and that day's model, judged by what is known now.

What belongs elsewhere: running the days (the commands, Dagster), and the wording (`replay_pages`).
"""

import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import pandas as pd

from salesinsight_assets.domain.reports.judged_alerts import JudgedAlerts, judged_alerts
from salesinsight_assets.domain.reports.judged_scores import JudgedScores, judged_scores


@dataclass(frozen=True)
class Gate:
    """What the gate said of the model of a month: `reason` begins with its verdict, then a colon and the figures."""

    model_month: date
    has_passed: bool
    reason: str

    @property
    def verdict(self) -> str:
        """The verdict without the figures."""
        return self.reason.partition(":")[0]


@dataclass(frozen=True)
class ReplayReport:
    """The days from `first` to `last`; outcomes are those that the CRM's rows tell of until the day `known_until`."""

    first: date
    last: date
    known_until: date
    gates: tuple[Gate, ...]
    scores: tuple[JudgedScores, ...]
    alerts: JudgedAlerts

    @property
    def headline(self) -> dict[str, float]:
        """The figures to follow from report to report; those that are not known are left out."""
        found: dict[str, float | None] = {}
        for kind in self.scores:
            who, figures = "rules" if kind.is_by_rules else "models", kind.evaluation
            found[f"auc of the {who}"] = figures and figures.auc
            found[f"brier of the {who}"] = figures and figures.brier
            found[f"brier of the base rate on days of the {who}"] = figures and figures.base_rate_brier
        found["precision at the cap"] = self.alerts.lost and self.alerts.lost.rate
        found["share lost of all open deals"] = self.alerts.lost_of_all and self.alerts.lost_of_all.rate
        found["days of warning"] = self.alerts.median_days
        found["amount warned about"] = self.alerts.amount
        return {name: value for name, value in found.items() if value is not None}

    def as_plain(self) -> dict[str, Any]:
        """Every figure as JSON has it: days as text, what is not known as None, the deals told of as a list."""
        told = json.loads(self.alerts.told.to_json(orient="records", date_format="iso"))
        plain = {
            "from": self.first,
            "to": self.last,
            "known_until": self.known_until,
            "gates": [asdict(gate) for gate in self.gates],
            "scores": [{**asdict(kind), "tells_deals_apart": kind.tells_deals_apart} for kind in self.scores],
            "alerts": {
                **{name: _plain(value) for name, value in vars(self.alerts).items() if name != "told"},
                "told": [{**deal, "told_on": deal["told_on"][:10]} for deal in told],
            },
        }
        return json.loads(json.dumps(plain, default=str))


def replay_report(
    scores: pd.DataFrame,
    alerts: pd.DataFrame,
    decided: pd.DataFrame,
    gates: pd.DataFrame,
    days: tuple[date, date],
    known_until: date,
) -> ReplayReport:
    """The report of the days from the first to the last of `days`.

    Args:
        scores: see `judged_scores`.
        alerts: see `judged_alerts`.
        decided: see `model.examples.decided_deals`.
        gates: one row a month: `model_month`, `has_passed`, `reason`.
        days: first and last day.
        known_until: the day until which the CRM's rows tell.
    """
    found = (
        Gate(pd.Timestamp(row["model_month"]).date(), bool(row["has_passed"]), row["reason"])
        for row in gates.to_dict("records")
    )
    first, last = days
    return ReplayReport(
        first,
        last,
        known_until,
        tuple(found),
        judged_scores(scores, decided),
        judged_alerts(alerts, scores, decided, first, last),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value
