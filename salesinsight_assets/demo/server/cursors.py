"""Query results that are handed out in pages: which rows a query found, remembered by number alone.

Eight bytes a row, whatever its width; the rows themselves are read page by page.
"""

import itertools
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from salesinsight_assets.demo.ids import salesforce_ids
from salesinsight_assets.demo.server.answers import SalesforceError
from salesinsight_assets.demo.server.csv_sql import add_csv_functions, csv_line_sql
from salesinsight_assets.demo.server.soql_sql import Selection
from salesinsight_assets.demo.storage import connect

_ROWS_PER_READ = 2000


@dataclass(frozen=True)
class Result:
    """The rows that a query found, in their order."""

    selection: Selection
    rowids: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rowids)

    def rows(self, path: Path, start: int, stop: int) -> Iterator[Sequence[Any]]:
        """The rows from `start` up to `stop`. A row erased meanwhile is left out."""
        columns = ", ".join(field.sql for field in self.selection.fields)
        for rows in self._reads(path, columns, start, stop):
            yield from rows

    def csv(self, path: Path, start: int, stop: int) -> Iterator[str]:
        """The lines of the rows from `start` up to `stop` as the Bulk API writes them, a few thousand at a time."""
        for lines in self._reads(path, csv_line_sql(self.selection.fields), start, stop):
            yield "".join([f"{line}\n" for (line,) in lines])

    def _reads(self, path: Path, columns: str, start: int, stop: int) -> Iterator[list[Sequence[Any]]]:
        sql, stop = self.selection.rows_sql(columns), min(stop, len(self))
        connection = connect(path)
        add_csv_functions(connection)
        try:
            for first in range(start, stop, _ROWS_PER_READ):
                wanted = self.rowids[first : min(first + _ROWS_PER_READ, stop)].tolist()
                yield connection.execute(sql, (json.dumps(wanted),)).fetchall()
        finally:
            connection.close()


def found(path: Path, selection: Selection) -> Result:
    """Run a query; only the numbers of its rows are kept."""
    rows = (row[0] for row in _executed(path, selection.rowids_sql, selection))
    rowids = np.fromiter(rows, dtype=np.int64)
    return Result(selection, rowids if selection.is_ordered else np.sort(rowids))


def counted(path: Path, selection: Selection) -> int:
    """How many rows a query finds."""
    return next(_executed(path, selection.count_sql, selection))[0]


def _executed(path: Path, sql: str, selection: Selection) -> Iterator[Sequence[Any]]:
    connection = connect(path)
    try:
        yield from connection.execute(sql, selection.parameters)
    except sqlite3.OperationalError as error:
        raise SalesforceError("UNKNOWN_EXCEPTION", f"An unexpected error occurred: {error}", 500) from error
    finally:
        connection.close()


class Cursors:
    """Results that a client may still page through, each bound to the session that asked."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._results: dict[str, tuple[str, Result]] = {}

    def keep(self, token: str, result: Result) -> str:
        """Remember a result for a session; returns its locator."""
        locator = str(salesforce_ids("01g", [next(self._numbers)])[0])
        self._results[locator] = (token, result)
        return locator

    def result(self, token: str, locator: str) -> Result:
        """The result of a locator.

        Raises:
            SalesforceError: INVALID_QUERY_LOCATOR where there is none, or it is another session's.
        """
        owner, result = self._results.get(locator, (None, None))
        if result is None or owner != token:
            raise SalesforceError("INVALID_QUERY_LOCATOR", "invalid query locator")
        return result
