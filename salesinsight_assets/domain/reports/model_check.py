"""Friday's figures: what the weekly checks found, and what was said of deals beside what became of them.

What belongs elsewhere: the checks themselves (monitoring), and the words (`model_check_pages`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from salesinsight_assets.domain.monitoring.performance import OVERALL
from salesinsight_assets.domain.reports.judged_scores import Said
from salesinsight_assets.domain.reports.said import said_and_happened


@dataclass(frozen=True)
class Alarm:
    """One figure that needs a look: what it is of, and what was found."""

    about: str
    finding: str


@dataclass(frozen=True)
class Checked:
    """How many figures a check looked at, and its alarms."""

    figures: int
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True)
class Outcome:
    """Of the deals decided in so many weeks: how many were won, and how many had to be; AUC with its 99 % interval, if known."""

    weeks: int
    deals: int
    won: int
    expected: float
    low: float
    high: float
    auc: float | None
    auc_low: float
    auc_high: float


@dataclass(frozen=True)
class ModelCheck:
    """The week of the model that is shown (None: the rules score)."""

    day: date
    model_id: str | None
    is_base_rate: bool
    outcomes: Checked
    drift: Checked
    defaults: Checked
    overall: tuple[Outcome, ...]
    said: tuple[Said, ...]

    @property
    def alarms(self) -> int:
        """Figures that need a look."""
        return sum(len(checked.alarms) for checked in (self.outcomes, self.drift, self.defaults))

    @property
    def headline(self) -> dict[str, Any]:
        """The figures to follow from week to week."""
        looked_at = self.outcomes.figures + self.drift.figures + self.defaults.figures
        found: dict[str, Any] = {"figures looked at": looked_at, "alarms": self.alarms}
        for outcome in self.overall[-1:]:
            found |= {
                "decided deals": outcome.deals,
                "won": outcome.won,
                "expected to be won": round(outcome.expected, 1),
            }
            found |= {"auc": round(outcome.auc, 4)} if outcome.auc is not None else {}
        return found


def model_check(
    day: date,
    checks: pd.DataFrame,
    drift: pd.DataFrame,
    defaults: pd.DataFrame,
    judged: pd.DataFrame,
    model_id: str | None,
    *,
    is_base_rate: bool,
) -> ModelCheck:
    """The week that ends with `day`.

    Args:
        day: the day of the checks.
        checks: the rows of `model_checks` of that day.
        drift: those of `feature_drift`.
        defaults: those of `feature_defaults`.
        judged: the deals behind `checks`: `win_probability`, `is_won`.
        model_id: the model that is shown, None: the rules.
        is_base_rate: whether that is the base rate of each stage.
    """
    return ModelCheck(
        day=day,
        model_id=model_id,
        is_base_rate=is_base_rate,
        outcomes=_checked(checks, ("segment", "weeks")),
        drift=_checked(drift, ("feature", "population")),
        defaults=_checked(defaults, ("feature",)),
        overall=tuple(_outcomes(checks)),
        said=said_and_happened(judged),
    )


def _checked(rows: pd.DataFrame, keys: Sequence[str]) -> Checked:
    found = rows[rows["is_alarm"].astype(bool)] if len(rows) else rows
    return Checked(len(rows), tuple(Alarm(_about(row, keys), str(row["finding"])) for row in found.to_dict("records")))


def _about(row: "dict[Any, Any]", keys: Sequence[str]) -> str:
    """The key of a figure in words, such as `lead_source Web, last 2 weeks`."""
    named = {
        "segment": lambda: (
            str(row["segment"]) if row["dimension"] == OVERALL else f"{row['dimension']} {row['segment']}"
        ),
        "weeks": lambda: f"last {row['weeks']} weeks",
        "feature": lambda: str(row["feature"]),
        "population": lambda: f"{row['population']} deals",
    }
    return ", ".join(named[key]().replace("_", " ") for key in keys)


def _outcomes(checks: pd.DataFrame) -> list[Outcome]:
    """Of all deals, the short window first."""
    rows = checks[checks["segment"].eq(OVERALL)].sort_values("weeks")
    return [
        Outcome(
            weeks=int(row["weeks"]),
            deals=int(row["n_deals"]),
            won=int(row["actual_wins"]),
            expected=float(row["expected_wins"]),
            low=float(row["low"]),
            high=float(row["high"]),
            auc=None if pd.isna(row["auc"]) else float(row["auc"]),
            auc_low=float(row["auc_low"]),
            auc_high=float(row["auc_high"]),
        )
        for row in rows.to_dict("records")
    ]
