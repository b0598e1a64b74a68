"""The report of past days from the warehouse: what was scored and alerted on them, and what has become of the deals since.

Asked by the command and by the asset. What belongs elsewhere: every figure and every word of it (domain.reports).
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pandas as pd

from salesinsight_assets.adapters import plots
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.domain.history.grid import end_of_day
from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets.domain.model.examples import decided_deals
from salesinsight_assets.domain.model.months import month_before
from salesinsight_assets.domain.reports.judged_scores import JudgedScores
from salesinsight_assets.domain.reports.replay import ReplayReport, replay_report
from salesinsight_assets.domain.reports.replay_pages import WARNINGS_PICTURE, calibration_picture

_SCORES = (
    "SELECT as_of_date, opportunity_id, win_probability, model_id, is_fallback FROM insight.opportunity_scores"
    " WHERE as_of_date BETWEEN $1 AND $2 ORDER BY 1, 2"
)
_GATES = (
    "SELECT DISTINCT ON (model_month) model_month, reason,"
    " COALESCE((metrics->>'passes')::boolean, status <> 'rejected') AS has_passed FROM insight.models"
    " WHERE kind = 'lightgbm' AND model_month BETWEEN $1 AND $2 ORDER BY model_month, trained_at DESC"
)


def report_of_days(store: Warehouse, zone: ZoneInfo, first: date, last: date, known_at: datetime) -> ReplayReport:
    """The days from `first` to `last`, as far as they were scored, judged by the outcomes known at a moment."""
    crm = store.crm_rows(recent_since=end_of_day(first, zone), activity_since=known_at)
    origin = store.crm_origin()
    return replay_report(
        store.read(_SCORES, (first, last)),
        store.alerts_between(first, last),
        decided_deals(opportunity_history(crm), known_at, zone),
        store.read(_GATES, (month_before(first), month_before(last))),
        (first, last),
        (origin.told_until if origin else known_at).astimezone(zone).date(),
    )


def pictures(report: ReplayReport) -> dict[str, bytes]:
    """The report's pictures by name, as PNG."""
    drawn = {calibration_picture(kind): plots.png(_calibration(kind)) for kind in report.scores if kind.calibration}
    if report.alerts.n_deals:
        drawn[WARNINGS_PICTURE] = plots.png(plots.warning_chart(report.alerts.told))
    return drawn


def _calibration(kind: JudgedScores) -> object:
    bins = [(said.predicted_rate, said.won.rate, said.won.n) for said in kind.calibration]
    return plots.calibration_chart(pd.DataFrame(bins, columns=["predicted_rate", "actual_rate", "n"]), "deals")
