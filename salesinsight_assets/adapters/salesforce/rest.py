"""Reading by REST: one query, page after page. For what is too small to be worth a Bulk job."""

from collections.abc import Iterator
from typing import Any

from simple_salesforce.exceptions import SalesforceExpiredSession

from salesinsight_assets.adapters.salesforce.errors import IncompleteReadError, SalesforceCallError
from salesinsight_assets.adapters.salesforce.session import OrgSession
from salesinsight_assets.adapters.salesforce.soql import TableQuery

Page = list[dict[str, Any]]

_MOST_STARTS = 4


def row_count(session: OrgSession, query: TableQuery) -> int:
    """How many rows `query` finds."""
    asked = f"count of {query.table.salesforce_object}"
    answer = session.ask(asked, lambda org: org.query(query.count, include_deleted=query.includes_deleted))
    return int(answer["totalSize"])


def pages(session: OrgSession, query: TableQuery, page_size: int) -> Iterator[Page]:
    """Pages of records by Salesforce field.

    A locator dies with its session, so a query cut off by an expired session starts again and its first rows come
    twice.

    Raises:
        IncompleteReadError: the place in the result was lost again and again.
        SalesforceCallError: Salesforce refused or was not reached.
    """
    for _ in range(_MOST_STARTS):
        try:
            yield from _pages_of_one_session(session, query, page_size)
        except SalesforceExpiredSession:
            continue
        except SalesforceCallError as failure:
            if failure.code != "INVALID_QUERY_LOCATOR":
                raise
        else:
            return
    raise IncompleteReadError(
        f"{query.table.salesforce_object}: expected to reach the last page, lost the place {_MOST_STARTS} times "
        "because session or locator expired; lengthen the user's session, or lower SALESFORCE_BULK_THRESHOLD"
    )


def _pages_of_one_session(session: OrgSession, query: TableQuery, page_size: int) -> Iterator[Page]:
    asked = f"page of {query.table.salesforce_object}"
    options = {"Sforce-Query-Options": f"batchSize={page_size}"}
    answer = session.ask(
        asked, lambda org: org.query(query.ordered_rows, include_deleted=query.includes_deleted, headers=options)
    )
    yield answer["records"]
    while not answer["done"]:
        following = str(answer["nextRecordsUrl"])
        answer = session.ask_in_session(
            asked, lambda org, url=following: org.query_more(url, identifier_is_url=True, headers=options)
        )
        yield answer["records"]
