"""Salesforce as a source of CRM rows for the sync: what there is, what time it is, what changed.

Decides between REST and Bulk and types the rows. What belongs elsewhere: the loop over tables (domain.crm.sync).
"""

import logging
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from salesinsight_assets.adapters.salesforce import answers, bulk, rest
from salesinsight_assets.adapters.salesforce.errors import SalesforceCallError
from salesinsight_assets.adapters.salesforce.quota import ApiUsage
from salesinsight_assets.adapters.salesforce.session import OrgAccess, OrgSession
from salesinsight_assets.adapters.salesforce.soql import TableQuery, alive, between, having
from salesinsight_assets.domain.crm.rows import typed_table
from salesinsight_assets.domain.crm.source import Deletions, ObjectDescription, SourceUsage
from salesinsight_assets.domain.crm.tables import Column, CrmTable
from salesinsight_assets.settings import SalesforceSettings

_log = logging.getLogger(__name__)

_ENCODED_ID_BYTES = 27  # 18 characters, two quotes and a comma, the three of them as %27 and %2C
_FEWEST_IDS_BY_REST = 50
_MOST_IDS_BY_BULK = 2000  # well within the 100,000 characters of a query


class SalesforceClient:
    """A `domain.crm.source.CrmSource` on one Salesforce org; logs in at the first call.

    Every method raises `SalesforceCallError` where Salesforce refuses or cannot be reached within the retry budget, and
    its `LoginError` where it gives no session.
    """

    def __init__(
        self, settings: SalesforceSettings, bulk_part_rows: int = bulk.PART_ROWS, access: OrgAccess | None = None
    ) -> None:
        self._settings = settings
        self._bulk_part_rows = bulk_part_rows
        self._session = OrgSession(settings, access)

    def sibling(self) -> Self:
        """A client for another thread: with connections and counts of its own, on the same login, budget and quota."""
        return type(self)(self._settings, self._bulk_part_rows, self._session.access)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client may be used again and opens them anew."""
        self._session.close()

    def server_time(self) -> datetime:
        """Salesforce's own time in UTC, from the Date header, in whole seconds rounded down."""
        limits: Any = None
        try:
            limits = self._session.ask("limits of the org", lambda org: org.limits())
        except SalesforceCallError as refused:
            if refused.code not in ("NOT_FOUND", "HTTP 404"):  # any answer tells the time
                raise
        transport, daily = self._session.transport, _daily_usage(limits)
        if daily and transport.told_usage is None:
            self._session.access.quota.note(daily)
        if transport.server_time is None:
            raise SalesforceCallError(
                "limits of the org: expected a Date header, got none; check what stands between here and Salesforce"
            )
        return transport.server_time

    def described(self, table: CrmTable) -> ObjectDescription | None:
        """What the user may read of the object; None where the object is absent or hidden."""
        return answers.described(self._session, table.salesforce_object)

    def count(self, table: CrmTable, since: datetime | None, until: datetime | None) -> int | None:
        """How many rows there are with `since <= stamp < until`; None where Salesforce takes too long to count them."""
        return rest.row_count(self._session, between(table, (), since, until))

    def count_alive(self, table: CrmTable, born_before: datetime) -> int | None:
        """How many rows that are not deleted were created before a moment; None where they take too long to count."""
        return rest.row_count(self._session, alive(table, born_before))

    def first_stamp(self, table: CrmTable) -> datetime | None:
        """The earliest stamp of any row; None where there are no rows."""
        return rest.first_stamp(self._session, between(table, (), None, None))

    def changes(
        self,
        table: CrmTable,
        columns: Sequence[Column],
        since: datetime | None,
        until: datetime | None,
        expected_rows: int | None = None,
    ) -> Iterator[pa.Table]:
        """Batches of `arrow_schema(table, columns)` with `since <= stamp < until`, a page or a part of a job each.

        Where `expected_rows` is not known, the rows are counted first. Raises IncompleteReadError where the rows are
        not as many as were announced.
        """
        query = between(table, columns, since, until)
        yield from self._read(query, self._is_for_bulk(query, expected_rows))

    def rows_with(
        self, table: CrmTable, columns: Sequence[Column], field: str, values: Sequence[str]
    ) -> Iterator[pa.Table]:
        """Batches of rows whose `field` is one of the Ids, asked for in as few queries as addresses hold.

        Raises:
            ValueError: one of `values` is no Id.
        """
        single = self._address_bytes(having(table, columns, field, values[:1]))
        room = (rest.LONGEST_ADDRESS_BYTES - single) // _ENCODED_ID_BYTES
        is_for_bulk = room < _FEWEST_IDS_BY_REST
        chunk = _MOST_IDS_BY_BULK if is_for_bulk else room
        for start in range(0, len(values), chunk):
            yield from self._read(having(table, columns, field, values[start : start + chunk]), is_for_bulk)

    def deletions(self, table: CrmTable, since: datetime, until: datetime) -> Deletions | None:
        """What was deleted between two moments; None where the org cannot tell, or no more that far back."""
        return answers.deletions(self._session, table.salesforce_object, since, until)

    def usage(self) -> SourceUsage:
        """API calls and repeats of this client so far, and seconds on a monotonic clock."""
        return SourceUsage(self._session.transport.api_calls, self._session.retries, time.monotonic())

    @property
    def api_usage(self) -> ApiUsage | None:
        """The org's own count of API calls, of all its users; None before the first answer."""
        return self._session.access.quota.latest

    def _is_for_bulk(self, query: TableQuery, expected_rows: int | None) -> bool:
        if self._address_bytes(query) > rest.LONGEST_ADDRESS_BYTES:
            return True  # there the query is in the body
        # Objects read in full are small, and some of them, such as OpportunityStage, are unknown to the Bulk API.
        if query.table.cursor_field is None:
            return False
        rows = rest.row_count(self._session, query) if expected_rows is None else expected_rows
        return rows is None or rows >= self._settings.bulk_threshold

    def _address_bytes(self, query: TableQuery) -> int:
        return rest.address_bytes(self._session, query.ordered_rows)

    def _read(self, query: TableQuery, is_for_bulk: bool) -> Iterator[pa.Table]:
        for records in self._bulk_or_rest(query) if is_for_bulk else self._rest_pages(query):
            yield typed_table(query.table, records, query.columns)

    def _bulk_or_rest(self, query: TableQuery) -> Iterator[pa.Table | rest.Page]:
        name, without_bulk = query.table.salesforce_object, self._session.access.objects_without_bulk
        if name not in without_bulk:
            try:
                yield from bulk.parts(self._session, query, self._bulk_part_rows)
            except bulk.NoBulkError as refused:
                if self._address_bytes(query) > rest.LONGEST_ADDRESS_BYTES:
                    raise  # there is no other way for a query this long
                without_bulk.add(name)
                _log.warning("%s is read by REST, since Bulk is refused: %s", name, refused)
            else:
                return
        yield from self._rest_pages(query)

    def _rest_pages(self, query: TableQuery) -> Iterator[rest.Page]:
        return rest.pages(self._session, query, self._settings.page_size)


def _daily_usage(limits: Any) -> ApiUsage | None:
    """What /limits tells where no header does."""
    daily = limits.get("DailyApiRequests") if isinstance(limits, dict) else None
    if not isinstance(daily, dict) or not {"Max", "Remaining"} <= set(daily):
        return None
    return ApiUsage(int(daily["Max"]) - int(daily["Remaining"]), int(daily["Max"]))
