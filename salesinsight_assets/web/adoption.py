"""The success measures: whether people use what is shown and told, whether alerts help, and what became of sales."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from http import HTTPStatus
from typing import Any

import pandas as pd
from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from salesinsight_assets.adapters import page_plots
from salesinsight_assets.adapters.dashboard.adoption import looks_by_week
from salesinsight_assets.adapters.dashboard.api_measures import Recorded, latest_review, recorded
from salesinsight_assets.adapters.dashboard.rows import Row
from salesinsight_assets.domain.reports.engagement import DASHBOARD_GOAL, Engagement, engagement_measures
from salesinsight_assets.domain.reports.measures import Measure, of_plain, of_share, said_as
from salesinsight_assets.domain.shares import Share, about, share
from salesinsight_assets.web.charts import ADDRESS, LookOf, picture
from salesinsight_assets.web.exports import csv_file
from salesinsight_assets.web.formats import day_in_words, short_day
from salesinsight_assets.web.frame import page
from salesinsight_assets.web.visits import Visit, VisitOf

router = APIRouter()
_ROLES = ("manager", "leader", "engineer")
_COLUMNS = (
    "part",
    "whose",
    "as_of",
    "measure",
    "target",
    "value",
    "low",
    "high",
    "n",
    "n_counts",
    "verdict",
    "because",
)

_WEEK_COLUMNS = ("until", "reps", "looked", "rate", "low", "high")


@dataclass(frozen=True)
class Part:
    """Some measures as of a day; `whose` they are is said, as a manager sees the team's beside the company's."""

    name: str
    whose: str
    as_of: date | None
    measures: Sequence[Measure]
    note: str


@router.get("/adoption")
def adoption(visit: VisitOf) -> Response:
    """The page."""
    _only_for_those_above(visit)
    if visit.day is None:
        return page(visit, "empty.html.jinja", title="Adoption", about="How far the aims of SalesInsight are reached")
    parts, weeks = _parts(visit, visit.day), _weeks(visit)
    return page(visit, "adoption.html.jinja", parts=parts, weeks=weeks, said_as=said_as, about=about)


@router.get("/adoption.csv")
def adoption_file(visit: VisitOf) -> Response:
    """They as rows."""
    _only_for_those_above(visit)
    parts = _parts(visit, visit.day) if visit.day else []
    rows = [_row(part, measure) for part in parts for measure in part.measures]
    return csv_file(visit, f"adoption-{visit.site.today}.csv", _COLUMNS, rows)


@router.get("/adoption/weeks.csv")
def weeks_file(visit: VisitOf) -> Response:
    """Who looked week by week, as rows."""
    _only_for_those_above(visit)
    return csv_file(visit, f"adoption-weeks-{visit.site.today}.csv", _WEEK_COLUMNS, _weeks(visit))


@router.get(f"{ADDRESS}/adoption/weeks.svg")
def weeks_picture(visit: VisitOf, look: LookOf) -> Response:
    """Who looked week by week, as a picture."""
    _only_for_those_above(visit)
    weeks = _weeks(visit)
    if not weeks:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    rows = [(short_day(one["until"]), one["reps"], one["looked"], one["reps"] * DASHBOARD_GOAL) for one in weeks]
    return picture(look, page_plots.looks_chart, pd.DataFrame(rows, columns=["week", "reps", "looked", "target"]))


def _weeks(visit: Visit) -> list[dict[str, Any]]:
    """By week the reps with open deals and those who looked; a share with its interval."""
    found = [(row, share(row["looked"], row["reps"])) for row in looks_by_week(visit.rows, visit.site.today)]
    return [{**row, "rate": one.rate, "low": one.low, "high": one.high} for row, one in found if one]


def _only_for_those_above(visit: Visit) -> None:
    if visit.viewer.role not in _ROLES:
        raise HTTPException(HTTPStatus.NOT_FOUND)


def _parts(visit: Visit, day: date) -> list[Part]:
    found = recorded(visit.rows, day, visit.site.today)
    whose = "the whole company" if visit.rows.are_all else "your team"
    least = 1 if visit.rows.are_all else visit.site.policies.rates.least_deals
    people, lifts = _of_engagement(found, least)
    looked = max((row["as_of_date"] for row in found.lifts.values()), default=None)
    return [
        Part("Do people use it?", whose, visit.site.today, people, "Reps are those with open deals, in the last seven days. Opened is what mail programs tell, which is not reliable."),
        Part("Do alerts help?", "the whole company", looked, lifts, "Deals told of against those held out by a draw; the intervals hold at all looks at once."),
        _of_review(visit),
    ]  # fmt: skip


def _of_engagement(found: Recorded, least: int) -> tuple[list[Measure], list[Measure]]:
    """Those of people, of fewer than `least` deals or verdicts of whom nothing is said, and the lifts."""
    told = {"acted_on": _if_enough(found.acted_on, least), "helpful": _if_enough(found.helpful, least)}
    engagement = Engagement(found.on_dashboard, found.opened, told["acted_on"], found.lifts)
    dashboard, opened, acted_on, *lifts = engagement_measures(engagement)
    if not found.on_dashboard:
        dashboard = replace(dashboard, because="no rep owns an open deal")
    if found.acted_on and not told["acted_on"]:
        acted_on = replace(acted_on, because=_too_few(found.acted_on, "deals"))
    return [dashboard, opened, acted_on, _helpful(found.helpful, told["helpful"])], lifts


def _if_enough(found: Share | None, least: int) -> Share | None:
    return found if found and found.n >= least else None


def _too_few(found: Share, of: str) -> str:
    return f"n = {found.n} {of}: too few to say anything of a team"


def _helpful(found: Share | None, told: Share | None) -> Measure:
    """It has no target: no `target`, and no verdict."""
    because = "" if told else _too_few(found, "verdicts") if found else "nobody has said so far"
    return Measure("Alerts called helpful", "", of_share(told, "verdicts") if told else None, 0.0, because=because)


def _of_review(visit: Visit) -> Part:
    """What the review says that is not measured above, as the whole history has to be read for it."""
    review = latest_review(visit.rows)
    others = {measure.name for measure in engagement_measures(Engagement())}
    kept = review["figures"].get("measures", []) if review else []
    measures = [measure for measure in map(of_plain, kept) if measure.name not in others]
    return Part(
        "What became of sales?",
        "the whole company",
        review["as_of_date"] if review else None,
        measures,
        _note_of_review(review, is_kept=bool(measures)),
    )


def _note_of_review(review: Row | None, *, is_kept: bool) -> str:
    if is_kept:
        return "From the business review. What came after the first alert is held against the year before; other things changed too."
    if review is None:
        return "Not yet known: the business review, on the 15th of each month, works them out."
    return (
        f"The business review of {day_in_words(review['as_of_date'])} was made before reviews kept their measures for this page: it can be"
        " read as a report only. The next one, on the 15th, brings them here."
    )


def _row(part: Part, measure: Measure) -> dict[str, Any]:
    figure = measure.figure
    return {
        "part": part.name,
        "whose": part.whose,
        "as_of": part.as_of,
        "measure": measure.name,
        "target": measure.target,
        "value": figure and figure.value,
        "low": figure and figure.low,
        "high": figure and figure.high,
        "n": figure.n if figure else 0,
        "n_counts": figure and figure.of,
        "verdict": measure.verdict if measure.target else "",
        "because": measure.because,
    }
