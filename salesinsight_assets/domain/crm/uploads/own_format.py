"""Our own export format: one file a table, its name the table's, its columns ours (see `salesinsight export`)."""

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from salesinsight_assets.domain.crm.rows import typed_table
from salesinsight_assets.domain.crm.tables import CRM_TABLES, Column, CrmTable, crm_table
from salesinsight_assets.domain.crm.uploads.raw import RawFile, Refusal, UploadRefusedError

EXTRA_COLUMNS = ("is_deleted", "source", "synced_at")
"""Columns that an export adds to a table's own; read over on the way in."""


def own_format_tables(files: Sequence[RawFile]) -> dict[str, pa.Table]:
    """The tables of the files, by table name. Raises UploadRefusedError."""
    return {table.name: _typed(table, file) for table, file in ((_table_of(file), file) for file in files)}


def _table_of(file: RawFile) -> CrmTable:
    name = file.name.rsplit(".", 1)[0]
    if name not in [table.name for table in CRM_TABLES]:
        names = ", ".join(table.name for table in CRM_TABLES)
        raise UploadRefusedError(
            [Refusal(file.name, None, None, f"a file called TABLE.csv with TABLE one of {names}", name)]
        )
    return crm_table(name)


def _typed(table: CrmTable, file: RawFile) -> pa.Table:
    file.require(column.name for column in table.columns if column.is_required)
    known = {*table.column_names, *EXTRA_COLUMNS}
    unknown = [c for c in file.frame.columns if c not in known]
    if unknown:
        raise UploadRefusedError(Refusal(file.name, 1, c, f"a column of {table.name}", c) for c in unknown)
    columns = [c for c in table.columns if c.name in file.frame.columns]
    for column in columns:
        _check(file, column)
    records = file.frame.rename(columns={column.name: column.field for column in columns})
    return typed_table(table, records, columns)


def _check(file: RawFile, column: Column) -> None:
    if column.name == "id":
        file.unique("id")
    elif column.type == "text":
        file.text(column.name, not column.is_nullable)
    elif column.type in ("number", "integer"):
        file.numbers(column.name)
    elif column.type == "boolean":
        values = file.frame[column.name]
        file.refuse(
            (values.notna() & ~values.str.lower().isin(("true", "false"))).to_numpy(), column.name, "true or false"
        )
    elif column.type == "date":
        file.dates(column.name)
    else:
        values = file.frame[column.name]
        parsed = pd.to_datetime(values, format="ISO8601", utc=True, errors="coerce")
        file.refuse((values.notna() & parsed.isna()).to_numpy(), column.name, "a time such as 2024-03-31T12:00:00Z")
    if not column.is_nullable:
        file.refuse(file.frame[column.name].isna().to_numpy(), column.name, "a value")
