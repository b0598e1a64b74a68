"""Every fault by name: what a client of Salesforce has to live through.

Each function makes one; `Faults.injected` switches it on. Most fit any call to the data services and spare the login.
What takes the server or the company apart for good (hidden fields, hard deletes) is a method of `Metadata` or
`DemoCompany`.
"""

import json
from collections.abc import Callable
from typing import Any, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from salesinsight_assets.demo.server.faults.blocks import (
    WholeAnswer,
    answer_instead,
    before_call,
    change_answer,
    delay,
    drip,
    hang_up,
)
from salesinsight_assets.demo.server.faults.switchboard import Fault, Faults

LOGINS = r"^POST /services/oauth2/token"
DATA = r"^\w+ /services/data/"
QUERIES = r"^GET \S+/query(All)?/?\?"
PAGES = r"^GET \S+/query(All)?/01g"
COUNTS = r"(?i)\?q=select count\(\)"
DESCRIPTIONS = r"/describe\b"
DELETIONS = r"/deleted\b"
JOB_CREATIONS = r"^POST \S+/jobs/query\b"
JOB_STATES = r"^GET \S+/jobs/query/\w+/?(\?|$)"
JOB_RESULTS = r"/results\b"
_MAINTENANCE_PAGE = "<!DOCTYPE html><html><head><title>Maintenance</title></head><body>We are down for maintenance."


class Outage(Protocol):
    """A server that can be out of reach for a while."""

    def go_away(self, seconds: float) -> None:
        """Stop listening at once, and come back on the same port after that time, without waiting for it."""
        ...

    def wait_until_back(self) -> None:
        """Return once it listens again."""
        ...


class Quota(Protocol):
    """Calls granted and used."""

    granted: int
    used: int


def error(name: str, status: int, code: str, message: str, where: str = DATA, **headers: str) -> Fault:
    """Any error in Salesforce's form."""
    content = [{"errorCode": code, "message": message}]
    return answer_instead(name, status, content, where, {key.replace("_", "-"): text for key, text in headers.items()})


# --- answers that are no answer ---


def session_end(faults: Faults, where: str = DATA) -> Fault:
    """All sessions end just before a call: use with `after` and `calls=1`."""
    return before_call("the session ends", faults.expire_sessions, where)


def unauthorized(where: str = DATA) -> Fault:
    """401 whatever the token."""
    return error("401 for every token", 401, "INVALID_SESSION_ID", "Session expired or invalid", where)


def too_many_requests(retry_after: str = "1", where: str = DATA) -> Fault:
    """429 with Retry-After in seconds or as a date."""
    text = "You have exceeded the number of concurrent requests"
    return error("429 with Retry-After", 429, "TOO_MANY_REQUESTS", text, where, Retry_After=retry_after)


def unavailable(where: str = DATA) -> Fault:
    """503 as JSON."""
    return error("503 as JSON", 503, "SERVER_UNAVAILABLE", "Server unavailable", where)


def unavailable_page(where: str = "") -> Fault:
    """503 as a page of HTML, at the login too."""
    return answer_instead("503 as HTML", 503, _MAINTENANCE_PAGE, where)


def maintenance_page(where: str = DATA) -> Fault:
    """200, and yet it is only a page that says that there is maintenance."""
    return answer_instead("a maintenance page with status 200", 200, _MAINTENANCE_PAGE, where)


def row_lock(where: str = DATA) -> Fault:
    """500 UNABLE_TO_LOCK_ROW."""
    return error("UNABLE_TO_LOCK_ROW", 500, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access", where)


def request_limit(where: str = DATA) -> Fault:
    """403 REQUEST_LIMIT_EXCEEDED."""
    return error("REQUEST_LIMIT_EXCEEDED", 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", where)


def query_timeout(where: str = COUNTS) -> Fault:
    """A query, by default a COUNT, that takes Salesforce too long."""
    text = "Your query request was running for too long."
    return error("QUERY_TIMEOUT", 400, "QUERY_TIMEOUT", text, where)


def server_error(where: str = DATA) -> Fault:
    """500 with Salesforce's own words for what nobody foresaw; use `DESCRIPTIONS` or `DELETIONS` for one that fails."""
    return error("500 UNKNOWN_EXCEPTION", 500, "UNKNOWN_EXCEPTION", "An unexpected error occurred", where)


def failing_description() -> Fault:
    """A describe that fails, with `object_name` for one object."""
    return server_error(DESCRIPTIONS)


def failing_deletions() -> Fault:
    """A getDeleted that fails."""
    return server_error(DELETIONS)


def exceeded_id_limit() -> Fault:
    """More than 600,000 deleted Ids, which getDeleted does not tell."""
    return error("EXCEEDED_ID_LIMIT", 400, "EXCEEDED_ID_LIMIT", "exceeded ID limit", DELETIONS)


def quota_used_up(usage: Quota, where: str = DATA) -> Fault:
    """The quota is used up from the call it hits on, in all headers too, until the fault is switched off."""
    granted = usage.granted

    def use_up() -> None:
        usage.granted = min(usage.granted, usage.used)

    def give_back() -> None:
        usage.granted = granted

    fault = before_call("the quota is used up", use_up, where)
    return Fault(fault.name, fault.act, fault.where, give_back)


# --- connections ---


def dropped(where: str = DATA) -> Fault:
    """The connection is dropped before the answer."""
    return hang_up("the connection drops before the answer", None, where)


def dropped_in_body(share: float = 0.5, where: str = DATA) -> Fault:
    """The connection is dropped in the middle of the body."""
    return hang_up("the connection drops in the middle of the body", share, where)


def outage(server: Outage, seconds: float = 0.5, where: str = DATA) -> Fault:
    """The server hangs up, refuses connections for a while and comes back; use with `calls=1`."""
    gone = dropped(where)

    async def act(application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        server.go_away(seconds)
        await gone.act(application, scope, receive, send)

    return Fault(f"no connection for {seconds:g} s", act, where, server.wait_until_back)


def slow(seconds: float, where: str = DATA) -> Fault:
    """An answer only after that time."""
    return delay(f"an answer after {seconds:g} s", seconds, where)


def dripping(seconds_between: float = 0.05, bytes_at_once: int = 1, where: str = DATA) -> Fault:
    """A body that drips."""
    return drip("a body that drips", seconds_between, bytes_at_once, where)


# --- Bulk ---


def truncated_csv(in_mid_line: bool = True) -> Fault:
    """Half of a Bulk result, cut in the middle of a line or at a line's end; the announced counts stay."""

    def cut(answer: WholeAnswer) -> None:
        half = answer.body[: max(len(answer.body) // 2, answer.body.find(b"\n") + 1)]
        end = half.rfind(b"\n") + 1
        answer.body = half[: max(end - 3, 0)] if in_mid_line else half[:end]

    where = "in the middle of a line" if in_mid_line else "at a line's end"
    return change_answer(f"a Bulk result cut {where}", _if_ok(cut), JOB_RESULTS)


def lacking_part() -> Fault:
    """A Bulk result that is said to end with this part although there are more."""

    def end(answer: WholeAnswer) -> None:
        answer.headers["sforce-locator"] = "null"

    return change_answer("a Bulk result that lacks its last parts", _if_ok(end), JOB_RESULTS)


def stuck_job() -> Fault:
    """A job that is InProgress for as many looks as the fault has `calls`, or for ever."""

    def stick(answer: WholeAnswer) -> None:
        _set(answer, state="InProgress")

    return change_answer("a job that is stuck", _if_ok(stick), JOB_STATES)


def failed_job() -> Fault:
    """A job that failed."""

    def fail(answer: WholeAnswer) -> None:
        _set(answer, state="Failed", errorMessage="InternalServerError : internal error")

    return change_answer("a job that fails", _if_ok(fail), JOB_STATES)


def lost_results() -> Fault:
    """Results of a job that are gone."""
    text = "The requested resource does not exist"
    return error("a job's results are gone", 404, "NOT_FOUND", text, JOB_RESULTS)


def no_bulk(code: str = "FUNCTIONALITY_NOT_ENABLED") -> Fault:
    """An org without the Bulk API."""
    return error("no Bulk API", 400, code, "Async API not enabled", JOB_CREATIONS)


# --- paging, and a company that does not stand still ---


def dead_locators() -> Fault:
    """Query locators that have died."""
    text = "invalid query locator"
    return error("a query locator that died", 400, "INVALID_QUERY_LOCATOR", text, PAGES)


def repeated_borders() -> Fault:
    """The last row of a page comes again as the first of the next."""
    last: list[Any] = []

    def repeat(answer: WholeAnswer) -> None:
        page = json.loads(answer.body)
        records = page.get("records")
        if records and last and last[0]["attributes"]["type"] == records[0]["attributes"]["type"]:
            _set(answer, records=last + records)
        last[:] = [] if not records or page["done"] else records[-1:]

    return change_answer("a row that comes twice at a page's border", _if_ok(repeat), rf"{PAGES}|{QUERIES}")


def between_pages(change: Callable[[], object], name: str = "the company changes between pages") -> Fault:
    """Calls `change` before each further page of a query or a Bulk result."""
    return before_call(name, change, rf"{PAGES}|{JOB_RESULTS}\S*locator=")


def between_calls(change: Callable[[], object], where: str = DATA, name: str = "the company changes") -> Fault:
    """Calls `change` before each call."""
    return before_call(name, change, where)


def _if_ok(change: Callable[[WholeAnswer], None]) -> Callable[[WholeAnswer], None]:
    def changed(answer: WholeAnswer) -> None:
        if answer.status == 200:
            change(answer)

    return changed


def _set(answer: WholeAnswer, **values: Any) -> None:
    answer.body = json.dumps({**json.loads(answer.body), **values}).encode("utf-8")
