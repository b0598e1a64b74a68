"""Rows as DataFrames of the types of their table, as the nights read them: what is worked out from both is the same."""

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from salesinsight_assets.adapters.dashboard.rows import Row
from salesinsight_assets.adapters.warehouse.arrow import arrow_type, to_pandas


def typed_frame(rows: Sequence[Row], table: sa.Table, columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of a table; text where a type has none of pandas's own."""
    return to_pandas(
        pa.table(
            {name: pa.array([row[name] for row in rows], type=arrow_type(table.columns[name])) for name in columns}
        )
    )
