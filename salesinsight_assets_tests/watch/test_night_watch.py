"""The night watch on real runs: one page for each cause, with asset, day, error, link and what to do, and word of its end."""

import json
from collections.abc import Generator
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from salesinsight_assets.adapters.warehouse.incident_store import IncidentStore
from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry
from salesinsight_assets.definitions import defs
from salesinsight_assets.policies import ScheduleTimes
from salesinsight_assets.resources import CompanyResource
from salesinsight_assets.steps import deadline, step_of
from salesinsight_assets.watch.sensor import looked_at, watch_the_night
from salesinsight_assets_tests.conftest import Platform
from salesinsight_assets_tests.scripted_pagerduty import ScriptedPagerDuty, scripted_pagerduty
from salesinsight_assets_tests.scripted_slack import ScriptedSlack

REPOSITORY = defs.get_repository_def()
GRAPH = defs.resolve_asset_graph()
CRM = [key for key in GRAPH.get_all_asset_keys() if GRAPH.get(key).group_name == "crm"]
DAILY = [
    key
    for key in GRAPH.materializable_asset_keys
    if isinstance(GRAPH.get(key).partitions_def, dg.DailyPartitionsDefinition)
]
MONTHLY = [
    key
    for key in GRAPH.materializable_asset_keys
    if isinstance(GRAPH.get(key).partitions_def, dg.MonthlyPartitionsDefinition)
]
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def pagerduty() -> Generator[ScriptedPagerDuty]:
    with scripted_pagerduty() as server:
        yield server


class Watch:
    """The sensor, which looks again and again, and what it told in Slack."""

    def __init__(self, platform: Platform, slack: ScriptedSlack, since: datetime | None = LONG_AGO) -> None:
        self.platform, self.slack = platform, slack
        self.now = datetime.now(UTC)
        self.step_hour = 20 if self.now.hour in (22, 23, 0) else 0
        """When every step is due: no new morning may begin while a test looks ahead by an hour or so."""
        self.cursor = since and json.dumps({"watched_since": since.isoformat(), "looked_at": since.isoformat()})

    def looks(self, minutes: float = 5) -> list[str]:
        """What was told at a look so many minutes after now."""
        self.platform.set_time(self.now + timedelta(minutes=minutes))
        context = dg.build_sensor_context(self.platform.instance, self.cursor, repository_def=REPOSITORY)
        before = len(self.slack.posted)
        self.cursor = watch_the_night(context).cursor
        return [message["text"] for message in self.slack.posted[before:]]

    def makes(self, *keys: dg.AssetKey, days_before: int = 0) -> None:
        """As if assets had been materialized now: for the day that is due, or one before it."""
        for key in keys:
            partition = self.due(key, days_before)
            self.platform.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=partition))

    def due(self, key: dg.AssetKey, days_before: int = 0) -> str | None:
        step = step_of(key.path[-1], GRAPH.get(key).group_name)
        if step is None or key not in [*DAILY, *MONTHLY]:
            return None
        morning = deadline(step, CompanyResource().policies).last_passed(self.now, ZoneInfo("UTC"))
        day = morning - timedelta(days=1 + days_before)
        return (day if key in DAILY else day.replace(day=1)).isoformat()


@pytest.fixture
def watch(platform: Platform, slack: ScriptedSlack) -> Watch:
    platform.set_environment(
        {
            "SLACK_BOT_TOKEN": "xoxb-of-a-test",
            "SLACK_OPS_CHANNEL": "#data",
            "SLACK_API_URL": slack.url,
            "SALESINSIGHT_DAGSTER_URL": "https://dagster.example.com/",
            "SALESINSIGHT_BASE_URL": "https://insight.example.com",
            "SALESINSIGHT_SECRET_KEY": "k" * 32,
        }
    )
    found = Watch(platform, slack)
    times = "\n".join(f'{step.name} = "{found.step_hour:02}:00"' for step in fields(ScheduleTimes))
    platform.configure(f"[schedule]\n{times}\n[watch]\nlate_after_minutes = 1\n")
    return found


def nightly() -> list[dg.AssetKey]:
    """What is due every morning, by the times of these tests."""
    groups = {"history", "features", "scores", "alerts", "delivery"}
    return [*CRM, *(key for key in DAILY if GRAPH.get(key).group_name in groups)]


def others() -> list[dg.AssetKey]:
    return [key for key in GRAPH.materializable_asset_keys if key not in nightly()]


# --- late ---


def test_on_its_first_look_nothing_is_late_because_nobody_had_watched(platform, watch) -> None:
    watch.cursor = None
    assert watch.looks() == []
    assert looked_at(watch.cursor) == watch.now + timedelta(minutes=5)
    assert watch.looks(6) == []


def test_when_nothing_was_made_one_page_names_the_first_step_and_what_waits_behind_it(platform, watch) -> None:
    watch.makes(*others())
    (told,) = watch.looks()
    lines = told.split("\n")
    assert lines[0] == "🚨 crm_tables is late"
    assert lines[1].startswith(f"Due at {watch.step_hour:02}:01; ")
    assert "not made yet" in lines[1]
    assert lines[2] == "No run of it is in progress"
    assert lines[3].startswith("Late behind it: ")
    assert "opportunity_scores" in lines[3]
    assert lines[-1] == "What to do: https://insight.example.com/runbook#late"
    assert watch.looks(6) == []


def test_when_all_is_made_it_is_told_that_all_is_well(platform, watch) -> None:
    watch.makes(*others())
    watch.looks()
    watch.makes(*CRM)
    assert watch.looks(6) == []
    watch.makes(*nightly())
    (told,) = watch.looks(7)
    assert told.startswith("✅ crm_tables: all is well again, after ")
    assert watch.looks(8) == []


def test_the_first_late_step_is_told_where_those_above_it_are_in_time(platform, watch) -> None:
    watch.makes(*others(), *CRM, dg.AssetKey("open_opportunities"))
    (told,) = watch.looks()
    day = watch.due(dg.AssetKey("opportunity_features"))
    assert told.startswith(f"🚨 opportunity_features of {day} is late\n")


def test_a_backfill_of_an_old_day_makes_nothing_fresh(platform, watch) -> None:
    watch.makes(*others(), *CRM)
    watch.makes(*nightly())
    assert watch.looks() == []
    watch.makes(*(key for key in DAILY if key in nightly()), days_before=30)
    assert watch.looks(6) == []
    platform.instance.wipe_assets([dg.AssetKey("opportunity_scores")])
    watch.makes(dg.AssetKey("opportunity_scores"), days_before=30)
    (told,) = watch.looks(7)
    assert told.startswith("🚨 opportunity_scores of ")


# --- failed, lost and slow ---


@pytest.fixture
def failing(monkeypatch) -> Generator[None]:
    def fails(*_: object, **__: object) -> None:
        raise ValueError("expected <rows> & rates, got none; look at the sync")

    with monkeypatch.context() as patch:
        patch.setattr("salesinsight_assets.adapters.warehouse.Warehouse.crm_rows", fails)
        yield


@pytest.fixture
def in_time(watch) -> Watch:
    """A morning on which nothing is late."""
    watch.makes(*others(), *nightly())
    return watch


def test_a_failed_step_is_told_with_its_day_error_run_and_what_to_do(platform, in_time, failing, golden) -> None:
    run = platform.run("night_without_sync", date(2025, 3, 31))
    (told,) = in_time.looks()
    assert "&lt;rows&gt; &amp; rates" in told
    golden("page_failed.txt", told.replace(run.run_id, "0123abcd-run").replace(run.run_id.split("-")[0], "0123abcd"))
    assert in_time.looks(6) == []


def test_a_failure_is_told_once_it_has_settled_and_not_before(platform, in_time, failing) -> None:
    platform.run("night_without_sync", date(2025, 3, 31))
    in_time.now = datetime.now(UTC)
    assert in_time.looks(0.5) == []
    assert len(in_time.looks(1.1)) == 1


def test_a_failure_is_well_again_once_any_later_run_has_made_what_was_missing(platform, in_time, failing) -> None:
    platform.run("night_without_sync", date(2025, 3, 31))
    in_time.looks()
    day = dg.AssetMaterialization("open_opportunities", partition="2025-03-30")
    platform.instance.report_runless_asset_event(day)
    assert in_time.looks(6) == []
    platform.instance.report_runless_asset_event(dg.AssetMaterialization("open_opportunities", partition="2025-03-31"))
    (told,) = in_time.looks(7)
    assert told.startswith("✅ open_opportunities: all is well again, after ")


def test_a_failure_is_well_again_once_its_run_was_repeated_with_success_whatever_it_made(
    platform, in_time, failing
) -> None:
    failed = platform.run("night_without_sync", date(2025, 3, 31))
    in_time.looks()
    again = dg.DagsterRun("night_without_sync", tags={"dagster/root_run_id": failed.run_id})
    platform.instance.add_run(again)
    assert in_time.looks(6) == []
    dagster_event = dg.DagsterEvent("PIPELINE_SUCCESS", "night_without_sync")
    platform.instance.report_dagster_event(dagster_event, again.run_id)
    (told,) = in_time.looks(7)
    assert told.startswith("✅ open_opportunities: all is well again, after ")


def test_a_failure_that_nobody_repairs_is_given_up_and_said_to_be(platform, in_time, failing, pagerduty) -> None:
    platform.set_environment({"PAGERDUTY_ROUTING_KEY": "hush", "PAGERDUTY_API_URL": pagerduty.url})
    settings = (platform.home / "salesinsight.toml").read_text()
    platform.configure(f"{settings}failures_last_hours = 1\n")
    platform.run("night_without_sync", date(2025, 3, 31))
    assert len(in_time.looks()) == 1
    assert in_time.looks(55) == []
    (told,) = in_time.looks(65)
    assert told.startswith("⚠️ open_opportunities of 2025-03-31: not repaired in 1 h ")
    assert in_time.looks(66) == []
    assert platform.warehouse.exported("incidents", None)["is_given_up"].tolist() == [True]
    assert [event["event_action"] for event in pagerduty.events] == ["trigger"], "a person closes it"


def test_a_failed_check_is_told_at_the_asset_that_it_looks_at(platform, in_time, monkeypatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ValueError("no such column")

    monkeypatch.setattr("salesinsight_assets.adapters.expectations.validated", fails)
    platform.run("night_without_sync", date(2025, 3, 31))
    (told,) = in_time.looks()
    assert told.startswith("🚨 open_opportunities of 2025-03-31 failed\nValueError: no such column\n")
    assert told.endswith("/runbook#failed")


def test_what_a_person_started_and_sees_fail_is_a_warning(platform, in_time, failing, pagerduty) -> None:
    platform.set_environment({"PAGERDUTY_ROUTING_KEY": "hush", "PAGERDUTY_API_URL": pagerduty.url})
    platform.run("night_without_sync", date(2025, 3, 31), tags={"dagster/from_ui": "true"})
    (told,) = in_time.looks()
    assert told.startswith("⚠️ open_opportunities of 2025-03-31 failed")
    assert [event["payload"]["severity"] for event in pagerduty.events] == ["warning"]


def test_many_failed_days_of_a_backfill_are_one_page(platform, in_time, failing) -> None:
    for day in (28, 29, 30):
        platform.run("night_without_sync", date(2025, 3, day), tags={"dagster/backfill": "abc"})
    (told,) = in_time.looks()
    assert told.startswith("⚠️ open_opportunities of 2025-03-30 failed")


def test_a_step_is_told_of_while_it_takes_much_longer_than_it_usually_does(platform, in_time, monkeypatch) -> None:
    for _ in range(7):
        platform.materialize("champion")
    said, listed = [], ModelRegistry.listed

    def looks_meanwhile(registry: ModelRegistry) -> object:
        if not said:  # its check lists them as well
            said.extend(in_time.looks(2) + in_time.looks(15) + in_time.looks(16))
        return listed(registry)

    monkeypatch.setattr(ModelRegistry, "listed", looks_meanwhile)
    platform.materialize("champion")
    (told,) = said
    assert told.startswith("⚠️ champion takes much longer than usual (since ")
    assert "It runs for 15 min; usually it takes " in told
    assert "(median of 7 runs)" in told
    (over,) = in_time.looks(17)
    assert over.startswith("✅ champion")


# --- how it is told ---


def test_pagerduty_gets_one_event_for_the_beginning_and_one_for_the_end_under_one_key(
    platform, watch, pagerduty
) -> None:
    platform.set_environment({"PAGERDUTY_ROUTING_KEY": "hush", "PAGERDUTY_API_URL": pagerduty.url})
    watch.makes(*others())
    pagerduty.script = [500, 503]
    watch.looks()
    watch.makes(*nightly())
    watch.looks(6)
    watch.looks(7)
    begun, ended = pagerduty.events
    assert pagerduty.asked == 4
    assert (begun["event_action"], ended["event_action"]) == ("trigger", "resolve")
    assert begun["dedup_key"] == ended["dedup_key"]
    assert begun["routing_key"] == "hush"
    assert begun["payload"]["severity"] == "critical"
    assert begun["payload"]["summary"] == "crm_tables is late"
    assert "#late" in begun["payload"]["custom_details"]["page"]


def test_a_page_that_slack_does_not_take_is_told_at_the_next_look_and_pagerduty_gets_it_at_once(
    platform, watch, slack, pagerduty
) -> None:
    platform.set_environment({"PAGERDUTY_ROUTING_KEY": "hush", "PAGERDUTY_API_URL": pagerduty.url})
    watch.makes(*others())
    slack.script = [(200, {}, {"ok": False, "error": "channel_not_found"})]
    assert watch.looks() == []
    assert len(pagerduty.events) == 1
    assert len(watch.looks(6)) == 1
    assert len(pagerduty.events) == 1


def test_a_pagerduty_that_refuses_keeps_nobody_from_slack(platform, watch, pagerduty) -> None:
    platform.set_environment({"PAGERDUTY_ROUTING_KEY": "wrong", "PAGERDUTY_API_URL": pagerduty.url})
    watch.makes(*others())
    pagerduty.script = [400]
    assert len(watch.looks()) == 1
    assert pagerduty.events == []
    watch.looks(6)
    assert len(pagerduty.events) == 1


def test_without_a_channel_the_incident_is_kept_and_told_once_there_is_one(platform, watch, slack) -> None:
    watch.makes(*others())
    platform.set_environment({"SLACK_OPS_CHANNEL": ""})
    assert watch.looks() == []
    (kept,) = IncidentStore(platform.warehouse).open()
    assert (kept.key, kept.symptom) == ("crm_tables", "late")
    platform.set_environment({"SLACK_OPS_CHANNEL": "#data"})
    assert len(watch.looks(6)) == 1


@pytest.mark.salesforce(23)
def test_rows_that_are_too_old_are_told_with_what_follows_and_without_secrets(platform, in_time) -> None:
    platform.set_environment({"SALESFORCE_CLIENT_ID": "a & b", "SALESFORCE_CLIENT_SECRET": "hush"})
    platform.set_environment({"SALESFORCE_LOGIN_URL": "https://127.0.0.1:1", "SALESFORCE_RETRY_BUDGET_SECONDS": "1"})
    assert not platform.run("crm_sync").success
    (told,) = in_time.looks()
    first, error, consequence, run, what_to_do = told.split("\n")
    assert first == "🚨 crm_tables failed"
    assert error.startswith("Salesforce cannot be read: ")
    assert "no CRM rows are stored" in error
    assert consequence == "Until Salesforce is read again nobody is alerted: repair the access, or import a CSV"
    assert run.startswith("Run ")
    assert what_to_do == "What to do: https://insight.example.com/runbook#salesforce"
    assert "hush" not in told
