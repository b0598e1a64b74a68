"""Assembles the pages; holds no logic."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import anyio.to_thread
from fastapi import FastAPI

from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.feedback_store import FeedbackStore
from salesinsight_assets.domain.feedback.links import Links
from salesinsight_assets.policies import Policies
from salesinsight_assets.settings import Settings, now
from salesinsight_assets.web import answers, slack

_THREADS = 8
"""Each keeps a connection to the database."""


def create_app(
    warehouse: Warehouse, settings: Settings, policies: Policies, clock: Callable[[], datetime] = now
) -> FastAPI:
    """The application; what is not configured is answered with 404."""
    app = FastAPI(title="SalesInsight", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_with_few_threads)
    store = FeedbackStore(warehouse)
    if settings.links is not None:
        links = Links(settings.links.base_url, settings.links.secret_key, policies.feedback.links_last_days)
        app.include_router(answers.router(links, store, policies.feedback, clock, settings.zone))
    if settings.slack.signing_secret is not None:
        app.include_router(slack.router(settings.slack.signing_secret, store, policies.feedback, clock))

    @app.get("/healthz")
    def healthy() -> dict[str, str]:
        warehouse.read("SELECT 1 AS one")
        return {"status": "ok"}

    return app


@asynccontextmanager
async def _with_few_threads(_: FastAPI) -> AsyncGenerator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
    yield
