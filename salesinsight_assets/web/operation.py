"""For whoever runs the platform: whether it can answer (`/readyz`), and what Prometheus collects (`/metrics`).

`/metrics` reads the warehouse and this process only, so it goes on while Dagster is down. It is closed unless SALESINSIGHT_METRICS_TOKEN
is set: behind a proxy every request comes from this machine, so an address says nothing about who asks.
What belongs elsewhere: the success measures (`api.metrics`), whether what is shown is fresh (`api.health`).
"""

import hmac
from collections.abc import Iterable, Iterator
from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from salesinsight_assets.adapters.dashboard.freshness import UNREACHABLE
from salesinsight_assets.adapters.dashboard.operation import crm_deliveries, latest_alerts, latest_scores, outbox_counts
from salesinsight_assets.web.api.metrics import MEDIA_TYPE, Gauge
from salesinsight_assets.web.requests_told import RequestCounts
from salesinsight_assets.web.site import Site, SiteOf

router = APIRouter(include_in_schema=False)


@router.get("/readyz")
def ready(site: SiteOf) -> Response:
    """200 where the database answers, else 503: a load balancer sends people elsewhere meanwhile."""
    if _answers(site):
        return JSONResponse({"status": "ready"})
    return JSONResponse(
        {"status": "not ready", "because": "the database does not answer"}, HTTPStatus.SERVICE_UNAVAILABLE
    )


@router.get("/metrics")
def metrics(request: Request, site: SiteOf) -> Response:
    """Everything of one moment, in the text format of Prometheus."""
    _require_token(request, site.settings.metrics_token)
    counts: RequestCounts = request.app.state.counts
    lines = [line for gauge in _of_warehouse(site) for line in gauge.lines()]
    return PlainTextResponse("\n".join([*lines, *counts.lines(), ""]), media_type=MEDIA_TYPE)


def _require_token(request: Request, token: str | None) -> None:
    if token is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise HTTPException(
            HTTPStatus.UNAUTHORIZED,
            "Send the token SALESINSIGHT_METRICS_TOKEN as a bearer.",
            {"WWW-Authenticate": "Bearer"},
        )


def _answers(site: Site) -> bool:
    try:
        site.database.row("SELECT 1")
    except UNREACHABLE:
        return False
    return True


def _of_warehouse(site: Site) -> Iterator[Gauge]:
    answers = _answers(site)
    yield Gauge("salesinsight_database_up", "1 where the database answers.", [({}, float(answers))])
    if answers:
        now = site.clock()
        yield from _of_crm(site, now)
        yield from _of_scores(site, now)
        yield from _of_alerts(site)
        yield from _of_outbox(site, now)


def _of_crm(site: Site, now: datetime) -> Iterable[Gauge]:
    ages = [
        ({"table": row["table_name"], "source": row["source"]}, (now - row["synced_at"]).total_seconds())
        for row in crm_deliveries(site.database)
    ]
    yield Gauge("salesinsight_crm_table_age_seconds", "Since the table was last read from the CRM.", ages)


def _of_scores(site: Site, now: datetime) -> Iterable[Gauge]:
    found = latest_scores(site.database)
    if found is None:
        return
    day = found["as_of_date"]
    midnight = datetime(day.year, day.month, day.day, tzinfo=site.settings.zone)
    trained = found["trained_at"]
    yield Gauge("salesinsight_scored_day_timestamp_seconds", "Latest day with scores.", [({}, midnight.timestamp())])
    yield Gauge("salesinsight_scores_age_days", "Days since it.", [({}, (site.today - day).days)])
    yield Gauge("salesinsight_deals_scored", "Open deals scored on it.", [({}, found["open_deals"])])
    yield Gauge(
        "salesinsight_fallback_share", "Of them scored by rules or a base rate.", [({}, found["share_of_fallbacks"])]
    )
    yield Gauge(
        "salesinsight_model_age_seconds",
        "Since the model that gave them was trained; missing where rules did.",
        [({}, (now - trained).total_seconds() if trained else None)],
    )


def _of_alerts(site: Site) -> Iterable[Gauge]:
    found = latest_alerts(site.database)
    if found is None:
        return
    counts = [({"status": status}, float(found[status])) for status in ("to_send", "suppressed", "held_out")]
    yield Gauge("salesinsight_alerts", "Alerts of the latest day, by what is done with them.", counts)
    yield Gauge("salesinsight_alerts_age_days", "Days since it.", [({}, (site.today - found["as_of_date"]).days)])


def _of_outbox(site: Site, now: datetime) -> Iterable[Gauge]:
    found = outbox_counts(site.database, site.today)
    counts = [({"channel": row["channel"], "status": row["status"]}, float(row["n"])) for row in found]
    waiting = [(now - row["oldest"]).total_seconds() for row in found if row["status"] in ("pending", "sending")]
    yield Gauge("salesinsight_outbox_messages", "Messages of the last 30 days, by what became of them.", counts)
    yield Gauge(
        "salesinsight_outbox_oldest_waiting_seconds",
        "Since the oldest message that waits was queued; 0 where none does.",
        [({}, max(waiting, default=0.0))],
    )
