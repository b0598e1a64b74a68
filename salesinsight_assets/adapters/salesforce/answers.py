"""Answers about an object rather than its rows: what describe tells of its fields, and what was deleted of it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceResourceNotFound

from salesinsight_assets.adapters.salesforce.errors import SalesforceCallError
from salesinsight_assets.adapters.salesforce.session import OrgSession
from salesinsight_assets.domain.crm.rows import long_id
from salesinsight_assets.domain.crm.source import Deletions, ObjectDescription

_DELETIONS_REACH = timedelta(days=30)
_SHORTEST_SPAN = timedelta(minutes=1)
_UNTOLD_CODES = (
    "EXCEEDED_ID_LIMIT",
    "INVALID_REPLICATION_DATE",
    "INVALID_TYPE_FOR_OPERATION",
    "METHOD_NOT_ALLOWED",
    "NOT_FOUND",
    "HTTP 404",
    "HTTP 405",
)


def described(session: OrgSession, name: str) -> ObjectDescription | None:
    """The readable fields of an object; None where it is absent or hidden."""
    answer = session.ask(f"fields of {name}", lambda org: _describe(org, name))
    if answer is None:
        return None
    fields = answer["fields"]
    return ObjectDescription(
        types={field["name"]: field["type"] for field in fields},
        formulas=frozenset(field["name"] for field in fields if field.get("calculated")),
        tells_deletions=bool(answer.get("replicateable", True)),
    )


def _describe(org: Salesforce, name: str) -> Any:
    try:
        return org.restful(f"sobjects/{name}/describe")
    except SalesforceResourceNotFound:
        return None


def deletions(session: OrgSession, name: str, since: datetime, until: datetime) -> Deletions | None:
    """What was deleted of an object; None where the org cannot tell, no longer tells, or would have to tell too much."""
    present = session.transport.server_time or until
    if until - since < _SHORTEST_SPAN or since < present - _DELETIONS_REACH:
        return None
    span = {"start": _iso(since), "end": _iso(until)}
    try:
        answer = session.ask(
            f"deletions of {name}", lambda org: org.restful(f"sobjects/{name}/deleted/", params=dict(span))
        )
    except SalesforceCallError as refused:
        if refused.code in _UNTOLD_CODES or "not replica" in str(refused):
            return None
        raise
    return _told(answer or {}, since, until)


def _told(answer: Mapping[str, Any], since: datetime, until: datetime) -> Deletions | None:
    earliest, latest = answer.get("earliestDateAvailable"), answer.get("latestDateCovered")
    if latest is None or (earliest and datetime.fromisoformat(earliest) > since):
        return None
    return Deletions(
        deleted_at={
            long_id(record["id"]): datetime.fromisoformat(record["deletedDate"]) for record in answer["deletedRecords"]
        },
        covered_until=min(datetime.fromisoformat(latest), until),
    )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
