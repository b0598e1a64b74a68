"""CRM rows waiting to be written: collected column by column while days pass, written in bulk.

A journal knows Ids, stamps and the form of values, nothing of sales.
"""

import sqlite3
from collections import defaultdict
from datetime import date
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from salesinsight_assets.demo.ids import salesforce_ids
from salesinsight_assets.demo.objects import OBJECTS

Strings = npt.NDArray[np.str_]
Moments = npt.NDArray[np.datetime64]

_WORKING_SECONDS = 10 * 3600


class DayStamps:
    """Moments of one working day, from eight to six in UTC."""

    def __init__(self, rng: np.random.Generator, day: date) -> None:
        self._rng = rng
        self.day = np.datetime64(day, "D")
        self.morning = self.day.astype("datetime64[s]") + np.timedelta64(8, "h")
        self.evening = self.morning + np.timedelta64(_WORKING_SECONDS - 1, "s")

    def moments(self, count: int) -> Moments:
        """Moments drawn after the day's first second."""
        return self.morning + self._rng.integers(1, _WORKING_SECONDS, count).astype("timedelta64[s]")


class Journal:
    """New and changed rows of the CRM, in the order in which they came about."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._next_numbers: dict[str, int] = dict(connection.execute("SELECT object, next_number FROM id_sequences"))
        self._statements: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)

    def new_ids(self, object_name: str, count: int) -> Strings:
        """The next Ids of that object."""
        first = self._next_numbers[object_name]
        self._next_numbers[object_name] = first + count
        return salesforce_ids(OBJECTS[object_name].key_prefix, np.arange(first, first + count))

    def insert(self, object_name: str, ids: Strings, **columns: Any) -> None:
        """Keep new rows; a column is an array or one value for all."""
        self.add(object_name, Id=ids, **columns)

    def add(self, table: str, **columns: Any) -> None:
        """Keep new rows of any table, a hidden one too; at least one column is an array."""
        names = ", ".join(f'"{name}"' for name in columns)
        sql = f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(columns))})'
        self._keep(sql, list(columns.values()))

    def update(self, object_name: str, ids: Strings, **columns: Any) -> None:
        """Keep new values of rows that exist."""
        assignments = ", ".join(f'"{name}" = ?' for name in columns)
        self._keep(f'UPDATE "{object_name}" SET {assignments} WHERE Id = ?', [*columns.values(), ids])

    def _keep(self, sql: str, columns: list[Any]) -> None:
        arrays = [cast("npt.NDArray[Any]", column) for column in columns if isinstance(column, np.ndarray)]
        count = len(arrays[0])
        self._statements[sql].extend(zip(*(_values(column, count) for column in columns), strict=True))

    def write(self) -> None:
        """Write all that was kept: new rows first, since a change may be to one of them."""
        for sql, rows in sorted(self._statements.items(), key=lambda item: not item[0].startswith("INSERT")):
            self._connection.executemany(sql, rows)
        numbers = [(number, name) for name, number in self._next_numbers.items()]
        self._connection.executemany("UPDATE id_sequences SET next_number = ? WHERE object = ?", numbers)
        self._statements.clear()


def stamps(moments: Moments) -> Strings:
    """Moments as Salesforce writes them in JSON."""
    return np.strings.add(np.datetime_as_string(moments.astype("datetime64[s]")), ".000+0000")


def _values(column: Any, count: int) -> list[Any]:
    if not isinstance(column, np.ndarray):
        return [column] * count
    array = cast("npt.NDArray[Any]", column)
    if array.dtype.kind != "M":
        return array.tolist()
    is_date = np.datetime_data(array.dtype)[0] == "D"
    return (np.datetime_as_string(array) if is_date else stamps(array)).tolist()
