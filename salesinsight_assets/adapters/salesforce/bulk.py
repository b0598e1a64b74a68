"""Reading by Bulk API 2.0: a query job on the server, its result fetched as CSV in bounded parts.

Of simple_salesforce this uses the session, the addresses and the errors, not `bulk2`: that one waits for up to a day,
compares no row counts, and its `delete_job` fails on the empty answer that a deletion gets.
"""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.csv as pa_csv
from simple_salesforce.api import Salesforce
from simple_salesforce.util import exception_handler

from salesinsight_assets.adapters.salesforce.errors import IncompleteReadError, SalesforceCallError
from salesinsight_assets.adapters.salesforce.session import OrgSession
from salesinsight_assets.adapters.salesforce.soql import TableQuery

_Answer = TypeVar("_Answer")

PART_ROWS = 50_000
LONGEST_JOB_SECONDS = 3600.0
_FIRST_POLL_SECONDS = 0.1
_LONGEST_POLL_SECONDS = 10.0


_MOST_STARTS = 2
_GONE_CODES = ("NOT_FOUND", "HTTP 404")
_NO_BULK_CODES = (
    "API_DISABLED",
    "API_DISABLED_FOR_ORG",
    "FEATURENOTENABLED",
    "FUNCTIONALITY_NOT_ENABLED",
    "INVALIDENTITY",  # an object that Bulk does not know
    *_GONE_CODES,
)


class NoBulkError(SalesforceCallError):
    """The org takes no Bulk query of this object."""


class _GoneError(Exception):
    """A job that was there is no more."""


@dataclass(frozen=True)
class _Part:
    """One part of a job's result: the CSV, its announced number of rows, and where the next part begins."""

    csv: bytes
    rows: int
    next_locator: str | None


def parts(session: OrgSession, query: TableQuery, part_rows: int = PART_ROWS) -> Iterator[pa.Table]:
    """Tables of text columns by Salesforce field, at most `part_rows` rows each; the job is deleted afterwards.

    Where the job is gone before its result was read, it is made once more, and its first rows come twice.

    Raises:
        NoBulkError: the org has no Bulk API, or not for this object.
        IncompleteReadError: the job failed, took too long, or gave another number of rows than it announced.
        SalesforceCallError: Salesforce refused or was not reached.
    """
    name = query.table.salesforce_object
    for _ in range(_MOST_STARTS):
        try:
            yield from _parts_of_one_job(session, query, part_rows)
        except _GoneError:
            continue
        return
    raise IncompleteReadError(
        f"Bulk job of {name}: expected its result, got HTTP 404 from {_MOST_STARTS} jobs one after the other; "
        "see Setup > Bulk Data Load Jobs for who deletes them; the next sync tries again"
    )


def _parts_of_one_job(session: OrgSession, query: TableQuery, part_rows: int) -> Iterator[pa.Table]:
    name = query.table.salesforce_object
    job_id = _created(session, query)
    try:
        announced = _finished(session, job_id, name)
        received = 0
        for part in _parts(session, job_id, name, part_rows):
            table = _text_table(part, query)
            received += table.num_rows
            yield table
            if announced is not None and received > announced:
                break
        if announced not in (None, received):
            raise IncompleteReadError(_other_count(f"the whole Bulk result of {name}", announced, received))
    finally:
        _delete(session, job_id, name)


def _created(session: OrgSession, query: TableQuery) -> str:
    job = {
        "operation": "queryAll" if query.includes_deleted else "query",
        "query": query.rows,
        "contentType": "CSV",
        "columnDelimiter": "COMMA",
        "lineEnding": "LF",
    }
    asked = f"Bulk query of {query.table.salesforce_object}"
    try:
        created: Any = session.ask(asked, lambda org: org.restful("jobs/query", method="POST", json=job))
    except SalesforceCallError as refused:
        if refused.code in _NO_BULK_CODES:
            raise NoBulkError(str(refused), refused.code) from refused
        raise
    return str(created["id"])


def _asked_of_job(session: OrgSession, asked: str, call: Callable[[Salesforce], _Answer]) -> _Answer:
    try:
        return session.ask(asked, call)
    except SalesforceCallError as refused:
        if refused.code in _GONE_CODES:
            raise _GoneError from refused
        raise


def _finished(session: OrgSession, job_id: str, name: str) -> int | None:
    """The number of rows that the finished job announces; None where only its parts announce theirs."""
    deadline, wait = time.monotonic() + LONGEST_JOB_SECONDS, _FIRST_POLL_SECONDS
    while True:
        job: Any = _asked_of_job(session, f"Bulk job of {name}", lambda org: org.restful(f"jobs/query/{job_id}"))
        if job["state"] == "JobComplete":
            rows = job.get("numberRecordsProcessed")
            return None if rows is None else int(rows)
        if job["state"] in ("Failed", "Aborted"):
            raise IncompleteReadError(
                f"Bulk job of {name}: expected JobComplete, got {job['state']} "
                f"({job.get('errorMessage', 'no message')}); the next sync tries again"
            )
        if time.monotonic() + wait > deadline:
            _abort(session, job_id, name)
            raise IncompleteReadError(
                f"Bulk job of {name}: expected an end within {LONGEST_JOB_SECONDS:.0f} s, got state {job['state']}; "
                "see Setup > Bulk Data Load Jobs; the next sync tries again"
            )
        time.sleep(wait)
        wait = min(wait * 1.5, _LONGEST_POLL_SECONDS)


def _parts(session: OrgSession, job_id: str, name: str, part_rows: int) -> Iterator[_Part]:
    locator: str | None = None
    while True:
        params = {"maxRecords": str(part_rows)} | ({"locator": locator} if locator else {})
        part = _asked_of_job(session, f"Bulk result of {name}", lambda org, at=params: _part(org, job_id, name, at))
        yield part
        locator = part.next_locator
        if locator is None:
            return


def _part(org: Salesforce, job_id: str, name: str, params: dict[str, str]) -> _Part:
    url = f"{org.bulk2_url}query/{job_id}/results"
    headers = {"Authorization": org.headers["Authorization"], "Accept": "text/csv"}
    answer = org.session.get(url, headers=headers, params=params)
    if answer.status_code >= 300:
        exception_handler(answer, name=f"result of job {job_id}")
    rows = answer.headers.get("Sforce-NumberOfRecords", "no such header")
    if not rows.isdigit():
        raise IncompleteReadError(
            f"a part of {name}: expected its number of rows in the header Sforce-NumberOfRecords, got {rows}; "
            "nothing is stored, the next sync tries again; check what stands between here and Salesforce"
        )
    locator = answer.headers.get("Sforce-Locator") or "null"
    return _Part(answer.content, int(rows), None if locator == "null" else locator)


def _text_table(part: _Part, query: TableQuery) -> pa.Table:
    """The part's rows, all as text: what they mean is decided in one place for REST and Bulk."""
    fields = [column.field for column in query.columns]
    empty = pa.table({field: pa.array([], pa.string()) for field in fields})
    table = _parsed(part.csv, fields) if part.csv.strip() else empty
    absent = set(fields) - set(table.column_names)
    if absent:
        raise IncompleteReadError(
            f"a part of {query.table.salesforce_object}: expected a column for every field, got none for "
            f"{', '.join(sorted(absent))}; nothing is stored, the next sync tries again"
        )
    if table.num_rows != part.rows:
        raise IncompleteReadError(_other_count(f"a part of {query.table.salesforce_object}", part.rows, table.num_rows))
    return table


def _parsed(csv: bytes, fields: list[str]) -> pa.Table:
    try:
        return pa_csv.read_csv(
            io.BytesIO(csv),
            read_options=pa_csv.ReadOptions(block_size=max(len(csv), 1)),  # a row must not cross a block's border
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(column_types={field: pa.string() for field in fields}),
        )
    except pa.ArrowInvalid as error:
        raise IncompleteReadError(f"Bulk result: expected a CSV, got {error}; the next sync tries again") from error


def _other_count(what: str, announced: int | None, received: int) -> str:
    return (
        f"{what}: expected the announced {announced} rows, got {received}; nothing is stored, the next sync tries again"
    )


def _abort(session: OrgSession, job_id: str, name: str) -> None:
    """Stop a job that takes too long; only then can it be deleted."""
    with suppress(SalesforceCallError):
        aborted = {"state": "Aborted"}
        session.ask(
            f"end of the Bulk job of {name}",
            lambda org: org.restful(f"jobs/query/{job_id}", method="PATCH", json=aborted),
        )


def _delete(session: OrgSession, job_id: str, name: str) -> None:
    """Delete the job. A job left behind does no harm and expires by itself, so a failure here fails nothing."""
    with suppress(SalesforceCallError):
        session.ask(
            f"deletion of the Bulk job of {name}", lambda org: org.restful(f"jobs/query/{job_id}", method="DELETE")
        )
