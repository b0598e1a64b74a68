"""Four companies to judge models on: two public data sets, and the made-up company with its signal and without.

Each is read as after one first load, without a database; what was known at a past moment is told by the stamps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa

from salesinsight_assets.adapters.csv_export import read_csv_file
from salesinsight_assets.adapters.warehouse.arrow import to_pandas
from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.domain.crm.rows import arrow_schema, typed_table
from salesinsight_assets.domain.crm.tables import CRM_TABLES, CrmTable
from salesinsight_assets.domain.crm.uploads import files_left_out, upload_mappings, upload_tables
from salesinsight_assets.domain.history.grid import end_of_day
from salesinsight_assets.domain.history.snapshots import History, opportunity_history

PUBLIC_DATA = Path(__file__).parents[3] / "shared" / "data"
ZONE = ZoneInfo("UTC")


@dataclass(frozen=True)
class PastCompany:
    """A company as known at the `end` of its data; of a made-up one also the true probabilities of its open deals."""

    name: str
    history: History
    end: datetime
    truth: pd.DataFrame | None = None


def public_company(name: str, last_day: date) -> PastCompany:
    """One of the public data sets, by the name of its mapping."""
    mappings = upload_mappings({})
    files = [read_csv_file(path) for path in sorted((PUBLIC_DATA / name).glob("*.csv"))]
    needless = files_left_out(files, mappings[name])
    files = [file for file in files if file.name not in needless]
    now = datetime(last_day.year + 1, 1, 1, tzinfo=UTC)
    tables = upload_tables(files, name, mappings, None, ZONE, now)
    return PastCompany(name, _history(tables), end_of_day(last_day, ZONE))


def made_up_company(company: DemoCompany, name: str) -> PastCompany:
    """What a first load finds in a made-up company on its last day."""
    tables = {table.name: typed_table(table, company.rows(table.salesforce_object)) for table in CRM_TABLES}
    return PastCompany(name, _history(tables), end_of_day(company.last_day, ZONE), company.true_win_probabilities())


def _history(tables: Mapping[str, pa.Table]) -> History:
    return opportunity_history({table.name: _versions(table, tables.get(table.name)) for table in CRM_TABLES})


def _versions(table: CrmTable, rows: pa.Table | None) -> pd.DataFrame:
    """Each row as one version from its creation on; a deleted one was there until its last stamp."""
    schema = arrow_schema(table)
    whole = pa.Table.from_pylist([], schema=schema) if rows is None else _with_all_columns(rows, schema)
    frame = to_pandas(whole)
    born, stamp = frame["created_date"], frame[table.stamp_column]
    never = pd.Series(pd.NaT, frame.index, dtype="datetime64[us, UTC]")
    gone = frame["is_deleted"].eq(True) if "is_deleted" in frame else pd.Series(False, frame.index)
    frame = frame.assign(valid_from=born, valid_to=never, stamped_at=stamp, is_deleted=gone)
    was_there = frame[gone & (stamp > born)]
    before = was_there.assign(is_deleted=False, valid_to=was_there["stamped_at"])
    frame.loc[was_there.index, "valid_from"] = was_there["stamped_at"]
    return pd.concat([frame, before], ignore_index=True)


def _with_all_columns(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    missing = [field for field in schema if field.name not in rows.column_names]
    for field in missing:
        rows = rows.append_column(field, pa.nulls(len(rows), field.type))
    return rows.select(schema.names).cast(schema)
