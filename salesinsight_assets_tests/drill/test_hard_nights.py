"""Nights that are hard without anything being broken here: Salesforce away for thirty hours, and the two nights of clock changes."""

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from salesinsight_assets.definitions import defs
from salesinsight_assets.watch.sensor import watch_the_night
from salesinsight_assets_tests.conftest import Platform
from salesinsight_assets_tests.scripted_slack import ScriptedSlack

pytestmark = pytest.mark.slow
REPOSITORY = defs.get_repository_def()
GRAPH = defs.resolve_asset_graph()
BERLIN = ZoneInfo("Europe/Berlin")
AWAY = {"SALESFORCE_LOGIN_URL": "https://127.0.0.1:1", "SALESFORCE_RETRY_BUDGET_SECONDS": "1"}


def tells_in(platform: Platform, slack: ScriptedSlack) -> None:
    slack.posted.clear()
    platform.set_environment(
        {"SLACK_BOT_TOKEN": "xoxb-of-a-test", "SLACK_OPS_CHANNEL": "#data", "SLACK_API_URL": slack.url}
    )


def look(platform: Platform, at: datetime, since: datetime) -> None:
    """One look of the night watch."""
    platform.set_time(at)
    cursor = json.dumps({"watched_since": since.isoformat(), "looked_at": since.isoformat()})
    watch_the_night(dg.build_sensor_context(platform.instance, cursor, repository_def=REPOSITORY))


def pages(slack: ScriptedSlack) -> list[str]:
    return [post["text"].split("\n")[0] for post in slack.posted if post["channel"] == "#data"]


def test_salesforce_away_for_thirty_hours_is_paged_once_when_rows_are_too_old_and_nobody_is_alerted(
    trained_platform, salesforce, slack
) -> None:
    platform = trained_platform
    tells_in(platform, slack)
    now = datetime.now(UTC)
    day = now.date() - timedelta(days=1)
    platform.connect(salesforce)
    platform.set_environment(AWAY)
    for hours in (6, 18, 30):
        platform.set_time(now)
        read_at = now - timedelta(hours=hours)
        platform.warehouse.execute("UPDATE crm.sync_cursors SET synced_at = $1, source = 'salesforce'", (read_at,))
        assert platform.run("crm_sync").success == (hours < 24)
        look(platform, datetime.now(UTC) + timedelta(minutes=2), now)
        assert len(pages(slack)) == (hours > 24)
    assert pages(slack) == ["🚨 crm_tables failed"]
    platform.set_time(now)
    platform.run("night_without_sync", day)  # by hand, against the order of things
    assert platform.warehouse.read("SELECT count(*) AS n FROM engagement.outbox")["n"][0] == 0
    platform.connect(salesforce)
    platform.run_well("crm_sync")
    look(platform, datetime.now(UTC) + timedelta(minutes=4), now)
    assert pages(slack)[1:] == [pages(slack)[1]]
    assert pages(slack)[1].startswith("✅ crm_tables: all is well again")


@pytest.mark.parametrize("morning", [date(2026, 3, 29), date(2026, 10, 25)], ids=["spring", "autumn"])
def test_on_the_nights_of_clock_changes_nothing_is_late_before_its_usual_time_and_then_it_is(
    platform, slack, morning
) -> None:
    tells_in(platform, slack)
    platform.set_environment({"SALESINSIGHT_TIMEZONE": "Europe/Berlin"})
    begins = datetime.combine(morning, datetime.min.time(), BERLIN).astimezone(UTC)
    made(platform, morning - timedelta(days=1))
    sync_at = next(tick for tick in ticks("0 2 * * *", begins))
    for minutes in (-60, -1, 0, 54):
        look(platform, sync_at + timedelta(minutes=minutes), begins)
    assert pages(slack) == []
    made(platform, morning)
    for hours in (1, 2, 4, 12, 20):
        look(platform, sync_at + timedelta(hours=hours), begins)
    assert pages(slack) == []
    platform.instance.wipe_assets([dg.AssetKey("opportunity_scores")])
    features_due = next(tick for tick in ticks("55 4 * * *", begins))
    look(platform, features_due - timedelta(minutes=1), begins)
    assert pages(slack) == []
    look(platform, features_due, begins)
    day = (morning - timedelta(days=1)).isoformat()
    assert pages(slack) == [f"🚨 opportunity_scores of {day} is late"]


def made(platform: Platform, morning: date) -> None:
    """Everything that is due by the end of a morning, of every week and month."""
    for key in GRAPH.materializable_asset_keys:
        partitions = GRAPH.get(key).partitions_def
        if isinstance(partitions, dg.MonthlyPartitionsDefinition):
            names = [(morning.replace(day=1) - timedelta(days=back)).replace(day=1).isoformat() for back in (1, 32)]
        elif partitions is None:
            names = [None]
        else:
            names = [(morning - timedelta(days=back)).isoformat() for back in (range(1, 33) if _is_rare(key) else (1,))]
        for name in names:
            platform.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=name))


def _is_rare(key: dg.AssetKey) -> bool:
    return GRAPH.get(key).group_name in ("monitoring", "experiments", "reports")


def ticks(cron: str, begins: datetime):
    """When Dagster's scheduler takes a time of day."""
    from dagster._utils.schedules import cron_string_iterator

    return (tick.astimezone(UTC) for tick in cron_string_iterator(begins.timestamp(), cron, "Europe/Berlin"))
