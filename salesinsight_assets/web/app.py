"""Assembles the dashboard, the API and the pages behind the links of messages; holds no logic."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlencode

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import Scope

from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.feedback_store import FeedbackStore
from salesinsight_assets.domain.feedback.links import Links
from salesinsight_assets.policies import Policies
from salesinsight_assets.settings import Settings, now
from salesinsight_assets.web import (
    adoption,
    answers,
    calibration,
    deal,
    deals,
    feedback,
    model,
    operation,
    phone,
    pipeline,
    reports,
    reps,
    runbook,
    score_now,
    sign_in,
    sign_in_mail,
    sign_in_oidc,
    slack,
    today,
)
from salesinsight_assets.web.api.contents import API
from salesinsight_assets.web.api.reference import reference_router
from salesinsight_assets.web.frame import HOME, STATIC, error_page
from salesinsight_assets.web.guard import guarded
from salesinsight_assets.web.kept import KeptAnswers
from salesinsight_assets.web.problems import ProblemError, problem_of, wants_json
from salesinsight_assets.web.requests_told import CountedAnswers, RequestCounts
from salesinsight_assets.web.site import Site, SiteOf
from salesinsight_assets.web.visits import SignInNeededError, VisitOf

_THREADS = 3
"""As many as two processors can use. Each keeps a connection to the database; more would only wait for each other and for the interpreter."""
_FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}
PAGES = (
    sign_in.router,
    sign_in_mail.router,
    sign_in_oidc.router,
    phone.router,
    today.router,
    pipeline.router,
    calibration.router,
    model.router,
    deals.router,
    deal.router,
    score_now.router,
    reports.router,
    reps.router,
    adoption.router,
    runbook.router,
    feedback.router,
    operation.router,
)


def create_app(
    warehouse: Warehouse,
    settings: Settings,
    policies: Policies,
    clock: Callable[[], datetime] = now,
    *,
    signs_in_locally: bool = False,
    keeps_answers: bool = False,
) -> FastAPI:
    """The application; what is not configured is answered with 404. `keeps_answers`: for a minute (see `web.kept`)."""
    app = FastAPI(title="SalesInsight", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_serving)
    app.state.site = Site(warehouse, settings, policies, clock, signs_in_locally)
    app.middleware("http")(guarded)
    if keeps_answers:
        app.add_middleware(KeptAnswers)
    app.state.counts = RequestCounts()
    app.add_middleware(CountedAnswers, counts=app.state.counts)  # added last, it is asked first
    app.mount("/static", _Static(directory=STATIC))
    for router in (*PAGES, *API, reference_router(API)):
        app.include_router(router)
    store = FeedbackStore(warehouse)
    if settings.links is not None:
        links = Links(settings.links.base_url, settings.links.secret_key, policies.feedback.links_last_days)
        app.include_router(answers.router(links, store, policies.feedback, clock, settings.zone))
    if settings.slack.signing_secret is not None:
        app.include_router(slack.router(settings.slack.signing_secret, store, policies.feedback, clock))
    app.add_api_route("/healthz", _healthy)
    app.add_api_route("/", _first_page)
    app.add_exception_handler(SignInNeededError, _to_sign_in)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(ProblemError, problem_of)
    app.add_exception_handler(RequestValidationError, _not_understood)
    return app


class _Static(StaticFiles):
    """Our own files, whose addresses change with their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers.update(_FOR_GOOD)
        return answer


def _healthy(site: SiteOf) -> dict[str, str]:
    site.database.row("SELECT 1")
    return {"status": "ok"}


def _first_page(visit: VisitOf) -> Response:
    return RedirectResponse(HOME[visit.viewer.role], HTTPStatus.SEE_OTHER)


def _to_sign_in(request: Request, _: Exception) -> Response:
    """To the page that signs in, and back from there; htmx follows where a header leads."""
    here = str(request.url.path) + (f"?{request.url.query}" if request.url.query else "")
    there = f"{sign_in.SIGN_IN}?{urlencode({'next': here if request.method == 'GET' else '/'})}"
    if request.headers.get("hx-request"):
        return Response(status_code=HTTPStatus.OK, headers={"HX-Redirect": there})
    return RedirectResponse(there, HTTPStatus.SEE_OTHER)


def _refused(request: Request, error: Exception) -> Response:
    status = HTTPStatus(getattr(error, "status_code", 500))
    told, then = _in_words(request, status, str(getattr(error, "detail", "")))
    answer = error_page(request, status, told, then)
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


def _in_words(request: Request, status: HTTPStatus, detail: str) -> tuple[str, str]:
    if status == HTTPStatus.NOT_FOUND and wants_json(request):
        return "There is no such address.", "See /docs for those that there are."
    if status == HTTPStatus.NOT_FOUND:
        return "There is no such page.", "It may have moved, or not be yours to see. The menu leads on."
    return f"{status.phrase}.", detail


def _not_understood(request: Request, error: Exception) -> Response:
    """What of an address or a form cannot be used."""
    wrong = error.errors() if isinstance(error, RequestValidationError) else []
    told = "; ".join(f"{'.'.join(str(part) for part in one['loc'][1:])}: {one['msg']}" for one in wrong)
    return error_page(
        request, HTTPStatus.UNPROCESSABLE_ENTITY, "This cannot be used as it came.", told or "Correct it."
    )


@asynccontextmanager
async def _serving(app: FastAPI) -> AsyncGenerator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
    yield
    app.state.site.close()
