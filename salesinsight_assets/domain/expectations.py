"""What must hold for each table, as plain data: Great Expectations' own names, so that its docs explain them.

A critical expectation stops what lies downstream, a warning is shown. How they are run belongs to adapters.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from salesinsight_assets.domain.alerts.policy import AlertPolicy
from salesinsight_assets.domain.crm.tables import CRM_TABLES, CrmTable

Severity = Literal["critical", "warning"]


@dataclass(frozen=True)
class Expectation:
    """One expectation: a class of great_expectations.expectations, its arguments, and what its failure means."""

    kind: str
    arguments: Mapping[str, Any]
    severity: Severity = "critical"

    @property
    def name(self) -> str:
        """The expectation as people read it, such as `amount is at least 0`."""
        column = self.arguments.get("column", "the table")
        return f"{column} {_WORDS[self.kind](self.arguments)}"


def _limits(arguments: Mapping[str, Any]) -> str:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"at least {low}" if low is not None else f"at most {high}"


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "ExpectColumnValuesToNotBeNull": lambda _: "is never missing",
    "ExpectColumnValuesToBeUnique": lambda _: "is unique",
    "ExpectColumnValuesToBeBetween": lambda arguments: f"is {_limits(arguments)}",
    "ExpectColumnValuesToBeInSet": lambda arguments: f"is one of {', '.join(arguments['value_set'])}",
    "ExpectTableRowCountToBeBetween": lambda arguments: f"has {_limits(arguments)} rows",
}


def _not_null(*columns: str) -> tuple[Expectation, ...]:
    return tuple(Expectation("ExpectColumnValuesToNotBeNull", {"column": c}) for c in columns)


def _unique(column: str) -> Expectation:
    return Expectation("ExpectColumnValuesToBeUnique", {"column": column})


def _between(column: str, low: float | None, high: float | None, severity: Severity = "critical") -> Expectation:
    limits = {name: limit for name, limit in (("min_value", low), ("max_value", high)) if limit is not None}
    return Expectation("ExpectColumnValuesToBeBetween", {"column": column, **limits}, severity)


def _one_of(column: str, *values: str) -> Expectation:
    return Expectation("ExpectColumnValuesToBeInSet", {"column": column, "value_set": list(values)})


def _rows(at_least: int, severity: Severity = "critical") -> Expectation:
    return Expectation("ExpectTableRowCountToBeBetween", {"min_value": at_least}, severity)


def _crm(table: CrmTable) -> tuple[Expectation, ...]:
    filled = [column.name for column in table.columns if not column.is_nullable]
    return (_unique("id"), *_not_null(*filled), *_CRM_ONLY.get(table.name, ()))


_CRM_ONLY: Mapping[str, tuple[Expectation, ...]] = {
    "opportunities": (
        _rows(1),
        _between("amount", 0, None, "warning"),
        _between("probability", 0, 100, "warning"),
    ),
    "opportunity_history": (_rows(1), _between("amount", 0, None, "warning")),
    "opportunity_stages": (_rows(2), _between("default_probability", 0, 100, "warning")),
    "users": (_rows(1),),
    "currency_types": (_between("conversion_rate", 1e-9, None),),
    "dated_conversion_rates": (_between("conversion_rate", 1e-9, None),),
}
_RATES = ("company_win_rate", "rep_win_rate", "source_win_rate", "industry_win_rate", "product_win_rate")

EXPECTATIONS: Mapping[str, tuple[Expectation, ...]] = {
    **{table.name: _crm(table) for table in CRM_TABLES},
    "open_opportunities": (
        _rows(1, "warning"),
        _unique("opportunity_id"),
        *_not_null("owner_id", "stage_name", "created_date"),
        _between("company_amount", 0, None, "warning"),
    ),
    "opportunity_features": (
        _unique("opportunity_id"),
        _between("age_days", 0, None),
        *(_between(rate, 0, 1) for rate in _RATES),
        _between("days_since_last_activity", 0, None),
        _between("cycle_ratio", 0, 20, "warning"),
    ),
    "training_examples": (_rows(1, "warning"), _between("weight", 0, 1)),
    "model_calibration": (_between("predicted_rate", 0, 1), _between("actual_rate", 0, 1)),
    "opportunity_scores": (
        _unique("opportunity_id"),
        _between("win_probability", 0, 1),
        _one_of("risk_level", "HIGH", "MEDIUM", "LOW"),
    ),
    "model_comparison": (
        _between("deals", 0, None),
        _between("champion_brier", 0, 1),
        _between("challenger_brier", 0, 1),
    ),
    "rep_alerts": (
        _one_of("status", "to_send", "suppressed", "held_out"),
        _one_of("priority", "HIGH", "MEDIUM"),
        _one_of("arm", "alerted", "held_out"),
        *_not_null("episode_id"),
    ),
    "alert_outcomes": (_one_of("arm", "alerted", "held_out"), *_not_null("owner_id", "sent_at", "is_acted_on")),
    "alert_rates": (
        _one_of("dimension", "all", "rule", "rep", "week"),
        _between("acted_rate", 0, 1),
        _between("helpful_rate", 0, 1),
    ),
    "alert_lift": (_unique("measure"), _between("low", -1, 1), _between("high", -1, 1)),
    "feature_drift": (_between("psi", 0, None), _between("q_value", 0, 1)),
    "feature_defaults": (_unique("feature"), _between("share_defaulted", 0, 1), _between("q_value", 0, 1)),
    "model_checks": (_between("q_value", 0, 1), _between("auc", 0, 1)),
    "volume_checks": (
        *_not_null("finding"),
        _one_of("kind", "source", "pipeline", "owner"),
        _between("value", 0, None),
        _between("q_value", 0, 1),
    ),
    "coaching_cards": (_unique("owner_id"), _between("n_closed", 0, None), _between("win_rate", 0, 1)),
    "messages": (_unique("message_key"), _one_of("channel", "email", "slack")),
}


def tables_that_stop_a_night(row_counts: Mapping[str, int]) -> list[str]:
    """The CRM tables that have fewer rows than a critical expectation asks for."""
    return [
        table.name
        for table in CRM_TABLES
        if any(
            row_counts.get(table.name, 0) < e.arguments["min_value"]
            for e in EXPECTATIONS[table.name]
            if e.kind == "ExpectTableRowCountToBeBetween" and e.severity == "critical"
        )
    ]


def most_alerts_of_one_rep(owner_ids: "list[str]", policy: AlertPolicy) -> tuple[int, bool]:
    """How many alerts the rep with the most gets, from the owners of the alerts to send, and whether that is allowed."""
    most = max((owner_ids.count(owner) for owner in set(owner_ids)), default=0)
    return most, most <= policy.max_per_rep_per_day
