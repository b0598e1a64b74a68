"""Reading by REST: one query, page after page. For what is too small to be worth a Bulk job."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceExpiredSession

from salesinsight_assets.adapters.salesforce.errors import IncompleteReadError, SalesforceCallError
from salesinsight_assets.adapters.salesforce.session import OrgSession
from salesinsight_assets.adapters.salesforce.soql import TableQuery, stamp_field

Page = list[dict[str, Any]]

LONGEST_ADDRESS_BYTES = 16_000
"""Salesforce refuses an address of more than 16,384 bytes; proxies may add to it."""

_MOST_STARTS = 4
_LOST_PLACE_CODES = ("INVALID_QUERY_LOCATOR", "INVALID_LOCATOR", "NOT_FOUND", "HTTP 404")


class _LostPlaceError(Exception):
    """The rest of a result cannot be read, or its rows are not those that were announced; the message says which."""


def address_bytes(session: OrgSession, soql: str) -> int:
    """The length of the address that asks for `soql`. Raises SalesforceCallError where there is no login."""
    return len(f"{session.base_url}queryAll/?{urlencode({'q': soql})}".encode())


def row_count(session: OrgSession, query: TableQuery) -> int | None:
    """How many rows `query` finds; None where Salesforce takes too long to count them."""
    asked = f"count of {query.table.salesforce_object}"
    try:
        answer = session.ask(asked, lambda org: org.query(query.count, include_deleted=query.includes_deleted))
    except SalesforceCallError as refused:
        if refused.code == "QUERY_TIMEOUT":
            return None
        raise
    counted = _aggregate(answer.get("records") or [])
    return int(answer["totalSize"]) if counted is None else counted


def first_stamp(session: OrgSession, query: TableQuery) -> datetime | None:
    """The earliest stamp among the rows that `query` finds."""
    asked = f"first stamp of {query.table.salesforce_object}"
    answer = session.ask(asked, lambda org: org.query(query.first_stamp, include_deleted=query.includes_deleted))
    records: Page = answer["records"]
    return datetime.fromisoformat(records[0][stamp_field(query.table)]) if records else None


def pages(session: OrgSession, query: TableQuery, page_size: int) -> Iterator[Page]:
    """Pages of records by Salesforce field.

    A locator dies with its session, so a query cut off by an expired session starts again and its first rows come
    twice; likewise where rows came or went while it was read.

    Raises:
        IncompleteReadError: the place in the result was lost again and again, or its rows were never as announced.
        SalesforceCallError: Salesforce refused or was not reached.
    """
    lost = "session or locator expired"
    for _ in range(_MOST_STARTS):
        try:
            yield from _pages_of_one_start(session, query, page_size)
        except SalesforceExpiredSession:
            lost = "its session expired"
        except _LostPlaceError as reason:
            lost = str(reason)
        else:
            return
    raise IncompleteReadError(
        f"{query.table.salesforce_object}: expected to reach the last page, lost the place {_MOST_STARTS} times, in the "
        f"end because {lost}; nothing is stored, the next sync tries again; if this recurs, lengthen the user's session "
        "or lower SALESFORCE_BULK_THRESHOLD"
    )


def _pages_of_one_start(session: OrgSession, query: TableQuery, page_size: int) -> Iterator[Page]:
    asked = f"page of {query.table.salesforce_object}"
    options = {"Sforce-Query-Options": f"batchSize={page_size}"}
    answer: Any = session.ask(
        asked, lambda org: org.query(query.ordered_rows, include_deleted=query.includes_deleted, headers=options)
    )
    announced, received = answer.get("totalSize"), _Received()
    yield received.noted(answer["records"])
    while not answer.get("done", "nextRecordsUrl" not in answer):
        answer = _next_answer(session, asked, answer, options)
        yield received.noted(answer["records"])
    if announced is not None and received.rows != int(announced):
        raise _LostPlaceError(f"{announced} rows were announced and {received.rows} came")


def _next_answer(session: OrgSession, asked: str, answer: Mapping[str, Any], options: Mapping[str, str]) -> Any:
    following = str(answer.get("nextRecordsUrl") or "")
    if not following:
        raise _LostPlaceError("a page was not the last and named no next one")
    try:
        return session.ask_in_session(
            asked, lambda org: org.query_more(_on_host(org, following), identifier_is_url=True, headers=options)
        )
    except SalesforceCallError as failure:
        if failure.code not in _LOST_PLACE_CODES:
            raise
    raise _LostPlaceError("the locator expired")


def _on_host(org: Salesforce, address: str) -> str:
    """The path of the next page; an address of another host would get the access token."""
    parts = urlsplit(address)
    home = urlsplit(org.base_url)
    if parts.netloc and (parts.hostname, parts.port or 443) != (home.hostname, home.port or 443):
        raise SalesforceCallError(
            f"next page: expected an address on {home.netloc}, got one on {parts.netloc}; check SALESFORCE_LOGIN_URL"
        )
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    return path + (f"?{parts.query}" if parts.query else "")


class _Received:
    """The rows that came so far; one that came twice at the border of two pages counts once."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._without_id = 0

    def noted(self, page: Page) -> Page:
        for record in page:
            if "Id" in record:
                self._ids.add(record["Id"])
            else:
                self._without_id += 1
        return page

    @property
    def rows(self) -> int:
        return len(self._ids) + self._without_id


def _aggregate(records: Page) -> int | None:
    """The count, where it is told as the only record's value, as for COUNT(Id), rather than as totalSize."""
    if len(records) != 1:
        return None
    numbers = [value for key, value in records[0].items() if key != "attributes" and type(value) is int]
    return numbers[0] if len(numbers) == 1 else None
