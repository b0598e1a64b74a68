"""Every change of an opportunity's stage, amount or close date, with what it adds up to so far.

One row a change, in the order of their stamps. Columns that look back (`push_count`, `entered_stage_at` …) use earlier
rows of the same opportunity only, so that a row never changes when later ones arrive.
"""

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.grid import Floats, Ints, days_of, utc_times

STATE_COLUMNS = ["opportunity_id", "stage_name", "amount", "currency_iso_code", "close_date", "changed_at", "row_id"]
_FLAGS = ("is_closed", "is_won")
_LAST_ROW_ID = "~"
"""Sorts behind every Id, so that of two rows of one moment it counts."""
_FIRST_ROW_TOLERANCE = pd.Timedelta(minutes=1)


def opportunity_states(
    opportunities: pd.DataFrame, opportunity_history: pd.DataFrame, stages: pd.DataFrame
) -> pd.DataFrame:
    """The states of every opportunity, ascending by `changed_at`.

    Args:
        opportunities: versions of CRM opportunities, with `valid_from`.
        opportunity_history: versions of OpportunityHistory rows; each holds the full state after a change.
        stages: one row a stage (see `stage_dictionary`).

    Returns:
        STATE_COLUMNS and: `opportunity` (code into the distinct ids in order of appearance), the columns of `stages`
        (`stage` is the row's own name where the dictionary lacks it), `is_stage_change`, `previous_stage`, `entered_stage_at`, `previous_stage_days`, `push_count`, `pushed_days`,
        `regression_count`, `stage_change_count`, `first_amount`, `first_currency`, `open_amount` (the last one while
        the deal was open), `next_changed_at`.
    """
    rows = _state_rows(opportunities, opportunity_history, stages)
    rows = rows.sort_values(["changed_at", "row_id"], kind="stable", ignore_index=True)
    rows["opportunity"] = pd.factorize(rows["opportunity_id"])[0]
    rows = rows.merge(stages, on="stage_name", how="left", suffixes=("_of_row", ""), validate="many_to_one")
    rows["stage"] = rows["stage"].fillna(rows["stage_name"])
    for flag in _FLAGS:  # of a stage that the dictionary lacks the row itself may tell
        rows[flag] = rows[flag].eq(True) | (rows[flag].isna() & rows[f"{flag}_of_row"].eq(True))
    return _with_look_back(rows.drop(columns=[f"{flag}_of_row" for flag in _FLAGS]))


def _state_rows(opportunities: pd.DataFrame, history: pd.DataFrame, stages: pd.DataFrame) -> pd.DataFrame:
    """OpportunityHistory rows, and what the opportunities' own versions add to them, with the versions' flags.

    Of a history row only its first version counts: it is never edited, but deleted and restored with its opportunity.
    """
    is_first = history["valid_from"] <= history["created_date"]
    recorded = history.rename(columns={"created_date": "changed_at", "id": "row_id"}).loc[is_first, STATE_COLUMNS]
    recorded_from = recorded.groupby("opportunity_id")["changed_at"].min().reindex(opportunities["id"])
    recorded_from = recorded_from.set_axis(opportunities.index)
    has_birth = recorded_from <= opportunities["created_date"] + _FIRST_ROW_TOLERANCE
    parts = [
        recorded.assign(**dict.fromkeys(_FLAGS)),
        _unrecorded_births(opportunities[~has_birth], stages),
        _versions(opportunities[~has_birth & ~(opportunities["stamped_at"] >= recorded_from)], ""),
        _versions(opportunities[has_birth & _is_closed_elsewhere(opportunities, stages)], _LAST_ROW_ID),
    ]
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def _versions(opportunities: pd.DataFrame, row_id: str) -> pd.DataFrame:
    """Versions as states, each from its stamp on: what a first load finds was not so from the beginning."""
    names = {"stamped_at": "changed_at", "id": "opportunity_id"}
    return opportunities.rename(columns=names).assign(row_id=row_id)[[*STATE_COLUMNS, *_FLAGS]]


def _unrecorded_births(opportunities: pd.DataFrame, stages: pd.DataFrame) -> pd.DataFrame:
    """The beginning of deals of which nothing tells it: open, in the first of the oldest stages, all else unknown."""
    first = opportunities.drop_duplicates("id")
    first = first[first["stamped_at"] > first["created_date"] + _FIRST_ROW_TOLERANCE]
    opening = stages.dropna(subset="stage_order").sort_values(["created_at", "stage_order"], kind="stable")[
        "stage_name"
    ]
    nothing = first.iloc[:0].reindex(first.index)  # missing values of the columns' own types
    unknown = {name: nothing[name] for name in ("amount", "currency_iso_code", "close_date", *_FLAGS)}
    born = first.assign(stage_name=opening.iloc[0] if len(opening) else None, stamped_at=first["created_date"])
    return _versions(born.assign(**unknown), "")


def _is_closed_elsewhere(opportunities: pd.DataFrame, stages: pd.DataFrame) -> pd.Series:
    """Versions that are closed in a stage that the dictionary lacks, of which a history row cannot tell it."""
    return opportunities["is_closed"].eq(True) & ~opportunities["stage_name"].isin(stages["stage_name"])


def _with_look_back(rows: pd.DataFrame) -> pd.DataFrame:
    order = np.argsort(rows["opportunity"].to_numpy(), kind="stable")  # by opportunity, then by time
    ordered = rows.iloc[order]
    opportunity = ordered["opportunity"].to_numpy()
    first = np.r_[True, opportunity[1:] != opportunity[:-1]]
    previous = np.arange(len(ordered)) - 1
    at = utc_times(ordered["changed_at"])
    stage = pd.factorize(ordered["stage"])[0]
    changes = first | (stage != stage[previous])
    moved = changes & ~first
    run_start = np.maximum.accumulate(np.where(changes, np.arange(len(ordered)), 0))
    pushes, pushed_days = _pushes(ordered, first, previous)
    place = ordered["stage_order"].to_numpy("float64")
    regressed = moved & (place < place[previous])
    amount = ordered["amount"].to_numpy("float64")
    group_start = np.maximum.accumulate(np.where(first, np.arange(len(ordered)), 0))
    last = np.r_[first[1:], True]
    derived = pd.DataFrame(
        {
            "is_stage_change": changes,
            "previous_stage": np.where(moved, ordered["stage"].to_numpy(object)[previous], None),
            "previous_stage_days": np.where(moved, _days(at - at[run_start[previous]]), np.nan),
            "entered_stage_at": pd.to_datetime(at[run_start], utc=True),
            "push_count": _running(pushes, group_start),
            "pushed_days": _running(pushed_days, group_start),
            "regression_count": _running(regressed, group_start),
            "stage_change_count": _running(moved, group_start),
            "first_amount": amount[group_start],
            "first_currency": ordered["currency_iso_code"].to_numpy(object)[group_start],
            "open_amount": amount[_last_open(ordered, group_start)],
            "next_changed_at": pd.to_datetime(np.where(last, np.datetime64("NaT"), np.r_[at[1:], at[:1]]), utc=True),
        },
        index=ordered.index,
    )
    return rows.join(derived)


def _pushes(ordered: pd.DataFrame, first: np.ndarray, previous: Ints) -> tuple[np.ndarray, Floats]:
    """Which rows of an open deal moved the close date later, and by how many days."""
    close = days_of(ordered["close_date"])
    moved = _days(close - close[previous])
    is_push = ~first & ~ordered["is_closed"].to_numpy(bool) & (np.nan_to_num(moved) > 0)
    return is_push, np.where(is_push, moved, 0.0)


def _last_open(ordered: pd.DataFrame, group_start: Ints) -> Ints:
    """For each row the latest one of its opportunity that was open; itself where there is none."""
    place = np.arange(len(ordered))
    found = np.maximum.accumulate(np.where(ordered["is_closed"].to_numpy(bool), -1, place))
    return np.where(found >= group_start, found, place)


def _running(values: np.ndarray, group_start: Ints) -> Floats:
    """Cumulative sum within each group of an array ordered by group."""
    total = np.cumsum(values, dtype="float64")
    return total - total[group_start] + values[group_start]


def _days(spans: np.ndarray) -> Floats:
    """Time spans in days; missing is NaN."""
    return spans / np.timedelta64(1, "D")
