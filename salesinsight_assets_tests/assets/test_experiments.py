"""Whether alerts help, on the real warehouse: who is held out of what is sent, and what is read of it a week later."""

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from salesinsight_assets_tests.conftest import A_WEEK_BEFORE, LAST_DAY, SENT_A_WEEK_AGO, JobResult, Platform
from salesinsight_assets_tests.scripted_mail import scripted_mail

LIVELY = """
[alerts]
riskiest_share = 1.0
slow_over = -0.9

[holdout]
share = 0.5
"""
"""Settings under which the small company has many alerts."""


def metadata(result: JobResult, name: str) -> dict[str, Any]:
    (event,) = result.asset_materializations_for_node(name)
    return {key: value.value for key, value in event.metadata.items()}


def outcomes(platform: Platform) -> pd.DataFrame:
    platform.materialize("alert_outcomes", partition=LAST_DAY)
    return platform.warehouse.partition("alert_outcomes", LAST_DAY)


# --- the night ---


def test_those_held_out_are_in_no_message_and_the_day_counts_once_its_messages_were_sent(
    trained_platform: Platform, tmp_path
) -> None:
    platform, store = trained_platform, trained_platform.warehouse
    platform.configure(platform_settings(platform) + LIVELY)
    result = platform.run_well("night_without_sync", LAST_DAY)
    alerts = store.partition("rep_alerts", LAST_DAY)
    out = alerts[alerts["status"] == "held_out"]
    assert len(out) > 0
    assert metadata(result, "rep_alerts")["held_out"] == len(out)
    assert alerts[alerts["arm"].notna()].groupby("owner_id").size().max() == 3
    told = store.exported("outbox", LAST_DAY)["payload"].map(pd.io.json.ujson_loads)
    deals = {deal["opportunity_id"] for payload in told for deal in payload["deals"]}
    assert deals == set(alerts.loc[alerts["status"] == "to_send", "opportunity_id"])
    assert deals.isdisjoint(out["opportunity_id"])
    (day,) = store.exported("alert_days", LAST_DAY).to_dict("records")
    assert pd.notna(day["queued_at"])
    assert pd.isna(day["sent_at"])
    with scripted_mail(tmp_path) as mail:
        platform.set_environment({"SMTP_URL": mail.url, "SSL_CERT_FILE": mail.ca_file, "MAIL_FROM": "i@example.com"})
        platform.materialize("deliveries", partition=LAST_DAY)
    (day,) = store.exported("alert_days", LAST_DAY).to_dict("records")
    assert day["sent_at"] == store.exported("outbox", LAST_DAY)["sent_at"].min()


def platform_settings(platform: Platform) -> str:
    return (platform.home / "salesinsight.toml").read_text(encoding="utf-8")


def test_the_next_night_is_silent_on_those_held_out_as_on_those_told(trained_platform: Platform) -> None:
    platform, store = trained_platform, trained_platform.warehouse
    platform.configure(platform_settings(platform) + LIVELY)
    platform.run_well("night_without_sync", LAST_DAY)
    first = store.partition("rep_alerts", LAST_DAY)
    drawn = set(first.loc[first["arm"].notna(), "opportunity_id"])
    next_day = LAST_DAY + timedelta(days=1)
    platform.materialize(
        "open_opportunities", "opportunity_features", "opportunity_scores", "rep_alerts", partition=next_day
    )
    second = store.partition("rep_alerts", next_day)
    told_before = second[second["opportunity_id"].isin(drawn)]
    assert len(told_before) >= len(drawn)
    assert set(told_before["suppressed_because"]) == {f"told on {LAST_DAY} and no worse since"}


def test_a_night_that_is_switched_off_holds_nothing_out(trained_platform: Platform) -> None:
    platform = trained_platform
    platform.configure(platform_settings(platform) + LIVELY + "is_on = false\n")
    result = platform.run_well("night_without_sync", LAST_DAY)
    assert metadata(result, "rep_alerts")["held_out"] == 0


# --- a week later ---


def test_each_alert_of_the_day_that_was_sent_a_week_ago_has_its_outcome(platform_after_a_night: Platform) -> None:
    store, found = platform_after_a_night.warehouse, outcomes(platform_after_a_night)
    alerts = store.partition("rep_alerts", A_WEEK_BEFORE)
    drawn = alerts[alerts["status"].isin(["to_send", "held_out"])]
    assert sorted(found["opportunity_id"]) == sorted(drawn["opportunity_id"])
    assert set(found["sent_at"]) == {pd.Timestamp(SENT_A_WEEK_AGO)}
    for day in (LAST_DAY - timedelta(days=1), LAST_DAY + timedelta(days=1)):
        platform_after_a_night.materialize("alert_outcomes", partition=day)
        assert store.partition("alert_outcomes", day).empty, "each alert has its outcome once, when its seven days end"


def test_what_was_done_agrees_with_the_rows_of_the_crm(platform_after_a_night: Platform) -> None:
    found = outcomes(platform_after_a_night).set_index("opportunity_id")
    rows = platform_after_a_night.warehouse.read(
        "SELECT what_id AS deal, owner_id, created_date AS at FROM crm.tasks UNION ALL SELECT what_id, owner_id, created_date"
        " FROM crm.events"
    )
    within = rows[rows["at"].between(SENT_A_WEEK_AGO, SENT_A_WEEK_AGO + timedelta(days=7), inclusive="right")]
    active = set(within[["deal", "owner_id"]].itertuples(index=False, name=None))
    by_activity = [(deal, owner) in active for deal, owner in zip(found.index, found["owner_id"], strict=True)]
    assert any(by_activity)
    assert found.loc[by_activity, "is_acted_on"].all()
    assert set(found.loc[[not is_active for is_active in by_activity], "action"].dropna()) <= {
        "stage",
        "amount",
        "close date",
    }


@pytest.mark.parametrize(
    ("change", "is_acted_on"),
    [
        ("UPDATE crm.{table} SET owner_id = 'somebody'", False),
        ("UPDATE crm.{table} SET is_deleted = true", False),
        ("UPDATE crm.{table} SET valid_to = '2025-03-31T12:00Z'", False),
        ("UPDATE crm.{table} SET valid_to = '2025-04-02T12:00Z'", True),
        ("UPDATE crm.{table} SET created_date = '2025-03-24T05:30Z'", False),
        ("UPDATE crm.{table} SET created_date = '2025-03-24T05:31Z'", True),
        ("UPDATE crm.{table} SET created_date = '2025-03-31T05:31Z'", False),
    ],
    ids=["of another", "deleted", "deleted since", "deleted later", "before", "after", "too late"],
)  # fmt: skip
def test_only_activities_of_the_owner_as_they_stood_that_day_count(
    platform_after_a_night: Platform, change: str, is_acted_on: bool
) -> None:
    store = platform_after_a_night.warehouse
    store.execute("UPDATE crm.opportunity_history SET created_by_id = 'somebody'")
    for table in ("tasks", "events"):
        store.execute(change.format(table=table))
    assert outcomes(platform_after_a_night)["is_acted_on"].any() == is_acted_on


def test_what_the_owner_said_stands_beside_what_was_done(platform_after_a_night: Platform) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    (alert, *_) = outcomes(platform).query("was_told").to_dict("records")
    store.execute(
        "INSERT INTO engagement.verdicts (as_of_date, message_key, opportunity_id, owner_id, rule, verdict, given_at, channel)"
        " VALUES ('2025-03-24', 'm', $1, $2, $3, 'helpful', '2025-03-25T08:00Z', 'email')",
        (alert["opportunity_id"], alert["owner_id"], alert["rule"]),
    )
    found = outcomes(platform).set_index("opportunity_id")["verdict"]
    assert found[alert["opportunity_id"]] == "helpful"
    assert found.notna().sum() == 1
    platform.materialize("alert_rates", partition=LAST_DAY)
    rates = store.partition("alert_rates", LAST_DAY).set_index("segment")
    assert (rates.at["all", "verdicts"], rates.at["all", "helpful"]) == (1, 1)


# --- rates and lift ---


def test_the_rates_are_of_the_deals_told_of(platform_after_a_night: Platform) -> None:
    store = platform_after_a_night.warehouse
    told = store.partition("alert_outcomes", LAST_DAY).query("was_told")
    rates = store.partition("alert_rates", LAST_DAY).set_index(["dimension", "segment"])
    assert rates.at[("all", "all"), "n_deals"] == len(told) > 0
    assert rates.at[("all", "all"), "acted_on"] == told["is_acted_on"].sum()
    assert rates.loc["rep", "n_deals"].to_dict() == told["owner_id"].value_counts().to_dict()
    verdict = metadata(platform_after_a_night.materialize("alert_rates", partition=LAST_DAY), "alert_rates")["verdict"]
    assert verdict.startswith(f"{told['is_acted_on'].mean():.0%} of {len(told)} deals told of were acted on (95 %")


def test_a_rule_that_nobody_finds_helpful_is_proposed_for_a_higher_threshold(platform_after_a_night: Platform) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    platform.configure(platform_settings(platform) + "[rates]\nleast_verdicts = 1\nhelpful_below = 1.0\n")
    store.execute("UPDATE insight.alert_outcomes SET verdict = 'wrong', rule = 'slow_deal'")
    store.execute("UPDATE insight.opportunity_features SET age_days = 300, expected_cycle_days = 100")
    result = platform.materialize("alert_rates", partition=LAST_DAY)
    (row,) = store.partition("alert_rates", LAST_DAY).query("dimension == 'rule'").to_dict("records")
    assert "slow_over 0.20 -> 2.00" in row["proposal"]
    assert metadata(result, "alert_rates")["proposals"] == row["proposal"]


def test_the_lift_counts_the_arms_and_is_not_yet_known_on_a_few_deals(platform_after_a_night: Platform) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    result = platform.materialize("alert_lift", partition=LAST_DAY)
    drawn = store.partition("alert_outcomes", LAST_DAY).dropna(subset="arm")
    rows = store.partition("alert_lift", LAST_DAY).set_index("measure")
    assert sorted(rows.index) == ["acted on", "won"]
    arms = rows.loc["acted on", ["n_alerted", "n_held_out"]].tolist()
    assert arms == [(drawn["arm"] == arm).sum() for arm in ("alerted", "held_out")]
    closed = store.read("SELECT id, is_won FROM crm.opportunities WHERE valid_to IS NULL AND is_closed")
    decided = drawn.merge(closed, left_on="opportunity_id", right_on="id")
    assert rows.loc["won", ["n_alerted", "n_held_out"]].sum() == len(decided)
    assert (rows["low"] < 0).all()
    assert (rows["high"] > 0).all()
    told = metadata(result, "alert_lift")
    assert "not yet known" in told["acted on"]
    assert told["alerts_without_outcome"] == 0


def test_alerts_whose_outcome_was_never_read_are_told_of(platform_after_a_night: Platform) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    n_drawn = len(store.partition("alert_outcomes", LAST_DAY).dropna(subset="arm"))
    store.execute("DELETE FROM insight.alert_outcomes")
    told = metadata(platform.materialize("alert_lift", partition=LAST_DAY), "alert_lift")
    assert told["alerts_without_outcome"] == n_drawn > 0
    assert "n = 0" in told["acted on"]


def test_a_look_knows_only_the_outcomes_of_its_day(platform_after_a_night: Platform) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    before = LAST_DAY - timedelta(days=1)
    result = platform.materialize("alert_rates", "alert_lift", partition=before)
    assert metadata(result, "alert_rates")["verdict"] == "the seven days of no alert are over yet"
    assert store.partition("alert_rates", before).empty
    assert store.partition("alert_lift", before)["n_alerted"].tolist() == [0, 0]
