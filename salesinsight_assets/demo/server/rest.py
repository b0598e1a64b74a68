"""The REST API: query and queryAll with paging, describe, limits, and what was deleted."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from salesinsight_assets.demo.objects import SalesforceObject
from salesinsight_assets.demo.server.answers import DATA_PATH, SalesforceError, field_description, json_record
from salesinsight_assets.demo.server.cursors import Cursors, Result, counted, found
from salesinsight_assets.demo.server.deletions import DeletionRules
from salesinsight_assets.demo.server.faults import Faults
from salesinsight_assets.demo.server.soql_sql import selection
from salesinsight_assets.demo.storage import connect

_DEFAULT_PAGE, _SMALLEST_PAGE, _LARGEST_PAGE = 2000, 200, 2000


@dataclass
class ApiUsage:
    """How many calls the org has answered of those it grants in 24 hours."""

    granted: int = 100_000
    used: int = 0

    @property
    def is_used_up(self) -> bool:
        """Whether no call is left."""
        return self.used >= self.granted


class RestApi:
    """One org's REST endpoints."""

    def __init__(
        self,
        company_path: Path,
        faults: Faults,
        usage: ApiUsage,
        deletions: DeletionRules,
        smallest_page: int = _SMALLEST_PAGE,
    ) -> None:
        self._path = company_path
        self._faults = faults
        self._usage = usage
        self._deletions = deletions
        self._smallest_page = smallest_page
        self._cursors = Cursors()

    def query(self, request: Request) -> Response:
        """GET /query?q= and /queryAll?q=."""
        with_deleted = request.url.path.rstrip("/").endswith("queryAll")
        chosen = selection(request.query_params.get("q", ""), self._faults.metadata, with_deleted)
        if chosen.is_count:
            return JSONResponse({"totalSize": counted(self._path, chosen), "done": True, "records": []})
        result = found(self._path, chosen)
        locator = self._cursors.keep(request.state.token, result)
        self._faults.note_object(locator, chosen.object.name)
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
                "sobjects": [_object_description(known) for known in self._faults.metadata.objects()],
            }
        )

    def describe(self, request: Request) -> Response:
        """GET /sobjects/X/describe."""
        known = self._object(request)
        fields = [field_description(field) for field in known.fields]
        return JSONResponse({**_object_description(known), "fields": fields})

    def limits(self, request: Request) -> Response:  # noqa: ARG002 - every answer takes one
        """GET /limits."""
        usage = self._usage
        return JSONResponse(
            {"DailyApiRequests": {"Max": usage.granted, "Remaining": max(usage.granted - usage.used, 0)}}
        )

    def deleted(self, request: Request) -> Response:
        """GET /sobjects/X/deleted/?start=&end=: in the recycle bin or erased between two moments."""
        known, asked, connection = self._object(request), request.query_params, connect(self._path)
        try:
            return JSONResponse(self._deletions.answer(connection, known, asked.get("start", ""), asked.get("end", "")))
        finally:
            connection.close()

    def _object(self, request: Request) -> SalesforceObject:
        try:
            return self._faults.metadata.object(request.path_params["name"])
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
        "replicateable": known.is_replicateable,
        "urls": {
            "sobject": f"{DATA_PATH}/sobjects/{known.name}",
            "describe": f"{DATA_PATH}/sobjects/{known.name}/describe",
        },
    }
