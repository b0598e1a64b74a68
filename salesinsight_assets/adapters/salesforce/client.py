"""Salesforce as a source of CRM rows for the sync: what there is, what time it is, what changed.

Decides between REST and Bulk and types the rows. What belongs elsewhere: the loop over tables (domain.crm.sync).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceResourceNotFound

from salesinsight_assets.adapters.salesforce import bulk, rest
from salesinsight_assets.adapters.salesforce.errors import SalesforceCallError
from salesinsight_assets.adapters.salesforce.session import OrgSession
from salesinsight_assets.adapters.salesforce.soql import TableQuery, table_query
from salesinsight_assets.adapters.salesforce.transport import ApiUsage
from salesinsight_assets.domain.crm.rows import typed_table
from salesinsight_assets.domain.crm.source import SourceUsage
from salesinsight_assets.domain.crm.tables import Column, CrmTable
from salesinsight_assets.settings import SalesforceSettings


class SalesforceClient:
    """A `domain.crm.source.CrmSource` on one Salesforce org; logs in at the first call.

    Every method raises `SalesforceCallError` where Salesforce refuses or cannot be reached within the retry budget, and
    its `LoginError` where it gives no session.
    """

    def __init__(self, settings: SalesforceSettings, bulk_part_rows: int = bulk.PART_ROWS) -> None:
        self._settings = settings
        self._bulk_part_rows = bulk_part_rows
        self._session = OrgSession(settings)

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
        self._session.ask("limits of the org", lambda org: org.limits())
        told = self._session.transport.server_time
        if told is None:
            raise SalesforceCallError(
                "limits of the org: expected a Date header, got none; check what stands in between"
            )
        return told

    def field_types(self, table: CrmTable) -> Mapping[str, str] | None:
        """Salesforce type by field of every field the user may read; None where the object is absent or hidden."""
        name = table.salesforce_object
        described = self._session.ask(f"fields of {name}", lambda org: _described(org, name))
        return described and {field["name"]: field["type"] for field in described["fields"]}

    def changes(
        self, table: CrmTable, columns: Sequence[Column], since: datetime | None, until: datetime
    ) -> Iterator[pa.Table]:
        """Batches of `arrow_schema(table, columns)` with `since <= stamp < until`, a page or a part of a job each."""
        query = table_query(table, columns, since, until)
        batches = self._bulk_parts(query) if self._is_for_bulk(query) else self._rest_pages(query)
        for records in batches:
            yield typed_table(table, records, columns)

    def usage(self) -> SourceUsage:
        """API calls and repeats so far, and seconds on a monotonic clock."""
        return SourceUsage(self._session.transport.api_calls, self._session.retries, time.monotonic())

    @property
    def api_usage(self) -> ApiUsage | None:
        """The org's own count of API calls, of all its users; None before the first answer."""
        return self._session.transport.api_usage

    def _is_for_bulk(self, query: TableQuery) -> bool:
        # Objects read in full are small, and some of them, such as OpportunityStage, are unknown to the Bulk API.
        return query.table.cursor_field is not None and (
            rest.row_count(self._session, query) >= self._settings.bulk_threshold
        )

    def _rest_pages(self, query: TableQuery) -> Iterator[rest.Page]:
        return rest.pages(self._session, query, self._settings.page_size)

    def _bulk_parts(self, query: TableQuery) -> Iterator[pa.Table]:
        return bulk.parts(self._session, query, self._bulk_part_rows)


def _described(org: Salesforce, name: str) -> Any:
    try:
        return org.restful(f"sobjects/{name}/describe")
    except SalesforceResourceNotFound:
        return None
