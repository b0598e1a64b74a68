"""Lines 6 to 18 of a trusted sync, over TLS and into a real warehouse: that no row is lost, doubled or left behind."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from salesinsight_assets.demo.ids import salesforce_ids
from salesinsight_assets.demo.server.faults import Fault, catalogue
from salesinsight_assets.demo.storage import stamp_text
from salesinsight_assets.domain.crm.sync import SyncPolicy
from salesinsight_assets.domain.crm.tables import (
    ACCOUNTS,
    EVENTS,
    OPPORTUNITIES,
    OPPORTUNITY_FIELD_HISTORY,
    OPPORTUNITY_HISTORY,
    OPPORTUNITY_STAGES,
    TASKS,
)
from salesinsight_assets.settings import load_settings
from salesinsight_assets_tests.adapters import syncing_process
from salesinsight_assets_tests.adapters.synced_org import ONLY_BULK, ONLY_REST, SyncedOrg, assert_passes

EITHER_WAY = pytest.mark.parametrize("threshold", [ONLY_REST, ONLY_BULK], ids=["rest", "bulk"])


def new_deal(org: SyncedOrg, at: datetime | None = None) -> str:
    """The Id of a deal that is like another one."""
    like = org.company.rows("Opportunity").iloc[0]
    fields = {name: like[name] for name in ("AccountId", "OwnerId", "StageName", "CloseDate")}
    return org.company.insert("Opportunity", {"Name": "A new one", **fields}, at)


# --- 8: a short CSV is never called complete ---

BULK_FAULTS: dict[str, Callable[[], Fault]] = {
    "cut in a line": lambda: catalogue.truncated_csv(in_mid_line=True),
    "cut at a line": lambda: catalogue.truncated_csv(in_mid_line=False),
    "a part is lacking": catalogue.lacking_part,
    "the job failed": catalogue.failed_job,
    "the results are gone": catalogue.lost_results,
}


@pytest.mark.salesforce(8)
@pytest.mark.parametrize("fault", BULK_FAULTS)
def test_a_bulk_result_that_is_short_fails_and_leaves_no_job(unsynced: SyncedOrg, fault: str) -> None:
    unsynced.part_rows = 20
    results = assert_passes(unsynced, BULK_FAULTS[fault](), OPPORTUNITIES, bulk_threshold=ONLY_BULK)
    assert results["opportunities"].status == "failed"
    assert results["opportunities"].cursor_after is None


@pytest.mark.salesforce(7, 8)
def test_an_org_without_bulk_is_read_by_rest(unsynced: SyncedOrg) -> None:
    results = assert_passes(unsynced, catalogue.no_bulk(), OPPORTUNITIES, bulk_threshold=ONLY_BULK)
    assert results["opportunities"].status == "complete"


# --- 9, 10: what a night asks for ---


@pytest.mark.salesforce(9)
def test_a_night_asks_for_what_changed_since_the_last_one(synced: SyncedOrg) -> None:
    synced.server.faults.calls.clear()
    synced.sync(OPPORTUNITIES, OPPORTUNITY_FIELD_HISTORY, OPPORTUNITY_STAGES)
    reads = [call for call in synced.server.faults.calls if "q=SELECT Id" in call]
    bounds = {
        "Opportunity": r" FROM Opportunity WHERE SystemModstamp >= ",
        "field history": r" FROM OpportunityFieldHistory WHERE CreatedDate >= ",
        "stages": r" FROM OpportunityStage ORDER BY Id",
    }
    assert [name for name, bound in bounds.items() if sum(bound in call for call in reads) != 1] == []
    assert len(reads) == 3


@pytest.mark.salesforce(10)
@pytest.mark.parametrize(("minutes", "is_compared"), [(10, False), (180, True)], ids=["within", "beyond"])
def test_a_row_that_was_committed_late_arrives(synced: SyncedOrg, minutes: int, is_compared: bool) -> None:
    late = new_deal(synced, synced.company.now - timedelta(minutes=minutes))
    synced.company.hold_back("Opportunity", [late])
    synced.sync(OPPORTUNITIES)
    assert late not in synced.stored(OPPORTUNITIES)
    synced.company.commit("Opportunity", [late])
    result = synced.sync(OPPORTUNITIES)["opportunities"]
    assert result.is_compared == is_compared
    synced.assert_equal(OPPORTUNITIES)


@pytest.mark.salesforce(10, 17)
def test_a_change_that_was_committed_beyond_the_lookback_is_found_within_the_week(synced: SyncedOrg) -> None:
    deal = synced.open_deals()[0]
    synced.company.update("Opportunity", deal, {"Amount": 4711.5}, at=synced.company.now - timedelta(hours=3))
    synced.company.pass_time(timedelta(days=7))
    assert synced.sync(OPPORTUNITIES)["opportunities"].is_compared
    synced.assert_equal(OPPORTUNITIES)


# --- 11: ties ---


@pytest.fixture
def tied(unsynced: SyncedOrg) -> SyncedOrg:
    """A company with 3,000 tasks of one and the same stamp."""
    stamp = stamp_text(unsynced.company.now)
    deal, owner = unsynced.company.rows("Opportunity").iloc[0][["Id", "OwnerId"]]
    with unsynced.unseen_changes() as connection:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO Task (Id, WhatId, OwnerId, CreatedDate, SystemModstamp, IsClosed, IsDeleted)"
            " VALUES (?, ?, ?, ?, ?, 0, 0)",
            [(str(key), deal, owner, stamp, stamp) for key in salesforce_ids("00T", list(range(900_000, 903_000)))],
        )
        connection.execute("COMMIT")
    return unsynced


@pytest.mark.salesforce(11, 15)
@pytest.mark.parametrize(
    ("threshold", "where"), [(ONLY_REST, catalogue.PAGES), (ONLY_BULK, catalogue.JOB_RESULTS)], ids=["rest", "bulk"]
)
@pytest.mark.parametrize("at_once", [1000, 250_000], ids=["in parts", "at once"])
def test_three_thousand_rows_of_one_stamp_survive_a_cut(
    tied: SyncedOrg, threshold: int, where: str, at_once: int
) -> None:
    tied.policy, tied.part_rows = SyncPolicy(rows_at_once=at_once), 500
    results = assert_passes(
        tied, catalogue.dropped(where), TASKS, after=2, bulk_threshold=threshold, page_size=500,
        hurt={"retry_budget_seconds": 0.1},
    )  # fmt: skip
    assert results["tasks"].status == "failed"


# --- 12: clocks ---


@pytest.mark.salesforce(12)
@pytest.mark.parametrize("seconds", [-300, 300])
def test_the_workers_clock_decides_nothing(synced: SyncedOrg, seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("salesinsight_assets.settings.now", "salesinsight_assets.adapters.salesforce.login.now"):
        monkeypatch.setattr(place, lambda: synced.company.now + timedelta(seconds=seconds))
    synced.settings = load_settings(synced.server.environment("jwt")).salesforce
    for _ in range(2):
        synced.company.update("Opportunity", synced.open_deals()[0], {"NextStep": str(synced.company.now)})
        new_deal(synced)
        result = synced.sync(OPPORTUNITIES)["opportunities"]
        assert result.cursor_after == synced.company.now.replace(microsecond=0)
        assert result.rows_inserted == 1
        synced.assert_equal(OPPORTUNITIES)


@pytest.mark.salesforce(12)
@pytest.mark.parametrize("seconds", [-300, 300])
def test_an_org_whose_clock_is_set_right_loses_no_row(synced: SyncedOrg, seconds: int) -> None:
    with synced.server.clock_skewed(timedelta(seconds=seconds)):
        new_deal(synced)
        synced.sync(OPPORTUNITIES)
        synced.assert_equal(OPPORTUNITIES)
    deal = new_deal(synced)
    synced.company.update("Opportunity", synced.open_deals()[0], {"NextStep": "after the clock was set"})
    synced.sync(OPPORTUNITIES)
    assert deal in synced.stored(OPPORTUNITIES)
    assert synced.stored(OPPORTUNITIES) == synced.expected(OPPORTUNITIES)


# --- 13: a company that does not stand still ---


def changes_of(org: SyncedOrg) -> Iterator[Callable[[], object]]:
    """What happens in the company while it is read, one thing at a time."""
    first, second, third, fourth, *_ = org.open_deals()
    yield lambda: org.company.update("Opportunity", first, {"NextStep": "changed while it was read"})
    yield lambda: new_deal(org)
    yield lambda: org.company.erase("Opportunity", second)
    yield lambda: org.company.delete("Opportunity", third)
    yield lambda: org.company.undelete("Opportunity", third)
    yield lambda: org.company.touch("Opportunity", [fourth])


@pytest.mark.salesforce(13)
@EITHER_WAY
def test_rows_that_change_come_and_go_while_they_are_read_are_right_in_the_end(
    unsynced: SyncedOrg, threshold: int
) -> None:
    unsynced.part_rows, happening = 5, changes_of(unsynced)

    def happen() -> None:
        next(happening, lambda: None)()

    change = catalogue.between_pages(happen)
    assert_passes(unsynced, change, OPPORTUNITIES, is_moving=True, bulk_threshold=threshold, page_size=5)
    assert next(happening, None) is None


@pytest.mark.salesforce(13)
def test_a_row_that_comes_twice_at_the_border_of_pages_is_stored_once(unsynced: SyncedOrg) -> None:
    results = assert_passes(unsynced, catalogue.repeated_borders(), OPPORTUNITIES, TASKS, page_size=20)
    assert {result.status for result in results.values()} == {"complete"}


# --- 14: killed at any moment ---


@pytest.mark.salesforce(14, 15)
def test_a_sync_that_is_killed_at_any_moment_leaves_a_whole_to_go_on_from(
    unsynced: SyncedOrg, tables_of: Callable[..., dict[str, str]]
) -> None:
    draw = random.Random(14)
    for _ in range(3):
        assert _ending_of_a_killed_sync(unsynced, draw) == -signal.SIGKILL
        unsynced.assert_cursors_hold(*syncing_process.TABLES)
        unsynced.company.update("Opportunity", draw.choice(unsynced.open_deals()), {"NextStep": str(draw.random())})
    unsynced.sync(*syncing_process.TABLES)
    unsynced.assert_equal(*syncing_process.TABLES)
    once = tables_of(unsynced.warehouse)
    unsynced.sync(*syncing_process.TABLES)
    assert tables_of(unsynced.warehouse) == once


def _ending_of_a_killed_sync(org: SyncedOrg, draw: random.Random) -> int:
    """How a process ended that synced until some call, or a few milliseconds after it."""
    wait, started = draw.uniform(0, 0.03), list[subprocess.Popen[bytes]]()

    def kill() -> None:
        time.sleep(wait)
        started[0].kill()

    fault = catalogue.between_calls(kill)
    given = json.dumps([org.warehouse.url, org.server.environment()])
    with org.server.faults.injected(fault, calls=1, after=draw.randrange(5, 25)):
        started.append(subprocess.Popen([sys.executable, "-m", syncing_process.__name__, given]))
        return started[0].wait(60)


# --- 16 to 18: what is deleted, what is archived ---


@pytest.mark.salesforce(16)
@EITHER_WAY
def test_accounts_that_are_merged_and_parted_again_follow(synced: SyncedOrg, threshold: int) -> None:
    master, loser, *_ = synced.company.rows("Opportunity")["AccountId"].unique()
    synced.company.merge_accounts(master, [loser])
    synced.sync(ACCOUNTS, OPPORTUNITIES, bulk_threshold=threshold)
    synced.assert_equal(ACCOUNTS, OPPORTUNITIES)
    assert loser in synced.deleted_ids(ACCOUNTS)
    synced.company.undelete("Account", loser)
    synced.sync(ACCOUNTS, OPPORTUNITIES, bulk_threshold=threshold)
    synced.assert_equal(ACCOUNTS, OPPORTUNITIES)
    assert loser in synced.stored(ACCOUNTS)


@pytest.mark.salesforce(17)
@pytest.mark.parametrize("fault", [catalogue.failing_deletions, catalogue.exceeded_id_limit])
def test_deletions_that_cannot_be_told_are_found_or_the_object_is_named(
    synced: SyncedOrg, fault: Callable[[], Fault]
) -> None:
    synced.company.erase("Opportunity", synced.open_deals()[0])
    results = assert_passes(synced, fault(), OPPORTUNITIES, hurt={"retry_budget_seconds": 0.2})
    status = "failed" if fault is catalogue.failing_deletions else "complete"
    assert results["opportunities"].status == status


@pytest.mark.salesforce(17)
def test_deletions_that_are_told_late_are_asked_for_again(synced: SyncedOrg) -> None:
    erased, cannot_count = synced.open_deals()[0], catalogue.query_timeout()
    synced.server.deletions.lag = timedelta(hours=2)
    synced.company.erase("Opportunity", erased)
    with synced.server.faults.injected(cannot_count):
        assert not synced.sync(OPPORTUNITIES)["opportunities"].is_compared
        assert erased in synced.stored(OPPORTUNITIES)
        synced.company.pass_time(timedelta(hours=3))
        assert not synced.sync(OPPORTUNITIES)["opportunities"].is_compared
    synced.assert_equal(OPPORTUNITIES)


@pytest.mark.salesforce(17)
def test_deletions_of_more_than_a_month_are_found_by_comparison(synced: SyncedOrg) -> None:
    synced.company.erase("Opportunity", synced.open_deals()[0])
    synced.company.pass_time(timedelta(days=40))
    assert synced.sync(OPPORTUNITIES)["opportunities"].is_compared
    synced.assert_equal(OPPORTUNITIES)


@pytest.mark.salesforce(18)
@EITHER_WAY
def test_archived_tasks_and_events_are_read_and_stay(unsynced: SyncedOrg, threshold: int) -> None:
    tasks = unsynced.company.rows("Task")["Id"].tolist()
    unsynced.company.archive("Task", tasks[:20])
    unsynced.company.archive("Event", unsynced.company.rows("Event")["Id"].tolist()[:5])
    unsynced.sync(TASKS, EVENTS, bulk_threshold=threshold)
    unsynced.assert_equal(TASKS, EVENTS)
    unsynced.company.archive("Task", tasks[20:40])
    unsynced.company.pass_time(timedelta(days=8))
    assert unsynced.sync(TASKS, EVENTS, bulk_threshold=threshold)["tasks"].is_compared
    unsynced.assert_equal(TASKS, EVENTS)
    assert set(tasks[:40]) & set(unsynced.stored(TASKS))


@pytest.mark.salesforce(6)
@pytest.mark.parametrize("page_size", [1, 7, 2000])
def test_pages_of_any_size_make_the_same_rows(unsynced: SyncedOrg, page_size: int) -> None:
    unsynced.sync(OPPORTUNITIES, OPPORTUNITY_HISTORY, bulk_threshold=ONLY_REST, page_size=page_size)
    unsynced.assert_equal(OPPORTUNITIES, OPPORTUNITY_HISTORY)
