"""The models: the one that is shown, who decided so, how it compares, and what the weekly checks found. Of no deal and no person."""

from collections.abc import Sequence
from datetime import date

from salesinsight_assets.adapters.dashboard.rows import EVERYTHING, Row, Rows

_MODEL = "SELECT model_id, model_month, trained_on, kind, reason, metrics, feature_names FROM insight.models WHERE model_id = :model_id"
_DECISIONS = (
    "SELECT effective_on, decided_by, role, model_id, reason, decided_at FROM insight.model_decisions"
    " ORDER BY decided_at DESC, effective_on DESC, role LIMIT :most"
)
_CHOSEN = """
SELECT effective_on, decided_by, reason FROM (
  SELECT *, lag(model_id) OVER (ORDER BY effective_on, decided_at) AS before FROM insight.model_decisions
  WHERE role = 'champion' AND effective_on <= :day) AS shown
WHERE model_id = :model_id AND before IS DISTINCT FROM model_id ORDER BY effective_on DESC, decided_at DESC LIMIT 1
"""
"""One model after another; that the same one was chosen again changes nothing."""
_COMPARISON = "SELECT * FROM insight.model_comparison ORDER BY as_of_date DESC LIMIT 1"
_CHECKS = (
    "SELECT * FROM insight.model_checks WHERE as_of_date = (SELECT max(as_of_date) FROM insight.model_checks)"
    " ORDER BY is_alarm DESC, segment <> 'all deals', weeks, dimension, segment"
)
_DRIFT = (
    "SELECT * FROM insight.feature_drift WHERE as_of_date = (SELECT max(as_of_date) FROM insight.feature_drift)"
    " ORDER BY is_alarm DESC, psi DESC, feature, population"
)
_DEFAULTS = (
    "SELECT * FROM insight.feature_defaults WHERE as_of_date = (SELECT max(as_of_date) FROM insight.feature_defaults)"
    " ORDER BY is_alarm DESC, share_defaulted - usual_share DESC, feature"
)


def model(rows: Rows, model_id: str | None) -> Row | None:
    """A registered model; None of the rules, which are not registered."""
    found = rows.of_company(_MODEL, model_id=model_id or "")
    return found[0] if found else None


def chosen(rows: Rows, model_id: str | None, day: date) -> Row | None:
    """The decision since which a model is shown on `day`: `effective_on`, `decided_by`, `reason`. None: there was none, as of the rules."""
    found = rows.of_company(_CHOSEN, model_id=model_id or "", day=day)
    return found[0] if found else None


def decisions(rows: Rows, most: int = EVERYTHING) -> Sequence[Row]:
    """Who was to serve from which day on and why, the latest decision first."""
    return rows.of_company(_DECISIONS, most=most)


def comparison(rows: Rows) -> Row | None:
    """The champion and its challenger on the deals decided by the latest day that was compared."""
    found = rows.of_company(_COMPARISON)
    return found[0] if found else None


def checks(rows: Rows) -> Sequence[Row]:
    """The latest weekly check of what was said against what happened: alarms first, then all deals, then their segments."""
    return rows.of_company(_CHECKS)


def drift(rows: Rows) -> Sequence[Row]:
    """The latest weekly check of features and scores: alarms first, then by how far they moved."""
    return rows.of_company(_DRIFT)


def defaults(rows: Rows) -> Sequence[Row]:
    """The latest weekly check of features that deals lack: alarms first, then by how many more deals than usual."""
    return rows.of_company(_DEFAULTS)
