"""What was reported: the list, a report in words, and its own page with the pictures."""

from datetime import date
from http import HTTPStatus
from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, Response

from salesinsight_assets.adapters.dashboard import reports as reads
from salesinsight_assets.adapters.dashboard.rows import Row
from salesinsight_assets.web.exports import csv_file
from salesinsight_assets.web.frame import page
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
def report_list(visit: VisitOf, name: Name | Literal[""] = "") -> Response:
    """The list, the newest first."""
    found = reads.report_list(visit.rows, _mailed(visit), name)
    return page(visit, "reports.html.jinja", found=found, names=NAMES, name=name, most=reads.MOST)


@router.get("/reports.csv")
def report_list_file(visit: VisitOf, name: Name | Literal[""] = "") -> Response:
    """The list as a file."""
    return csv_file(visit, "reports.csv", _COLUMNS, reads.report_list(visit.rows, _mailed(visit), name))


@router.get("/reports/{day}/{report}/{audience}")
def report(visit: VisitOf, day: date, report: Name, audience: str) -> Response:
    """A report in words, with its headline figures."""
    found = _found(visit, day, report, audience)
    return page(visit, "report.html.jinja", report=found, name=NAMES[report], figures=_figures(found))


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


def _found(visit: Visit, day: date, name: Name, audience: str) -> Row:
    found = reads.report(visit.rows, _mailed(visit), day, name, audience)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return found


def _figures(found: Row) -> list[dict[str, Any]]:
    """The headline figures that are numbers or words."""
    plain = {name: value for name, value in found["figures"].items() if isinstance(value, int | float | str)}
    return [{"figure": name, "value": value} for name, value in plain.items()]


def _mailed(visit: Visit) -> list[str]:
    """The reports of the company that are mailed to the viewer's address."""
    own, policy = visit.viewer.identity.email.casefold(), visit.site.policies.reports
    return [name for name in NAMES if own in {address.casefold() for address in policy.recipients(name)}]
