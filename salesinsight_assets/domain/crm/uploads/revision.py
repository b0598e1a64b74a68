"""What a later upload of deals changes, told from its day on: what was known of the days before stays as it was.

A flat file dates only how a deal began and ended. So what is new about a deal that is stored already counts from the day
that the upload tells of, and a closing after all that the stored rows tell of from its own day. Where a deal is stored,
the day it was created stays. A deal that was not stored counts from its own dates, as a row that the CRM delivers late does.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from salesinsight_assets.domain.crm.uploads.stored import StoredRows

_STAMPS = ("created_date", "system_modstamp")
_STATE = ("stage_name", "amount", "close_date")
_COLUMNS_OF = {"manager": "manager_id"}
_NEVER_BLANKED = ("email",)
_WITH_REVISIONS = ("opportunities", "accounts", "users")


def revised_tables(
    first_told: Mapping[str, pd.DataFrame], stored: StoredRows, told_at: pd.Timestamp, not_delivered: Sequence[str] = ()
) -> dict[str, pd.DataFrame]:
    """The tables of an upload that begins at `told_at`, from those that it would be with nothing stored.

    What is `not_delivered`, and a rep's address, keeps its stored value where the upload has none.
    """
    tables = dict(first_told)
    kept = [*(_COLUMNS_OF.get(name, name) for name in not_delivered), *_NEVER_BLANKED]
    for name in _WITH_REVISIONS:
        tables[name] = _revised(_filled(first_told[name], stored.rows(name), kept), stored.rows(name), stored, told_at)
    stages = first_told["opportunity_stages"]
    born = _before(stages, stored.rows("opportunity_stages"))["created_date"]
    tables["opportunity_stages"] = stages.assign(
        created_date=_times(born).fillna(stages["created_date"]),
        system_modstamp=told_at,  # says how far the stored rows tell, also where no deal changed
    )
    tables["opportunity_history"] = _history(
        first_told["opportunity_history"], tables["opportunities"], stored.rows("opportunities")
    )
    return tables


def _filled(rows: pd.DataFrame, known: pd.DataFrame, kept: Sequence[str]) -> pd.DataFrame:
    """`rows` with the stored values of the columns `kept` where they have none."""
    before = _before(rows, known)
    return rows.assign(**{c: rows[c].where(rows[c].notna(), before[c]) for c in kept if c in rows.columns})


def _revised(rows: pd.DataFrame, known: pd.DataFrame, stored: StoredRows, told_at: pd.Timestamp) -> pd.DataFrame:
    """`rows` with the stamps they have beside what is stored: a changed one is stamped by its change."""
    before = _before(rows, known)
    is_stored = rows["id"].isin(known["id"])
    is_changed = is_stored & _is_other(rows, before, [c for c in rows.columns if c not in ("id", *_STAMPS)])
    own = rows["system_modstamp"]
    changed_at = own.where(own > stored.told_until, told_at) if stored.told_until is not None else own
    kept_stamp = own.where(~is_stored, _times(before["system_modstamp"]).fillna(own))
    return rows.assign(
        created_date=_times(before["created_date"]).fillna(rows["created_date"]),
        system_modstamp=kept_stamp.where(~is_changed, changed_at),
    )


def _history(first_told: pd.DataFrame, opportunities: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The whole history of new deals; of stored ones a row where stage, amount or close date changed."""
    before = _before(opportunities, known)
    stamp = opportunities["system_modstamp"]
    is_older = stamp < _times(before["system_modstamp"])
    is_told = opportunities["id"].isin(known["id"]) & _is_other(opportunities, before, _STATE) & ~is_older
    told = opportunities[is_told]
    rows = pd.DataFrame(
        {
            # "told" sorts behind "opened" and "shut", so that of two rows of one moment it counts
            "id": told["id"] + " told " + stamp[is_told].dt.strftime("%Y-%m-%d"),
            "opportunity_id": told["id"],
            **{column: told[column] for column in _STATE},
            **dict.fromkeys(_STAMPS, stamp[is_told]),
        }
    )
    new = first_told[~first_told["opportunity_id"].isin(known["id"])]
    return pd.concat([part for part in (new, rows) if len(part)] or [new], ignore_index=True)


def _before(rows: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The stored row of each row, missing where there is none."""
    return known.set_index("id").reindex(rows["id"]).set_index(rows.index)


def _is_other(rows: pd.DataFrame, before: pd.DataFrame, columns: "list[str] | tuple[str, ...]") -> np.ndarray:
    """Which rows differ from what is stored of them in one of `columns`."""
    differs = np.zeros(len(rows), dtype=bool)
    for column in columns:
        new, old = _comparable(rows[column]), _comparable(before[column])
        differs |= (new != old) & ~(pd.isna(new) & pd.isna(old))
    return differs


def _comparable(values: pd.Series) -> np.ndarray:
    return values.astype(object).where(values.notna(), None).to_numpy(object)


def _times(values: pd.Series) -> pd.Series:
    return pd.to_datetime(values, utc=True)
