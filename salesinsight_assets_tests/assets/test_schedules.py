"""When: the schedules by their clock, and the steps of the night by what they wait for."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

from salesinsight_assets.definitions import defs
from salesinsight_assets.schedules import SELECTIONS
from salesinsight_assets.steps import MADE_FOR, REPORTS, STEPS

MONTH, MONTH_BEFORE = "2025-03-01", "2025-02-01"
FIRST = datetime(2025, 4, 1, tzinfo=UTC)
WEDNESDAY, THURSDAY = 16, 17
"""Of that month; on a Thursday that is not the 15th no report is due."""
GRAPH = defs.resolve_asset_graph()
GROUPS = {key.to_user_string(): GRAPH.get(key).group_name for key in GRAPH.get_all_asset_keys()}
CRM = sorted(name for name, group in GROUPS.items() if group == "crm")
MODEL = sorted(name for name, group in GROUPS.items() if group == "model")


class Night:
    """What the automation sees and asks for; each step has a sensor of its own, with a memory of its own."""

    def __init__(self, instance: dg.DagsterInstance, day: int = THURSDAY, is_trained: bool = True) -> None:
        self.instance = instance
        self.midnight = FIRST + timedelta(days=day - 1)
        self.month = MONTH_BEFORE if day == 1 else MONTH
        self.yesterday = (self.midnight - timedelta(days=1)).date().isoformat()
        self.cursors: dict[str, object] = {}
        self.materialized(*CRM, *(MODEL if is_trained else []))  # in the nights before
        self.month = MONTH
        assert self.ticks(-3.0) == set()

    def ticks(self, *hours: float) -> set[str]:
        """The assets that all sensors ask for at these hours after midnight, each for the day that has just ended."""
        return {name for hour in hours for step in SELECTIONS for name in self._tick(step, hour)}

    def _tick(self, step: str, hour: float) -> Iterator[str]:
        result = dg.evaluate_automation_conditions(
            defs=defs,
            instance=self.instance,
            asset_selection=SELECTIONS[step],
            evaluation_time=self.midnight + timedelta(hours=hour),
            cursor=self.cursors.get(step),
        )
        self.cursors[step] = result.cursor
        for name in GROUPS:
            partitions = result.get_requested_partitions(dg.AssetKey(name.split("/")))
            assert partitions <= {self.partition(name)}
            if partitions:
                yield name

    def computes_features(self, hour: float | None, failed_check: str | None = None) -> None:
        """The step of two assets: the second is asked for once the first is there and its checks have passed."""
        assert hour is None or self.ticks(hour) == {"open_opportunities"}
        self.materialized("open_opportunities", failed_check=failed_check)
        assert self.ticks((hour or 4.015) + 0.001) == {"opportunity_features"}
        self.materialized("opportunity_features", failed_check=failed_check)

    def partition(self, name: str) -> str | None:
        by_group = {"crm": None, "salesforce": None, "model": self.month}
        return by_group.get(GROUPS[name], self.yesterday)

    def trains(self, hour: float) -> None:
        assert self.ticks(hour) == {"training_examples"}
        self.materialized("training_examples")
        assert self.ticks(hour + 0.001) == {"win_probability_model", "model_calibration"}
        self.materialized("win_probability_model", "model_calibration")

    def materialized(self, *names: str, failed_check: str | None = None) -> None:
        """`names` were updated now; their checks passed, but for those of the asset `failed_check`."""
        for name in names:
            key = dg.AssetKey(name)
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=self.partition(name)))
            for check in GRAPH.get_check_keys_for_assets({key}):
                self.checked(check, passed=name != failed_check)

    def checked(self, check: dg.AssetCheckKey, passed: bool) -> None:
        """The check of the latest materialization, as a run reports it."""
        (latest,) = self.instance.fetch_materializations(check.asset_key, limit=1).records
        target = AssetCheckEvaluationTargetMaterializationData(
            storage_id=latest.storage_id, run_id=latest.run_id, timestamp=latest.timestamp
        )
        partition = self.partition(check.asset_key.to_user_string())
        evaluation = dg.AssetCheckEvaluation(
            check.asset_key, check.name, passed, {}, target, blocking=True, partition=partition
        )
        event = dg.DagsterEvent(
            dg.DagsterEventType.ASSET_CHECK_EVALUATION.value, job_name="night", event_specific_data=evaluation
        )
        self.instance.report_dagster_event(event, run_id=str(uuid4()))


@pytest.fixture
def night() -> Iterator[Night]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Night(instance)


def test_each_step_waits_for_its_hour_and_for_the_step_before(night: Night) -> None:
    assert night.ticks(1.99, 2.01) == set()
    night.materialized(*CRM)
    assert night.ticks(2.5, 2.99) == set()
    night.computes_features(3.01)
    assert night.ticks(3.5, 3.99) == set()
    assert night.ticks(4.01) == {"opportunity_scores"}
    night.materialized("opportunity_scores")
    assert night.ticks(4.5) == {"model_comparison"}
    night.materialized("model_comparison")
    assert night.ticks(4.99) == set()
    assert night.ticks(5.01) == {"rep_alerts"}
    night.materialized("rep_alerts")
    assert night.ticks(5.2) == set()
    assert night.ticks(5.51) == {"messages"}
    night.materialized("messages")
    assert night.ticks(5.53) == {"deliveries"}
    night.materialized("deliveries")
    assert night.ticks(5.99) == set()
    assert night.ticks(6.01) == {"volume_checks"}
    night.materialized("volume_checks")
    assert night.ticks(6.2) == set()
    assert night.ticks(6.26) == {"alert_outcomes"}
    night.materialized("alert_outcomes")
    assert night.ticks(6.99) == set()
    assert night.ticks(7.01) == {"data_docs"}
    night.materialized("data_docs")
    assert night.ticks(9.0, 12.0, 23.0) == set()


def test_nothing_starts_while_the_crm_was_not_read_in_this_night(night: Night) -> None:
    assert night.ticks(2.01, 3.01, 4.01, 5.01, 5.51, 9.0) == set()


def test_one_crm_table_that_is_missing_holds_the_night(night: Night) -> None:
    assert night.ticks(2.01) == set()
    night.materialized(*[name for name in CRM if name != "competitors"])
    assert night.ticks(3.01, 4.01) == set()
    night.materialized("competitors")
    night.computes_features(4.5)


def test_a_night_that_is_late_catches_up_step_by_step(night: Night) -> None:
    assert night.ticks(2.01, 3.01, 4.01, 5.01, 5.51) == set()
    night.materialized(*CRM)
    night.computes_features(8.0)
    assert night.ticks(8.01) == {"opportunity_scores"}
    night.materialized("opportunity_scores", "model_comparison")
    assert night.ticks(8.02) == {"rep_alerts"}
    night.materialized("rep_alerts")
    assert night.ticks(8.03) == {"messages", "volume_checks"}


@pytest.mark.parametrize("table", ["opportunities", "tasks"])
def test_a_failed_blocking_check_of_the_crm_holds_the_night_until_it_passes(night: Night, table: str) -> None:
    assert night.ticks(2.01) == set()
    night.materialized(*CRM, failed_check=table)
    assert night.ticks(3.01, 4.01) == set()
    night.materialized(*CRM)
    night.computes_features(4.5)


def test_a_failed_blocking_check_of_the_features_holds_the_scores(night: Night) -> None:
    assert night.ticks(2.01) == set()
    night.materialized(*CRM)
    night.computes_features(3.01, failed_check="opportunity_features")
    assert night.ticks(4.01, 5.01, 5.51) == set()
    night.materialized("opportunity_features")
    assert night.ticks(6.0) == {"opportunity_scores"}


def test_the_training_of_the_first_does_not_hold_the_scores(first_night: Night) -> None:
    night = first_night
    assert night.ticks(2.01) == set()
    night.materialized(*CRM)
    assert night.ticks(2.51) == {"training_examples"}
    night.computes_features(3.01)
    assert night.ticks(4.01) == {"opportunity_scores"}
    night.materialized("opportunity_scores", "model_comparison")
    assert night.ticks(4.02) == set()


SATURDAY, MONDAY = 19, 21
MONITORING = {"feature_drift", "feature_defaults", "model_checks"}


def test_the_weekly_checks_run_in_the_night_after_friday_once_the_scores_are_there() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        night = Night(instance, day=SATURDAY)
        assert night.yesterday == "2025-04-18"
        night.materialized(*CRM)
        night.computes_features(3.01)
        assert night.ticks(4.01) == {"opportunity_scores"}
        assert "model_checks" not in night.ticks(6.01)
        night.materialized("opportunity_scores")
        asked = night.ticks(6.5)
        assert "model_checks" in asked
        night.materialized("feature_drift", "feature_defaults", "model_checks", "rep_alerts")
        assert night.ticks(7.0, 12.0).isdisjoint(MONITORING)


def test_what_alerts_are_worth_is_asked_in_the_night_after_friday_once_the_outcomes_are_there() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        night = Night(instance, day=SATURDAY)
        night.materialized(*CRM)
        night.computes_features(3.01)
        night.materialized("opportunity_scores", "rep_alerts", "messages", "deliveries")
        worth = {"alert_rates", "alert_lift"}
        assert night.ticks(6.4) >= {"alert_outcomes"}
        assert night.ticks(6.51).isdisjoint(worth)
        night.materialized("alert_outcomes")
        assert night.ticks(6.6) & worth == worth
        night.materialized(*worth)
        assert night.ticks(7.0, 12.0).isdisjoint(worth)


def test_on_another_day_no_weekly_check_runs(night: Night) -> None:
    assert night.ticks(2.01) == set()
    night.materialized(*CRM)
    night.computes_features(3.01)
    night.materialized("opportunity_scores")
    assert night.ticks(6.01, 9.0).isdisjoint(MONITORING)


def scored(night: Night) -> None:
    """The night as far as its scores, at four."""
    assert night.ticks(2.01) == set()
    night.materialized(*CRM)
    night.computes_features(3.01)
    night.materialized("opportunity_scores")


def test_the_pipeline_report_is_made_on_monday_morning_once_the_scores_are_there() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        night = Night(instance, day=MONDAY)
        assert night.yesterday == "2025-04-20"
        assert night.ticks(2.01, 6.51) == set(), "nothing is scored yet"
        scored(night)
        assert "pipeline_health" in night.ticks(6.6)
        night.materialized("pipeline_health")
        assert "pipeline_health" not in night.ticks(7.0, 12.0)


def test_the_model_check_waits_for_the_weekly_checks() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        night = Night(instance, day=SATURDAY)
        scored(night)
        assert "model_check" not in night.ticks(6.51)
        night.materialized(*MONITORING)
        assert "model_check" in night.ticks(6.6)
        night.materialized("model_check")
        assert "model_check" not in night.ticks(7.0, 12.0)


def test_managers_get_their_review_on_wednesday_morning_once_the_cards_are_there() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        night = Night(instance, day=WEDNESDAY)
        scored(night)
        assert {"coaching_cards", "rep_performance"}.isdisjoint(night.ticks(6.4))
        first = night.ticks(6.51)
        assert "coaching_cards" in first
        assert "rep_performance" not in first
        night.materialized("coaching_cards")
        assert "rep_performance" in night.ticks(6.52)


def test_the_business_is_reviewed_on_the_15th() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        night = Night(instance, day=15)
        scored(night)
        assert "business_review" not in night.ticks(6.4)
        assert "business_review" in night.ticks(6.51)


def test_on_another_day_no_report_is_made(night: Night) -> None:
    scored(night)
    assert night.ticks(6.51, 9.0).isdisjoint(REPORTS)


def test_a_new_model_does_not_start_the_scores(night: Night) -> None:
    night.materialized(*MODEL)
    assert night.ticks(2.01, 3.01, 4.01) == set()


def test_a_second_read_of_the_crm_in_the_day_starts_nothing_again(night: Night) -> None:
    assert night.ticks(2.01) == set()
    night.materialized(*CRM)
    night.computes_features(3.01)
    night.materialized(*CRM)
    assert night.ticks(3.5, 9.0) == {"opportunity_scores"}


# --- the training ---


@pytest.fixture
def first_night() -> Iterator[Night]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Night(instance, day=1)


def test_the_training_waits_for_the_sync_of_the_first(first_night: Night) -> None:
    night = first_night
    assert night.ticks(2.01, 2.51) == set()
    night.materialized(*CRM)
    night.trains(2.6)
    assert night.ticks(2.7) == set()


def test_a_failed_blocking_check_of_the_crm_holds_the_training(first_night: Night) -> None:
    night = first_night
    assert night.ticks(2.01) == set()
    night.materialized(*CRM, failed_check="opportunities")
    assert night.ticks(2.51, 2.9) == set()


def test_on_another_day_nothing_is_trained_while_the_month_has_its_model(night: Night) -> None:
    assert night.ticks(2.01) == set()
    night.materialized(*CRM)
    assert night.ticks(2.51) == set()


def test_a_model_that_is_missing_is_trained_in_the_next_night_whatever_the_day() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        night = Night(instance, is_trained=False)
        assert night.ticks(2.01) == set()
        night.materialized(*CRM)
        assert night.ticks(2.51) == {"training_examples"}


# --- the schedules ---


def test_the_sync_starts_at_two_and_again_in_the_afternoon() -> None:
    schedule = defs.resolve_schedule_def("sync_the_crm")
    assert (schedule.cron_schedule, schedule.execution_timezone) == (["0 2 * * *", "0 14 * * *"], "UTC")
    assert schedule.job_name == "crm_sync"


ALARMS = ("tell_of_drift", "tell_of_defaults", "tell_of_volumes", "tell_of_messages", "ask_for_training")


def test_schedules_and_steps_run_without_being_switched_on() -> None:
    assert {s.default_status for s in defs.schedules or []} == {dg.DefaultScheduleStatus.RUNNING}
    sensors = list(defs.sensors or [])
    assert [sensor.name for sensor in sensors] == [
        *(f"step_{step}" for step in SELECTIONS),
        *ALARMS,
        "send_what_waits",
        "watch_the_night",
    ]
    assert {sensor.default_status for sensor in sensors} == {dg.DefaultSensorStatus.RUNNING}


def test_every_asset_after_the_sync_has_a_step_and_no_other_has() -> None:
    steps = {group for groups in STEPS.values() for group in groups}
    for spec in defs.resolve_all_asset_specs():
        name = spec.key.to_user_string()
        has_step = spec.group_name in steps or name in REPORTS or name in MADE_FOR
        assert (spec.automation_condition is not None) == has_step, spec.key


LOCAL = """
from salesinsight_assets.definitions import defs
from salesinsight_assets.partitions import DAILY
from salesinsight_assets.schedules import step_condition
sync = defs.resolve_schedule_def("sync_the_crm")
print(*sync.cron_schedule, sync.execution_timezone, DAILY.timezone)
print(step_condition("training"))
"""


def test_the_company_may_live_elsewhere_and_start_earlier(tmp_path: Path) -> None:
    (tmp_path / "salesinsight.toml").write_text('[schedule]\nsync = "01:15"\ntraining = "01:45"\n')
    environment = {**os.environ, "SALESINSIGHT_TIMEZONE": "Asia/Tokyo"}
    result = subprocess.run(
        [sys.executable, "-c", LOCAL], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    first, condition = result.stdout.split("\n", 1)
    assert first.split() == [*["15", "1", "*", "*", "*", "0", "14", "*", "*", "*"], "Asia/Tokyo", "Asia/Tokyo"]
    for part in ("'15 1 * * *'", "'45 1 1 * *'", "'45 1 * * *'", "'Asia/Tokyo'"):
        assert part in condition
