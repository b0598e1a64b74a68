"""The open deals of a day and of the week before, and what a model said beside what happened."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from salesinsight_assets.adapters.dashboard.frames import typed_frame
from salesinsight_assets.adapters.dashboard.rows import Rows
from salesinsight_assets.adapters.warehouse.tables import CRM, DERIVED
from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets.domain.history.standing import fates
from salesinsight_assets.domain.reports.pipeline_now import Week

_DEAL_COLUMNS = ("opportunity_id", "name", "owner_name", "stage_name", "amount", "currency_iso_code", "company_amount",
                 "close_date", "created_date")  # fmt: skip
_SCORE_COLUMNS = ("opportunity_id", "win_probability", "risk_level", "model_id", "is_fallback")
_OWN = "(:owner_id = '' OR {table}.owner_id = :owner_id) AND {{visible:{table}}}"
_OPEN = f"""
SELECT {", ".join(f"o.{name}" for name in _DEAL_COLUMNS)} FROM insight.open_opportunities AS o
WHERE o.as_of_date = :day AND {_OWN.format(table="o")}
"""
_SCORES = f"""
SELECT {", ".join(f"s.{name}" for name in _SCORE_COLUMNS)} FROM insight.opportunity_scores AS s
WHERE s.as_of_date = :day AND {_OWN.format(table="s")}
"""
_REASSIGNED = f"""
SELECT o.opportunity_id FROM insight.open_opportunities AS o JOIN insight.open_opportunities AS other USING (opportunity_id)
WHERE o.as_of_date = :day AND other.as_of_date = :other_day AND o.owner_id IS DISTINCT FROM other.owner_id
  AND {_OWN.format(table="o")}
"""
_OF_CRM = """
SELECT {columns} FROM insight.open_opportunities AS o JOIN crm.{table} AS c ON c.{key} = o.opportunity_id
WHERE o.as_of_date = :day AND o.opportunity_id = ANY(:deals) AND {{visible:o}}
"""
_STAGES = "SELECT * FROM crm.opportunity_stages"
_STAGE_ORDER = "SELECT master_label, api_name, sort_order FROM crm.opportunity_stages WHERE valid_to IS NULL"
_CALIBRATION = """
SELECT c.bin_from, c.bin_to, c.n, c.deals, c.predicted_rate, c.actual_rate
FROM insight.models AS m JOIN insight.model_calibration AS c USING (model_month)
WHERE m.model_id = :model_id ORDER BY c.bin_from
"""


@dataclass(frozen=True)
class OpenDeals:
    """The open deals of a day and their scores (see `pipeline_now`)."""

    deals: pd.DataFrame
    scores: pd.DataFrame


def open_deals(rows: Rows, day: date, owner_id: str = "") -> OpenDeals:
    """Those of one owner, or of all that the viewer sees."""
    scores = rows.rows(_SCORES, day=day, owner_id=owner_id)
    return OpenDeals(_open(rows, day, owner_id), typed_frame(scores, DERIVED["prediction_ledger"], _SCORE_COLUMNS))


def _open(rows: Rows, day: date, owner_id: str) -> pd.DataFrame:
    found = rows.rows(_OPEN, day=day, owner_id=owner_id)
    return typed_frame(found, DERIVED["open_opportunities"], _DEAL_COLUMNS)


def week_before(
    rows: Rows, days: tuple[date, date], moments: tuple[datetime, datetime], now: pd.DataFrame, owner_id: str = ""
) -> Week | None:
    """The earlier of two days beside the open deals of the later one; None where nothing is stored of it.

    `moments` are the ends of the days.
    """
    before, day = days
    if not rows.of_company("SELECT 1 FROM insight.open_opportunities WHERE as_of_date = :day LIMIT 1", day=before):
        return None
    deals = _open(rows, before, owner_id)
    sides = ((before, day), (day, before))
    handed = {
        row["opportunity_id"]
        for this, other in sides
        for row in rows.rows(_REASSIGNED, day=this, other_day=other, owner_id=owner_id)
    }
    gone = sorted(set(deals["opportunity_id"]) - set(now["opportunity_id"]) - handed)
    return Week(before, moments[0], deals, _fates(rows, before, gone, moments[1]), handed)


def _fates(rows: Rows, before: date, deals: list[str], moment: datetime) -> pd.Series:
    """What became of deals that were open on a day, by a moment: worked out from the CRM's rows as in the nights."""
    if not deals:
        return pd.Series(dtype=object)
    crm = {
        table: _crm_rows(rows, before, deals, table, key)
        for table, key in (("opportunities", "id"), ("opportunity_history", "opportunity_id"))
    }
    stages = typed_frame(rows.of_company(_STAGES), CRM["opportunity_stages"], CRM["opportunity_stages"].columns.keys())
    return fates(opportunity_history({**crm, "opportunity_stages": stages}), moment)


def _crm_rows(rows: Rows, before: date, deals: list[str], table: str, key: str) -> pd.DataFrame:
    columns = CRM[table].columns.keys()
    sql = _OF_CRM.format(columns=", ".join(f"c.{name}" for name in columns), table=table, key=key)
    return typed_frame(rows.rows(sql, day=before, deals=deals), CRM[table], columns)


def stage_order(rows: Rows) -> Mapping[str, float]:
    """The place of each stage in the CRM's picklist, by its label and by its API name."""
    found = rows.of_company(_STAGE_ORDER)
    named = [(row[name], float(row["sort_order"])) for row in found for name in ("master_label", "api_name")]
    return {name: order for name, order in named if name}


def calibration(rows: Rows, model_id: str) -> pd.DataFrame:
    """What a model said on weeks it had not seen, beside what happened (see `model_calibration`)."""
    found = rows.of_company(_CALIBRATION, model_id=model_id)
    columns = ("bin_from", "bin_to", "n", "deals", "predicted_rate", "actual_rate")
    return typed_frame(found, DERIVED["model_calibration"], columns)
