"""What was reported: the list, a report in words, and its own page with the pictures.

Managers have the reviews of their own and the teams below, leaders and engineers all reports, and whoever is listed in `[reports]`
what is mailed there anyway. Who is listed for `rep_performance` gets every manager's review by mail, but cannot open it here: what
is said of a rep is shown along the hierarchy alone.
"""

from datetime import date
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, Response

from salesinsight_assets.adapters.dashboard import reports as reads
from salesinsight_assets.adapters.dashboard.rows import EVERYTHING, Row
from salesinsight_assets.web.exports import csv_file
from salesinsight_assets.web.frame import REPORTS, page
from salesinsight_assets.web.pages import AfterOf, pages_of
from salesinsight_assets.web.report_parts import report_parts
from salesinsight_assets.web.visits import Visit, VisitOf

router = APIRouter()
Name = Literal["pipeline_health", "rep_performance", "model_check", "business_review"]
NAMES: dict[Name, str] = {
    "pipeline_health": "Pipeline health",
    "rep_performance": "Rep performance",
    "model_check": "Model check",
    "business_review": "Business review",
}
_COLUMNS = ("as_of_date", "report", "audience", "audience_name", "title", "made_at")
_STANDS_ALONE = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
"""A report carries its style and pictures along, as it does in a mail; it runs nothing and loads nothing."""


@router.get("/reports")
def report_list(visit: VisitOf, name: Name | Literal[""] = "", after: AfterOf = 0) -> Response:
    """A page of the list, the newest first."""
    _only_for_readers(visit)
    found = reads.report_list(visit.rows, visit.mailed, name, after)
    return page(
        visit,
        "reports.html.jinja",
        found=found,
        names=NAMES,
        name=name,
        file=f"/reports.csv?{urlencode({'name': name})}" if name else "/reports.csv",
        pages=pages_of("/reports", {"name": name}, found, after),
    )


@router.get("/reports.csv")
def report_list_file(visit: VisitOf, name: Name | Literal[""] = "") -> Response:
    """The whole list as a file."""
    _only_for_readers(visit)
    found = reads.report_list(visit.rows, visit.mailed, name, most=EVERYTHING)
    return csv_file(visit, "reports.csv", _COLUMNS, found)


@router.get("/reports/{day}/{report}/{audience}")
def report(visit: VisitOf, day: date, report: Name, audience: str) -> Response:
    """A report in words, with its headline figures."""
    found = _found(visit, day, report, audience)
    return page(
        visit,
        "report.html.jinja",
        report=found,
        parts=report_parts(found["page"]),
        figures=sorted(_figures(found), key=lambda one: one["figure"]),
    )


@router.get("/reports/{day}/{report}/{audience}/page.html")
def report_page(visit: VisitOf, day: date, report: Name, audience: str) -> Response:
    """The page as it was made, with its pictures."""
    found = _found(visit, day, report, audience)
    return HTMLResponse(found["page"], headers={"Content-Security-Policy": _STANDS_ALONE})


@router.get("/reports/{day}/{report}/{audience}/figures.csv")
def report_figures(visit: VisitOf, day: date, report: Name, audience: str) -> Response:
    """The headline figures as a file."""
    found = _found(visit, day, report, audience)
    return csv_file(visit, f"{report}-{day}.csv", ("figure", "value"), _figures(found))


def _only_for_readers(visit: Visit) -> None:
    if not REPORTS.is_there_for(visit):
        raise HTTPException(HTTPStatus.NOT_FOUND)


def _found(visit: Visit, day: date, name: Name, audience: str) -> Row:
    found = reads.report(visit.rows, visit.mailed, day, name, audience)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return found


def _figures(found: Row) -> list[dict[str, Any]]:
    """The headline figures that are numbers or words."""
    plain = {name: value for name, value in found["figures"].items() if isinstance(value, int | float | str)}
    return [{"figure": name, "value": value} for name, value in plain.items()]
