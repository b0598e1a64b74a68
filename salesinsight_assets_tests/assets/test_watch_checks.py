"""Checks that warn and stop nothing: models that cannot score, messages that did not arrive, the Data Docs of the night."""

import dagster as dg

from salesinsight_assets.definitions import defs
from salesinsight_assets.resources import CompanyResource
from salesinsight_assets_tests.conftest import LAST_DAY, JobResult, Platform


def materialized(platform: Platform, name: str, *, by_day: bool = True) -> JobResult:
    """One asset with its checks."""
    return dg.materialize(
        [*(defs.assets or ()), *(defs.asset_checks or ())],
        selection=dg.AssetSelection.assets(name),
        partition_key=LAST_DAY.isoformat() if by_day else None,
        instance=platform.instance,
        resources={**(defs.resources or {}), "company": CompanyResource()},
        raise_on_error=False,
    )


def check(result: JobResult, name: str) -> dg.AssetCheckEvaluation:
    (found,) = [c for c in result.get_asset_check_evaluations() if c.check_name == name]
    return found


def test_a_model_that_scores_passes_and_one_that_is_old_or_missing_is_told(platform_after_a_night: Platform) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    well = check(materialized(platform, "champion", by_day=False), "can_score")
    assert (well.passed, well.metadata["age in days"].value) == (True, 31)
    store.execute("UPDATE insight.models SET trained_on = trained_on - 40")
    old = check(materialized(platform, "champion", by_day=False), "can_score")
    assert (old.passed, old.severity, old.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    store.execute("DELETE FROM insight.model_decisions")
    none = check(materialized(platform, "champion", by_day=False), "can_score")
    assert (none.passed, none.metadata["champion"].value) == (False, "none: the rules score")


def test_messages_that_failed_or_are_unknown_are_told_and_a_sent_one_has_its_time(
    platform_after_a_night: Platform,
) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    assert check(materialized(platform, "deliveries"), "everything_arrived").passed
    row = "INSERT INTO engagement.outbox (message_key, channel, owner_id, as_of_date, status, attempts, payload, queued_at)"
    for key, status in (("a", "unknown"), ("b", "failed"), ("c", "sent")):
        store.execute(f"{row} SELECT '{key}', 'email', 'o', $1, '{status}', 1, '{{}}'::jsonb, now()", (LAST_DAY,))
    result = materialized(platform, "deliveries")
    arrived, suite = check(result, "everything_arrived"), check(result, "expectations")
    assert (arrived.passed, arrived.metadata["not arrived"].value) == (False, 2)
    assert suite.metadata["failing: sent_at is never missing where status is sent"].value == 1
    assert suite.metadata["failing: error is never missing where status is failed"].value == 1


def test_each_result_is_kept_with_its_numbers_and_the_night_makes_its_page(platform_after_a_night: Platform) -> None:
    platform = platform_after_a_night
    result = platform.run_well("report_model_check", LAST_DAY, {"salesinsight/send": "false"})
    suite = check(result, "expectations")
    assert (suite.metadata["rows"].value, suite.metadata["failed expectations"].value) == (1, 0)
    assert suite.metadata["failing: text has at least 50 characters"].value == 0
    page = platform.home / "data_docs" / "model_check" / f"{LAST_DAY}.html"
    assert suite.metadata["data docs"].value == str(page)
    assert not page.exists()
    made = materialized(platform, "data_docs")
    assert check(made, "needs_no_network").passed
    assert page.exists()
    page.write_text('<script src="https://cdn.invalid/a.js"></script>')
    assert not check(materialized(platform, "data_docs"), "needs_no_network").passed
