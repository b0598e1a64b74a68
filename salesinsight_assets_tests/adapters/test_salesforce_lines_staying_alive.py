"""Lines 19 to 22 of a trusted sync, over TLS and into a real warehouse: what it does while things go wrong."""

from collections.abc import Callable

import pytest

from salesinsight_assets.adapters.salesforce import bulk
from salesinsight_assets.demo.server.faults import Fault, catalogue
from salesinsight_assets.domain.crm.tables import (
    OPPORTUNITIES,
    OPPORTUNITY_HISTORY,
    OPPORTUNITY_STAGES,
    TASKS,
)
from salesinsight_assets_tests.adapters.synced_org import ONLY_BULK, ONLY_REST, SyncedOrg, assert_passes

PASSING: dict[str, Callable[[], Fault]] = {
    "429": lambda: catalogue.too_many_requests("0"),
    "503": catalogue.unavailable,
    "503 as HTML": catalogue.unavailable_page,
    "a page": catalogue.maintenance_page,
    "row lock": catalogue.row_lock,
    "500": catalogue.server_error,
    "dropped": catalogue.dropped,
    "cut": catalogue.dropped_in_body,
}
LASTING: dict[str, Callable[[], Fault]] = {
    **{name: PASSING[name] for name in ("503", "a page", "dropped", "cut")},
    "429 for an hour": lambda: catalogue.too_many_requests("3600"),
    "silence": lambda: catalogue.slow(2),
    "drip": lambda: catalogue.dripping(0.5),
    "no describe": catalogue.failing_description,
}


@pytest.mark.salesforce(20)
@pytest.mark.parametrize("threshold", [ONLY_REST, ONLY_BULK], ids=["rest", "bulk"])
@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_costs_repeats_and_no_row(unsynced: SyncedOrg, fault: str, threshold: int) -> None:
    unsynced.part_rows = 20
    results = assert_passes(
        unsynced, PASSING[fault](), OPPORTUNITIES, calls=2, after=4, bulk_threshold=threshold, page_size=20,
        hurt={"retry_budget_seconds": 30},
    )  # fmt: skip
    assert results["opportunities"].status == "complete"
    assert results["opportunities"].retries >= 2


@pytest.mark.salesforce(19, 20, 22)
@pytest.mark.parametrize("fault", LASTING)
def test_a_fault_that_lasts_names_the_object_that_is_stale(synced: SyncedOrg, fault: str) -> None:
    synced.company.update("Opportunity", synced.open_deals()[0], {"Amount": 4711.5})
    results = assert_passes(
        synced, LASTING[fault](), OPPORTUNITIES, OPPORTUNITY_STAGES, object_name="Opportunity",
        hurt={"timeout_seconds": 0.3, "retry_budget_seconds": 0.5},
    )  # fmt: skip
    assert results["opportunities"].status == "failed"
    assert results["opportunities"].age_seconds is not None
    assert results["opportunity_stages"].status == "complete"


@pytest.mark.salesforce(19, 20)
@pytest.mark.parametrize(
    ("where", "threshold"),
    [
        (catalogue.LOGINS, ONLY_REST),
        (catalogue.QUERIES, ONLY_REST),
        (catalogue.JOB_CREATIONS, ONLY_BULK),
        (catalogue.JOB_RESULTS, ONLY_BULK),
    ],
    ids=["login", "query", "job", "result"],
)
def test_one_call_without_an_answer_is_asked_again(unsynced: SyncedOrg, where: str, threshold: int) -> None:
    results = assert_passes(
        unsynced, catalogue.slow(20, where), OPPORTUNITIES, calls=1, bulk_threshold=threshold,
        hurt={"timeout_seconds": 1, "retry_budget_seconds": 60}, orphaned_jobs=int(where == catalogue.JOB_CREATIONS),
    )  # fmt: skip
    assert results["opportunities"].status == "complete"


@pytest.mark.salesforce(19, 8)
def test_a_stuck_job_is_given_up_in_bounded_time(unsynced: SyncedOrg, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "LONGEST_JOB_SECONDS", 0.3)
    results = assert_passes(unsynced, catalogue.stuck_job(), OPPORTUNITIES, bulk_threshold=ONLY_BULK)
    assert "expected an end within" in str(results["opportunities"].error)


@pytest.mark.salesforce(20)
def test_an_outage_in_mid_sync_is_outlived(unsynced: SyncedOrg) -> None:
    results = assert_passes(
        unsynced, catalogue.outage(unsynced.server, 0.3), OPPORTUNITIES, TASKS, calls=1, after=6, page_size=20,
        hurt={"retry_budget_seconds": 60},
    )  # fmt: skip
    assert {result.status for result in results.values()} == {"complete"}


@pytest.mark.salesforce(20)
def test_a_server_out_of_reach_leaves_what_is_stored(synced: SyncedOrg) -> None:
    gone = catalogue.unavailable_page()
    assert assert_passes(synced, gone, OPPORTUNITIES, hurt={"retry_budget_seconds": 0.2}) == {}


@pytest.mark.salesforce(20)
@pytest.mark.parametrize("code", ["INVALID_FIELD", "MALFORMED_QUERY"])
def test_a_query_that_is_wrong_is_asked_once(unsynced: SyncedOrg, code: str) -> None:
    wrong = catalogue.error(code, 400, code, "unexpected token", catalogue.QUERIES)
    results = assert_passes(unsynced, wrong, OPPORTUNITIES, bulk_threshold=ONLY_REST)
    assert results["opportunities"].retries == 0
    assert code in str(results["opportunities"].error)


@pytest.mark.salesforce(21)
@pytest.mark.parametrize("share", [0.5, 1.0], ids=["our share", "all"])
def test_a_quota_that_ends_in_mid_sync_leaves_incomplete_objects(unsynced: SyncedOrg, share: float) -> None:
    usage, tables = unsynced.server.usage, (OPPORTUNITIES, OPPORTUNITY_HISTORY, TASKS)
    usage.granted = int((usage.used + 9) / share)
    results = unsynced.sync(*tables, api_share=share, page_size=20)
    stale = [result for result in results.values() if result.is_stale]
    assert stale
    assert {result.status for result in stale} == {"incomplete"}
    assert all("incomplete, " in str(result.error) for result in stale)
    assert usage.used <= share * usage.granted + 4  # calls that were under way in other threads
    unsynced.assert_cursors_hold(*tables)
    usage.granted = 100_000
    unsynced.sync(*tables)
    unsynced.assert_equal(*tables)


@pytest.mark.salesforce(21)
def test_a_refused_call_beyond_the_quota_is_incomplete_and_resumed(unsynced: SyncedOrg) -> None:
    results = assert_passes(unsynced, catalogue.request_limit(), OPPORTUNITIES, after=4, page_size=20)
    assert (results["opportunities"].status, results["opportunities"].retries) == ("incomplete", 0)


@pytest.mark.salesforce(22)
def test_a_failing_object_leaves_the_stored_rows_of_its_own_and_the_others_new(synced: SyncedOrg) -> None:
    deal = synced.open_deals()[0]
    synced.company.update("Opportunity", deal, {"Amount": 4711.5})
    before = synced.stored(OPPORTUNITIES)
    with synced.server.faults.injected(catalogue.server_error(), object_name="Opportunity"):
        results = synced.sync(retry_budget_seconds=0.2)
    assert [name for name, result in results.items() if result.is_stale] == ["opportunities"]
    assert synced.stored(OPPORTUNITIES) == before
    synced.assert_equal(*(table for table in synced.tables if table.name != "opportunities"))
    assert any(row["amount"] == 4711.5 for row in synced.stored(OPPORTUNITY_HISTORY).values())
    synced.sync()
    synced.assert_equal()
