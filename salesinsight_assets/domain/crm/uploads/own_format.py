"""Our own export format: one file a table, its name the table's, its columns ours (see `salesinsight export`)."""

from collections.abc import Mapping, Sequence

import pandas as pd
import pyarrow as pa

from salesinsight_assets.domain.crm.rows import typed_table
from salesinsight_assets.domain.crm.tables import CRM_TABLES, Column, CrmTable, crm_table
from salesinsight_assets.domain.crm.uploads.cells import without_mark
from salesinsight_assets.domain.crm.uploads.day import UploadDay
from salesinsight_assets.domain.crm.uploads.raw import RawFile, Refusal, UploadRefusedError
from salesinsight_assets.domain.crm.uploads.stored import StoredRows

EXTRA_COLUMNS = ("is_deleted", "source", "synced_at")
"""Columns that an export adds to a table's own; read over on the way in."""
STAMPS = ("created_date", "system_modstamp", "last_modified_date")
_TABLES_WITH_STAGES = ("opportunities", "opportunity_history")


def own_format_tables(files: Sequence[RawFile], day: UploadDay, stored: StoredRows) -> dict[str, pa.Table]:
    """The tables of the files, by table name. Raises UploadRefusedError."""
    by_table = _files_by_table(files)
    typed = {name: _typed(crm_table(name), file, day) for name, file in by_table.items()}
    _check_stages(by_table, typed, stored)
    return typed


def _files_by_table(files: Sequence[RawFile]) -> dict[str, RawFile]:
    found: dict[str, RawFile] = {}
    for file in files:
        name = _table_of(file).name
        if name in found:
            advice = "import them one after the other, or as one file"
            raise UploadRefusedError([Refusal(file.name, None, None, f"one file for {name}", "two of them", advice)])
        found[name] = file
    return found


def _table_of(file: RawFile) -> CrmTable:
    name = file.name.rsplit(".", 1)[0]
    names = [table.name for table in CRM_TABLES]
    if name not in names:
        expected = f"a file called TABLE.csv with TABLE one of {', '.join(names)}"
        advice = "rename the file, or name the mapping of a file of deals by --mapping"
        raise UploadRefusedError([Refusal(file.name, None, None, expected, name, advice)])
    return crm_table(name)


def _typed(table: CrmTable, file: RawFile, day: UploadDay) -> pa.Table:
    file.require(column.name for column in table.columns if column.is_required)
    known = {*table.column_names, *EXTRA_COLUMNS}
    unknown = [c for c in file.frame.columns if c not in known]
    if unknown:
        raise UploadRefusedError(Refusal(file.name, 1, c, f"a column of {table.name}", c) for c in unknown)
    columns = [c for c in table.columns if c.name in file.frame.columns]
    records = pd.DataFrame({column.field: _texts(file, column) for column in columns})
    for column in columns:
        if column.name in STAMPS:
            is_later = file.times(column.name) > day.last_moment
            file.refuse(is_later.to_numpy(bool), column.name, f"a time up to {_shown_moment(day)}")
    return typed_table(table, records, columns)


def _texts(file: RawFile, column: Column) -> pd.Series:
    """The cells of a column, checked."""
    if column.name == "id":
        return file.unique("id")
    if column.type == "text":
        return without_mark(file.text(column.name, not column.is_nullable))
    texts = file.texts_of(column.name, column.type)
    if not column.is_nullable:
        file.refuse(texts.isna().to_numpy(), column.name, "a value")
    return texts.str.lower() if column.type == "boolean" else texts


def _shown_moment(day: UploadDay) -> str:
    return f"{day.last_moment:%Y-%m-%dT%H:%M:%SZ}, now" if day.as_of is None else f"the end of {day.last_day_words}"


def _check_stages(files: Mapping[str, RawFile], typed: Mapping[str, pa.Table], stored: StoredRows) -> None:
    """Refuse a deal in a stage that nobody knows; without any list of stages, one is still to be delivered."""
    listed = stored.stages | _stages(typed)
    if not listed:
        return
    for name in [name for name in _TABLES_WITH_STAGES if name in files]:
        stages = files[name].frame["stage_name"]
        is_unknown = stages.notna() & ~stages.isin(listed | stored.stages_in_use)
        expected = f"one of the stages {', '.join(sorted(listed))}"
        files[name].refuse(is_unknown.to_numpy(bool), "stage_name", expected)


def _stages(typed: Mapping[str, pa.Table]) -> set[str]:
    """The names of the uploaded stages."""
    if "opportunity_stages" not in typed:
        return set()
    rows = typed["opportunity_stages"].to_pandas()
    names = rows["master_label"]
    return set(rows["api_name"].fillna(names) if "api_name" in rows else names)
