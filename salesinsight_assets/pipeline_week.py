"""Monday's report from the warehouse: the deals of two days, their scores, and what was decided in two quarters.

What belongs elsewhere: every figure and every word of it (domain.reports).
"""

import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from salesinsight_assets.adapters import report_plots
from salesinsight_assets.domain.reports.policy import PIPELINE_HEALTH
from salesinsight_assets.resources import CompanyResource

if TYPE_CHECKING:
    from salesinsight_assets.adapters.warehouse import Warehouse
    from salesinsight_assets.domain.history.snapshots import History
    from salesinsight_assets.domain.reports.pipeline_health import PipelineHealth
    from salesinsight_assets.domain.reports.report import Report

PAST_WEEKS = range(39, 79)
"""Weeks ago by which close dates are judged, from 9 to 18 months: of later weeks the deals that take long are not won yet, and
those that are would make all of them look quick."""


def pipeline_health_report(store: "Warehouse", company: CompanyResource, day: date) -> "Report":
    """The report of the week that ends with `day`."""
    from salesinsight_assets.domain.reports.pipeline_health_pages import pipeline_health_sections, pipeline_health_title
    from salesinsight_assets.domain.reports.report import COMPANY, Report

    found = _figures(store, company, day)
    title, sections = pipeline_health_title(found), pipeline_health_sections(found)
    return Report(PIPELINE_HEALTH, title, COMPANY, day, sections, pictures(found), found.headline)


def _figures(store: "Warehouse", company: CompanyResource, day: date) -> "PipelineHealth":
    from salesinsight_assets.domain.history.snapshots import opportunity_history
    from salesinsight_assets.domain.reports.pipeline_health import WEEK, pipeline_health
    from salesinsight_assets.domain.reports.results import decided_amounts, won_later

    before, as_of = day - WEEK, company.as_of(day)
    moments = [company.as_of(day - timedelta(weeks=week)) for week in reversed(PAST_WEEKS)]
    history = opportunity_history(store.crm_rows(recent_since=moments[0], activity_since=as_of))
    decided = decided_amounts(history, as_of, company.zone)
    deals = {d: _open_deals(store, history, d, company.as_of(d)) for d in (before, day)}
    return pipeline_health(
        deals,
        _scores(store, day),
        decided,
        won_later(history, moments, decided),
        company.as_of(before),
        company.policies.risk,
        company.policies.reports.quarter_quota,
        decided["decided_on"].min().date() if len(decided) else None,
    )


def _open_deals(store: "Warehouse", history: "History", day: date, as_of: datetime) -> pd.DataFrame:
    """As they were stored in that night; worked out where they were not."""
    from salesinsight_assets.domain.history.grid import Grid
    from salesinsight_assets.domain.history.snapshots import snapshots

    stored = store.partition("open_opportunities", day)
    return stored if len(stored) else snapshots(history, Grid([as_of])).frame


def _scores(store: "Warehouse", day: date) -> pd.DataFrame:
    scores = store.partition("opportunity_scores", day)
    return scores.assign(reasons=scores["reasons"].map(json.loads))


def pictures(found: "PipelineHealth") -> dict[str, bytes]:
    """The report's pictures by name, as PNG."""
    from salesinsight_assets.domain.reports.outlook_pages import OUTLOOK_PICTURE, outlook_rows
    from salesinsight_assets.domain.reports.pipeline_movement_pages import MOVEMENT_PICTURE, waterfall_steps

    whose = f"Due in {found.quarter.period.name}" if found.has_due else "All open deals"
    title = f"{whose}: what moved (axis cut)"
    charts = {MOVEMENT_PICTURE: report_plots.waterfall_chart(waterfall_steps(found), title)}
    if found.quarter.open:
        title = "Won so far, and expected from open deals"
        charts[OUTLOOK_PICTURE] = report_plots.outlook_chart(outlook_rows(found), title)
    return report_plots.drawn(charts)
