"""What the reports read of the past."""

from datetime import date, timedelta

import pytest

from salesinsight_assets.adapters.warehouse.report_reads import reps_on_dashboard
from salesinsight_assets_tests.conftest import LAST_DAY

pytestmark = pytest.mark.slow


def test_a_rep_counts_once_who_looked_in_the_seven_days_up_to_the_report(new_database, night_database) -> None:
    store = new_database(night_database)
    reps = sorted(store.partition("opportunity_scores", LAST_DAY)["owner_id"].dropna().unique())

    def look(rep: str, ago: int) -> None:
        day: date = LAST_DAY - timedelta(days=ago)
        store.execute(
            "INSERT INTO engagement.visits (day, email, user_id) VALUES ($1::text::date, $2, $2)",
            (day.isoformat(), rep),
        )

    look(reps[0], -1)
    assert reps_on_dashboard(store, LAST_DAY) == (0, 0), "by that day nobody had looked"
    look(reps[1], 7)
    assert reps_on_dashboard(store, LAST_DAY) == (0, len(reps))
    for rep, ago in ((reps[1], 6), (reps[1], 0), (reps[2], 0), ("who owns no deal", 0)):
        look(rep, ago)
    assert reps_on_dashboard(store, LAST_DAY) == (2, len(reps))
