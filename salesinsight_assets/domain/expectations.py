"""What must hold for each table, as plain data: Great Expectations' own names, so that its docs explain them.

A critical expectation stops what lies downstream, a warning is shown. How they are run belongs to adapters.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from salesinsight_assets.domain.alerts.policy import AlertPolicy
from salesinsight_assets.domain.crm.tables import CRM_TABLES, CrmTable

Severity = Literal["critical", "warning"]


@dataclass(frozen=True)
class Expectation:
    """One expectation: a class of great_expectations.expectations, its arguments, and what its failure means.

    `where` names one column and its value: then only those rows are looked at.
    """

    kind: str
    arguments: Mapping[str, Any]
    severity: Severity = "critical"
    where: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def name(self) -> str:
        """The expectation as people read it, such as `amount is at least 0`."""
        column = self.arguments.get("column") or self.arguments.get("column_A") or "the table"
        where = "".join(f" where {name} is {value}" for name, value in self.where.items())
        return f"{column} {_WORDS[self.kind](self.arguments)}{where}"


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
    "ExpectColumnPairValuesAToBeGreaterThanB": lambda arguments: f"is not below {arguments['column_B']}",
    "ExpectCompoundColumnsToBeUnique": lambda arguments: f"has each {' and '.join(arguments['column_list'])} once",
    "ExpectColumnValueLengthsToBeBetween": lambda arguments: f"has {_limits(arguments)} characters",
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


def _filled_where(column: str, where: Mapping[str, str], severity: Severity = "critical") -> Expectation:
    return Expectation("ExpectColumnValuesToNotBeNull", {"column": column}, severity, where)


def _not_below(upper: str, lower: str, severity: Severity = "critical") -> Expectation:
    """In each row that has both; equal is allowed."""
    pair = {"column_A": upper, "column_B": lower, "or_equal": True, "ignore_row_if": "either_value_is_missing"}
    return Expectation("ExpectColumnPairValuesAToBeGreaterThanB", pair, severity)


def _once(*columns: str) -> Expectation:
    return Expectation("ExpectCompoundColumnsToBeUnique", {"column_list": list(columns)})


def _long(column: str, at_least: int) -> Expectation:
    return Expectation("ExpectColumnValueLengthsToBeBetween", {"column": column, "min_value": at_least})


def _rows(at_least: int, severity: Severity = "critical") -> Expectation:
    return Expectation("ExpectTableRowCountToBeBetween", {"min_value": at_least}, severity)


def _crm(table: CrmTable) -> tuple[Expectation, ...]:
    filled = [column.name for column in table.columns if not column.is_nullable]
    stamped = {"created_date", "system_modstamp"} <= set(table.column_names)
    in_order = [_not_below("system_modstamp", "created_date", "warning")] if stamped else []
    return (_unique("id"), *_not_null(*filled), *in_order, *_CRM_ONLY.get(table.name, ()))


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

_REPORT = (_unique("audience"), _long("title", 5), _long("text", 50), _long("page", 200), *_not_null("figures"))

EXPECTATIONS: Mapping[str, tuple[Expectation, ...]] = {
    **{table.name: _crm(table) for table in CRM_TABLES},
    "open_opportunities": (
        _rows(1, "warning"),
        _unique("opportunity_id"),
        *_not_null("owner_id", "stage_name", "created_date"),
        _between("company_amount", 0, None, "warning"),
        _not_below("entered_stage_at", "created_date", "warning"),
    ),
    "opportunity_features": (
        _unique("opportunity_id"),
        _between("age_days", 0, None),
        *(_between(rate, 0, 1) for rate in _RATES),
        _between("days_since_last_activity", 0, None),
        _between("cycle_ratio", 0, 20, "warning"),
    ),
    "training_examples": (
        _rows(1, "warning"),
        _once("as_of_date", "opportunity_id"),
        _between("weight", 0, 1),
        _not_below("decided_at", "as_of_date"),
    ),
    "win_probability_model": (
        _rows(1),
        _unique("model_id"),
        _one_of("kind", "lightgbm", "base_rate"),
        _one_of("status", "champion", "challenger", "retired", "rejected"),
        *_not_null("reason", "metrics"),
        _filled_where("artifact", {"status": "champion"}),
    ),
    "model_calibration": (
        _between("predicted_rate", 0, 1),
        _between("actual_rate", 0, 1),
        _between("n", 1, None),
        _not_below("n", "deals"),
        _not_below("predicted_rate", "bin_from"),
        _not_below("bin_to", "predicted_rate"),
    ),
    "opportunity_scores": (
        _unique("opportunity_id"),
        _between("win_probability", 0, 1),
        _between("win_probability_7d_ago", 0, 1),
        _one_of("risk_level", "HIGH", "MEDIUM", "LOW"),
        *_not_null("owner_id", "reasons", "model_id"),
    ),
    "model_comparison": (
        _between("deals", 0, None),
        _between("champion_brier", 0, 1),
        _between("challenger_brier", 0, 1),
        _not_below("gain", "gain_low"),
        _not_below("gain_high", "gain"),
    ),
    "rep_alerts": (
        _one_of("status", "to_send", "suppressed", "held_out"),
        _one_of("priority", "HIGH", "MEDIUM"),
        _one_of("arm", "alerted", "held_out"),
        *_not_null("episode_id", "owner_id"),
        _once("opportunity_id", "rule"),
        _between("rank", 1, None),
        _between("win_probability", 0, 1),
        _filled_where("amount", {"priority": "HIGH"}),
        _filled_where("suppressed_because", {"status": "suppressed"}),
    ),
    "alert_outcomes": (
        _one_of("arm", "alerted", "held_out"),
        *_not_null("owner_id", "sent_at", "is_acted_on"),
        _not_below("acted_at", "sent_at"),
        _not_below("as_of_date", "alert_date"),
    ),
    "alert_rates": (
        _one_of("dimension", "all", "rule", "rep", "week"),
        _between("acted_rate", 0, 1),
        _between("helpful_rate", 0, 1),
        _not_below("n_deals", "acted_on"),
        _not_below("verdicts", "helpful"),
        _not_below("acted_high", "acted_low"),
    ),
    "alert_lift": (_unique("measure"), _between("low", -1, 1), _between("high", -1, 1), _not_below("high", "low")),
    "feature_drift": (_once("feature", "population"), _between("psi", 0, None), _between("q_value", 0, 1)),
    "feature_defaults": (_unique("feature"), _between("share_defaulted", 0, 1), _between("q_value", 0, 1)),
    "model_checks": (
        _between("q_value", 0, 1),
        _between("auc", 0, 1),
        _not_below("n_deals", "actual_wins"),
        _not_below("n_deals", "expected_wins"),
        _not_below("high", "low"),
    ),
    "volume_checks": (
        *_not_null("finding"),
        _one_of("kind", "source", "pipeline", "owner"),
        _between("value", 0, None),
        _between("q_value", 0, 1),
        _not_below("high", "low"),
    ),
    "coaching_cards": (
        _unique("owner_id"),
        _between("n_closed", 0, None),
        _between("win_rate", 0, 1),
        _not_below("high", "low"),
        _not_below("open_deals", "deals_at_risk"),
        _long("card", 20),
    ),
    **dict.fromkeys(("pipeline_health", "model_check", "business_review"), (_rows(1), *_REPORT)),
    "rep_performance": (_rows(1, "warning"), *_REPORT),
    "messages": (
        _unique("message_key"),
        _one_of("channel", "email", "slack"),
        *_not_null("owner_id", "payload"),
        _between("attempts", 0, None),
    ),
    "deliveries": (
        _unique("message_key"),
        _one_of("status", "pending", "sending", "sent", "unknown", "failed", "cancelled"),
        _filled_where("sent_at", {"status": "sent"}),
        _filled_where("error", {"status": "failed"}, "warning"),
    ),
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
