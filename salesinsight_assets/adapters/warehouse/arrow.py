"""DataFrames as Arrow tables of a SQL table's types, which the driver copies in binary without losing a type."""

from typing import Any

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

ARROW_TYPES: tuple[tuple[type[sa.types.TypeEngine[Any]], pa.DataType], ...] = (
    (JSONB, pa.json_(pa.string())),
    (sa.ARRAY, pa.list_(pa.string())),
    (TIMESTAMP, pa.timestamp("us", "UTC")),
    (sa.Date, pa.date32()),
    (sa.Double, pa.float64()),
    (sa.BigInteger, pa.int64()),
    (sa.Boolean, pa.bool_()),
    (sa.Text, pa.string()),
)


def arrow_type(column: sa.Column[Any]) -> pa.DataType:
    """The Arrow type that goes into `column` without a cast."""
    for sql_type, found in ARROW_TYPES:
        if isinstance(column.type, sql_type):
            return found
    raise TypeError(f"no Arrow type for {column.type} of column {column.name}; add one to ARROW_TYPES")


def to_arrow(frame: pd.DataFrame, table: sa.Table) -> pa.Table:
    """`frame` as an Arrow table with exactly the columns of `table`.

    Raises:
        ValueError: the frame lacks a column of the table, or has one too many.
    """
    expected = [column.name for column in table.columns]
    if set(expected) != set(frame.columns):
        odd = sorted(set(expected) ^ set(frame.columns))
        raise ValueError(f"{table.fullname}: expected exactly its columns, but {', '.join(odd)} differ")
    return pa.table({column.name: _array(frame[column.name], arrow_type(column)) for column in table.columns})


def _array(values: pd.Series, kind: pa.DataType) -> pa.Array:
    if isinstance(kind, pa.JsonType):
        return pa.array(values, type=pa.string(), from_pandas=True).cast(kind)
    if pa.types.is_date32(kind) and pd.api.types.is_datetime64_any_dtype(values):
        return pa.array(values.dt.date, type=kind, from_pandas=True)
    return pa.array(values, type=kind, from_pandas=True)


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """A result as DataFrame: dates as datetime64 at midnight, timestamps in UTC, JSON as text."""
    return table.to_pandas(date_as_object=False)
