"""Random CRM rows of very many deals, drawn at once: what the benchmarks of features and explanations compute on."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from salesinsight_assets.domain.crm.tables import CRM_TABLES, crm_table
from salesinsight_assets.domain.history.snapshots import CrmRows

LAST_MOMENT = datetime(2026, 6, 30, tzinfo=UTC)
YEARS, MEAN_CYCLE_DAYS, STAGES, REPS = 3, 30.0, ("Prospecting", "Proposal", "Negotiation"), 500
MOMENTS = [LAST_MOMENT - timedelta(weeks=weeks) for weeks in reversed(range(52))]
"""The last year, week by week."""


def many_deals(count: int) -> CrmRows:
    """`count` deals of three years, each with 3 history rows and on average 1.25 activities; four of five are closed."""
    random = np.random.default_rng(1)
    first = np.datetime64(LAST_MOMENT.replace(tzinfo=None) - timedelta(days=365 * YEARS), "us")
    born = first + _days(random.uniform(0, 365 * YEARS, count))
    closing = born + _days(random.exponential(MEAN_CYCLE_DAYS, count))
    end = np.datetime64(LAST_MOMENT.replace(tzinfo=None), "us")
    is_closed, is_won = closing < end, random.random(count) < 0.4
    ids = np.char.mod("006%015d", np.arange(count)).astype(object)
    stage = np.where(is_closed, np.where(is_won, "Won", "Lost"), STAGES[1])
    deals = {
        "id": ids, "name": ids, "owner_id": _drawn(random, REPS, count), "stage_name": stage.astype(object),
        "amount": np.exp(random.normal(10, 1, count)), "is_closed": is_closed, "is_won": is_closed & is_won,
        "lead_source": _drawn(random, 8, count), "product": _drawn(random, 12, count), "region": _drawn(random, 6, count),
        "account_id": _drawn(random, 2000, count), "close_date": (born + _days(60)).astype("datetime64[us]"),
    }  # fmt: skip
    stamp = np.where(is_closed, closing, born)
    middle = born + (np.minimum(closing, end) - born) // 2
    steps = [(born, STAGES[0], np.ones(count, bool)), (middle, STAGES[1], middle < end), (closing, stage, is_closed)]
    history = pd.concat([_step(deals, at, name, there) for at, name, there in steps], ignore_index=True)
    history["id"] = np.char.mod("008%015d", np.arange(len(history))).astype(object)
    about = random.integers(0, count, count * 5 // 4)
    recorded = born[about] + (np.minimum(closing, end) - born)[about] * random.random(len(about))
    tasks = pd.DataFrame({"id": np.char.mod("00T%015d", np.arange(len(about))).astype(object), "what_id": ids[about]})
    made = {
        "opportunities": _versions(pd.DataFrame(deals), born, stamp),
        "opportunity_history": _versions(history.drop(columns="at"), history["at"], history["at"]),
        "tasks": _versions(tasks, recorded, recorded),
        "opportunity_stages": _stages(first),
    }
    return {table.name: _whole(table.name, made.get(table.name)) for table in CRM_TABLES}


def _days(count: "np.ndarray | float") -> np.ndarray:
    return (np.asarray(count) * 86_400_000_000).astype("timedelta64[us]")


def _drawn(random: np.random.Generator, kinds: int, count: int) -> np.ndarray:
    return np.char.mod("kind %d", np.arange(kinds)).astype(object)[random.integers(0, kinds, count)]


def _step(deals: dict[str, np.ndarray], at: np.ndarray, stage: "str | np.ndarray", there: np.ndarray) -> pd.DataFrame:
    columns = {"opportunity_id": deals["id"], "amount": deals["amount"], "close_date": deals["close_date"]}
    return pd.DataFrame({**columns, "stage_name": stage, "at": at})[there]


def _stages(first: np.datetime64) -> pd.DataFrame:
    names = [*STAGES, "Won", "Lost"]
    rows = pd.DataFrame({"id": names, "master_label": names, "api_name": names, "sort_order": range(1, 6)})
    rows = rows.assign(is_closed=rows["id"].isin(["Won", "Lost"]), is_won=rows["id"] == "Won", default_probability=50.0)
    return _versions(rows, np.full(5, first), np.full(5, first))


def _versions(rows: pd.DataFrame, born: "np.ndarray | pd.Series", stamp: "np.ndarray | pd.Series") -> pd.DataFrame:
    """One version each, from its creation on, witnessed from its stamp on."""
    times = {"created_date": born, "system_modstamp": stamp, "valid_from": born, "stamped_at": stamp}
    stamps = {name: pd.to_datetime(np.asarray(values), utc=True) for name, values in times.items()}
    return rows.assign(**stamps, valid_to=pd.Series(pd.NaT, rows.index, dtype="datetime64[us, UTC]"), is_deleted=False)


def _whole(name: str, rows: pd.DataFrame | None) -> pd.DataFrame:
    """Rows with every column of their table, missing where nothing was drawn."""
    if rows is None:
        rows = _versions(
            pd.DataFrame({"id": pd.Series([], dtype=object)}), np.array([], "M8[us]"), np.array([], "M8[us]")
        )
    kinds = {"number": "float64", "integer": "float64", "date": "datetime64[us]", "timestamp": "datetime64[us, UTC]"}
    for column in crm_table(name).columns:
        if column.name not in rows:
            rows[column.name] = pd.Series(None, rows.index, dtype=kinds.get(column.type, "object"))
    return rows
