"""A night that is killed in the middle of any of its steps, and run again, leaves what an unhurt night leaves."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any

import psycopg2
import pytest

from salesinsight_assets.adapters.warehouse.schema import database_url

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
STAMPS_OF_A_RUN = ("synced_at", "cursor", "run_id", "scored_at", "queued_at")
WRITES = {
    "crm_tables": "crm.opportunity_history",
    "open_opportunities": "insight.open_opportunities",
    "opportunity_features": "insight.opportunity_features",
    "opportunity_scores": "insight.prediction_ledger",
    "rep_alerts": "insight.rep_alerts",
    "messages": "engagement.outbox",
}
"""Each step that writes, and the table at whose write it is killed; of the CRM's tables the second."""
ONLY_READS = ("crm_expectations",)
COMMAND_AT = """
import sys
from datetime import datetime
from salesinsight_assets import settings
moment = datetime.fromisoformat(sys.argv.pop(1))
settings.now = lambda: moment
from salesinsight_assets.cli import main
main()
"""
"""The command line at a given moment: only on the morning after it is the night's business to tell anyone."""


def test_a_night_killed_in_any_step_and_run_again_equals_an_unhurt_one(
    work_folder, org, postgres_url, trained_database, new_database, tables_of, wait_for
) -> None:
    night = org.company.last_day + timedelta(days=1)
    org.company.advance(night)
    morning = datetime.combine(night + timedelta(days=1), time(2), UTC)

    def begin(url: str) -> subprocess.Popen[str]:
        settings = {"SALESINSIGHT_POSTGRES_URL": url, "SALESINSIGHT_CONFIG": "small.toml", **org.server.environment()}
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND_AT, morning.isoformat(), "nightly"],
            cwd=work_folder,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    (work_folder / "small.toml").write_text("[model]\ntrees = 40\nleast_won = 20\nleast_lost = 20\n")
    _forget_runs(postgres_url)
    unhurt, hurt = new_database(trained_database), new_database(trained_database)
    _finish(begin(unhurt.url))
    _forget_runs(postgres_url)
    dagster = database_url(postgres_url, "dagster")
    for step, table in WRITES.items():
        with _no_writes_to(hurt.url, table):
            process = begin(hurt.url)
            wait_for(lambda table=table, process=process: _is_waiting(hurt.url, table) or _ended_early(process), 240)
            _kill(process)
        assert _began(dagster) == step
    for step in ONLY_READS:
        process = begin(hurt.url)
        wait_for(lambda step=step, process=process: _began(dagster) == step or _ended_early(process))
        _kill(process)
    _finish(begin(hurt.url))
    expected, found = (tables_of(warehouse, STAMPS_OF_A_RUN) for warehouse in (unhurt, hurt))
    for name in expected:
        assert found[name] == expected[name], name
    assert expected["engagement.outbox"].count("\n") > 1


def _forget_runs(postgres_url: str) -> None:
    """Dagster's records tell of one warehouse; those of the next must not take its runs for theirs."""
    connection = psycopg2.connect(postgres_url)
    connection.autocommit = True
    connection.cursor().execute("DROP DATABASE IF EXISTS dagster WITH (FORCE)")
    connection.close()


def _finish(process: subprocess.Popen[str]) -> None:
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output


def _kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL


def _ended_early(process: subprocess.Popen[str]) -> bool:
    if process.poll() is not None:
        raise AssertionError(process.communicate()[0])
    return False


@contextmanager
def _no_writes_to(url: str, table: str) -> Iterator[None]:
    """Readers pass, the first write to `table` waits until the context ends."""
    connection = psycopg2.connect(url)
    try:
        connection.cursor().execute(f"LOCK TABLE {table} IN SHARE MODE")
        yield
    finally:
        connection.close()


def _is_waiting(url: str, table: str) -> bool:
    return _first(url, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", table) > 0


def _began(dagster: str) -> str | None:
    """The step of the latest run that began last."""
    return _first(
        dagster,
        "SELECT step_key FROM event_logs WHERE dagster_event_type = %s AND run_id ="
        " (SELECT run_id FROM runs ORDER BY id DESC LIMIT 1) ORDER BY id DESC LIMIT 1",
        "STEP_START",
    )


def _first(url: str, question: str, value: str) -> Any:
    connection = psycopg2.connect(url)
    try:
        cursor = connection.cursor()
        cursor.execute(question, (value,))
        row = cursor.fetchone()
        return row[0] if row else None
    finally:
        connection.close()
