"""The weekly checks on the real warehouse: what they read, what they store, and what their checks say of it."""

from datetime import timedelta

import dagster as dg
import pytest

from salesinsight_assets_tests.conftest import A_WEEK_BEFORE, LAST_DAY, JobResult, Platform

CHECKS = ("feature_drift", "feature_defaults", "model_checks")


def metadata(result: JobResult) -> dict[str, dict]:
    events = result.get_asset_materialization_events()
    found = [event.step_materialization_data.materialization for event in events]
    return {m.asset_key.to_user_string(): {k: v.value for k, v in m.metadata.items()} for m in found}


def failed(result: JobResult) -> dict[str, dg.AssetCheckEvaluation]:
    found = [check for check in result.get_asset_check_evaluations() if not check.passed]
    return {f"{check.asset_key.to_user_string()}: {check.check_name}": check for check in found}


def test_every_figure_is_stored_by_day_and_shown_with_a_plot(platform_after_a_night: Platform) -> None:
    platform = platform_after_a_night
    result = platform.run_well("weekly_checks", LAST_DAY)
    told = metadata(result)
    for name in CHECKS:
        rows = platform.warehouse.partition(name, LAST_DAY)
        assert len(rows) == told[name]["dagster/row_count"] > 0
        assert told[name]["verdict"] == f"{rows['is_alarm'].sum()} of {len(rows)} figures need a look"
        assert told[name]["plot"].startswith("![plot](data:image/png;base64,")


def test_what_models_said_is_held_against_what_became_of_it(platform_after_a_night: Platform) -> None:
    store = platform_after_a_night.warehouse
    shown = store.partition("opportunity_scores", A_WEEK_BEFORE).set_index("opportunity_id")["win_probability"]
    closed = store.read(
        "SELECT id, is_won FROM crm.opportunities WHERE valid_to IS NULL AND NOT is_deleted AND is_closed"
    ).set_index("id")["is_won"]
    judged = shown[shown.index.isin(closed.index)]
    rows = store.partition("model_checks", LAST_DAY).set_index(["segment", "weeks"])
    row = rows.loc[("all deals", 2)]
    assert (row["n_deals"], row["actual_wins"]) == (len(judged), closed[judged.index].sum())
    assert row["expected_wins"] == pytest.approx(judged.sum())
    assert row["n_deals"] > 3


def test_a_stage_that_is_renamed_fails_the_check_but_not_the_run(platform_after_a_night: Platform) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    assert "feature_drift: no_drift" not in failed(platform.run_well("weekly_checks", LAST_DAY))
    store.execute(
        "UPDATE insight.open_opportunities SET stage_name = 'New ' || stage_name WHERE as_of_date = $1", (LAST_DAY,)
    )
    check = failed(platform.run_well("weekly_checks", LAST_DAY))["feature_drift: no_drift"]
    assert (check.severity, check.blocking) == (dg.AssetCheckSeverity.WARN, False)
    assert "New Prospecting is new" in check.metadata["failed"].value


def test_defaults_that_jump_fail_their_check(platform_after_a_night: Platform) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    store.execute(
        "UPDATE insight.opportunity_features SET defaulted_features = ARRAY['log_amount'] WHERE as_of_date = $1",
        (LAST_DAY,),
    )
    check = failed(platform.run_well("weekly_checks", LAST_DAY))["feature_defaults: no_jump_of_defaults"]
    assert "log_amount | 100% of the open deals, usual 0%" in check.metadata["failed"].value


def test_a_model_that_is_far_off_fails_its_check(platform_after_a_night: Platform) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    store.execute(
        "UPDATE insight.prediction_ledger SET win_probability = 0.999 WHERE as_of_date = $1", (A_WEEK_BEFORE,)
    )
    check = failed(platform.run_well("weekly_checks", LAST_DAY))["model_checks: within_band"]
    assert "were expected" in check.metadata["failed"].value


def test_without_weeks_before_there_is_nothing_to_compare_and_it_says_so(platform_after_a_night: Platform) -> None:
    result = platform_after_a_night.run_well("weekly_checks", LAST_DAY + timedelta(days=1))
    told = metadata(result)
    assert {told[name]["verdict"] for name in CHECKS} >= {"nothing to compare yet: too few weeks or too few deals"}
    assert failed(result).keys() <= {"model_checks: expectations"}


def test_scores_by_the_rules_are_not_judged(platform_after_a_night: Platform) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    store.execute("UPDATE insight.prediction_ledger SET is_fallback = true")
    platform.run_well("weekly_checks", LAST_DAY)
    assert store.partition("model_checks", LAST_DAY).empty
