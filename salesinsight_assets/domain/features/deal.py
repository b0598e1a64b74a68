"""The deal itself: its size, stage, age, and how its plan has moved: the facts as of a moment, and what is worked out of them."""

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features.known import Facts, Known
from salesinsight_assets.domain.history.currencies import company_rates
from salesinsight_assets.domain.history.grid import Floats, codes_of, days_of, utc_times


def deal_facts(known: Known) -> dict[str, Floats]:
    """What `deal_features` needs, one value a snapshot; NaN where unknown."""
    frame = known.snapshots.frame
    compared_amount, first_amount = _compared_amounts(known)
    return {
        "company_amount": frame["company_amount"].to_numpy("float64"),
        "compared_amount": compared_amount,
        "first_amount": first_amount,
        "age_days": known.days_since(frame["created_date"]),
        "stage_position": known.stage_position(),
        "stage_probability": known.state("stage_probability"),
        "days_to_close_date": (days_of(frame["close_date"]) - known.days) / np.timedelta64(1, "D"),
        "close_date_pushes": known.state("push_count"),
        "pushed_days": known.state("pushed_days"),
        "stage_regressions": known.state("regression_count"),
        "competitor_count": _competitors(known),
        "has_next_step": np.where(known.snapshots.is_witnessed, frame["next_step"].notna(), np.nan),
    }


def deal_features(facts: Facts) -> dict[str, Floats]:
    """The family's features by name, one value a snapshot; NaN where unknown."""
    log_amount = np.log1p(np.maximum(facts["company_amount"], 0.0))
    to_close = facts["days_to_close_date"]
    told = ("age_days", "stage_position", "stage_probability", "days_to_close_date", "close_date_pushes", "pushed_days",
            "stage_regressions", "competitor_count", "has_next_step")  # fmt: skip
    return {
        **{name: facts[name] for name in told},
        "log_amount": log_amount,
        "is_overdue": np.where(np.isnan(to_close), np.nan, (to_close < 0).astype("float64")),
        "amount_change": _log_ratio(facts["compared_amount"], facts["first_amount"]),
        "efficiency": log_amount / (1 + facts["age_days"] / 7),
    }


def _log_ratio(now: Floats, first: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log(now / first)
    return np.where(np.isfinite(change), change, np.nan)


def _compared_amounts(known: Known) -> tuple[Floats, Floats]:
    """The amount now and the first, in the deal's own currency; where that has changed, in the company's, at the rate of now."""
    frame, first = known.snapshots.frame, known.state("first_amount").copy()
    currency = frame["currency_iso_code"].to_numpy(object)
    first_currency = known.history.states["first_currency"].to_numpy(object)[known.snapshots.state]
    amount = frame["amount"].to_numpy("float64").copy()
    other = np.flatnonzero(pd.notna(currency) & pd.notna(first_currency) & (currency != first_currency))
    if len(other):
        close_date = days_of(frame["close_date"])[other]
        rates = company_rates(
            known.history.crm, first_currency[other], close_date, known.moments[other], known.days[other]
        )
        amount[other], first[other] = frame["company_amount"].to_numpy("float64")[other], first[other] / rates
    return amount, first


def _competitors(known: Known) -> Floats:
    grid = known.snapshots.grid
    rows = known.history.crm["competitors"]
    rows = rows[~rows["is_deleted"].eq(True)]
    keys = codes_of(rows["opportunity_id"], known.history.ids)
    start, end = grid.bucket(utc_times(rows["valid_from"])), grid.bucket(utc_times(rows["valid_to"]))
    counts = grid.sums(keys, start, end, len(known.history.ids))
    return counts[known.snapshots.opportunity, known.snapshots.moment]
