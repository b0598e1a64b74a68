"""The drill: what can break a night is broken, on a real deployment; each ends with the right page, exactly one, and is repaired.

`make drill` runs all of it, `make test` a part (`drill_whole` is the rest).
"""

import os
import signal
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus

from salesinsight_assets.adapters.warehouse.schema import database_url
from salesinsight_assets.schedules import NIGHTLY
from salesinsight_assets.sending import SEND_TAG
from salesinsight_assets_tests.conftest import LAST_DAY, all_tables
from salesinsight_assets_tests.drill.deployment import Deployment, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("drill"), pytest.mark.timeout(1800)]
DAY = LAST_DAY.isoformat()
"""Of the nights that are broken: the last one that the made-up company knows, so that there is somebody to tell."""
SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
WRITES = {
    "crm_tables": "crm.sync_cursors",
    "open_opportunities": "insight.open_opportunities",
    "opportunity_features": "insight.opportunity_features",
    "opportunity_scores": "insight.prediction_ledger",
    "rep_alerts": "insight.rep_alerts",
    "messages": "engagement.outbox",
}
"""Each step of a night that writes, and the table at whose write its process is killed."""
OF_A_DAY = (*list(WRITES.values())[1:], "insight.scoring_runs", "insight.alert_days")
IN_THE_SUITE = ("rep_alerts",)
STAMPS_OF_A_RUN = ("synced_at", "cursor", "run_id", "scored_at", "queued_at", "reconciled_at", "deletes_cursor")


@pytest.fixture(scope="module")
def deployment(slack, salesforce_now, postgres_url, trained_database) -> Iterator[Deployment]:
    with tempfile.TemporaryDirectory(prefix="salesinsight-drill-", ignore_cleanup_errors=True) as name:
        made = Deployment(Path(name), slack, salesforce_now.environment())
        try:
            made.fill_from(database_url(postgres_url, trained_database))
            made.start("daemon", "watch")
            until(lambda: looks(made), what="the night watch looks")
            yield made
        finally:
            made.stop()


def looks(deployment: Deployment) -> bool:
    with deployment.instance() as instance:
        return any(state.instigator_name == "watch_the_night" for state in instance.all_instigator_state())


@pytest.fixture
def quiet(deployment, slack) -> Iterator[Deployment]:
    """The deployment, with nothing posted and nothing open, whatever the drill before this one left."""
    store = deployment.warehouse()
    store.execute(
        "UPDATE insight.incidents SET resolved_at = now(), slack_ended_at = now() WHERE resolved_at IS NULL", ()
    )
    slack.posted.clear()
    return deployment


def opened(deployment: Deployment) -> int:
    return int(
        deployment.warehouse().read("SELECT count(*) AS n FROM insight.incidents WHERE resolved_at IS NULL")["n"][0]
    )


def made_by_a_night(deployment: Deployment) -> dict[str, str]:
    """The tables that a night makes, as text, without the stamps of the run; of messages what they say."""
    store = deployment.warehouse()
    found = all_tables(store, STAMPS_OF_A_RUN)
    told = store.read("SELECT message_key, as_of_date, payload FROM engagement.outbox ORDER BY message_key")
    found["engagement.outbox"] = told.to_csv(index=False)
    made = {name: text for name, text in found.items() if name.startswith("crm.") or name in WRITES.values()}
    for table in list(WRITES.values())[1:]:
        assert DAY in made[table], f"nothing to compare in {table}"
    return made


def forget_the_day(deployment: Deployment) -> None:
    """As if no night had worked on the day: what is there already is not written again, right or wrong."""
    store = deployment.warehouse()
    for table in OF_A_DAY:
        store.execute(f"DELETE FROM {table} WHERE as_of_date = $1::date", (DAY,))


def assert_as_of_an_unhurt_night(deployment: Deployment) -> None:
    repaired = made_by_a_night(deployment)
    forget_the_day(deployment)
    again = deployment.launch("night", DAY, {SEND_TAG: "true"})
    until(lambda: deployment.status(again) == SUCCESS, what="an unhurt night")
    for table, content in made_by_a_night(deployment).items():
        assert repaired[table] == content, table


@pytest.mark.parametrize(
    "step", [pytest.param(s, marks=() if s in IN_THE_SUITE else pytest.mark.drill_whole) for s in WRITES]
)
def test_a_night_whose_process_is_killed_is_paged_once_and_is_repaired_from_its_failure(quiet, step) -> None:
    forget_the_day(quiet)
    with quiet.no_writes_to(WRITES[step]):
        run = quiet.launch("night", DAY, {SEND_TAG: "true"})
        until(lambda: quiet.is_waiting(WRITES[step]), what=f"{step} writes")
        os.kill(quiet.process_of(run).pid, signal.SIGKILL)
        until(lambda: quiet.status(run) == FAILURE, what="the loss is noticed")
    until(lambda: quiet.retried(run) == SUCCESS, what="the run is repeated")
    quiet.wait_until_all_is_well()
    assert quiet.failed_looks() == []
    page, end = quiet.pages
    assert page.startswith(f"⚠️ The process that worked on {step}"), page
    assert end.startswith(f"✅ {step}: all is well again")
    assert opened(quiet) == 0
    assert_as_of_an_unhurt_night(quiet)


@pytest.mark.drill_whole
def test_a_database_that_is_killed_in_mid_night_is_paged_once_and_the_night_ends_as_an_unhurt_one(quiet) -> None:
    table = WRITES["opportunity_features"]
    forget_the_day(quiet)
    with quiet.no_writes_to(table):
        run = quiet.launch("night", DAY, {SEND_TAG: "true"})
        until(lambda: quiet.is_waiting(table), what="features are written")
        quiet.kill_postgres()
    until(lambda: quiet.pages, what="the database is paged")
    quiet.start_postgres()

    def repaired() -> bool:
        quiet.keep_daemon()
        return quiet.retried(run) == SUCCESS

    until(repaired, 400, what="the run is repeated")
    quiet.wait_until_all_is_well()
    page, end = quiet.pages
    assert page.startswith("🚨 PostgreSQL does not answer (since ")
    assert end.startswith("✅ PostgreSQL does not answer: all is well again")
    assert opened(quiet) == 0
    assert_as_of_an_unhurt_night(quiet)


@pytest.mark.drill_whole
def test_a_daemon_that_is_killed_between_tick_and_run_is_paged_once_and_the_sync_follows(quiet) -> None:
    quiet.kill("daemon")
    soon = datetime.now(UTC) + timedelta(seconds=75)
    quiet.configure(f'sync = "{soon:%H:%M}"\nsync_again = "{quiet._far_away()}"')
    quiet.start("daemon")
    until(lambda: scheduled(quiet), 200, what="the schedule fires")
    quiet.kill("daemon")
    (run,) = scheduled(quiet)
    until(lambda: quiet.pages, 300, what="the daemon is paged")
    quiet.start("daemon")
    until(lambda: quiet.status(run.run_id) == SUCCESS, what="the run follows")
    quiet.wait_until_all_is_well()
    page, end = quiet.pages
    assert page.startswith("🚨 Dagster does not look: its daemon, or the code location, is down")
    assert end.startswith("✅ ")
    assert len(scheduled(quiet)) == 1
    assert opened(quiet) == 0


@pytest.mark.drill_whole
def test_a_missed_week_is_caught_up_by_one_backfill_in_order(quiet) -> None:
    week = [(datetime.now(UTC).date() - timedelta(days=ago)).isoformat() for ago in range(7, 0, -1)]
    backfill = quiet.backfill(NIGHTLY, week, {SEND_TAG: "true"})
    until(lambda: quiet.backfill_status(backfill) == BulkActionStatus.COMPLETED_SUCCESS, 1200, "the week is made")
    runs = quiet.runs(**{"dagster/backfill": backfill})
    assert {run.status for run in runs} == {SUCCESS}
    assert quiet.materialized("rep_alerts")[: len(week)] == week[::-1], "the newest last"
    scored = quiet.warehouse().read(
        "SELECT DISTINCT as_of_date FROM insight.opportunity_scores WHERE as_of_date >= $1",
        (date.fromisoformat(week[0]),),
    )
    assert sorted(f"{day:%Y-%m-%d}" for day in scored["as_of_date"]) == week
    queued = quiet.warehouse().read(
        "SELECT DISTINCT as_of_date FROM engagement.outbox WHERE as_of_date BETWEEN $1 AND $2",
        (date.fromisoformat(week[0]), date.fromisoformat(week[-2])),
    )
    assert queued.empty
    assert quiet.pages == []


def scheduled(deployment: Deployment) -> list[dg.DagsterRun]:
    return deployment.runs(**{"dagster/schedule_name": "sync_the_crm"})
