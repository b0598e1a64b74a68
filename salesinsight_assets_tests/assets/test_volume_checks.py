"""The checks of volume on the real warehouse: the same answer for a past day, an object that falls silent, an owner, a list."""

from datetime import date, timedelta

import dagster as dg
import pytest

from salesinsight_assets.adapters.warehouse import volume_reads
from salesinsight_assets.adapters.warehouse.weekly_reads import latest_findings
from salesinsight_assets.domain.monitoring.episodes import alarms_of
from salesinsight_assets.domain.monitoring.volume import KEYS
from salesinsight_assets.domain.monitoring.volume_policy import VolumePolicy
from salesinsight_assets_tests.conftest import LAST_DAY, MORNING_AFTER, JobResult, Platform

DAYS = VolumePolicy().days(LAST_DAY)


def check(result: JobResult, asset: str) -> dg.AssetCheckEvaluation:
    (found,) = [
        c
        for c in result.get_asset_check_evaluations()
        if c.asset_key.to_user_string() == asset and "volume" in c.check_name
    ]
    return found


def volumes(platform: Platform, day: date = LAST_DAY) -> JobResult:
    selection = dg.AssetSelection.assets("volume_checks")
    from salesinsight_assets.definitions import defs

    return dg.materialize(
        [*(defs.assets or ()), *(defs.asset_checks or ())],
        selection=selection,
        partition_key=day.isoformat(),
        instance=platform.instance,
        resources=defs.resources,
    )


def silence(platform: Platform, table: str, since: date) -> None:
    """As if an object had brought nothing from a day on."""
    platform.warehouse.execute(f"DELETE FROM crm.{table} WHERE created_date >= $1::text::date", (since.isoformat(),))


def test_every_source_and_owner_is_judged_and_a_past_day_gives_the_same_again(platform_after_a_night: Platform) -> None:
    store = platform_after_a_night.warehouse
    store.execute("UPDATE crm.sync_cursors SET synced_at = $1", (MORNING_AFTER,))
    volumes(platform_after_a_night)
    rows = store.partition("volume_checks", LAST_DAY)
    tasks = rows[(rows["subject"] == "tasks") & (rows["measure"] == "rows created")].set_index("days")
    created = store.read("SELECT count(DISTINCT id) AS n FROM crm.tasks WHERE created_date::date = $1", (LAST_DAY,))[
        "n"
    ][0]
    assert tasks["value"][1] == created > 0
    assert not rows.loc[rows["subject"] == "tasks", "is_alarm"].any()
    assert set(rows["kind"]) == {"source", "pipeline", "owner"}
    assert rows.loc[rows["measure"] == "rows changed", "p_value"].isna().all(), (
        "a first load tells of no changes before it"
    )
    store.execute("INSERT INTO crm.tasks (id, created_date, valid_from, stamped_at, synced_at, source) SELECT 'later', $1, $1, $1, $1, 'x'",
                  (MORNING_AFTER,))  # fmt: skip
    volumes(platform_after_a_night)
    assert store.partition("volume_checks", LAST_DAY).equals(rows)


def test_an_object_that_falls_silent_is_told_and_stops_nothing(platform_after_a_night: Platform) -> None:
    platform = platform_after_a_night
    silence(platform, "tasks", LAST_DAY - timedelta(days=6))
    found = check(volumes(platform), "volume_checks")
    assert (found.passed, found.severity, found.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    assert "tasks" in found.metadata["failed"].value
    alarms = alarms_of(latest_findings(platform.warehouse, "volume_checks"), KEYS)
    assert "source, tasks, rows created, 7" in alarms


def test_salesforces_own_objects_are_checked_with_the_sync(platform_after_a_night: Platform) -> None:
    platform = platform_after_a_night
    store = platform.warehouse
    assert check(platform.run_well("crm_sync"), "salesforce/Task").passed
    silence(platform, "tasks", LAST_DAY - timedelta(days=6))
    store.execute("UPDATE crm.opportunity_stages SET valid_to = valid_from + interval '1 day' WHERE sort_order > 3")
    store.execute(
        "UPDATE crm.opportunity_stages SET valid_to = $1::text::timestamptz WHERE sort_order > 3",
        (LAST_DAY.isoformat(),),
    )
    result = platform.run_well("crm_sync")
    assert check(result, "salesforce/Event").passed
    assert "usual" in check(result, "salesforce/Task").metadata["failed"].value
    assert "a week ago" in check(result, "salesforce/OpportunityStage").metadata["failed"].value


@pytest.mark.parametrize("table", ["tasks", "opportunities"])
def test_a_day_that_was_not_read_to_its_end_is_not_known(platform_after_a_night: Platform, table: str) -> None:
    store = platform_after_a_night.warehouse
    store.execute(
        "UPDATE crm.sync_cursors SET synced_at = $1::text::timestamptz WHERE table_name = '" + table + "'",
        (LAST_DAY.isoformat(),),
    )
    rows = volume_reads.source_values(store, DAYS, "UTC")
    values = rows[(rows["subject"] == table) & (rows["measure"] == "rows created")].set_index("day")["value"]
    assert values.isna().tolist()[-2:] == [False, True]


def test_a_day_is_one_of_the_companys_own_zone(platform_after_a_night: Platform) -> None:
    store = platform_after_a_night.warehouse
    sums = {}
    for zone, hours in (("UTC", 0), ("America/New_York", 4)):
        rows = volume_reads.source_values(store, DAYS[-3:-1], zone)
        value = rows[(rows["subject"] == "tasks") & (rows["measure"] == "rows created")]["value"].tolist()[-1]
        first = f"{DAYS[-2].isoformat()} {hours:02}:00+00"
        sums[zone] = value
        counted = store.read(
            f"SELECT count(DISTINCT id) AS n FROM crm.tasks WHERE created_date >= '{first}'"
            f" AND created_date < '{first}'::timestamptz + interval '1 day'"
        )
        assert value == counted["n"][0]
