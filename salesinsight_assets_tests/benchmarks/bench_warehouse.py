"""Writes and reads of 100,000 rows x 20 columns: the warehouse's own against the driver's bare copy. Aim: 1.5 times."""

import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from salesinsight_assets.adapters.warehouse import embedded_postgres
from salesinsight_assets.adapters.warehouse.schema import ensure_database
from salesinsight_assets.adapters.warehouse.warehouse import Warehouse

ROWS, ROUNDS = 100_000, 5
DAY = date(2026, 6, 30)


def test_writing_and_reading_a_partition(tmp_path: Path) -> None:
    numbers = np.random.default_rng(1)
    frame = pd.DataFrame(
        {f"n{i}": numbers.random(ROWS) for i in range(12)}
        | {f"t{i}": [f"0068c{k:013d}" for k in range(ROWS)] for i in range(7)}
    )
    table = sa.Table(
        "bench",
        sa.MetaData(),
        sa.Column("as_of_date", sa.Date),
        *(sa.Column(name, sa.Double if name.startswith("n") else sa.Text) for name in frame.columns),
        schema="public",
    )
    columns = ", ".join(
        f"{c.name} {'date' if c.name == 'as_of_date' else 'float8' if c.name[0] == 'n' else 'text'}" for c in table.c
    )
    bare = pa.Table.from_pandas(frame.assign(as_of_date=DAY)[[c.name for c in table.c]], preserve_index=False)
    with embedded_postgres(tmp_path) as server:
        store = Warehouse(ensure_database(server, "bench"))
        for name in ("bench", "bare"):
            store.execute(f"CREATE TABLE {name} ({columns})")
        with adbc.connect(store.url) as connection, connection.cursor() as cursor:

            def bare_write() -> None:
                cursor.execute("TRUNCATE bare")
                cursor.adbc_ingest("bare", bare, mode="append")
                connection.commit()

            def bare_read() -> None:
                cursor.execute("SELECT * FROM bare")
                cursor.fetch_arrow_table().to_pandas()

            report("write", lambda: store.replace_partition(table, {"as_of_date": DAY}, frame), bare_write)
            report("read", lambda: store.read("SELECT * FROM bench WHERE as_of_date = $1", (DAY,)), bare_read)


def report(what: str, ours: Callable[[], None], theirs: Callable[[], None]) -> None:
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS + 1)][1:]
    mine, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"\n{what} {ROWS:,} x 20: warehouse {mine:.2f} s, bare copy {bare:.2f} s, ratio {mine / bare:.2f} (aim 1.5)")


def seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
