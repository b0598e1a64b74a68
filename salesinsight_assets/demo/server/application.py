"""One org's endpoints as an application: which address leads where, who may call, what every answer tells."""

import email.utils
import urllib.parse
from datetime import datetime
from pathlib import Path
from typing import cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from salesinsight_assets.demo.server.answers import DATA_PATH, SalesforceError
from salesinsight_assets.demo.server.bulk import BulkApi
from salesinsight_assets.demo.server.rest import ApiUsage, RestApi
from salesinsight_assets.demo.server.sessions import Sessions
from salesinsight_assets.demo.storage import connect, org_clock

_TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - an address
_LONGEST_ADDRESS = 16_384


def endpoints(sessions: Sessions, rest: RestApi, bulk: BulkApi, company_path: Path) -> ASGIApp:
    """The endpoints, each with or without a slash at its end: clients differ, and Salesforce takes both."""

    async def login(request: Request) -> Response:
        form = dict(urllib.parse.parse_qsl((await request.body()).decode("utf-8")))
        return sessions.login(form, str(request.base_url).rstrip("/"), _org_time(company_path))

    data_routes = {
        "/query": rest.query,
        "/queryAll": rest.query,
        "/query/{locator}": rest.query_more,
        "/queryAll/{locator}": rest.query_more,
        "/sobjects": rest.describe_global,
        "/sobjects/{name}/describe": rest.describe,
        "/sobjects/{name}/deleted": rest.deleted,
        "/limits": rest.limits,
        "/jobs/query/{job_id}/results": bulk.results,
    }
    routes = [Route(_TOKEN_PATH, login, methods=["POST"])]
    for path, endpoint in data_routes.items():
        routes += [Route(DATA_PATH + path + end, endpoint) for end in ("", "/")]
    for end in ("", "/"):
        job_path = DATA_PATH + "/jobs/query/{job_id}" + end
        routes += [
            Route(DATA_PATH + "/jobs/query" + end, bulk.create, methods=["POST"]),
            Route(job_path, bulk.state),
            Route(job_path, bulk.change, methods=["PATCH"]),
            Route(job_path, bulk.delete, methods=["DELETE"]),
        ]
    application = Starlette(routes=routes, exception_handlers={SalesforceError: _error_answer})
    application.router.redirect_slashes = False
    return application


def admitted(application: ASGIApp, sessions: Sessions, usage: ApiUsage) -> ASGIApp:
    """Lets in who may call: checks the address's length, the quota and the session, and counts the call."""

    async def admit(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        refusal = None if request.url.path == _TOKEN_PATH else _refusal(request, sessions, usage)
        await (refusal or application)(scope, receive, send)

    return admit


def _refusal(request: Request, sessions: Sessions, usage: ApiUsage) -> Response | None:
    if len(str(request.url)) > _LONGEST_ADDRESS:
        return PlainTextResponse("URI Too Long", 414)
    try:
        request.state.token = sessions.checked_token(request.headers.get("Authorization", ""))
    except SalesforceError as error:
        return error.response()
    if usage.is_used_up:
        return SalesforceError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403).response()
    usage.used += 1
    return None


def stamped(application: ASGIApp, usage: ApiUsage, company_path: Path) -> ASGIApp:
    """Every answer, of a fault too, tells the org's time and how much of the quota is used."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = email.utils.format_datetime(await run_in_threadpool(_org_time, company_path), usegmt=True)
                limit = f"api-usage={usage.used}/{usage.granted}"
                own = [(b"date", date.encode("ascii")), (b"sforce-limit-info", limit.encode("ascii"))]
                message["headers"] = [*message.get("headers", []), *own]
            await send(message)

        await application(scope, receive, send_stamped)

    return answer


def _org_time(company_path: Path) -> datetime:
    connection = connect(company_path)
    try:
        return org_clock(connection)
    finally:
        connection.close()


async def _error_answer(request: Request, error: Exception) -> Response:  # noqa: ARG001 - starlette's signature
    return cast("SalesforceError", error).response()
