"""A large read in parts: spans of stamps that hold no more rows than fit into one transaction.

Parts are read and stored in the order of their stamps, so that the end of the last stored one is a cursor to go on from.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from salesinsight_assets.domain.crm.source import CrmSource
from salesinsight_assets.domain.crm.tables import CrmTable

_NARROWEST = timedelta(seconds=1)
_NARROWEST_UNCOUNTED = timedelta(days=1)
"""Where Salesforce cannot count at all, dividing further would only multiply the queries."""
_FILLING = 0.8
_FASTEST_GROWTH = 4.0


@dataclass(frozen=True)
class Slice:
    """The rows with `since <= stamp < until`; `rows` is how many there are, `of` how many all slices have together.

    None where nobody counted them.
    """

    since: datetime | None
    until: datetime
    rows: int | None
    of: int | None


def slices(
    source: CrmSource, table: CrmTable, since: datetime | None, until: datetime, rows_at_once: int
) -> Iterator[Slice]:
    """Spans from `since` to `until` without a gap, of at most `rows_at_once` rows each.

    A span of a second is not divided further, however many rows one moment holds, nor one of a day that nobody can count. The count of a span is asked when
    its turn comes; a table that is read in full is one slice.
    """
    if table.cursor_field is None:
        yield Slice(None, until, None, None)
        return
    rows = total = source.count(table, since, until)
    first = None if _fits(rows, rows_at_once) else source.first_stamp(table)
    if first is None:
        yield Slice(since, until, rows, total)
        return
    # what is older than the first stamp, as by a late commit, belongs to the first slice
    begin, place = since, max(first, since) if since else first
    width = _scaled(until - place, rows, rows_at_once)
    while True:
        end = min(place + width, until)
        rows = source.count(table, begin, end)
        narrowest = _NARROWEST_UNCOUNTED if rows is None else _NARROWEST
        if not _fits(rows, rows_at_once) and end - place > narrowest:
            width = max(_scaled(end - place, rows, rows_at_once), narrowest)
            continue
        yield Slice(begin, end, rows, total)
        if end >= until:
            return
        begin = place = end
        width = max(_scaled(width, rows, rows_at_once), narrowest)


def _fits(rows: int | None, rows_at_once: int) -> bool:
    return rows is not None and rows <= rows_at_once


def _scaled(width: timedelta, rows: int | None, rows_at_once: int) -> timedelta:
    """The width at which the same density of rows fills most of a slice; half of it where they could not be counted."""
    if rows is None:
        return width / 2
    return width * (min(_FILLING * rows_at_once / rows, _FASTEST_GROWTH) if rows else _FASTEST_GROWTH)
