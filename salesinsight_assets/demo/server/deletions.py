"""getDeleted: what was deleted between two moments, as far as Salesforce tells."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from salesinsight_assets.demo.objects import SalesforceObject
from salesinsight_assets.demo.server.answers import SalesforceError
from salesinsight_assets.demo.storage import org_clock, stamp_text

_REACH = timedelta(days=30)
_SHORTEST_SPAN = timedelta(minutes=1)


@dataclass
class DeletionRules:
    """How getDeleted answers: `latestDateCovered` lags behind the org's clock by `lag`.

    With `ignores_seconds` both moments count as their whole minute, as the real one documents; without, tests whose
    clock stands still see their deletions at once. More than `most_ids` are an error.
    """

    lag: timedelta = timedelta(0)
    ignores_seconds: bool = False
    most_ids: int = 600_000

    def answer(self, connection: sqlite3.Connection, known: SalesforceObject, start: str, end: str) -> dict[str, Any]:
        """The answer for moments as given in the address.

        Raises:
            SalesforceError: a wrong span, an object that is not replicateable, too many Ids.
        """
        if not known.is_replicateable:
            raise SalesforceError("INVALID_TYPE", f"object type '{known.name}' is not replicable")
        now, first, last = org_clock(connection), self._moment(start), self._moment(end)
        _check_span(first, last, now)
        covered = min(last, now - self.lag)
        records = _deleted_records(connection, known, stamp_text(first), stamp_text(min(last, covered)))
        if len(records) > self.most_ids:
            raise SalesforceError("EXCEEDED_ID_LIMIT", f"Too many deleted records, limit is {self.most_ids}")
        return {
            "deletedRecords": records,
            "earliestDateAvailable": stamp_text(now - _REACH),
            "latestDateCovered": stamp_text(covered),
        }

    def _moment(self, text: str) -> datetime:
        try:
            # A plus sign that was not escaped in the address arrives as a blank.
            moment = datetime.fromisoformat(text.replace(" ", "+"))
        except ValueError as error:
            raise SalesforceError(
                "INVALID_REPLICATION_DATE", f"expected an ISO 8601 date and time, got {text!r}"
            ) from error
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.replace(second=0, microsecond=0) if self.ignores_seconds else moment


def _check_span(start: datetime, end: datetime, now: datetime) -> None:
    if start < now - _REACH:
        raise SalesforceError("INVALID_REPLICATION_DATE", "startDate before org earliest available date")
    if end - start < _SHORTEST_SPAN:
        raise SalesforceError("INVALID_REPLICATION_DATE", "endDate must be at least one minute greater than startDate")


def _deleted_records(
    connection: sqlite3.Connection, known: SalesforceObject, start: str, end: str
) -> list[dict[str, str]]:
    binned = (
        f'SELECT Id, SystemModstamp FROM "{known.table}" WHERE IsDeleted AND SystemModstamp >= :start '
        "AND SystemModstamp < :end UNION ALL "
    )
    rows = connection.execute(
        f"{binned if known.has('IsDeleted') else ''}SELECT id, erased_at FROM erased_records "
        "WHERE object = :object AND erased_at >= :start AND erased_at < :end ORDER BY 2, 1",
        {"start": start, "end": end, "object": known.table},
    )
    return [{"id": record_id, "deletedDate": deleted_at} for record_id, deleted_at in rows]
