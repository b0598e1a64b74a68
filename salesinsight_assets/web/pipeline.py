"""The health of the pipeline: what is open, expected and at risk, what moved in a week, and whether the chances hold what they say."""

from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import pandas as pd
from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import Response

from salesinsight_assets.adapters import page_plots, report_plots
from salesinsight_assets.adapters.dashboard import pipeline as reads
from salesinsight_assets.adapters.dashboard.deals import choices
from salesinsight_assets.domain.history.grid import end_of_day
from salesinsight_assets.domain.reports.pipeline_health import WEEK
from salesinsight_assets.domain.reports.pipeline_movement import CHANGING, ENTERING, LEAVING
from salesinsight_assets.domain.reports.pipeline_movement_pages import move_label, movement_steps
from salesinsight_assets.domain.reports.pipeline_now import PipelineNow, pipeline_now
from salesinsight_assets.domain.reports.words import short_money, signed_money
from salesinsight_assets.web.calibration import calibration_told
from salesinsight_assets.web.charts import ADDRESS, LookOf, picture
from salesinsight_assets.web.deals import due_quarter
from salesinsight_assets.web.exports import csv_file
from salesinsight_assets.web.frame import page
from salesinsight_assets.web.visits import Visit, VisitOf

router = APIRouter()
_MOVE_COLUMNS = ("opportunity_id", "name", "owner_name", "move", "change", "company_amount_before", "company_amount", "stage_name_before",
                 "stage_name", "close_date_before", "close_date")  # fmt: skip
_STAGE_COLUMNS = ("stage", "deals", "open_amount", "expected_amount", "deals_at_risk", "amount_at_risk")
_SECONDS_KEPT = 600
"""Figures of nights that are over."""


@dataclass(frozen=True)
class Part:
    """Which part of the pipeline is looked at: that of an owner (empty: all that the viewer sees), due in the quarter or all."""

    owner: str = ""
    due: Literal["", "quarter"] = ""

    def query(self, **more: str) -> str:
        """As the query of an address, with other parts; empty where all is looked at."""
        given = {name: value for name, value in {"owner": self.owner, "due": self.due, **more}.items() if value}
        return f"?{urlencode(given)}" if given else ""


def _part(owner: str = "", due: Literal["", "quarter"] = "") -> Part:
    return Part(owner, due)


PartOf = Annotated[Part, Depends(_part)]
Move = Annotated[str, Query(pattern=f"^({'|'.join((*ENTERING, *CHANGING, *LEAVING))}|)$")]


@router.get("/pipeline")
def pipeline(visit: VisitOf, part: PartOf) -> Response:
    """The page."""
    if visit.day is None:
        return page(visit, "empty.html.jinja", title="Pipeline", about="What is open, expected and at risk")
    found = _figures(visit, part, visit.day)
    currency = visit.site.currency()
    return page(
        visit,
        "pipeline.html.jinja",
        found=found,
        part=part,
        before=visit.day - WEEK,
        quarter=due_quarter(visit.day),
        owners=choices(visit.rows, visit.day).owners,
        risk=visit.site.policies.risk,
        **calibration_told(visit),
        short=lambda value: short_money(float(value), currency),
        signed=lambda value: signed_money(int(value), currency),
        label=lambda name: move_label(name, due_quarter(visit.day or date.max).last),
    )


@router.get("/pipeline.csv")
def pipeline_file(visit: VisitOf, part: PartOf) -> Response:
    """The stages as rows."""
    stages = _figures(visit, part, visit.day).stages if visit.day else ()
    rows = [
        {
            "stage": stage.name,
            "deals": stage.open.deals,
            "open_amount": stage.open.amount,
            "expected_amount": round(stage.expected),
            "deals_at_risk": stage.at_risk.deals,
            "amount_at_risk": stage.at_risk.amount,
        }
        for stage in stages
    ]
    return csv_file(visit, f"pipeline-{visit.day or visit.site.today}.csv", _STAGE_COLUMNS, rows)


@router.get("/pipeline/moves")
def moves(visit: VisitOf, part: PartOf, move: Move = "") -> Response:
    """The deals that moved in the week, all or in one way."""
    if visit.day is None:
        return page(visit, "empty.html.jinja", title="What moved", about="What moved in a week")
    currency = visit.site.currency()
    return page(
        visit,
        "moves.html.jinja",
        moves=_moves(visit, part, move),
        move=move,
        part=part,
        before=visit.day - WEEK,
        is_known=_figures(visit, part, visit.day).moved is not None,
        signed=lambda value: signed_money(int(value), currency),
        label=lambda name: move_label(name, due_quarter(visit.day or date.max).last),
    )


@router.get("/pipeline/moves.csv")
def moves_file(visit: VisitOf, part: PartOf, move: Move = "") -> Response:
    """They as rows."""
    return csv_file(visit, f"moves-{visit.day or visit.site.today}.csv", _MOVE_COLUMNS, _moves(visit, part, move))


@router.get(f"{ADDRESS}/pipeline/movement.svg")
def movement_picture(visit: VisitOf, look: LookOf, part: PartOf) -> Response:
    """What was, what moved, what is."""
    found = _figures(visit, part, visit.day) if visit.day else None
    if found is None or found.moved is None or visit.day is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    steps = movement_steps(found.moved, (visit.day - WEEK, visit.day), visit.site.currency())
    return picture(look, report_plots.waterfall_chart, steps, "")


@router.get(f"{ADDRESS}/pipeline/stages.svg")
def stages_picture(visit: VisitOf, look: LookOf, part: PartOf) -> Response:
    """What is open and expected, stage by stage."""
    found = _figures(visit, part, visit.day) if visit.day else None
    if found is None or not found.stages:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    currency = visit.site.currency()
    rows = [(s.name, s.open.amount, round(s.expected), short_money(s.open.amount, currency)) for s in found.stages]
    return picture(look, page_plots.stages_chart, pd.DataFrame(rows, columns=["stage", "open", "expected", "said"]))


def _figures(visit: Visit, part: Part, day: date) -> PipelineNow:
    """What the page and its pictures tell: of nights that are over, so it is worked out again only after a while."""
    key = ("pipeline", visit.freshness.run_id, visit.viewer.owner_ids, part)
    return visit.site.kept(key, lambda: _read_figures(visit, part, day), _SECONDS_KEPT)


def _read_figures(visit: Visit, part: Part, day: date) -> PipelineNow:
    zone, before = visit.site.settings.zone, day - WEEK
    now = reads.open_deals(visit.rows, day, part.owner)
    moments = (end_of_day(before, zone), end_of_day(day, zone))
    week = reads.week_before(visit.rows, (before, day), moments, now.deals, part.owner)
    period = due_quarter(day) if part.due else None
    return pipeline_now(now.deals, now.scores, day, reads.stage_order(visit.rows), week, period)


def _moves(visit: Visit, part: Part, move: str) -> list[dict[str, Any]]:
    """The deals that moved, the largest change first."""
    if visit.day is None:
        return []
    found = _figures(visit, part, visit.day).moves
    shown = found[found["move"] == move] if move else found
    plain = shown.astype(object).where(shown.notna(), None)
    for name in ("close_date", "close_date_before"):
        plain[name] = [None if at is None else at.date() for at in plain[name]]
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]
