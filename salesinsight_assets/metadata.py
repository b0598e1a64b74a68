"""What every asset says of itself: owners, column schema, row counts, previews."""

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import dagster as dg

from salesinsight_assets.domain.crm.tables import CrmTable
from salesinsight_assets.domain.derived_tables import DerivedTable
from salesinsight_assets.domain.plain_text import markdown_escaped, one_line

if TYPE_CHECKING:
    import pandas as pd

OWNERS = ["team:data-engineering"]
PREVIEW_ROWS = 5
_NAMED_BY = ("feature", "segment", "subject")
"""Which column of a check's table says what a figure is of."""
RETRIES = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""Of a step: a database that restarts, a lock, a network are well again within a minute. What stays wrong is told that much later."""


def spec(group: str, table: DerivedTable, description: str, kinds: set[str], name: str | None = None) -> dict[str, Any]:
    """Arguments for the asset that fills a derived table: its name (the table's, unless given) and all that describes it."""
    return {
        "name": name or table.name,
        "group_name": group,
        "owners": OWNERS,
        "kinds": kinds,
        "description": description,
        "metadata": table_metadata(table),
        "retry_policy": RETRIES,
    }


def table_metadata(table: DerivedTable | CrmTable) -> dict[str, Any]:
    """Where an asset's rows are, and its columns."""
    schema = table.schema if isinstance(table, DerivedTable) else "crm"
    return {"dagster/column_schema": column_schema(table), "table": f"{schema}.{table.name}"}


def object_metadata(table: CrmTable) -> dict[str, Any]:
    """Of a Salesforce object: the fields that are asked for, by Salesforce's names, and the columns that they fill."""
    columns = [
        dg.TableColumn(c.field, c.type, f"{table.name}.{c.name}", dg.TableColumnConstraints(nullable=c.is_nullable))
        for c in table.columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns), "object": table.salesforce_object}


def column_schema(table: DerivedTable | CrmTable) -> dg.TableSchema:
    """The columns of a table as Dagster shows them."""
    if isinstance(table, CrmTable):
        described = [(c.name, c.type, f"{table.salesforce_object}.{c.field}", c.is_nullable) for c in table.columns]
    else:
        described = [(c.name, c.type, c.description, not c.is_required) for c in table.columns]
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, kind, text, constraints=dg.TableColumnConstraints(nullable=is_nullable))
            for name, kind, text, is_nullable in described
        ]
    )


def row_metadata(frame: "pd.DataFrame", **more: Any) -> Mapping[str, Any]:
    """Row count and a preview of a materialization, with `more` beside them."""
    preview = [{str(k): v for k, v in row.items()} for row in frame.head(PREVIEW_ROWS).to_dict("records")]
    return {
        "dagster/row_count": len(frame),
        **({"preview": dg.MetadataValue.md(markdown_table(preview))} if preview else {}),
        **more,
    }


def alarm_rows(checks: "pd.DataFrame") -> list[dict[str, Any]]:
    """What the alarms among the rows of a check are of, and what was found, a row each."""
    named_by = next(name for name in _NAMED_BY if name in checks)
    alarms = checks[checks["is_alarm"].astype(bool)]
    return [{named_by: row[named_by], "found": row["finding"]} for _, row in alarms.iterrows()]


def markdown_table(rows: list[dict[str, Any]]) -> str:
    """Rows as a Markdown table, numbers rounded to what people read; each cell one line, and what it holds is no markup."""
    if not rows:
        return "none"
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(_cell(row.get(column)) for column in columns) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return markdown_escaped(one_line(readable(value)))


def readable(value: Any) -> str:
    """A value as people read it: four digits that count, days as days, lists as their entries, missing as nothing.

    >>> [readable(number) for number in (0.123456, 12.0, 48210.55, float("nan"))]
    ['0.1235', '12', '48,211', '']
    """
    if isinstance(value, list | tuple | set) or hasattr(value, "tolist"):
        return _entries(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        return _moment(value)
    return "" if value is None else str(value)


def _entries(value: Any) -> str:
    """Of an array or a scalar of numpy, or of a list."""
    plain = value.tolist() if hasattr(value, "tolist") else list(value)
    return ", ".join(readable(entry) for entry in plain) if isinstance(plain, list) else readable(plain)


def _number(value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _moment(value: datetime) -> str:
    if value != value:  # noqa: PLR0124 - pandas' missing time is not equal to itself
        return ""
    is_day = value.tzinfo is None and value.time() == time()
    return f"{value:%Y-%m-%d}" if is_day else f"{value:%Y-%m-%d %H:%M}{' UTC' if value.tzinfo else ''}"


def partition_day(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> date:
    """The day (or first day of the month) of the run's partition."""
    return date.fromisoformat(context.partition_key)
