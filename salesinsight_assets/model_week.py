"""Friday's report and the business review from the warehouse: what models said of decided deals, and what became of them.

What belongs elsewhere: every figure and every word of it (domain.reports).
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from salesinsight_assets.adapters import report_plots
from salesinsight_assets.domain.reports.policy import BUSINESS_REVIEW, MODEL_CHECK, PIPELINE_HEALTH
from salesinsight_assets.resources import CompanyResource

if TYPE_CHECKING:
    import pandas as pd

    from salesinsight_assets.adapters.warehouse import Warehouse
    from salesinsight_assets.domain.history.snapshots import History
    from salesinsight_assets.domain.reports.business_review import BusinessReview
    from salesinsight_assets.domain.reports.engagement import Engagement
    from salesinsight_assets.domain.reports.model_check import ModelCheck
    from salesinsight_assets.domain.reports.report import Report

REVIEWED_WEEKS = 52
"""Weeks of decided deals by which the business review judges the scores."""
_BEFORE_ALERTS = timedelta(days=2 * 366)
"""How far back deals are read, for a year before the first alert."""


def model_check_report(store: "Warehouse", company: CompanyResource, day: date) -> "Report":
    """The report of the week that ends with `day`."""
    from salesinsight_assets.domain.reports.model_check_pages import model_check_sections, model_check_title
    from salesinsight_assets.domain.reports.report import COMPANY, Report

    found = _model_check(store, company, day)
    words = model_check_title(found), COMPANY, day, model_check_sections(found)
    return Report(MODEL_CHECK, *words, _pictures_of_week(store, company, found), found.headline)


def business_review_report(store: "Warehouse", company: CompanyResource, day: date) -> "Report":
    """The review as of `day`."""
    from salesinsight_assets.domain.reports.business_review_pages import (
        business_review_sections,
        business_review_title,
    )
    from salesinsight_assets.domain.reports.report import COMPANY, Report

    found = _business_review(store, company, day)
    words = business_review_title(found), COMPANY, day, business_review_sections(found)
    return Report(BUSINESS_REVIEW, *words, _pictures_of_review(found), found.headline)


def _model_check(store: "Warehouse", company: CompanyResource, day: date) -> "ModelCheck":
    from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry
    from salesinsight_assets.domain.model.fallback import BASE_RATE_PREFIX
    from salesinsight_assets.domain.reports.model_check import model_check

    checks, drift, defaults = (store.partition(t, day) for t in ("model_checks", "feature_drift", "feature_defaults"))
    weeks = company.policies.monitoring.lasting_weeks
    history = _history(store, company, day, timedelta(weeks=weeks))
    champion = ModelRegistry(store).serving(day).champion
    judged = _judged(store, company, history, day, weeks)
    is_base_rate = champion is not None and champion.startswith(BASE_RATE_PREFIX)
    return model_check(day, checks, drift, defaults, judged, champion, is_base_rate=is_base_rate)


def _business_review(store: "Warehouse", company: CompanyResource, day: date) -> "BusinessReview":
    from salesinsight_assets.adapters.warehouse import report_reads
    from salesinsight_assets.domain.reports.business_review import business_review
    from salesinsight_assets.domain.reports.past_forecasts import ended_forecasts, judged_forecasts
    from salesinsight_assets.domain.reports.results import decided_amounts

    history = _history(store, company, day, _BEFORE_ALERTS)
    decided = decided_amounts(history, company.as_of(day), company.zone)
    said = ended_forecasts(report_reads.figures_of_reports(store, PIPELINE_HEALTH, day), day)
    return business_review(
        day,
        _judged(store, company, history, day, REVIEWED_WEEKS),
        decided,
        report_reads.first_day_of_scores(store),
        report_reads.first_day_of_alerts(store, day),
        judged_forecasts(said, report_reads.open_on(store, list(said)), decided),
        _engagement(store, company, day),
    )


def _engagement(store: "Warehouse", company: CompanyResource, day: date) -> "Engagement":
    from salesinsight_assets.adapters.warehouse import outcome_reads, report_reads
    from salesinsight_assets.domain.feedback.rates import acted_on_of
    from salesinsight_assets.domain.reports.business_review import LATEST_DAYS
    from salesinsight_assets.domain.reports.engagement import Engagement
    from salesinsight_assets.domain.shares import share

    days = day - timedelta(days=LATEST_DAYS), day
    return Engagement(
        dashboard=share(*report_reads.reps_on_dashboard(store, day)),
        opened=share(*report_reads.digests_opened(store, *days)),
        acted_on=acted_on_of(outcome_reads.outcomes_between(store, *days)),
        lifts=report_reads.last_lifts(store, company.policies.holdout.label, day),
    )


def _history(store: "Warehouse", company: CompanyResource, day: date, back: timedelta) -> "History":
    from salesinsight_assets.domain.history.snapshots import opportunity_history

    as_of = company.as_of(day)
    return opportunity_history(store.crm_rows(recent_since=as_of - back, activity_since=as_of))


def _judged(store: "Warehouse", company: CompanyResource, history: "History", day: date, weeks: int) -> "pd.DataFrame":
    """The deals decided in the last weeks that a model had scored, as in the weekly checks."""
    import pandas as pd

    from salesinsight_assets.adapters.warehouse.weekly_reads import shown_by_models
    from salesinsight_assets.domain.model.examples import decided_deals
    from salesinsight_assets.domain.monitoring.performance import shown_before_decision

    policy, since = company.policies.monitoring, day - timedelta(weeks=weeks)
    first = since - (day - policy.first_shown(day) - timedelta(weeks=policy.lasting_weeks))
    decided = decided_deals(history, company.as_of(day), company.zone)
    judged = shown_before_decision(shown_by_models(store, first, day), decided, policy)
    return judged[judged["decided_on"] > pd.Timestamp(since)].reset_index(drop=True)


# --- pictures ---


def _pictures_of_week(store: "Warehouse", company: CompanyResource, found: "ModelCheck") -> dict[str, bytes]:
    from salesinsight_assets.adapters.warehouse.weekly_reads import checks_of_all_deals
    from salesinsight_assets.domain.reports.model_check_pages import OUTCOMES_PICTURE, SAID_PICTURE
    from salesinsight_assets.domain.reports.said import said_points

    past = checks_of_all_deals(store, company.policies.monitoring.recent_weeks, found.day)
    charts = {SAID_PICTURE: report_plots.said_chart(said_points(found.said))} if found.said else {}
    if len(past) > 1:
        charts[OUTCOMES_PICTURE] = report_plots.outcomes_chart(past)
    return report_plots.drawn(charts)


def _pictures_of_review(found: "BusinessReview") -> dict[str, bytes]:
    from salesinsight_assets.domain.reports.business_review_pages import AUC_PICTURE, SAID_PICTURE, auc_rows
    from salesinsight_assets.domain.reports.said import said_points

    rows = auc_rows(found)
    charts = {SAID_PICTURE: report_plots.said_chart(said_points(found.said))} if found.said else {}
    if len(rows):
        title = "AUC by months, with the targets 0.55 and 0.65"
        charts[AUC_PICTURE] = report_plots.interval_chart(rows, title, "AUC", (0.55, 0.65))
    return report_plots.drawn(charts)
