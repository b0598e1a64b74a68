"""Every change of an opportunity's stage, amount or close date, with what it adds up to so far.

One row a change, in the order of their stamps. Columns that look back (`push_count`, `entered_stage_at` …) use earlier
rows of the same opportunity only, so that a row never changes when later ones arrive.
"""

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.grid import Floats, Ints, utc_times

STATE_COLUMNS = ["opportunity_id", "stage_name", "amount", "close_date", "changed_at", "row_id"]
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
        STATE_COLUMNS and: `opportunity` (code into the distinct ids in order of appearance), the columns of `stages`,
        `is_stage_change`, `previous_stage`, `entered_stage_at`, `previous_stage_days`, `push_count`, `pushed_days`,
        `regression_count`, `stage_change_count`, `first_amount`, `open_amount` (the last one while the deal was open),
        `next_changed_at`.
    """
    rows = _state_rows(opportunities, opportunity_history)
    rows = rows.sort_values(["changed_at", "row_id"], kind="stable", ignore_index=True)
    rows["opportunity"] = pd.factorize(rows["opportunity_id"])[0]
    rows = rows.merge(stages, on="stage_name", how="left", validate="many_to_one")
    for flag in ("is_closed", "is_won"):
        rows[flag] = rows[flag].eq(True)
    return _with_look_back(rows)


def _state_rows(opportunities: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """OpportunityHistory rows, and the versions of opportunities whose creation left no history row.

    Of a history row only its first version counts: it is never edited, but deleted and restored with its opportunity.
    """
    is_first = history["valid_from"] <= history["created_date"]
    recorded = history.rename(columns={"created_date": "changed_at", "id": "row_id"}).loc[is_first, STATE_COLUMNS]
    first_recorded = recorded.groupby("opportunity_id")["changed_at"].min()
    born = opportunities["created_date"] + _FIRST_ROW_TOLERANCE
    recorded_from = first_recorded.reindex(opportunities["id"]).set_axis(opportunities.index)
    unrecorded = opportunities[~(recorded_from <= born)]
    versions = unrecorded.rename(columns={"valid_from": "changed_at", "id": "opportunity_id"})
    versions = versions.assign(row_id="")[STATE_COLUMNS]
    return pd.concat([versions, recorded], ignore_index=True) if len(versions) else recorded.copy()


def _with_look_back(rows: pd.DataFrame) -> pd.DataFrame:
    order = np.argsort(rows["opportunity"].to_numpy(), kind="stable")  # by opportunity, then by time
    ordered = rows.iloc[order]
    opportunity = ordered["opportunity"].to_numpy()
    first = np.r_[True, opportunity[1:] != opportunity[:-1]]
    previous = np.arange(len(ordered)) - 1
    at = utc_times(ordered["changed_at"])
    stage = pd.factorize(ordered["stage_name"])[0]
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
            "previous_stage": np.where(moved, ordered["stage_name"].to_numpy(object)[previous], None),
            "previous_stage_days": np.where(moved, _days(at - at[run_start[previous]]), np.nan),
            "entered_stage_at": pd.to_datetime(at[run_start], utc=True),
            "push_count": _running(pushes, group_start),
            "pushed_days": _running(pushed_days, group_start),
            "regression_count": _running(regressed, group_start),
            "stage_change_count": _running(moved, group_start),
            "first_amount": amount[group_start],
            "open_amount": amount[_last_open(ordered, group_start)],
            "next_changed_at": pd.to_datetime(np.where(last, np.datetime64("NaT"), np.r_[at[1:], at[:1]]), utc=True),
        },
        index=ordered.index,
    )
    return rows.join(derived)


def _pushes(ordered: pd.DataFrame, first: np.ndarray, previous: Ints) -> tuple[np.ndarray, Floats]:
    """Which rows of an open deal moved the close date later, and by how many days."""
    close = pd.to_datetime(ordered["close_date"]).to_numpy("datetime64[D]")
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
