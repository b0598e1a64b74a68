"""Lines 25 to 35 and 39 of a trusted sync, over TLS and into a real warehouse: what fields, values and errors say."""

import json
import logging
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from psycopg2 import sql

from salesinsight_assets.adapters.salesforce import SalesforceCallError
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.demo.server.faults import catalogue
from salesinsight_assets.demo.server.sessions import Sessions
from salesinsight_assets.domain.crm.field_map import mapped_tables
from salesinsight_assets.domain.crm.rows import long_id
from salesinsight_assets.domain.crm.tables import (
    ACCOUNTS,
    CURRENCY_TYPES,
    DATED_CONVERSION_RATES,
    EVENTS,
    OPPORTUNITIES,
    OPPORTUNITY_HISTORY,
    OPPORTUNITY_STAGES,
    TASKS,
    Column,
    CrmTable,
)
from salesinsight_assets.settings import load_settings
from salesinsight_assets_tests.adapters.synced_org import ONLY_BULK, ONLY_REST, SyncedOrg
from salesinsight_assets_tests.conftest import execute

EITHER_WAY = pytest.mark.parametrize("threshold", [ONLY_REST, ONLY_BULK], ids=["rest", "bulk"])
A_WEEK = timedelta(days=7)


def opportunities(**fields: str) -> CrmTable:
    """The opportunities with columns that are filled from other fields."""
    return mapped_tables((OPPORTUNITIES,), {"opportunities": {"fields": fields}})[0]


# --- 25, 26: fields ---


@pytest.mark.salesforce(25, 26)
def test_a_renamed_field_keeps_its_old_values_until_it_is_mapped_anew(synced: SyncedOrg) -> None:
    deal, before = synced.open_deals()[0], synced.stored(OPPORTUNITIES)
    synced.company.update("Opportunity", deal, {"NextStep": "call"})
    synced.server.metadata.rename_field("Opportunity", "NextStep", "Next_Move__c")
    result = synced.sync(OPPORTUNITIES)["opportunities"]
    assert (result.status, result.missing_columns) == ("complete", ("next_step",))
    assert synced.stored(OPPORTUNITIES)[deal]["next_step"] == before[deal]["next_step"]
    result = synced.sync(opportunities(next_step="Next_Move__c"))["opportunities"]
    assert (result.new_columns, result.missing_columns) == (("next_step",), ())
    synced.assert_equal(OPPORTUNITIES)


@pytest.mark.salesforce(25)
def test_a_required_field_that_is_gone_stops_its_object_by_name(synced: SyncedOrg) -> None:
    synced.company.update("Opportunity", synced.open_deals()[0], {"Amount": 4711.5})
    with synced.server.metadata.hidden("Opportunity", "StageName"):
        result = synced.sync(OPPORTUNITIES)["opportunities"]
    assert result.status == "failed"
    assert "StageName of Opportunity" in str(result.error)
    synced.sync(OPPORTUNITIES)
    synced.assert_equal(OPPORTUNITIES)


@pytest.mark.salesforce(26)
def test_a_new_field_is_filled_in_all_rows_whatever_their_stamps(synced: SyncedOrg) -> None:
    synced.company.add_field("Opportunity", "Campaign_Code__c", "string", "web-2025")
    table = opportunities(lead_source="Campaign_Code__c")
    result = synced.sync(table)["opportunities"]
    assert (result.new_columns, result.rows_read) == (("lead_source",), 0)
    synced.assert_equal(table)
    assert {row["lead_source"] for row in synced.stored(table).values()} == {"web-2025"}


@pytest.mark.salesforce(26)
@pytest.mark.parametrize(("kind", "is_kept"), [("double", False), ("string", True)], ids=["fits", "does not fit"])
def test_a_field_of_another_type_is_told(synced: SyncedOrg, kind: str, is_kept: bool) -> None:
    deal = synced.open_deals()[0]
    before = synced.stored(OPPORTUNITIES)[deal]["amount"]
    synced.server.metadata.retype_field("Opportunity", "Amount", kind)
    synced.company.update("Opportunity", deal, {"Amount": 4711.5})
    result = synced.sync(OPPORTUNITIES)["opportunities"]
    assert result.type_changes == {"amount": f"currency is now {kind}"}
    assert synced.stored(OPPORTUNITIES)[deal]["amount"] == (before if is_kept else 4711.5)
    synced.server.metadata.restore_type("Opportunity", "Amount")
    synced.sync(OPPORTUNITIES)
    synced.assert_equal(OPPORTUNITIES)


# --- 27, 28: changes that leave no stamp ---


@pytest.mark.salesforce(27)
@pytest.mark.parametrize(
    "how",
    [
        pytest.param({}, id="label"),
        pytest.param({"with_rows": True}, id="rows"),
        pytest.param({"with_rows": True, "with_stamps": True}, id="stamps"),
    ],
)
def test_a_renamed_stage_arrives_with_all_its_rows(synced: SyncedOrg, how: dict[str, bool]) -> None:
    tables = (OPPORTUNITY_STAGES, OPPORTUNITIES, OPPORTUNITY_HISTORY)
    synced.company.rename_stage("Proposal", "Angebot", **how)
    assert "Angebot" in set(synced.company.rows("OpportunityStage")["MasterLabel"])
    synced.sync(*tables)
    synced.assert_equal(OPPORTUNITY_STAGES)
    synced.company.pass_time(A_WEEK)
    synced.sync(*tables)
    synced.assert_equal(*tables)


@pytest.mark.salesforce(28)
@EITHER_WAY
def test_a_formula_that_changes_without_a_stamp_is_right_after_a_week(synced: SyncedOrg, threshold: int) -> None:
    table = opportunities(next_step="Fiscal_Quarter__c")
    synced.sync(table, bulk_threshold=threshold)
    synced.assert_equal(table)
    synced.company.change_silently("Opportunity", {"Fiscal_Quarter__c": "Q9"})
    synced.company.pass_time(A_WEEK)
    result = synced.sync(table, bulk_threshold=threshold)["opportunities"]
    assert result.is_compared
    synced.assert_equal(table)
    assert {row["next_step"] for row in synced.stored(table).values()} == {"Q9"}


# --- 30 to 33: values ---

TEXTS = (
    *(
        "NUL \x00 inside",
        "two\nlines",
        "two\r\nlines",
        "a return \r alone",
        'so "quoted"',
        "it's",
        ",;\t|",
        "\\N",
        "\\",
    ),
    *(
        "null",
        "NULL",
        "",
        " blanks around ",
        "=1+1",
        "第二",
        "العربية",
        "עברית",
        "🦄 and e\u0301",
        "\ufeffmark",
        "<b>&amp;",
    ),
)


@pytest.mark.salesforce(30)
def test_any_text_arrives_as_it_is_by_both_ways(synced: SyncedOrg) -> None:
    rows = synced.company.rows("Opportunity")
    deals = rows[rows["IsDeleted"] == 0]["Id"].tolist()
    texts = dict(zip(deals, TEXTS, strict=False))
    assert len(texts) == len(TEXTS)
    stored = []
    for threshold in (ONLY_REST, ONLY_BULK):
        for deal, text in texts.items():
            synced.company.update("Opportunity", deal, {"NextStep": text})
        synced.sync(OPPORTUNITIES, bulk_threshold=threshold)
        synced.assert_equal(OPPORTUNITIES)
        stored.append({deal: synced.stored(OPPORTUNITIES)[deal]["next_step"] for deal in deals})
        for deal in texts:
            synced.company.update("Opportunity", deal, {"NextStep": "something else"})
        synced.sync(OPPORTUNITIES)
    assert stored[0] == stored[1]
    assert [stored[0][deal] for deal in texts] == [text.replace("\x00", "") or None for text in TEXTS]


@pytest.mark.salesforce(31)
@EITHER_WAY
def test_an_amount_keeps_its_currency_and_dated_rates_arrive(synced: SyncedOrg, threshold: int) -> None:
    tables = (OPPORTUNITIES, CURRENCY_TYPES, DATED_CONVERSION_RATES)
    deal = synced.open_deals()[0]
    synced.company.update("Opportunity", deal, {"Amount": 100.25, "CurrencyIsoCode": "GBP"})
    rate = {"IsoCode": "GBP", "ConversionRate": 0.8125, "StartDate": "2025-05-01", "NextStartDate": "2025-06-01"}
    synced.company.insert("DatedConversionRate", rate)
    synced.sync(*tables, bulk_threshold=threshold)
    synced.assert_equal(*tables)
    stored = synced.stored(OPPORTUNITIES)[deal]
    assert (stored["amount"], stored["currency_iso_code"]) == (100.25, "GBP")
    assert 0.8125 in {row["conversion_rate"] for row in synced.stored(DATED_CONVERSION_RATES).values()}


@pytest.mark.salesforce(32)
@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_the_time_zone_of_the_database_changes_nothing(synced: SyncedOrg, warehouse: Warehouse, zone: str) -> None:
    name = warehouse.url.partition("?")[0].rpartition("/")[2]
    warehouse.close()
    execute(
        warehouse.url, sql.SQL("ALTER DATABASE {} SET timezone TO {}").format(sql.Identifier(name), sql.Literal(zone))
    )
    assert warehouse.read("SELECT current_setting('TimeZone') AS zone")["zone"].tolist() == [zone]
    elsewhere = SyncedOrg(synced.path, synced.company, synced.server, warehouse)
    tables = (OPPORTUNITIES, TASKS, EVENTS)
    elsewhere.sync(*tables)
    elsewhere.assert_equal(*tables)
    elsewhere.close()
    versions = "SELECT id, extract(epoch FROM valid_from)::float8 AS at FROM crm.opportunities ORDER BY 1, 2"
    assert warehouse.read(versions).equals(synced.warehouse.read(versions))


@pytest.mark.salesforce(33)
@EITHER_WAY
def test_ids_that_differ_in_letter_case_alone_are_two_rows(synced: SyncedOrg, threshold: int) -> None:
    ids = [long_id("001gL0000zzzabc"), long_id("001gL0000zzzABC")]
    for key in ids:
        synced.company.insert("Account", {"Id": key, "Name": key})
    synced.sync(ACCOUNTS, bulk_threshold=threshold)
    synced.assert_equal(ACCOUNTS)
    assert set(ids) <= set(synced.stored(ACCOUNTS))
    synced.company.erase("Account", ids[0])
    synced.sync(ACCOUNTS, bulk_threshold=threshold)
    assert set(ids) & set(synced.stored(ACCOUNTS)) == {ids[1]}
    synced.assert_equal(ACCOUNTS)


# --- 34, 35: fields that are put together, person accounts, many fields ---


@pytest.mark.salesforce(34)
@EITHER_WAY
def test_a_person_is_an_account(synced: SyncedOrg, threshold: int) -> None:
    person = synced.company.insert("Account", {"IsPersonAccount": True, "FirstName": "Ada", "LastName": "Byron"})
    synced.sync(ACCOUNTS, bulk_threshold=threshold)
    synced.assert_equal(ACCOUNTS)
    assert synced.stored(ACCOUNTS)[person]["name"] == "Ada Byron"


@pytest.mark.salesforce(34)
@pytest.mark.parametrize(("column", "status"), [("industry", "complete"), ("name", "failed")])
def test_a_compound_field_is_refused_by_name_and_never_asked_for(synced: SyncedOrg, column: str, status: str) -> None:
    (table,) = mapped_tables((ACCOUNTS,), {"accounts": {"fields": {column: "BillingAddress"}}})
    before = synced.stored(ACCOUNTS)
    synced.server.faults.calls.clear()
    result = synced.sync(table, bulk_threshold=ONLY_BULK)["accounts"]
    assert (result.status, result.missing_columns) == (status, (column,) if status == "complete" else ())
    assert (result.error is None) or "BillingAddress of Account" in result.error
    assert synced.stored(ACCOUNTS) == before
    assert synced.server.bulk_jobs == 0
    assert not any("BillingAddress" in call for call in synced.server.faults.calls)


@pytest.mark.salesforce(35)
@pytest.mark.parametrize(
    ("count", "threshold", "is_by_bulk"), [(300, ONLY_REST, False), (300, ONLY_BULK, True), (400, ONLY_REST, True)]
)
def test_hundreds_of_custom_fields_are_read(unsynced: SyncedOrg, count: int, threshold: int, is_by_bulk: bool) -> None:
    names = unsynced.company.add_custom_fields("Opportunity", count)
    table = replace(OPPORTUNITIES, columns=OPPORTUNITIES.columns + tuple(Column(name) for name in names))
    added = ", ".join(f"ADD COLUMN {name} text" for name in table.column_names[-count:])
    execute(unsynced.warehouse.url, f"ALTER TABLE crm.opportunities {added}")
    unsynced.sync(table, bulk_threshold=threshold)
    unsynced.assert_equal(table)
    # an address has no room for 400 of them
    assert any("/jobs/query" in call for call in unsynced.server.faults.calls) == is_by_bulk


# --- 39: secrets ---


@pytest.mark.salesforce(39)
@pytest.mark.parametrize("auth", ["client_credentials", "jwt", "refresh_token", "password"])
def test_no_secret_is_in_a_log_a_result_the_database_or_an_error(
    unsynced: SyncedOrg,
    auth: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tables_of: Callable[..., dict[str, str]],
) -> None:
    caplog.set_level(logging.DEBUG)
    server, given = unsynced.server, _answers_of_logins(monkeypatch)
    unsynced.settings = load_settings(server.environment(auth)).salesforce
    server.sessions.rotates_refresh_tokens = True
    told: list[str] = []
    for fault, limits in (
        (catalogue.session_end(server.faults), {"calls": 2, "after": 4}),
        (catalogue.server_error(), {"after": 6}),
        (catalogue.dropped_in_body(), {"after": 3}),
        (catalogue.unauthorized(), {"after": 2}),
        (catalogue.unavailable_page(), {}),
    ):
        with server.faults.injected(fault, **limits):
            told += _told_by_a_sync(unsynced)
    known = server.credentials
    secrets = {known.client_secret, known.password, known.refresh_token, *(given or ["none"])}
    told += [caplog.text, *tables_of(unsynced.warehouse).values()]
    assert len(secrets) > 5
    assert [text for text in told for secret in secrets if secret in text] == []


def _answers_of_logins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Fills with every token that the server hands out and every assertion that it is sent."""
    given, answered = list[str](), Sessions.login

    def login(sessions: Sessions, form: dict[str, str], *where: Any) -> Any:
        answer = answered(sessions, form, *where)
        content = json.loads(answer.body)
        given.extend(content[name] for name in ("access_token", "refresh_token") if name in content)
        given.extend(filter(None, [form.get("assertion")]))
        return answer

    monkeypatch.setattr(Sessions, "login", login)
    return given


def _told_by_a_sync(org: SyncedOrg) -> list[str]:
    try:
        results = org.sync(OPPORTUNITIES, OPPORTUNITY_STAGES, retry_budget_seconds=0.1)
    except SalesforceCallError as error:  # its chain is what a log or a Dagster event would show
        return ["".join(traceback.format_exception(error)), repr(error)]
    return [json.dumps(result.as_plain(), default=str) for result in results.values()]
