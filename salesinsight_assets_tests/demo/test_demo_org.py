"""What an administrator, Salesforce itself and a login do in the demo's org, as a client sees it."""

import csv
import io
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.objects import OBJECTS
from salesinsight_assets.settings import load_settings

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def rows(company: DemoCompany, object_name: str):
    return company.rows(object_name).set_index("Id")


def deal_ids(company: DemoCompany, count: int = 1) -> list[str]:
    return company.rows("Opportunity").query("IsDeleted == 0 and IsClosed == 0")["Id"].tolist()[:count]


def assertion(org, **changed) -> str:
    known, key = org.server.credentials, changed.pop("key", org.server.private_key_file.read_bytes())
    org_time = parsedate_to_datetime(org.get("limits").headers["Date"]).timestamp()
    claims = {"iss": known.client_id, "sub": known.username, "aud": org.server.login_url, "exp": org_time + 180}
    return jwt.encode(claims | changed, key, algorithm="RS256")


def grant_error(answer) -> str:
    return answer.json().get("error", "")


# --- logins ---


def test_a_jwt_logs_in_only_with_the_right_key_and_claims(org) -> None:
    def answer(**changed) -> str:
        return grant_error(org.token_answer(grant_type=JWT_GRANT, assertion=assertion(org, **changed)))

    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = stranger.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert answer() == ""
    assert answer(aud="https://login.salesforce.com") == ""
    assert answer(aud="https://elsewhere.example") == "invalid_grant"
    assert answer(sub="nobody@example.com") == "invalid_grant"
    assert answer(iss="other") == "invalid_client_id"
    assert answer(key=pem) == "invalid_grant"
    assert org.token_answer(grant_type=JWT_GRANT, assertion="no").status_code == 400


def test_the_orgs_own_clock_says_whether_a_jwt_has_expired(org, company) -> None:
    now = company.now.timestamp()
    for exp, error in ((now - 1, "invalid_grant"), (now + 290, ""), (now + 400, "invalid_grant")):
        answer = org.token_answer(grant_type=JWT_GRANT, assertion=assertion(org, exp=exp))
        assert grant_error(answer) == error
    with org.server.clock_skewed(timedelta(seconds=300)):
        answer = org.token_answer(grant_type=JWT_GRANT, assertion=assertion(org, exp=now + 290))
        assert grant_error(answer) == "invalid_grant"


def test_a_refresh_token_rotates_and_the_old_one_is_dead_at_once(org) -> None:
    org.server.sessions.rotates_refresh_tokens = True
    known = org.server.credentials
    form = {"grant_type": "refresh_token", "client_id": known.client_id, "client_secret": known.client_secret}
    first = org.token_answer(refresh_token=known.refresh_token, **form).json()
    assert grant_error(org.token_answer(refresh_token=known.refresh_token, **form)) == "invalid_grant"
    second = org.token_answer(refresh_token=first["refresh_token"], **form).json()
    assert len({known.refresh_token, first["refresh_token"], second["refresh_token"]}) == 3
    assert org.server.sessions.refresh_token == second["refresh_token"]


@pytest.mark.parametrize("auth", ["client_credentials", "refresh_token", "jwt", "password"])
def test_the_environment_holds_what_each_login_needs(shared_org, auth) -> None:
    settings = load_settings(shared_org.server.environment(auth)).salesforce
    assert settings.auth == auth
    assert settings.is_configured
    if auth == "jwt":
        assert b"PRIVATE KEY" in shared_org.server.private_key_file.read_bytes()


# --- the quota and the clock ---


def test_a_used_up_quota_refuses_every_call_but_the_login(org) -> None:
    logins = org.server.sessions.login_count
    org.server.usage.granted = 2
    assert org.get("limits").json()["DailyApiRequests"] == {"Max": 2, "Remaining": 1}
    assert org.get("limits").headers["Sforce-Limit-Info"] == "api-usage=2/2"
    assert org.error(org.get("limits")) == (403, "REQUEST_LIMIT_EXCEEDED")
    org.log_in()
    assert (org.server.sessions.login_count, org.server.usage.used) == (logins + 1, 2)


def test_the_orgs_clock_can_be_set_passed_and_skewed(org, company) -> None:
    def org_time() -> datetime:
        return parsedate_to_datetime(org.get("limits").headers["Date"])

    moment = datetime(2026, 7, 1, 6, tzinfo=UTC)
    company.set_clock(moment)
    company.pass_time(timedelta(minutes=5))
    assert org_time() == company.now == moment + timedelta(minutes=5)
    with org.server.clock_skewed(timedelta(seconds=-300)):
        assert org_time() == moment
        company.update("Opportunity", deal_ids(company)[0], {"NextStep": "Call"})
        assert rows(company, "Opportunity")["SystemModstamp"].max() == "2026-07-01T06:00:00.000+0000"
    assert org_time() == moment + timedelta(minutes=5, seconds=1)


# --- records ---


def test_merged_accounts_leave_their_deals_to_the_master(org, company) -> None:
    before = rows(company, "Opportunity")
    loser = before["AccountId"].iloc[0]
    master = next(account for account in company.rows("Account")["Id"] if account != loser)
    moved = before.index[before["AccountId"] == loser]
    company.merge_accounts(master, [loser])
    after = rows(company, "Opportunity")
    assert (after.loc[moved, "AccountId"] == master).all()
    assert (after.loc[moved, "SystemModstamp"] > before["SystemModstamp"].max()).all()
    assert (after.loc[moved, "LastModifiedDate"] == before.loc[moved, "LastModifiedDate"]).all()
    soql = f"SELECT MasterRecordId, IsDeleted FROM Account WHERE Id = '{loser}'"
    assert org.query(soql) == []
    (record,) = org.query(soql, with_deleted=True)
    assert (record["MasterRecordId"], record["IsDeleted"]) == (master, True)
    company.undelete("Account", loser)
    assert org.query(soql)[0]["MasterRecordId"] is None


@pytest.mark.parametrize("object_name", ["Task", "Event"])
def test_archived_activities_are_in_query_all_only(org, company, object_name) -> None:
    record_id = company.rows(object_name).query("IsDeleted == 0")["Id"].iloc[0]
    stamp = rows(company, object_name).loc[record_id, "SystemModstamp"]
    company.archive(object_name, [record_id])
    soql = f"SELECT Id, IsArchived, SystemModstamp FROM {object_name} WHERE Id = '{record_id}'"
    assert org.query(soql) == []
    (record,) = org.query(soql, with_deleted=True)
    assert (record["IsArchived"], record["SystemModstamp"]) == (True, stamp)
    assert org.fields(object_name)["IsArchived"]["type"] == "boolean"


def test_a_formula_is_described_as_calculated_and_changes_in_silence(org, company) -> None:
    assert org.fields("Opportunity")["Priority_Score__c"]["calculated"]
    assert not org.fields("Opportunity")["Region__c"]["calculated"]
    org.server.metadata.make_formula("Opportunity", "Region__c")
    field = org.fields("Opportunity")["Region__c"]
    assert (field["calculated"], field["updateable"]) == (True, False)
    before, some = rows(company, "Opportunity"), deal_ids(company, 2)
    company.change_silently("Opportunity", {"Region__c": "Moon", "Priority_Score__c": 1 / 3}, some)
    after = rows(company, "Opportunity")
    assert after["Region__c"].eq("Moon").sum() == 2
    assert after["SystemModstamp"].equals(before["SystemModstamp"])
    soql = f"SELECT Priority_Score__c FROM Opportunity WHERE Id = '{some[0]}'"
    assert float(next(csv.reader(io.StringIO(org.results(soql).text.split("\n")[1])))[0]) == 1 / 3


def test_an_address_is_an_object_by_rest_and_refused_by_bulk(org, company) -> None:
    account_id = company.insert("Account", {"Name": "A", "BillingCity": 'Old "Town"', "BillingCountry": "Spain"})
    soql = f"SELECT BillingAddress FROM Account WHERE Id = '{account_id}'"
    (record,) = org.query(soql)
    address = record["BillingAddress"]
    assert (address["city"], address["country"], address["street"]) == ('Old "Town"', "Spain", None)
    refusal = org.job(soql)
    assert org.error(refusal) == (400, "FUNCTIONALITY_NOT_ENABLED")
    assert refusal.json()[0]["message"] == "Selecting compound data not supported in Bulk Query"
    fields = org.fields("Account")
    assert fields["BillingAddress"]["type"] == "address"
    assert fields["BillingCity"]["compoundFieldName"] == "BillingAddress"


def test_a_person_account_has_a_name_of_two(org, company) -> None:
    record_id = company.insert("Account", {"IsPersonAccount": True, "FirstName": "Ada", "LastName": "Byron"})
    (record,) = org.query(f"SELECT Name, IsPersonAccount FROM Account WHERE Id = '{record_id}'")
    assert (record["Name"], record["IsPersonAccount"]) == ("Ada Byron", True)
    assert org.count("SELECT COUNT() FROM Account WHERE IsPersonAccount = true") == 1


def test_a_write_back_moves_both_stamps_and_is_signed_by_the_integration_user(org, company) -> None:
    (deal,) = deal_ids(company)
    before = rows(company, "Opportunity").loc[deal]
    history = len(company.rows("OpportunityHistory"))
    company.write_back(deal, {"SalesInsight_Win_Probability__c": 61.5})
    company.write_back(deal, {"SalesInsight_Win_Probability__c": 62.5})
    (record,) = org.query(
        "SELECT SalesInsight_Win_Probability__c, LastModifiedById, LastModifiedDate, SystemModstamp "
        f"FROM Opportunity WHERE Id = '{deal}'"
    )
    assert record["SalesInsight_Win_Probability__c"] == 62.5
    assert record["LastModifiedDate"] == record["SystemModstamp"] > before["SystemModstamp"]
    users = rows(company, "User")
    assert users.loc[record["LastModifiedById"], "Name"] == "Integration User"
    assert len(company.rows("OpportunityHistory")) == history


@pytest.mark.parametrize(("with_rows", "with_stamps"), [(False, False), (True, False), (True, True)])
def test_a_stage_is_renamed_with_or_without_its_rows_and_stamps(company, with_rows, with_stamps) -> None:
    before = rows(company, "Opportunity")
    company.rename_stage("Proposal", "Angebot", with_rows, with_stamps)
    stages, after = company.rows("OpportunityStage").set_index("MasterLabel"), rows(company, "Opportunity")
    assert stages.loc["Angebot", "ApiName"] == ("Angebot" if with_rows else "Proposal")
    for name in ("Opportunity", "OpportunityHistory"):
        assert ("Proposal" in set(company.rows(name)["StageName"])) is not with_rows
    changed = after["SystemModstamp"] != before["SystemModstamp"]
    assert changed.equals((before["StageName"] == "Proposal") & with_stamps)


def test_late_commits_appear_with_old_stamps(org, company) -> None:
    some = deal_ids(company, 3)
    earlier = company.now - timedelta(minutes=8)
    company.hold_back("Opportunity", some[:2])
    soql = "SELECT Id FROM Opportunity"
    assert not set(some[:2]) & {record["Id"] for record in org.query(soql, with_deleted=True)}
    stamp = company.touch("Opportunity", some[2:], at=earlier)
    late = company.insert("Task", {"Subject": "Late", "WhatId": some[2]}, at=earlier)
    company.commit("Opportunity", some[:2])
    assert set(some) <= {record["Id"] for record in org.query(soql)}
    assert rows(company, "Task").loc[late, "SystemModstamp"] == stamp
    assert datetime.fromisoformat(stamp) == earlier


def test_many_rows_get_one_stamp(org, company) -> None:
    some = deal_ids(company, 20)
    company.touch("Opportunity", some)
    (record, *_) = org.query(f"SELECT SystemModstamp FROM Opportunity WHERE Id = '{some[0]}'")
    assert org.count(f"SELECT COUNT() FROM Opportunity WHERE SystemModstamp >= {record['SystemModstamp']}") == 20


# --- fields and objects ---


def test_fields_are_added_and_filled_without_a_new_stamp(org, company) -> None:
    stamps = company.rows("Opportunity")["SystemModstamp"]
    company.add_field("Opportunity", "Churn_Risk__c", "double", value=0.25)
    names = company.add_custom_fields("Opportunity", 300)
    fields = org.fields("Opportunity")
    assert fields["Churn_Risk__c"]["type"] == "double"
    assert set(names) <= set(fields)
    soql = f"SELECT {','.join(names)},Churn_Risk__c FROM Opportunity"
    assert len(soql) > 12_000
    record = next(csv.DictReader(io.StringIO(org.results(soql).text)))
    assert record["Churn_Risk__c"] == "0.25"
    assert record[names[299]] == "300-1"
    assert company.rows("Opportunity")["SystemModstamp"].equals(stamps)
    company.update("Opportunity", deal_ids(company)[0], {"Churn_Risk__c": 0.5})
    assert org.count("SELECT COUNT() FROM Opportunity WHERE Churn_Risk__c = 0.5") == 1
    with pytest.raises(ValueError, match="choose another name"):
        company.add_field("Opportunity", "Amount", "double")


def test_a_field_is_renamed_or_gets_another_type(shared_org) -> None:
    metadata = shared_org.server.metadata
    metadata.rename_field("Opportunity", "NextStep", "Next_Step__c")
    metadata.retype_field("Opportunity", "Amount", "string")
    try:
        fields = shared_org.fields("Opportunity")
        assert "NextStep" not in fields
        assert fields["Amount"]["type"] == "string"
        soql = "SELECT Amount, Next_Step__c FROM Opportunity WHERE Next_Step__c = 'Agree on a pilot' AND Amount != null"
        record = shared_org.query(soql)[0]
        assert isinstance(record["Amount"], str)
        assert shared_org.error(shared_org.get("query", q="SELECT NextStep FROM Opportunity")) == (400, "INVALID_FIELD")
    finally:
        metadata.rename_field("Opportunity", "NextStep", "NextStep")
        metadata.restore_type("Opportunity", "Amount")
    assert shared_org.fields("Opportunity")["Amount"]["type"] == "currency"


def test_an_object_is_removed_or_renamed(shared_org) -> None:
    metadata = shared_org.server.metadata
    metadata.hide_object("CampaignMember")
    metadata.rename_object("Event", "Meeting__c")
    try:
        assert shared_org.get("sobjects/CampaignMember/describe").status_code == 404
        assert shared_org.error(shared_org.get("query", q="SELECT Id FROM Event")) == (400, "INVALID_TYPE")
        assert shared_org.query("SELECT Id FROM Meeting__c")[0]["attributes"]["type"] == "Meeting__c"
        names = {known["name"] for known in shared_org.get("sobjects").json()["sobjects"]}
        assert names == set(OBJECTS) - {"CampaignMember", "Event"} | {"Meeting__c"}
    finally:
        metadata.show_object("CampaignMember")
        metadata.show_object("Event")
    with metadata.hidden("Task", "Subject"):
        assert "Subject" not in shared_org.fields("Task")
    assert "Subject" in shared_org.fields("Task")


@pytest.mark.parametrize("object_name", ["OpportunityStage", "CurrencyType", "DatedConversionRate"])
def test_bulk_refuses_what_it_does_not_know_and_getdeleted_too(shared_org, object_name) -> None:
    refusal = shared_org.job(f"SELECT Id FROM {object_name}")
    assert shared_org.error(refusal) == (400, "INVALIDENTITY")
    assert refusal.json()[0]["message"] == f"Entity '{object_name}' is not supported by the Bulk API."
    assert not shared_org.get(f"sobjects/{object_name}/describe").json()["replicateable"]
    assert shared_org.error(shared_org.get(f"sobjects/{object_name}/deleted")) == (400, "INVALID_TYPE")
    assert shared_org.query(f"SELECT Id FROM {object_name}")


def test_bulk_knows_field_history(shared_org) -> None:
    assert shared_org.job("SELECT Id FROM OpportunityFieldHistory").ok


# --- what was deleted, and SOQL ---


def test_get_deleted_lags_and_may_ignore_seconds(org, company) -> None:
    early, late = deal_ids(company, 2)
    company.erase("Opportunity", early)
    company.pass_time(timedelta(minutes=10))
    company.erase("Opportunity", late)
    span = {"start": (company.now - timedelta(hours=1)).isoformat(), "end": company.now.isoformat()}

    def deleted() -> tuple[list[str], str]:
        answer = org.get("sobjects/Opportunity/deleted", **span).json()
        return [record["id"] for record in answer["deletedRecords"]], answer["latestDateCovered"]

    assert deleted()[0] == [early, late]
    org.server.deletions.lag = timedelta(minutes=5)
    ids, covered = deleted()
    assert (ids, datetime.fromisoformat(covered)) == ([early], company.now - timedelta(minutes=5))
    org.server.deletions.lag = timedelta(0)
    org.server.deletions.ignores_seconds = True
    ids, covered = deleted()
    assert (ids, datetime.fromisoformat(covered)) == ([early], company.now.replace(second=0))
    org.server.deletions.most_ids = 0
    assert org.error(org.get("sobjects/Opportunity/deleted", **span)) == (400, "EXCEEDED_ID_LIMIT")
    assert org.get("sobjects/User/deleted", **span).json()["deletedRecords"] == []


def test_a_span_of_get_deleted_must_be_a_minute_long_and_recent(shared_org, small_company) -> None:
    now = small_company.now
    for start, end in ((now, now), (now, now - timedelta(days=1)), (now - timedelta(days=31), now)):
        answer = shared_org.get("sobjects/Task/deleted", start=start.isoformat(), end=end.isoformat())
        assert shared_org.error(answer) == (400, "INVALID_REPLICATION_DATE")


def test_children_are_found_by_a_list_of_their_parents(shared_org, small_company) -> None:
    some = small_company.rows("Opportunity")["Id"].tolist()[:30]
    history = small_company.rows("OpportunityHistory")
    listed = ", ".join(f"'{value}'" for value in some)
    found = shared_org.query(f"SELECT Id FROM OpportunityHistory WHERE OpportunityId IN ({listed})", with_deleted=True)
    assert {record["Id"] for record in found} == set(history[history["OpportunityId"].isin(some)]["Id"])
    soql = f"SELECT COUNT() FROM Opportunity WHERE Id IN ({listed}) AND IsDeleted = false"
    assert shared_org.get("queryAll", q=soql).json()["totalSize"] == shared_org.count(soql)


def test_the_first_stamp_and_an_open_upper_bound_are_found(shared_org, small_company) -> None:
    stamps = sorted(small_company.rows("Task")["SystemModstamp"])
    soql = "SELECT SystemModstamp FROM Task ORDER BY SystemModstamp, Id LIMIT 1"
    assert shared_org.query(soql, with_deleted=True)[0]["SystemModstamp"] == stamps[0]
    counted = shared_org.get("queryAll", q=f"SELECT COUNT() FROM Task WHERE SystemModstamp >= {stamps[10]}").json()
    assert counted == {"totalSize": len([s for s in stamps if s >= stamps[10]]), "done": True, "records": []}
