"""Whether what is shown is fresh, for whoever watches the platform; it needs no token and names no deal and no person.

What belongs elsewhere: whether the process answers at all (`/healthz`), which a load balancer asks.
"""

from datetime import date, datetime
from http import HTTPStatus
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from salesinsight_assets.adapters.dashboard.freshness import UNREACHABLE
from salesinsight_assets.domain.delivery.texts import caveat
from salesinsight_assets.web.problems import ProblemError, documented
from salesinsight_assets.web.site import Site, SiteOf

router = APIRouter(prefix="/api/v1", tags=["Operation"])


class Health(BaseModel):
    """Of which day the scores are, who gave them, and of which moment the CRM's rows behind them."""

    health: Literal["fresh"]
    as_of_date: date
    crm_rows_of: datetime | None
    model_id: str | None
    caveat: str | None


@router.get(
    "/health",
    summary="Whether what is shown is fresh",
    responses=documented(HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INTERNAL_SERVER_ERROR),
)
def health(site: SiteOf) -> Health:
    """200 where the scores are of the latest night on rows of the last 24 hours, else 503 with the reason. No token is needed."""
    try:
        return _health(site)
    except UNREACHABLE:
        raise _unwell("down", "The database does not answer.", {}) from None


def _health(site: Site) -> Health:
    found = site.freshness()
    if found.day is None:
        raise _unwell("empty", "Nothing was scored yet; `salesinsight nightly` does it.", {})
    said = caveat(found.model_id or "", found.is_fallback)
    told = Health(health="fresh", as_of_date=found.day, crm_rows_of=found.rows_of, model_id=found.model_id, caveat=said)
    late = site.banner()
    if late is not None:
        raise _unwell("stale" if late.level == "red" else "late", late.text, told.model_dump(mode="json"))
    return told


def _unwell(health: str, detail: str, more: dict[str, Any]) -> ProblemError:
    return ProblemError(
        HTTPStatus.SERVICE_UNAVAILABLE, "What is shown is not fresh.", detail, more={**more, "health": health}
    )
