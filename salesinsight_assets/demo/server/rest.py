"""The REST API: query and queryAll with paging, describe, limits, and what was deleted."""

import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from salesinsight_assets.demo.objects import OBJECTS, SalesforceObject, salesforce_object
from salesinsight_assets.demo.server.answers import DATA_PATH, SalesforceError, field_description, json_record
from salesinsight_assets.demo.server.cursors import Cursors, Result, found
from salesinsight_assets.demo.server.faults import Faults
from salesinsight_assets.demo.server.soql_sql import selection
from salesinsight_assets.demo.storage import connect, org_clock, stamp_text

_DEFAULT_PAGE, _SMALLEST_PAGE, _LARGEST_PAGE = 2000, 200, 2000
_DELETED_REACH = timedelta(days=30)


@dataclass
class ApiUsage:
    """How many calls the org has answered of those it grants in 24 hours."""

    granted: int = 100_000
    used: int = 0


class RestApi:
    """One org's REST endpoints."""

    def __init__(
        self, company_path: Path, faults: Faults, usage: ApiUsage, smallest_page: int = _SMALLEST_PAGE
    ) -> None:
        self._path = company_path
        self._faults = faults
        self._usage = usage
        self._smallest_page = smallest_page
        self._cursors = Cursors()

    def query(self, request: Request) -> Response:
        """GET /query?q= and /queryAll?q=."""
        with_deleted = request.url.path.rstrip("/").endswith("queryAll")
        chosen = selection(request.query_params.get("q", ""), self._faults, with_deleted)
        result = found(self._path, chosen)
        if chosen.is_count:
            return JSONResponse({"totalSize": len(result), "done": True, "records": []})
        locator = self._cursors.keep(request.state.token, result)
        return self._page(request, result, locator, start=0)

    def query_more(self, request: Request) -> Response:
        """GET /query/<locator>-<first row>, as given in nextRecordsUrl."""
        match = re.fullmatch(r"(\w{18})-(\d+)", request.path_params["locator"])
        if match is None:
            raise SalesforceError("INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(request, self._cursors.result(request.state.token, match[1]), match[1], int(match[2]))

    def _page(self, request: Request, result: Result, locator: str, start: int) -> Response:
        chosen, stop = result.selection, start + self._page_size(request)
        records = [json_record(chosen.object.name, chosen.fields, row) for row in result.rows(self._path, start, stop)]
        body: dict[str, Any] = {"totalSize": len(result), "done": stop >= len(result), "records": records}
        if stop < len(result):
            word = "queryAll" if "queryAll" in request.url.path else "query"
            body["nextRecordsUrl"] = f"{DATA_PATH}/{word}/{locator}-{stop}"
        return JSONResponse(body)

    def _page_size(self, request: Request) -> int:
        match = re.search(r"batchSize=(\d+)", request.headers.get("Sforce-Query-Options", ""), re.IGNORECASE)
        return min(max(int(match[1]), self._smallest_page), _LARGEST_PAGE) if match else _DEFAULT_PAGE

    def describe_global(self, request: Request) -> Response:  # noqa: ARG002 - every answer takes one
        """GET /sobjects/."""
        return JSONResponse(
            {
                "encoding": "UTF-8",
                "maxBatchSize": 200,
                "sobjects": [_object_description(known) for known in OBJECTS.values()],
            }
        )

    def describe(self, request: Request) -> Response:
        """GET /sobjects/X/describe."""
        known = _object(request)
        fields = [field_description(field) for field in self._faults.visible_fields(known)]
        return JSONResponse({**_object_description(known), "fields": fields})

    def limits(self, request: Request) -> Response:  # noqa: ARG002 - every answer takes one
        """GET /limits."""
        usage = self._usage
        return JSONResponse({"DailyApiRequests": {"Max": usage.granted, "Remaining": usage.granted - usage.used}})

    def deleted(self, request: Request) -> Response:
        """GET /sobjects/X/deleted/?start=&end=: in the recycle bin or erased between two moments."""
        known, connection = _object(request), connect(self._path)
        try:
            now = org_clock(connection)
            start, end = (_moment(request.query_params.get(name, "")) for name in ("start", "end"))
            _check_span(start, end, now)
            records = _deleted_records(connection, known, stamp_text(start), stamp_text(end))
        finally:
            connection.close()
        return JSONResponse(
            {
                "deletedRecords": records,
                "earliestDateAvailable": stamp_text(now - _DELETED_REACH),
                "latestDateCovered": stamp_text(min(end, now)),
            }
        )


def _object(request: Request) -> SalesforceObject:
    try:
        return salesforce_object(request.path_params["name"])
    except KeyError as error:
        raise SalesforceError("NOT_FOUND", "The requested resource does not exist", 404) from error


def _object_description(known: SalesforceObject) -> dict[str, Any]:
    return {
        "name": known.name,
        "label": known.name,
        "keyPrefix": known.key_prefix,
        "custom": False,
        "queryable": True,
        "retrieveable": True,
        "replicateable": known.has("IsDeleted") and known.has("SystemModstamp"),
        "urls": {
            "sobject": f"{DATA_PATH}/sobjects/{known.name}",
            "describe": f"{DATA_PATH}/sobjects/{known.name}/describe",
        },
    }


def _moment(text: str) -> datetime:
    try:
        # A plus sign that was not escaped in the address arrives as a blank.
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise SalesforceError(
            "INVALID_REPLICATION_DATE", f"expected an ISO 8601 date and time, got {text!r}"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _check_span(start: datetime, end: datetime, now: datetime) -> None:
    if start < now - _DELETED_REACH:
        raise SalesforceError("INVALID_REPLICATION_DATE", "startDate before org earliest available date")
    if end - start < timedelta(minutes=1):
        raise SalesforceError("INVALID_REPLICATION_DATE", "endDate must be at least one minute greater than startDate")


def _deleted_records(
    connection: sqlite3.Connection, known: SalesforceObject, start: str, end: str
) -> list[dict[str, str]]:
    if not (known.has("IsDeleted") and known.has("SystemModstamp")):
        raise SalesforceError("INVALID_TYPE", f"object type '{known.name}' is not replicable")
    rows = connection.execute(
        f'SELECT Id, SystemModstamp FROM "{known.name}" WHERE IsDeleted AND SystemModstamp >= :start '
        "AND SystemModstamp < :end UNION ALL SELECT id, erased_at FROM erased_records "
        "WHERE object = :object AND erased_at >= :start AND erased_at < :end ORDER BY 2, 1",
        {"start": start, "end": end, "object": known.name},
    )
    return [{"id": record_id, "deletedDate": deleted_at} for record_id, deleted_at in rows]
