"""The real client against the demo company's Salesforce over TLS: after each sync the warehouse equals the company."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from salesinsight_assets.adapters.salesforce import LoginError, SalesforceCallError, SalesforceClient
from salesinsight_assets.domain.crm.sync import ObjectResult, SyncPolicy
from salesinsight_assets.domain.crm.tables import (
    ACCOUNTS,
    COMPETITORS,
    OPPORTUNITIES,
    OPPORTUNITY_FIELD_HISTORY,
    OPPORTUNITY_HISTORY,
    OPPORTUNITY_STAGES,
    TASKS,
)
from salesinsight_assets.settings import SalesforceSettings
from salesinsight_assets_tests.adapters.synced_org import ONLY_BULK, ONLY_REST, SyncedOrg


@pytest.fixture
def org(large_org: SyncedOrg) -> SyncedOrg:
    return large_org


def statuses(results: dict[str, ObjectResult]) -> set[str]:
    return {result.status for result in results.values()}


@pytest.mark.salesforce(6, 7, 15)
@pytest.mark.parametrize("threshold", [ONLY_REST, ONLY_BULK, 2000], ids=["rest", "bulk", "by-size"])
def test_the_first_load_equals_the_company_value_by_value(org: SyncedOrg, threshold: int) -> None:
    results = org.sync(bulk_threshold=threshold, page_size=200)
    assert statuses(results) == {"complete"}
    org.assert_equal()
    assert len(org.stored(OPPORTUNITIES)) > 200
    assert sum(result.api_calls for result in results.values()) == org.server.usage.used - 1  # one told the time
    assert all(r.crm_rows == r.stored_rows for r in results.values())
    assert results["opportunities"].crm_rows == len(org.stored(OPPORTUNITIES))


def test_a_second_sync_reads_only_what_the_lookback_covers_and_changes_nothing(org: SyncedOrg) -> None:
    org.sync()
    again = org.sync()
    assert again["opportunities"].rows_read == 0
    assert (again["users"].rows_inserted, again["opportunity_stages"].rows_updated) == (0, 0)
    assert again["opportunity_stages"].rows_read > 0
    assert not any(result.is_compared for result in again.values())
    org.assert_equal()


@pytest.mark.salesforce(9, 16, 30)
@pytest.mark.parametrize("threshold", [ONLY_REST, ONLY_BULK], ids=["rest", "bulk"])
def test_the_next_sync_brings_changes_additions_and_deletions(org: SyncedOrg, threshold: int) -> None:
    org.sync(bulk_threshold=threshold)
    changed, deleted, *_ = org.open_deals()
    org.company.update("Opportunity", changed, {"Amount": 4711.5, "NextStep": 'He said "yes",\nthen left: 第二'})
    org.company.delete("Opportunity", deleted)
    new = org.company.insert("Account", {"Name": "New & Co"})
    results = org.sync(bulk_threshold=threshold)
    org.assert_equal()
    assert org.stored(OPPORTUNITIES)[changed]["amount"] == 4711.5
    assert deleted in org.deleted_ids(OPPORTUNITIES)
    assert org.stored(ACCOUNTS)[new]["name"] == "New & Co"
    assert (results["opportunities"].rows_updated, results["opportunities"].rows_deleted) == (2, 1)


@pytest.mark.salesforce(16)
def test_an_undeleted_deal_comes_back_with_all_that_hangs_on_it(org: SyncedOrg) -> None:
    history = org.company.rows("OpportunityFieldHistory")
    deal = next(d for d in org.open_deals() if (history["OpportunityId"] == d).any())
    org.sync()
    org.company.delete("Opportunity", deal)
    org.sync()
    assert deal in org.deleted_ids(OPPORTUNITIES)
    org.assert_equal()
    org.company.undelete("Opportunity", deal)
    org.sync()
    org.assert_equal()


@pytest.mark.salesforce(17)
def test_what_was_deleted_for_good_is_gone_after_the_next_sync(org: SyncedOrg) -> None:
    org.sync()
    deal = org.open_deals()[0]
    org.company.erase("Opportunity", deal)
    results = org.sync()
    assert deal in org.deleted_ids(OPPORTUNITIES)
    org.assert_equal()
    assert results["opportunities"].rows_deleted == 1
    assert not results["opportunities"].is_compared


@pytest.mark.salesforce(17)
def test_what_the_org_forgets_to_tell_is_found_by_the_count_and_a_comparison(org: SyncedOrg) -> None:
    org.sync()
    deal, late, *_ = org.open_deals()
    org.company.erase("Opportunity", deal)
    with org.unseen_changes() as connection:
        connection.execute("DELETE FROM erased_records")
        connection.execute("UPDATE Opportunity SET NextStep = 'late', SystemModstamp = '2025-01-01T00:00:00.000+0000'"
                           " WHERE Id = ?", (late,))  # fmt: skip
    results = org.sync()
    assert results["opportunities"].is_compared
    org.assert_equal()


@pytest.mark.salesforce(15)
def test_a_large_read_is_stored_in_parts_and_goes_on_from_the_last_one(org: SyncedOrg) -> None:
    org.policy = SyncPolicy(rows_at_once=100)

    class Line:
        def rows(self, table: str, read: int, expected: int | None) -> None:
            if read > 250:
                raise ConnectionError("the line went dead")

        def done(self, result: ObjectResult) -> None:
            pass

    broken = org.sync(OPPORTUNITY_HISTORY, watch=Line(), page_size=200)["opportunity_history"]
    assert broken.status == "failed"
    stored = len(org.stored(OPPORTUNITY_HISTORY))
    assert 0 < stored < len(org.expected(OPPORTUNITY_HISTORY))
    assert broken.cursor_after is not None
    assert broken.age_seconds is not None
    assert broken.age_seconds > 86_400
    resumed = org.sync(OPPORTUNITY_HISTORY)["opportunity_history"]
    assert resumed.status == "complete"
    assert resumed.rows_read < len(org.expected(OPPORTUNITY_HISTORY)) - stored / 2
    org.assert_equal(OPPORTUNITY_HISTORY)


def test_days_that_pass_arrive_as_they_were(org: SyncedOrg) -> None:
    org.sync()
    org.company.advance(org.company.last_day + timedelta(days=3))
    results = org.sync()
    org.assert_equal()
    assert 0 < results["opportunities"].rows_read < len(org.stored(OPPORTUNITIES))


@pytest.mark.salesforce(4)
def test_a_session_that_expires_between_objects_is_renewed_once(org: SyncedOrg) -> None:
    class Expiring:
        def rows(self, table: str, read: int, expected: int | None) -> None:
            pass

        def done(self, result: ObjectResult) -> None:
            if result.table == "opportunities":
                org.server.sessions.expire_all()

    assert statuses(org.sync(watch=Expiring())) == {"complete"}
    org.assert_equal()
    assert org.server.sessions.login_count == 2


@pytest.mark.salesforce(4, 5)
@pytest.mark.parametrize("threshold", [ONLY_REST, ONLY_BULK], ids=["rest", "bulk"])
def test_a_session_that_expires_between_pages_loses_no_row(org: SyncedOrg, threshold: int) -> None:
    client = org.client(bulk_threshold=threshold, page_size=200)
    until = client.server_time() + timedelta(seconds=1)
    batches = client.changes(OPPORTUNITIES, OPPORTUNITIES.columns, None, until)
    first = next(batches)
    org.server.sessions.expire_all()
    ids = {key for batch in (first, *batches) for key in batch["id"].to_pylist()}
    assert ids == set(org.expected(OPPORTUNITIES))
    assert org.server.sessions.login_count == 2


@pytest.mark.salesforce(1)
def test_a_wrong_secret_ends_the_sync_after_one_token_call(org: SyncedOrg) -> None:
    with pytest.raises(LoginError, match="invalid_client: invalid client credentials") as refused:
        org.sync(client_secret="not-this-one")
    assert "not-this-one" not in str(refused.value)
    assert org.server.sessions.login_count == 1


@pytest.mark.salesforce(1)
@pytest.mark.parametrize("auth", ["client_credentials", "refresh_token", "password"])
def test_each_way_to_log_in_opens_the_org(org: SyncedOrg, auth: str) -> None:
    known = org.server.credentials
    given: dict[str, Any] = {"username": known.username, "password": known.password}
    client = org.client(auth=auth, refresh_token=known.refresh_token, **given)
    assert client.server_time() == org.company.now.replace(microsecond=0)


@pytest.mark.salesforce(25, 26)
def test_a_hidden_field_keeps_its_old_values_and_is_filled_again_when_it_returns(org: SyncedOrg) -> None:
    org.sync()
    deal = org.open_deals()[0]
    amount = org.stored(OPPORTUNITIES)[deal]["amount"]
    org.server.faults.hide_field("Opportunity", "Amount")
    org.company.update("Opportunity", deal, {"Amount": 1.0, "NextStep": "call back"})
    result = org.sync()["opportunities"]
    assert (result.status, result.missing_columns) == ("complete", ("amount",))
    stored = org.stored(OPPORTUNITIES)[deal]
    assert (stored["amount"], stored["next_step"]) == (amount, "call back")
    org.company.advance(org.company.last_day + timedelta(days=1))
    org.sync()  # past the look-back
    org.server.faults.show_field("Opportunity", "Amount")
    result = org.sync()["opportunities"]
    assert (result.new_columns, result.missing_columns) == (("amount",), ())
    assert result.rows_refilled > 1
    org.assert_equal()
    assert org.sync()["opportunities"].new_columns == ()


@pytest.mark.salesforce(22, 25)
def test_an_object_that_fails_leaves_the_others_complete(org: SyncedOrg) -> None:
    org.server.faults.hide_field("OpportunityHistory", "StageName")
    results = org.sync()
    failed = results.pop("opportunity_history")
    assert statuses(results) == {"complete"}
    assert (failed.status, failed.cursor_after, failed.age_seconds) == ("failed", None, None)
    assert "expected to read StageName of OpportunityHistory" in str(failed.error)
    org.server.faults.show_field("OpportunityHistory", "StageName")
    org.sync()
    org.assert_equal()


@pytest.mark.salesforce(25)
def test_a_field_hidden_while_it_is_read_fails_that_object_by_its_name(org: SyncedOrg) -> None:
    client = org.client(bulk_threshold=ONLY_REST)
    batches = client.changes(OPPORTUNITIES, OPPORTUNITIES.columns, None, client.server_time())
    org.server.faults.hide_field("Opportunity", "Amount")
    with pytest.raises(SalesforceCallError, match=r"INVALID_FIELD.*Amount"):
        next(batches)


def test_an_optional_object_that_the_org_lacks_is_skipped(org: SyncedOrg) -> None:
    elsewhere = replace(COMPETITORS, salesforce_object="Nowhere__c")
    (result,) = org.sync(elsewhere).values()
    assert (result.status, result.salesforce_object) == ("skipped", "Nowhere__c")


@pytest.mark.salesforce(2)
def test_settings_without_an_authority_do_not_trust_the_server(org: SyncedOrg) -> None:
    settings = SalesforceSettings(login_url=org.server.login_url, client_id="x", client_secret="y")
    with SalesforceClient(settings) as client, pytest.raises(SalesforceCallError, match="CERTIFICATE_VERIFY_FAILED"):
        client.server_time()


def test_a_table_read_in_full_loses_what_the_org_has_no_more(org: SyncedOrg) -> None:
    org.sync()
    with org.unseen_changes() as connection:
        connection.execute("DELETE FROM OpportunityStage WHERE MasterLabel LIKE 'Proposal%'")
    assert org.sync()["opportunity_stages"].rows_deleted == 1
    org.assert_equal(OPPORTUNITY_STAGES)


def test_a_required_table_that_comes_empty_is_not_believed(org: SyncedOrg) -> None:
    org.sync()
    with org.unseen_changes() as connection:
        connection.execute("DELETE FROM OpportunityStage")
    result = org.sync()["opportunity_stages"]
    assert result.status == "failed"
    assert "give the integration user the right to see all records" in str(result.error)
    assert org.stored(OPPORTUNITY_STAGES)


def test_rows_that_vanish_by_the_hundred_are_not_taken_for_deleted(org: SyncedOrg) -> None:
    org.sync()
    org.policy = SyncPolicy(most_missing_rows=10)
    before = len(org.stored(TASKS))
    with org.unseen_changes() as connection:
        connection.execute("DELETE FROM Task WHERE rowid % 2")
    result = org.sync(TASKS)["tasks"]
    assert "MissingRowsError: Task: expected most of" in str(result.error)
    assert len(org.stored(TASKS)) == before


def test_the_history_of_a_field_follows_its_deal_without_a_stamp(org: SyncedOrg) -> None:
    org.sync()
    history = org.company.rows("OpportunityFieldHistory")
    deal = next(d for d in org.open_deals() if (history["OpportunityId"] == d).any())
    org.company.delete("Opportunity", deal)
    org.sync()
    versions = org.warehouse.read(
        "SELECT id, is_deleted, valid_from, created_date FROM crm.opportunity_field_history WHERE opportunity_id = $1"
        " ORDER BY id, valid_from", (deal,)
    )  # fmt: skip
    assert versions.groupby("id")["is_deleted"].agg(list).tolist() == [[False, True]] * versions["id"].nunique()
    org.assert_equal(OPPORTUNITY_FIELD_HISTORY)
