"""What is removed after its time, and above all what is not: a past day, what was shown, and what Dagster knows of each partition."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.definitions import defs
from salesinsight_assets.domain.monitoring.retention import RetentionPolicy
from salesinsight_assets.policies import load_policies
from salesinsight_assets.retention import prune, runs_with_the_newest
from salesinsight_assets.settings import SettingsError

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=5000)
ALL_AT_ONCE = RetentionPolicy(1, 1, 1, 365, 365, 365, 365)
"""Everything that can be asked for."""
DAYS = dg.StaticPartitionsDefinition(["2026-01-01", "2026-01-02"])
ROWS = """
INSERT INTO engagement.sessions VALUES ('a', 'a@b', 'A', NULL, 'mail', $1, $1);
INSERT INTO engagement.sign_in_links VALUES ('a', 'a@b', $1, $1, NULL);
INSERT INTO engagement.message_events VALUES ('2020-01-01', 'm', 'opened', $1, NULL);
INSERT INTO engagement.visits VALUES ('2012-01-01', 'a@b', NULL);
INSERT INTO engagement.audit_log (happened_at, event) VALUES ($1, 'signed in');
INSERT INTO insight.prediction_ledger (as_of_date, opportunity_id, model_id, run_id, win_probability, risk_level, reasons, is_fallback,
 scored_at, is_shown) VALUES ('2012-01-01', '006A', 'shown', 'r', 0.2, 'HIGH', '[]', false, $1, true);
INSERT INTO insight.prediction_ledger (as_of_date, opportunity_id, model_id, run_id, win_probability, risk_level, reasons, is_fallback,
 scored_at, is_shown) VALUES ('2012-01-01', '006A', 'shadow', 'r', 0.2, 'HIGH', '[]', false, $1, false);
INSERT INTO insight.rep_alerts VALUES
 ('2012-01-01', '006A', 'slow_deal', '005A', 'HIGH', 1, 0.2, 1, 'to_send', NULL, 'e', NULL, NULL);
INSERT INTO engagement.outbox (message_key, channel, owner_id, as_of_date, status, attempts, payload, queued_at)
 VALUES ('k', 'email', '005A', '2012-01-01', 'sent', 1, '{}', $1)
"""
"""A row of each kind from long ago."""


@pytest.fixture
def old_rows(warehouse: Warehouse) -> Warehouse:
    for statement in ROWS.split(";"):
        warehouse.execute(statement.replace("$1", f"TIMESTAMPTZ '{LONG_AGO.isoformat()}'"))
    return warehouse


def counted(warehouse: Warehouse) -> dict[str, int]:
    names = ("sessions", "sign_in_links", "message_events", "visits", "audit_log", "outbox")
    private = {name: int(warehouse.read(f"SELECT count(*) AS n FROM engagement.{name}")["n"][0]) for name in names}
    return private | {name: len(warehouse.exported(name, None)) for name in ("prediction_ledger", "rep_alerts")}


def test_by_default_only_sessions_and_links_that_are_over_go(old_rows: Warehouse, tmp_path: Path) -> None:
    before = counted(old_rows)
    with dg.DagsterInstance.ephemeral() as instance:
        told = prune(old_rows, tmp_path, instance, RetentionPolicy(), NOW, dry_run=True)
        assert counted(old_rows) == before
        done = prune(old_rows, tmp_path, instance, RetentionPolicy(), NOW, dry_run=False)
    assert told == done
    assert {kind: n for kind, n in done.items() if n} == {"sessions that are over": 1, "sign-in links that are over": 1}
    assert counted(old_rows) == before | {"sessions": 0, "sign_in_links": 0}


def test_what_was_shown_stays_whatever_is_asked_for(old_rows: Warehouse, tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        done = prune(old_rows, tmp_path, instance, ALL_AT_ONCE, NOW, dry_run=False)
    assert done["unseen scores of challengers"] == 1
    kept = {name for name, n in counted(old_rows).items() if n}
    assert kept == {"prediction_ledger", "rep_alerts", "outbox"}
    assert list(old_rows.exported("prediction_ledger", None)["model_id"]) == ["shown"]


def test_files_of_days_that_are_over_go(warehouse: Warehouse, tmp_path: Path) -> None:
    for name in (
        "messages/2024-01-01",
        "messages/2026-05-31",
        "reports/2024-01-01",
        "reports/notes",
        "dagster/2024-01-01",
    ):
        (tmp_path / name).mkdir(parents=True)
    with dg.DagsterInstance.ephemeral() as instance:
        done = prune(warehouse, tmp_path, instance, RetentionPolicy(), NOW, dry_run=False)
    assert done["days of message and report files"] == 2
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*"))
    assert left == ["dagster/2024-01-01", "messages/2026-05-31", "reports/notes"]


# --- runs of Dagster ---


@dg.asset(partitions_def=DAYS)
def daily() -> None:
    """An asset with days."""


@dg.asset
def whole(context: dg.AssetExecutionContext) -> None:
    """An asset without, which fails where it is told to."""
    if "fails" in context.run.tags:
        raise ValueError


def made(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, day: str | None = None, **tags: str) -> str:
    result = dg.materialize([asset], instance=instance, partition_key=day, tags=tags, raise_on_error=False)
    return result.run_id


def test_runs_go_but_for_those_that_hold_the_newest_of_a_partition(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        first, second, again = (made(instance, daily, day) for day in ("2026-01-01", "2026-01-02", "2026-01-01"))
        old, new, failed = made(instance, whole), made(instance, whole), made(instance, whole, fails="yes")
        later = datetime.now(UTC) + timedelta(days=3)
        assert runs_with_the_newest(instance) == {second, again, new}
        told = prune(warehouse, tmp_path, instance, ALL_AT_ONCE, later, dry_run=True)
        assert told["runs of Dagster"] == 3
        assert len(instance.get_runs()) == 6
        prune(warehouse, tmp_path, instance, ALL_AT_ONCE, later, dry_run=False)
        assert {run.run_id for run in instance.get_runs()} == {second, again, new}
        assert set(instance.get_materialized_partitions(daily.key)) == {"2026-01-01", "2026-01-02"}
        assert instance.get_latest_materialization_event(whole.key).run_id == new
        assert prune(warehouse, tmp_path, instance, ALL_AT_ONCE, later, dry_run=False)["runs of Dagster"] == 0
        assert {first, old, failed}.isdisjoint(path.name for path in (tmp_path / "dagster" / "storage").glob("*"))


def test_a_run_of_today_stays(warehouse: Warehouse, tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        made(instance, whole, fails="yes")
        done = prune(warehouse, tmp_path, instance, ALL_AT_ONCE, datetime.now(UTC), dry_run=False)
        assert (done["runs of Dagster"], len(instance.get_runs())) == (0, 1)


def test_the_job_of_each_sunday_says_what_it_removed(platform) -> None:
    schedule = defs.resolve_schedule_def("prune_what_is_old")
    assert (schedule.cron_schedule, schedule.job_name) == ("0 8 * * 0", "pruning")
    assert platform.run_well("pruning").success


@pytest.mark.parametrize(
    ("entry", "value", "said"),
    [
        ("audit_days", 30, "audit_days: expected 365 days or more, or 0 to keep it for ever, got 30"),
        ("run_days", -1, "run_days: expected 1 days or more"),
        ("file_days", 1.5, "file_days: expected 1 days or more"),
    ],
)
def test_days_that_would_remove_more_than_is_meant_are_refused(entry: str, value: float, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_policies({"retention": {entry: value}})
