"""The Bulk API 2.0, as far as reading needs it: query jobs, their state, their results as CSV in pages."""

import base64
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from salesinsight_assets.demo.ids import salesforce_ids
from salesinsight_assets.demo.server.answers import API_VERSION, SalesforceError
from salesinsight_assets.demo.server.cursors import Result, found
from salesinsight_assets.demo.server.faults import Faults
from salesinsight_assets.demo.server.soql_sql import Selection, selection
from salesinsight_assets.demo.storage import connect, org_clock, stamp_text

_DEFAULT_MAX_RECORDS = 50_000


@dataclass
class QueryJob:
    """One query job. Its rows are found when it is created; it is reported complete at the first look."""

    id: str
    operation: str
    created_at: str
    result: Result
    state: str = "UploadComplete"

    def description(self) -> dict[str, Any]:
        """The job as the API shows it."""
        processed = {"numberRecordsProcessed": len(self.result), "retries": 0, "totalProcessingTime": 10}
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.result.selection.object.name,
            "createdDate": self.created_at,
            "systemModstamp": self.created_at,
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(API_VERSION),
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
            **(processed if self.state == "JobComplete" else {}),
        }


class BulkApi:
    """One org's query jobs."""

    def __init__(self, company_path: Path, faults: Faults) -> None:
        self._path = company_path
        self._faults = faults
        self._numbers = itertools.count(1)
        self._jobs: dict[str, QueryJob] = {}

    @property
    def job_count(self) -> int:
        """How many jobs there are that nobody deleted."""
        return len(self._jobs)

    async def create(self, request: Request) -> Response:
        """POST /jobs/query."""
        return await run_in_threadpool(self._created, await request.json())

    def _created(self, asked: Mapping[str, Any]) -> Response:
        operation = asked.get("operation")
        if operation not in ("query", "queryAll"):
            raise SalesforceError("INVALIDJOB", f"expected operation query or queryAll, got {operation!r}")
        chosen = selection(asked.get("query", ""), self._faults.metadata, with_deleted=operation == "queryAll")
        _check_for_bulk(chosen)
        job_id = str(salesforce_ids("750", [next(self._numbers)])[0])
        job = QueryJob(job_id, operation, self._now(), found(self._path, chosen))
        self._jobs[job_id] = job
        self._faults.note_object(job_id, chosen.object.name)
        return JSONResponse(job.description())

    def _now(self) -> str:
        connection = connect(self._path)
        try:
            return stamp_text(org_clock(connection))
        finally:
            connection.close()

    def state(self, request: Request) -> Response:
        """GET /jobs/query/<id>."""
        job = self._job(request)
        if job.state == "UploadComplete":
            job.state = "JobComplete"
        return JSONResponse(job.description())

    async def change(self, request: Request) -> Response:
        """PATCH /jobs/query/<id>: abort it."""
        job, asked = self._job(request), await request.json()
        if asked.get("state") != "Aborted":
            raise SalesforceError("INVALIDJOBSTATE", f"expected state Aborted, got {asked.get('state')!r}")
        job.state = "Aborted"
        return JSONResponse(job.description())

    def delete(self, request: Request) -> Response:
        """DELETE /jobs/query/<id>."""
        del self._jobs[self._job(request).id]
        return Response(status_code=204)

    def results(self, request: Request) -> Response:
        """GET /jobs/query/<id>/results?maxRecords=&locator=."""
        job = self._job(request)
        if job.state != "JobComplete":
            raise SalesforceError("INVALIDJOBSTATE", f"job {job.id} is {job.state}; wait until it is JobComplete")
        start = _place(request.query_params.get("locator"))
        stop = min(start + _max_records(request.query_params.get("maxRecords")), len(job.result))
        headers = {
            "Sforce-Locator": _locator(stop) if stop < len(job.result) else "null",
            "Sforce-NumberOfRecords": str(max(stop - start, 0)),
        }
        return StreamingResponse(self._csv(job.result, start, stop), media_type="text/csv", headers=headers)

    def _csv(self, result: Result, start: int, stop: int) -> Iterator[bytes]:
        yield (",".join(f'"{field.name}"' for field in result.selection.fields) + "\n").encode("utf-8")
        for lines in result.csv(self._path, start, stop):
            yield lines.encode("utf-8")

    def _job(self, request: Request) -> QueryJob:
        job = self._jobs.get(request.path_params["job_id"])
        if job is None:
            raise SalesforceError("NOT_FOUND", "The requested resource does not exist", 404)
        return job


def _check_for_bulk(chosen: Selection) -> None:
    if chosen.is_count:
        raise SalesforceError("API_ERROR", "Aggregate queries are not supported in Bulk API 2.0")
    if not chosen.object.is_for_bulk:
        raise SalesforceError("INVALIDENTITY", f"Entity '{chosen.object.name}' is not supported by the Bulk API.")
    if any(field.is_compound for field in chosen.fields):
        raise SalesforceError("FUNCTIONALITY_NOT_ENABLED", "Selecting compound data not supported in Bulk Query")


def _locator(place: int) -> str:
    return base64.urlsafe_b64encode(str(place).encode("ascii")).decode("ascii").rstrip("=")


def _place(locator: str | None) -> int:
    if not locator:
        return 0
    try:
        return int(base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)))
    except ValueError as error:
        raise SalesforceError(
            "INVALID_LOCATOR", f"expected a locator from a previous answer, got {locator!r}"
        ) from error


def _max_records(text: str | None) -> int:
    if text is not None and not text.isdigit():
        raise SalesforceError("INVALID_MAX_RECORDS", f"expected maxRecords as a whole number, got {text!r}")
    return int(text or _DEFAULT_MAX_RECORDS)
