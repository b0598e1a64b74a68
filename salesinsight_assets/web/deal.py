"""One deal: its chance and why, its alerts and what was answered, and the CRM's rows behind it."""

from collections.abc import Callable, Sequence
from datetime import date
from http import HTTPStatus
from typing import Any

import pandas as pd
from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from salesinsight_assets.adapters import page_plots
from salesinsight_assets.adapters.dashboard import deal as reads
from salesinsight_assets.adapters.dashboard import deal_alerts, deal_rows
from salesinsight_assets.adapters.dashboard.rows import Row, Rows
from salesinsight_assets.domain.delivery.texts import caveat
from salesinsight_assets.domain.scores.policy import RiskPolicy
from salesinsight_assets.web.charts import ADDRESS, LookOf, picture
from salesinsight_assets.web.exports import csv_file
from salesinsight_assets.web.feedback import Asked, alert_of_viewer, asked
from salesinsight_assets.web.frame import page
from salesinsight_assets.web.visits import Visit, VisitOf

router = APIRouter()
_AT_FIRST = ("helpful", "not_helpful", "wrong", "snooze", "mute_deal")
_Read = Callable[[Rows, date, str], Sequence[Row]]
_FILES: dict[str, tuple[_Read, tuple[str, ...]]] = {
    "scores": (reads.scores, ("as_of_date", "win_probability", "risk_level", "amount", "owner_name", "model_id", "is_fallback", "is_told")),
    "features": (reads.features, ("feature", "value", "unit", "is_default", "measures")),
    "alerts": (deal_alerts.alerts, (
        "as_of_date", "rule", "priority", "status", "suppressed_because", "win_probability", "rank", "owner_name", "sent_at",
        "channels", "verdict", "given_at", "answered_by", "is_acted_on", "acted_at", "action",
    )),
    "fields": (deal_rows.fields, ("field", "value")),
    "changes": (deal_rows.changes, ("created_date", "field", "old_value", "new_value", "by_whom")),
    "stages": (deal_rows.stages, ("created_date", "stage_name", "amount", "currency_iso_code", "close_date", "probability", "by_whom")),
    "activities": (deal_rows.activities, ("created_date", "kind", "subject", "status", "activity_date", "by_whom", "id")),
    "competitors": (deal_rows.competitors, ("competitor_name", "strengths", "weaknesses", "created_date")),
}  # fmt: skip
"""The tables of a deal, each as a file: how it is read, and its columns."""


@router.get("/deals/{opportunity_id}")
def deal(visit: VisitOf, opportunity_id: str) -> Response:
    """The page of a deal."""
    if visit.day is None:
        return page(visit, "empty.html.jinja", title="Deal", about="The deal with its chance and its alerts")
    found = _found(visit, opportunity_id)
    tables: dict[str, Any] = {name: read(visit.rows, visit.day, opportunity_id) for name, (read, _) in _FILES.items()}
    silences = deal_alerts.silences(visit.rows, visit.day, opportunity_id, visit.site.clock())
    return page(
        visit,
        "deal.html.jinja",
        deal=found,
        changed=reads.changed_since(found),
        last=tables["scores"][-1] if tables["scores"] else None,
        reasons=_by_direction(found["reasons"] or []),
        caveat=caveat(found["model_id"], found["is_fallback"]) if found["is_scored"] else None,
        spans=deal_alerts.spans(tables["alerts"]),
        silences=silences,
        asked=_asked(visit, opportunity_id, tables["alerts"], silences),
        salesforce=visit.site.settings.salesforce.record_url(opportunity_id),
        risk=visit.site.policies.risk,
        days_to_close=_days_to_close(found, visit.day),
        **tables,
    )


def _found(visit: Visit, opportunity_id: str) -> Row:
    """The deal. Raises HTTPException 404 where there is none that the viewer may see."""
    found = reads.deal(visit.rows, visit.day, opportunity_id) if visit.day else None
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return found


def _days_to_close(found: Row, day: date) -> int | None:
    return (found["close_date"] - day).days if found["close_date"] else None


def _by_direction(reasons: Sequence[dict[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """The texts against and for, each by who says so: the model, or a rule that anyone can check."""
    return {
        direction: {
            source: [reason["text"] for reason in reasons if (reason["direction"], reason["source"]) == (direction, source)]
            for source in ("model", "rule")
        }
        for direction in ("against", "for")
    }  # fmt: skip


def _asked(visit: Visit, opportunity_id: str, alerts: Sequence[Row], silences: Sequence[Row]) -> Asked | None:
    """What the viewer may answer, as the owner."""
    alert = alert_of_viewer(visit, opportunity_id)
    if alert is None:
        return None
    verdict = next((row["verdict"] for row in alerts if row["as_of_date"] == alert.as_of_date and row["verdict"]), None)
    own = [silence for silence in silences if silence["holds"] and silence["owner_id"] == alert.owner_id]
    meant = [silence for silence in own if silence["rule"] in (None, alert.rule)]
    return asked(alert, verdict, meant, visit.site.policies.feedback, _AT_FIRST)


@router.get("/deals/{opportunity_id}/{name}.csv")
def deal_file(visit: VisitOf, opportunity_id: str, name: str) -> Response:
    """One of the tables of a deal."""
    _found(visit, opportunity_id)
    if name not in _FILES or visit.day is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    read, columns = _FILES[name]
    return csv_file(visit, f"{opportunity_id}-{name}.csv", columns, read(visit.rows, visit.day, opportunity_id))


@router.get(f"{ADDRESS}/deals/{{opportunity_id}}/score.svg")
def score_picture(visit: VisitOf, look: LookOf, opportunity_id: str) -> Response:
    """The chance day by day."""
    _found(visit, opportunity_id)
    found = reads.scores(visit.rows, visit.day, opportunity_id) if visit.day else []
    if not found:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    days = pd.DataFrame(
        {
            "day": [row["as_of_date"].isoformat() for row in found],
            "chance": [row["win_probability"] for row in found],
            "is_fallback": [row["is_fallback"] for row in found],
            "is_told": [row["is_told"] for row in found],
        }
    )
    return picture(look, page_plots.score_chart, days, _levels(visit.site.policies.risk))


def _levels(risk: RiskPolicy) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "at": [risk.high_below, risk.medium_below],
            "said": [f"HIGH below {risk.high_below:.0%}", f"MEDIUM below {risk.medium_below:.0%}"],
        }
    )
