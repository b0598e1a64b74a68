"""The night on the real warehouse, the CRM read from the small company's real server: what it does, and what stops it."""

import json
import re
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from salesinsight_assets import checks
from salesinsight_assets.domain.alerts.selection import daily_alerts as domain_alerts
from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.domain.expectations import EXPECTATIONS, Expectation
from salesinsight_assets.domain.scores.scoring import opportunity_scores as domain_scores

STEPS_OF_A_NIGHT = ["open_opportunities", "opportunity_features", "opportunity_scores", "rep_alerts", "messages"]
BAD_USERS = """id,name,created_date,system_modstamp
005000000000001AAA,Ann,2025-01-01T00:00:00Z,2025-01-01T00:00:00Z
005000000000002AAA,=cmd(),2025-01-01T00:00:00Z,2025-01-01T00:00:00Z
005000000000003AAA,Cem,yesterday,2025-01-01T00:00:00Z
"""


def materialized(result: dg.ExecuteInProcessResult) -> dict[str, dict]:
    """Metadata by asset."""
    events = result.get_asset_materialization_events()
    found = [event.step_materialization_data.materialization for event in events]
    return {m.asset_key.to_user_string(): {k: v.value for k, v in m.metadata.items()} for m in found}


def failed_checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    found = [check for check in result.get_asset_check_evaluations() if not check.passed]
    return {f"{check.asset_key.to_user_string()}: {check.check_name}": check for check in found}


def errors(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    found = {e.step_key: e.step_failure_data.error for e in result.all_events if e.is_step_failure}
    return {step: (error.cause or error).message for step, error in found.items()}


def open_deals(store) -> list[str]:
    current = "valid_to IS NULL AND NOT is_deleted AND NOT is_closed"
    return list(store.read(f"SELECT id FROM crm.opportunities WHERE {current}")["id"])


# --- a whole night ---


def test_a_night_goes_from_salesforce_to_the_outbox(platform, salesforce) -> None:
    platform.connect(salesforce)
    result = platform.run("night", platform.last_day)
    assert result.success, errors(result)
    assets, store = materialized(result), platform.warehouse
    assert assets["opportunities"]["source"] == "salesforce"
    assert assets["opportunities"]["rows_inserted"] == assets["opportunities"]["rows_read"] > 400
    assert assets["salesforce/Opportunity"]["rows_in_salesforce"] == assets["opportunities"]["dagster/row_count"]
    scores = store.partition("opportunity_scores", platform.last_day)
    assert set(scores["opportunity_id"]) == set(open_deals(store))
    assert scores["is_fallback"].all()  # no model was trained
    assert "the rules" in assets["opportunity_scores"]["scored_by"]
    alerts = store.partition("rep_alerts", platform.last_day)
    told = alerts[alerts["status"] == "to_send"]
    assert told.groupby("owner_id").size().max() <= 3
    assert alerts.loc[alerts["status"] == "suppressed", "suppressed_because"].notna().all()
    outbox = store.exported("outbox", platform.last_day)
    assert set(outbox.loc[outbox["channel"] == "email", "message_key"]) == {
        f"digest:{platform.last_day}:{owner}" for owner in told["owner_id"]
    }
    files = sorted(Path(assets["messages"]["files"]).glob("*.txt"))
    assert len(files) == len(outbox) > 0
    assert not any("ℹ️" in text for text in told_texts(platform))


def test_after_the_training_the_model_scores_and_says_why(platform_after_a_night) -> None:
    platform = platform_after_a_night
    scores = platform.warehouse.partition("opportunity_scores", platform.last_day)
    assert not scores["is_fallback"].any()
    (model_id,) = set(scores["model_id"])
    assert model_id.startswith("win-2025-03-01-")
    assert scores["win_probability"].between(0, 1).all()
    assert scores["win_probability"].nunique() > 10
    for reasons in scores["reasons"].map(json.loads):
        assert all({"text", "direction", "source", "value", "norm"} <= set(reason) for reason in reasons)


def test_the_days_after_are_compared_with_the_week_before(platform_after_a_night, org) -> None:
    platform = platform_after_a_night
    next_week = platform.last_day + timedelta(days=7)
    org.company.advance(next_week)
    platform.connect(org.server)
    platform.set_time(platform.morning_after + timedelta(days=7))
    result = platform.run_well("night", next_week)
    before = platform.warehouse.partition("opportunity_scores", platform.last_day)
    after = platform.warehouse.partition("opportunity_scores", next_week).set_index("opportunity_id")
    both = before[before["opportunity_id"].isin(after.index)]
    assert len(both) > 10
    assert list(after.loc[both["opportunity_id"], "win_probability_7d_ago"]) == list(both["win_probability"])
    assert 0 < materialized(result)["opportunities"]["rows_read"] < 400


def test_a_past_day_replayed_later_gives_what_that_night_gave(platform_after_a_night, org) -> None:
    platform = platform_after_a_night
    before = platform.tables()
    org.company.advance(platform.last_day + timedelta(days=10))
    platform.connect(org.server)
    platform.set_time(platform.morning_after + timedelta(days=10))
    platform.run_well("night", platform.last_day)
    after = platform.tables()
    changed = {name for name in before if not name.startswith("crm.") and before[name] != after[name]}
    read_before_its_end = {"insight.volume_checks"}  # at 22:00: the volumes said that they did not know the day yet
    assert changed <= read_before_its_end
    assert before["crm.opportunities"] != after["crm.opportunities"]


def test_a_day_gives_the_same_whether_or_not_the_week_before_was_run(trained_platform) -> None:
    store, day = trained_platform.warehouse, trained_platform.last_day
    trained_platform.run_well("night_without_sync", day)
    before = store.exported("prediction_ledger", day)
    assert before["win_probability_7d_ago"].notna().sum() > len(before) / 2
    for past in (day - timedelta(days=7), day):
        trained_platform.materialize("open_opportunities", "opportunity_features", "opportunity_scores", partition=past)
    assert store.exported("prediction_ledger", day).equals(before)
    week_before = store.exported("opportunity_scores", day - timedelta(days=7)).set_index("opportunity_id")
    both = before[before["opportunity_id"].isin(week_before.index)]
    assert list(both["win_probability_7d_ago"]) == list(week_before.loc[both["opportunity_id"], "win_probability"])


# --- the CSV entrance ---


@pytest.mark.salesforce(24)
def test_an_upload_with_a_bad_row_fails_visibly_and_stores_nothing(trained_platform, tmp_path) -> None:
    before = trained_platform.tables()
    path = tmp_path / "users.csv"
    path.write_text(BAD_USERS)
    result = trained_platform.run("crm_sync", csv={"csv_files": [str(path)]})
    check = failed_checks(result)["opportunities: upload_accepted"]
    assert not result.success
    assert check.severity == dg.AssetCheckSeverity.ERROR
    assert "users.csv | 3 | name" in check.metadata["refused"].value
    assert check.metadata["places"].value == 1
    assert materialized(result) == {}
    assert trained_platform.tables() == before


def test_what_lies_downstream_of_a_refused_upload_is_not_run(trained_platform, tmp_path) -> None:
    path = tmp_path / "users.csv"
    path.write_text(BAD_USERS)
    result = trained_platform.run("night", trained_platform.last_day, csv={"csv_files": [str(path)]})
    assert not result.success
    assert set(STEPS_OF_A_NIGHT).isdisjoint(materialized(result))
    assert len(trained_platform.warehouse.partition("opportunity_scores", trained_platform.last_day)) == 0


def test_an_upload_that_is_accepted_says_so(trained_platform, tmp_path) -> None:
    path = tmp_path / "users.csv"
    path.write_text(BAD_USERS.replace("=cmd()", "Bea").replace("yesterday", "2025-01-01T00:00:00Z"))
    result = trained_platform.run("crm_sync", csv={"csv_files": [str(path)]})
    assert result.success, errors(result)
    assert {c.check_name for c in result.get_asset_check_evaluations()} == {
        *("upload_accepted", "expectations", "usual_volume"),
        *("fresh", "as_many_rows_as_the_crm", "fields_unchanged"),
    }
    assets = materialized(result)
    assert (assets["users"]["source"], assets["users"]["rows_inserted"]) == ("csv", 3)
    assert assets["tasks"]["source"] == "stored rows; not part of the upload"


DEALS = """deal,created,closed,rep,mail,status,amount
a,2025-01-01,,Ann,ann@example.com,Open,90000
b,2025-01-01,2025-02-01,Bob,bob@example.com,Won,90000
"""
MINE = """
[mappings.mine]
id = "deal"
created = "created"
closed = "closed"
owner = "rep"
email = "mail"
outcome = "status"
open_stages = ["Open"]
amount = "amount"
"""


@pytest.mark.parametrize(("as_of", "is_told"), [(None, False), ("2025-03-30", False), ("2025-03-31", True)])
def test_a_file_of_deals_is_as_old_as_the_day_that_it_tells_of(platform, tmp_path, as_of, is_told) -> None:
    path = tmp_path / "deals.csv"
    path.write_text(DEALS)
    platform.configure(MINE)
    config = {"csv_files": [str(path)], "mapping": "mine", **({"as_of": as_of} if as_of else {})}
    assert platform.run("crm_sync", csv=config).success
    platform.set_time(platform.morning_after + timedelta(hours=3))
    assets = materialized(platform.run_well("night_without_sync", platform.last_day))
    assert (assets["messages"]["outbox"] == "queued") == is_told, assets["messages"]["outbox"]
    last_told = {None: "Sat 1 February", "2025-03-30": "Sun 30 March", "2025-03-31": "Mon 31 March"}[as_of]
    note = f"ℹ️ From an upload, not from Salesforce. What follows is as of the end of {last_told}."
    assert assets["messages"]["note_on_rows"] == note


# --- expectations ---


def test_a_critical_violation_stops_the_night_and_shows_its_rows(trained_platform) -> None:
    platform, store = trained_platform, trained_platform.warehouse
    bad = store.read("SELECT id, name FROM crm.users ORDER BY id LIMIT 1").iloc[0]
    store.execute("UPDATE crm.users SET name = NULL WHERE id = $1", (bad["id"],))
    result = platform.run("night", platform.last_day)
    assert not result.success
    check = failed_checks(result)["users: expectations"]
    assert (check.severity, check.blocking) == (dg.AssetCheckSeverity.ERROR, True)
    broken = Expectation("ExpectColumnValuesToNotBeNull", {"column": "name"}).name
    assert f"| {broken} | critical | 1 of " in check.metadata["failed"].value
    assert bad["id"] in check.metadata[f"rows: {broken}"].value
    assert set(STEPS_OF_A_NIGHT).isdisjoint(materialized(result))
    store.execute("UPDATE crm.users SET name = $2 WHERE id = $1", (bad["id"], bad["name"]))
    assert set(STEPS_OF_A_NIGHT) <= set(materialized(platform.run_well("night", platform.last_day)))


def test_a_check_that_passes_says_how_many_expectations_held_and_nothing_of_failures(trained_platform) -> None:
    result = trained_platform.run_well("night_without_sync", trained_platform.last_day)
    assert failed_checks(result).keys() <= {"volume_checks: usual_volumes"}, "an owner left that week"
    for check in (check for check in result.get_asset_check_evaluations() if check.passed):
        shown = {name: value.value for name, value in check.metadata.items()}
        assert not {"failed", "differing"} & set(shown)
        if check.check_name == "expectations":
            count = len(EXPECTATIONS[check.asset_key.to_user_string()])
            assert shown["passed"] == f"{count} of {count}"
            assert {number for name, number in shown.items() if name.startswith("failing: ")} <= {0}
            assert shown["failed expectations"] == 0


def test_a_warning_is_shown_and_the_night_goes_on(trained_platform) -> None:
    platform, store = trained_platform, trained_platform.warehouse
    bad = store.read("SELECT id FROM crm.opportunities WHERE is_closed ORDER BY id LIMIT 1")["id"][0]
    store.execute("UPDATE crm.opportunities SET amount = -5 WHERE id = $1", (bad,))
    result = platform.run_well("night", platform.last_day)
    (name,) = [name for name in failed_checks(result) if "usual_volume" not in name]  # an owner left that week
    check = failed_checks(result)[name]
    assert (name, check.severity) == ("opportunities: expectations", dg.AssetCheckSeverity.WARN)
    assert bad in next(value.value for key, value in check.metadata.items() if key.startswith("rows: amount"))
    assert set(STEPS_OF_A_NIGHT) <= set(materialized(result))


@pytest.mark.parametrize("stopped_after", STEPS_OF_A_NIGHT[:-1])
def test_a_critical_violation_of_any_step_stops_those_after_it(trained_platform, monkeypatch, stopped_after) -> None:
    platform = trained_platform
    impossible = Expectation("ExpectTableRowCountToBeBetween", {"max_value": 0})
    monkeypatch.setattr(checks, "EXPECTATIONS", {**EXPECTATIONS, stopped_after: (impossible,)})
    result = platform.run("night_without_sync", platform.last_day)
    assert not result.success
    last = STEPS_OF_A_NIGHT.index(stopped_after)
    assert [name for name in STEPS_OF_A_NIGHT if name in materialized(result)] == STEPS_OF_A_NIGHT[: last + 1]


def test_a_deal_without_a_score_stops_the_night_and_is_named(trained_platform, monkeypatch) -> None:
    platform, lost = trained_platform, []

    def forgetful(*arguments):
        scores = domain_scores(*arguments)
        lost.append(scores["opportunity_id"].iloc[0])
        return scores.iloc[1:]

    monkeypatch.setattr("salesinsight_assets.domain.scores.scoring.opportunity_scores", forgetful)
    result = platform.run("night_without_sync", platform.last_day)
    assert not errors(result).keys() & set(STEPS_OF_A_NIGHT), errors(result)
    check = failed_checks(result)["opportunity_scores: every_open_deal_is_scored"]
    assert [check.metadata["differing"].value] == lost
    assert "rep_alerts" not in materialized(result)


def test_a_fourth_alert_of_one_rep_stops_the_night(trained_platform, monkeypatch) -> None:
    def generous(*arguments):
        return domain_alerts(*arguments).assign(owner_id="005A", status="to_send")

    monkeypatch.setattr("salesinsight_assets.domain.alerts.selection.daily_alerts", generous)
    result = trained_platform.run("night_without_sync", trained_platform.last_day)
    assert (
        failed_checks(result)["rep_alerts: no_rep_gets_more_than_the_cap"].metadata["most_alerts_of_one_rep"].value > 3
    )
    assert "messages" not in materialized(result)


# --- Salesforce cannot be read ---


@pytest.mark.salesforce(22, 23)
def test_rows_under_a_day_old_are_used_and_said_to_be_old(trained_platform, salesforce) -> None:
    platform = trained_platform
    platform.connect(salesforce, SALESFORCE_LOGIN_URL="https://127.0.0.1:1")
    assets = materialized(platform.run_well("night", platform.last_day))
    assert assets["opportunities"]["source"].startswith("stored rows; Salesforce cannot be read")
    assert set(STEPS_OF_A_NIGHT) <= set(assets)


def told_texts(platform) -> list[str]:
    """What the messages in the outbox say."""
    return [json.loads(payload)["text"] for payload in platform.warehouse.exported("outbox", None)["payload"]]


@pytest.mark.salesforce(23)
def test_messages_on_rows_of_an_earlier_sync_say_of_which_moment_they_are(trained_platform, salesforce) -> None:
    platform = trained_platform
    platform.connect(salesforce, SALESFORCE_LOGIN_URL="https://127.0.0.1:1")
    platform.set_time(platform.morning_after + timedelta(hours=20))
    platform.run_well("night", platform.last_day)
    texts = told_texts(platform)
    assert len(texts) > 1
    note = "ℹ️ Salesforce was not read this night. What follows is as of Mon 31 March, 22:00.\n\n"
    assert [text[: len(note)] for text in texts] == [note] * len(texts)


@pytest.mark.salesforce(22, 23)
def test_older_rows_fail_the_run_and_nobody_is_alerted(trained_platform, salesforce) -> None:
    platform = trained_platform
    platform.connect(salesforce, SALESFORCE_LOGIN_URL="https://127.0.0.1:1")
    platform.set_time(platform.morning_after + timedelta(days=1))
    before = platform.tables()
    result = platform.run("night", platform.last_day + timedelta(days=1))
    assert not result.success
    assert "older than 24 h or never read: repair the access" in errors(result)["crm_tables"]
    assert platform.tables() == before


@pytest.mark.salesforce(23)
def test_an_upload_while_salesforce_is_away_makes_the_rows_fresh_again(trained_platform, salesforce, tmp_path) -> None:
    from salesinsight_assets.adapters.csv_export import write_table

    platform = trained_platform
    path = tmp_path / "opportunities.csv"
    write_table(platform.warehouse.exported("opportunities", None), path)
    platform.connect(salesforce, SALESFORCE_LOGIN_URL="https://127.0.0.1:1")
    platform.set_time(platform.morning_after + timedelta(days=1))
    assert platform.run("crm_sync", csv={"csv_files": [str(path)]}).success
    assert platform.run("night", platform.last_day + timedelta(days=1)).success


def test_without_any_rows_the_error_says_what_to_do(platform, salesforce) -> None:
    platform.connect(salesforce, SALESFORCE_LOGIN_URL="https://127.0.0.1:1")
    result = platform.run("crm_sync")
    assert "no CRM rows are stored; set SALESFORCE_CLIENT_ID" in errors(result)["crm_tables"]
    observed = [e.asset_observation_data.asset_observation for e in result.all_events if e.is_asset_observation]
    assert {o.asset_key.to_user_string() for o in observed} == {table.name for table in CRM_TABLES}
    assert not materialized(result)


@pytest.mark.salesforce(22)
def test_one_object_that_cannot_be_read_fails_the_sync_and_keeps_the_others(platform, org) -> None:
    platform.connect(org.server)
    org.server.faults.hide_field("Account", "Name")
    result = platform.run("crm_sync")
    assert not result.success
    assert "1 of 13 objects are stale" in errors(result)["crm_tables"]
    assert "Account" in errors(result)["crm_tables"]
    read = {f"salesforce/{table.salesforce_object}" for table in CRM_TABLES} & set(materialized(result))
    assert "salesforce/Account" not in read
    assert len(read) == len(CRM_TABLES) - 1
    counts = platform.warehouse.crm_status().set_index("table_name")["row_count"]
    assert counts["accounts"] == 0
    assert counts["opportunities"] > 400
    org.server.faults.show_field("Account", "Name")
    platform.run_well("crm_sync")


def test_a_sync_that_fails_tells_of_each_stale_object_the_last_one_too(platform, org) -> None:
    platform.connect(org.server)
    last = CRM_TABLES[-1]
    org.server.faults.hide_field("Account", "Name")
    org.server.faults.hide_field(last.salesforce_object, "IsoCode")
    result = platform.run("crm_sync")
    observed = [e.asset_observation_data.asset_observation for e in result.all_events if e.is_asset_observation]
    assert {o.asset_key.to_user_string(): o.metadata["status"].value for o in observed} == {
        "accounts": "failed",
        last.name: "failed",
    }


@pytest.mark.salesforce(25)
def test_a_hidden_field_costs_that_field_and_no_more(platform, org) -> None:
    platform.connect(org.server)
    org.server.faults.hide_field("Opportunity", "NextStep")
    assets = materialized(platform.run_well("crm_sync"))
    assert assets["opportunities"]["missing_columns"] == "next_step"


def test_certificates_of_the_machine_do_not_keep_it_from_the_org(platform, salesforce, tmp_path) -> None:
    elsewhere = tmp_path / "other-ca.pem"
    elsewhere.write_text("")
    platform.connect(salesforce, REQUESTS_CA_BUNDLE=str(elsewhere), CURL_CA_BUNDLE=str(elsewhere))
    platform.run_well("crm_sync")


# --- who is told ---

SEND, BACKFILL = {"salesinsight/send": "true"}, {"dagster/backfill": "abcdefgh"}
REPLAY = {"salesinsight/replay": "2025-03-01 to 2025-03-31"}


@pytest.mark.parametrize(
    ("days_later", "tags", "is_queued"),
    [
        (0, {}, True),
        (1, {}, False),
        (0, {"salesinsight/send": "false"}, False),
        (1, SEND, True),
        (0, BACKFILL, False),
        (0, BACKFILL | SEND, True),
        (1, BACKFILL | SEND, False),
        (0, REPLAY | SEND, False),
    ],
    ids=[
        "latest day",
        "past day",
        "told not to",
        "past day, told to",
        "backfill",
        "latest day of a backfill, told to",
        "past day of a backfill, told to",
        "replay",
    ],
)
def test_messages_are_queued_for_the_latest_day_or_on_demand_and_of_a_past_day_by_no_backfill_or_replay(
    platform_after_a_night, days_later, tags, is_queued
) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    now = platform.morning_after + timedelta(days=days_later)
    platform.set_time(now)
    store.execute("DELETE FROM engagement.outbox")
    store.execute("UPDATE crm.sync_cursors SET synced_at = $1::timestamptz", (now,))
    figures = materialized(platform.materialize("messages", partition=platform.last_day, tags=tags))["messages"]
    assert figures["dagster/row_count"] > 0
    assert len(store.exported("outbox", None)) == (figures["dagster/row_count"] if is_queued else 0)
    assert ("nothing queued" in figures["outbox"]) is not is_queued


def test_what_was_told_stays_as_it_was_told_when_the_night_runs_again(platform_after_a_night) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    before = platform.tables()
    settings = (platform.home / "salesinsight.toml").read_text()
    platform.configure(settings + "[alerts]\nmax_per_rep_per_day = 9\n")
    assets = materialized(platform.run_well("night_without_sync", platform.last_day))
    assert "messages that tell of them are queued" in assets["rep_alerts"]["kept"]
    assert (assets["messages"]["queued"], assets["messages"]["queued_before"]) == (
        0,
        len(store.exported("outbox", platform.last_day)),
    )
    assert platform.tables() == before
    store.execute("DELETE FROM engagement.outbox")
    store.execute("UPDATE insight.alert_days SET queued_at = NULL")
    platform.run_well("night_without_sync", platform.last_day)
    assert platform.tables()["insight.rep_alerts"] != before["insight.rep_alerts"]


def told_again(platform, tags) -> tuple[set[str], set[str]]:
    """The deals to send on the last day, and of them those to send on the day after as well, if it is run with `tags`."""
    store, day = platform.warehouse, platform.last_day
    next_day = day + timedelta(days=1)
    store.execute("UPDATE crm.sync_cursors SET synced_at = synced_at + interval '1 day'")
    platform.set_time(platform.morning_after + timedelta(days=1))
    platform.run_well("night_without_sync", next_day, tags)
    first, second = (
        set(alerts.loc[alerts["status"] == "to_send", "opportunity_id"])
        for alerts in (store.partition("rep_alerts", day), store.partition("rep_alerts", next_day))
    )
    return first, first & second


def test_a_night_that_told_nobody_does_not_silence_the_next_one(trained_platform) -> None:
    trained_platform.run_well("night_without_sync", trained_platform.last_day, {"salesinsight/send": "false"})
    assert len(trained_platform.warehouse.exported("outbox", None)) == 0
    first, again = told_again(trained_platform, {})
    assert len(again) > 0.5 * len(first) > 0


def test_a_replay_of_several_days_counts_what_was_to_be_sent_as_told(trained_platform) -> None:
    trained_platform.run_well("night_without_sync", trained_platform.last_day, BACKFILL)
    first, again = told_again(trained_platform, BACKFILL)
    assert len(first) > 0
    assert again == set()


def test_a_rep_whose_address_comes_later_is_told_then(trained_platform) -> None:
    platform, store = trained_platform, trained_platform.warehouse
    emails = store.read("SELECT id, email FROM crm.users WHERE email IS NOT NULL")
    store.execute("UPDATE crm.users SET email = NULL")
    assets = materialized(platform.run_well("night_without_sync", platform.last_day))
    count = assets["messages"]["dagster/row_count"]
    assert (assets["messages"]["queued"], assets["messages"]["failed"]) == (0, count)
    assert set(store.exported("outbox", None)["status"]) == {"failed"}
    for user, email in zip(emails["id"], emails["email"], strict=True):
        store.execute("UPDATE crm.users SET email = $2 WHERE id = $1", (user, email))
    assets = materialized(platform.run_well("night_without_sync", platform.last_day))
    assert assets["messages"]["queued"] == count > 0
    assert set(store.exported("outbox", None)["status"]) == {"pending"}


@pytest.mark.salesforce(22, 23)
def test_nobody_is_told_by_rows_older_than_a_day_even_on_demand(platform_after_a_night) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    store.execute("DELETE FROM engagement.outbox")
    store.execute("UPDATE crm.sync_cursors SET synced_at = synced_at - interval '1 day'")
    figures = materialized(platform.materialize("messages", partition=platform.last_day, tags=SEND))["messages"]
    assert "older than 24 h" in figures["outbox"]
    assert len(store.exported("outbox", None)) == 0


# --- a model that cannot be used ---


@pytest.mark.parametrize("artifact", ["nonsense", None, "truncated"], ids=["text", "nothing", "cut"])
def test_a_model_that_cannot_be_loaded_is_replaced_by_the_rules_and_said_so(platform_after_a_night, artifact) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    store.execute("DELETE FROM engagement.outbox")
    stored = json.loads(store.read("SELECT artifact FROM insight.models")["artifact"][0])
    if artifact == "truncated":
        artifact = json.dumps({**stored, "trees": stored["trees"][:2000]})
    store.execute("UPDATE insight.models SET artifact = $1", (artifact,))
    platform.set_time(platform.morning_after + timedelta(hours=2))
    result = platform.materialize("opportunity_scores", "rep_alerts", "messages", partition=platform.last_day)
    scores = store.partition("opportunity_scores", platform.last_day)
    assert scores["is_fallback"].all()
    assert set(scores["model_id"]) == {"rules"}
    assert re.search(
        "model win-2025-03-01-[0-9a-f]{8} cannot be used", materialized(result)["opportunity_scores"]["scored_by"]
    )
    texts = store.read("SELECT payload::text AS text FROM engagement.outbox WHERE channel = 'email'")["text"]
    assert len(texts) > 0
    assert texts.str.contains("rules", case=False).all()
