"""The demo's Salesforce org, asked by the real simple-salesforce over TLS."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceMalformedRequest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.objects import OBJECTS
from salesinsight_assets.demo.salesforce_server import DemoSalesforce
from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.settings import load_settings


@pytest.fixture
def server(company: DemoCompany, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DemoSalesforce]:
    """The org of a company that the test may change."""
    with DemoSalesforce(company.path, tmp_path / "org") as running:
        trust(running, monkeypatch)
        yield running


@pytest.fixture
def client(server: DemoSalesforce) -> Salesforce:
    return logged_in(server)


@pytest.fixture(scope="module")
def shared_server(small_company: DemoCompany, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoSalesforce]:
    with DemoSalesforce(small_company.path, tmp_path_factory.mktemp("org")) as running:
        yield running


@pytest.fixture
def reader(shared_server: DemoSalesforce, monkeypatch: pytest.MonkeyPatch) -> Salesforce:
    """A client of an org that no test changes."""
    trust(shared_server, monkeypatch)
    return logged_in(shared_server)


def trust(server: DemoSalesforce, monkeypatch: pytest.MonkeyPatch) -> None:
    # requests lets this variable overrule whatever a session is told to trust.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.ca_bundle))


def ask_for_token(server: DemoSalesforce, **form: str) -> requests.Response:
    asked = {"grant_type": "client_credentials", "client_id": server.client_id, "client_secret": server.client_secret}
    return requests.post(f"{server.login_url}/services/oauth2/token", data=asked | form, timeout=10)


def logged_in(server: DemoSalesforce) -> Salesforce:
    answer = ask_for_token(server).json()
    return Salesforce(instance_url=answer["instance_url"], session_id=answer["access_token"], version="62.0")


def ids(answer: Any) -> list[str]:
    return [record["Id"] for record in answer["records"]]


def refusal(client: Salesforce, soql: str) -> tuple[int, str]:
    with pytest.raises(SalesforceMalformedRequest) as raised:
        client.query(soql)
    return raised.value.status, raised.value.content[0]["errorCode"]


def test_a_wrong_secret_is_refused(server: DemoSalesforce) -> None:
    answer = ask_for_token(server, client_secret="wrong")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")
    assert ask_for_token(server, client_id="other").json()["error"] == "invalid_client_id"
    assert ask_for_token(server, grant_type="magic").json()["error"] == "unsupported_grant_type"


def test_refresh_tokens_and_passwords_log_in_too(server: DemoSalesforce) -> None:
    known = server.credentials
    assert ask_for_token(server, grant_type="refresh_token", refresh_token=known.refresh_token).ok
    assert ask_for_token(server, grant_type="password", username=known.username, password=known.password).ok
    assert ask_for_token(server, grant_type="password", username=known.username, password="no").status_code == 400


def test_a_certificate_of_another_authority_is_not_trusted(
    server: DemoSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with pytest.raises(requests.exceptions.SSLError):
        ask_for_token(server)


def test_the_environment_points_the_platform_at_the_org(server: DemoSalesforce) -> None:
    salesforce = load_settings(server.environment()).salesforce
    assert salesforce.is_configured
    assert salesforce.login_url == server.login_url
    assert Path(str(salesforce.ca_bundle)).read_text(encoding="ascii").startswith("-----BEGIN CERTIFICATE")


def test_a_record_reads_as_salesforce_writes_it(reader: Salesforce, small_company: DemoCompany) -> None:
    deal = small_company.rows("Opportunity").iloc[0]
    (record,) = reader.query(
        f"SELECT Id, Amount, CloseDate, CreatedDate, IsClosed FROM Opportunity WHERE Id = '{deal.Id}'"
    )["records"]
    assert record.pop("attributes")["url"].endswith(f"/sobjects/Opportunity/{deal.Id}")
    assert record["IsClosed"] is bool(deal.IsClosed)
    assert (record["Amount"], record["CloseDate"]) == (deal.Amount, deal.CloseDate)
    assert record["CreatedDate"].endswith(".000+0000")


def test_pages_hold_every_row_once(reader: Salesforce, small_company: DemoCompany) -> None:
    expected = small_company.rows("Task").query("IsDeleted == 0")["Id"].tolist()
    reader.headers["Sforce-Query-Options"] = "batchSize=250"
    page = reader.query("SELECT Id FROM Task ORDER BY Id")
    assert (page["totalSize"], page["done"], len(page["records"])) == (len(expected), False, 250)
    found = ids(page)
    while not page["done"]:
        page = reader.query_more(page["nextRecordsUrl"], identifier_is_url=True)
        found += ids(page)
    assert found == sorted(expected)


def test_query_hides_what_is_deleted_and_query_all_shows_it(client: Salesforce, company: DemoCompany) -> None:
    deal_id = ids(client.query("SELECT Id FROM Opportunity LIMIT 1"))[0]
    company.delete("Opportunity", deal_id)
    soql = f"SELECT Id, IsDeleted FROM Opportunity WHERE Id = '{deal_id}'"
    assert client.query(soql)["totalSize"] == 0
    assert client.query(soql, include_deleted=True)["records"][0]["IsDeleted"] is True


@pytest.mark.parametrize(
    ("where", "query"),
    [
        ("Amount > 50000 AND IsClosed = false", "Amount > 50000 and IsClosed == 0"),
        ("StageName IN ('Proposal', 'negotiation')", "StageName in ('Proposal', 'Negotiation')"),
        ("StageName NOT IN ('Proposal')", "StageName != 'Proposal'"),
        ("NextStep = null", "NextStep.isna()"),
        ("NextStep != null", "NextStep.notna()"),
        ("NextStep != 'Send the proposal'", "not NextStep == 'Send the proposal'"),
        ("NOT (NextStep LIKE '%PROPOSAL%' OR Amount <= 10000)", None),
        ("CloseDate >= 2026-01-01 AND CloseDate < 2026-02-01", "'2026-01-01' <= CloseDate < '2026-02-01'"),
        ("SystemModstamp >= 2026-03-01T00:00:00Z", "SystemModstamp >= '2026-03-01'"),
        ("(IsWon = true OR Type = 'new business') AND Probability <> 10", None),
    ],
)
def test_conditions_select_what_they_say(
    reader: Salesforce, small_company: DemoCompany, where: str, query: str | None
) -> None:
    deals = small_company.rows("Opportunity").query("IsDeleted == 0")
    if query is not None:
        expected = deals.query(query)
    elif where.startswith("NOT"):
        expected = deals[~(deals["NextStep"].eq("Send the proposal") | (deals["Amount"] <= 10_000))]
    else:
        expected = deals.query("(IsWon == 1 or Type == 'New Business') and Probability != 10")
    assert 0 < len(expected) < len(deals)
    assert set(ids(reader.query_all(f"SELECT Id FROM Opportunity WHERE {where}"))) == set(expected["Id"])
    assert reader.query(f"SELECT COUNT() FROM Opportunity WHERE {where}")["totalSize"] == len(expected)


def test_a_short_id_finds_its_record_and_another_letter_case_does_not(
    reader: Salesforce, small_company: DemoCompany
) -> None:
    deal_id = next(value for value in small_company.rows("Opportunity")["Id"] if value[14].isalpha())
    assert ids(reader.query_all(f"SELECT Id FROM Opportunity WHERE Id = '{deal_id[:15]}'", include_deleted=True)) == [
        deal_id
    ]
    assert ids(reader.query_all(f"SELECT Id FROM Opportunity WHERE Id = '{deal_id.swapcase()}'")) == []


def test_rows_are_ordered_limited_and_skipped(reader: Salesforce, small_company: DemoCompany) -> None:
    deals = (
        small_company.rows("Opportunity").query("IsDeleted == 0").sort_values(["Amount", "Id"], ascending=[False, True])
    )
    answer = reader.query("SELECT Id FROM Opportunity ORDER BY Amount DESC, Id ASC LIMIT 5 OFFSET 3")
    assert ids(answer) == deals["Id"].tolist()[3:8]
    assert answer["totalSize"] == 5


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Colour FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Owner.Name FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Id, id FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE CloseDate > '2026-01-01'", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE Name = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead", "INVALID_TYPE"),
        ("SELECT Id FORM Opportunity", "MALFORMED_QUERY"),
    ],
)
def test_a_wrong_query_is_refused_as_salesforce_does(reader: Salesforce, soql: str, code: str) -> None:
    assert refusal(reader, soql) == (400, code)


def test_an_unknown_locator_is_refused(reader: Salesforce) -> None:
    for locator in ("01ggL0000000009QAA-200", "nonsense"):
        with pytest.raises(SalesforceMalformedRequest, match="INVALID_QUERY_LOCATOR"):
            reader.query_more(locator)


def test_a_session_that_ended_is_refused_and_its_locators_die_with_it(
    server: DemoSalesforce, client: Salesforce
) -> None:
    client.headers["Sforce-Query-Options"] = "batchSize=200"
    page = client.query("SELECT Id FROM Task")
    server.faults.expire_sessions()
    with pytest.raises(SalesforceExpiredSession, match="INVALID_SESSION_ID"):
        client.query("SELECT Id FROM Task")
    with pytest.raises(SalesforceMalformedRequest, match="INVALID_QUERY_LOCATOR"):
        logged_in(server).query_more(page["nextRecordsUrl"], identifier_is_url=True)


def test_a_session_ends_by_itself(company: DemoCompany, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with DemoSalesforce(company.path, tmp_path / "brief", session_lifetime=timedelta(0)) as server:
        trust(server, monkeypatch)
        with pytest.raises(SalesforceExpiredSession):
            logged_in(server).query("SELECT Id FROM Task")


@pytest.mark.parametrize("table", CRM_TABLES, ids=lambda table: table.name)
def test_describe_shows_every_field_the_platform_knows_and_all_can_be_read(reader: Salesforce, table: Any) -> None:
    described = getattr(reader, table.salesforce_object).describe()
    types = {field["name"]: field["type"] for field in described["fields"]}
    assert {column.field for column in table.columns} <= set(types)
    assert types["Id"] == "id"
    answer = reader.query(f"SELECT {', '.join(types)} FROM {table.salesforce_object} LIMIT 1")
    assert set(answer["records"][0]) == {*types, "attributes"}


def test_describe_names_types_as_salesforce_does(reader: Salesforce) -> None:
    fields = {field["name"]: field for field in reader.Opportunity.describe()["fields"]}
    expected = {
        "Amount": "currency",
        "Probability": "percent",
        "CloseDate": "date",
        "OwnerId": "reference",
        "IsWon": "boolean",
        "StageName": "picklist",
    }
    assert {name: fields[name]["type"] for name in expected} == expected
    assert fields["Product__c"]["custom"]
    assert not fields["Name"]["nillable"]
    assert {known["name"] for known in reader.describe()["sobjects"]} == set(OBJECTS)


def test_a_hidden_field_is_in_no_description_and_no_query(server: DemoSalesforce, client: Salesforce) -> None:
    server.faults.hide_field("Opportunity", "Amount")
    assert "Amount" not in {field["name"] for field in client.Opportunity.describe()["fields"]}
    assert refusal(client, "SELECT Amount FROM Opportunity") == (400, "INVALID_FIELD")
    assert refusal(client, "SELECT Id FROM Opportunity ORDER BY Amount") == (400, "INVALID_FIELD")
    server.faults.show_field("Opportunity", "Amount")
    assert client.query("SELECT Amount FROM Opportunity LIMIT 1")["totalSize"] == 1


@pytest.mark.parametrize("object_name", ["Opportunity", "OpportunityFieldHistory", "Task", "Account"])
def test_bulk_and_rest_give_the_same_rows_value_by_value(reader: Salesforce, object_name: str) -> None:
    names = [field.name for field in OBJECTS[object_name].fields if not field.is_compound]
    soql = f"SELECT {', '.join(names)} FROM {object_name}"
    pages = list(getattr(reader.bulk2, object_name).query(soql, max_records=400, wait=0.01))
    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page))]
    records = reader.query_all(soql)["records"]
    assert len(pages) == -(-len(records) // 400)
    assert rows == [{name: in_bulk(record[name]) for name in names} for record in records]


def in_bulk(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value).replace("+0000", "Z")


def test_any_text_arrives_by_both_ways_but_nul_only_by_rest(client: Salesforce, company: DemoCompany) -> None:
    text = 'quote " comma , line\nbreak \\ 東京 \U0001f600 = \x00end'
    account_id = company.insert("Account", {"Name": text})
    soql = f"SELECT Name FROM Account WHERE Id = '{account_id}'"
    assert client.query(soql)["records"][0]["Name"] == text
    (page,) = client.bulk2.Account.query(soql, wait=0.01)
    assert next(csv.DictReader(io.StringIO(page, newline="")))["Name"] == text.replace("\x00", "")
    # The client takes the NUL out as well, so the server's own answer is looked at too.
    company.update("Account", account_id, {"Name": "before \x00after"})
    assert bulk_csv(client, soql) == '"Name"\n"before after"\n'


def bulk_csv(client: Salesforce, soql: str) -> str:
    """The first part of a Bulk result as the server sends it."""
    address = f"{client.base_url}jobs/query"
    asked = {"operation": "queryAll", "query": soql}
    job = requests.post(address, json=asked, headers=client.headers, timeout=10).json()
    requests.get(f"{address}/{job['id']}", headers=client.headers, timeout=10)
    return requests.get(f"{address}/{job['id']}/results", headers=client.headers, timeout=10).content.decode()


def test_a_bulk_job_says_how_many_rows_it_has_and_can_be_deleted(server: DemoSalesforce, client: Salesforce) -> None:
    address = f"{client.base_url}jobs/query"
    asked = {"operation": "queryAll", "query": "SELECT Id FROM Opportunity"}
    job = requests.post(address, json=asked, headers=client.headers, timeout=10).json()
    early = requests.get(f"{address}/{job['id']}/results", headers=client.headers, timeout=10)
    assert early.json()[0]["errorCode"] == "INVALIDJOBSTATE"
    state = requests.get(f"{address}/{job['id']}", headers=client.headers, timeout=10).json()
    assert state["state"] == "JobComplete"
    results = requests.get(f"{address}/{job['id']}/results?maxRecords=100", headers=client.headers, timeout=10)
    assert results.headers["Sforce-NumberOfRecords"] == "100"
    assert results.headers["Sforce-Locator"] != "null"
    assert state["numberRecordsProcessed"] == client.query("SELECT COUNT() FROM Opportunity", True)["totalSize"]
    deleted = requests.delete(f"{address}/{job['id']}", headers=client.headers, timeout=10)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert requests.get(f"{address}/{job['id']}", headers=client.headers, timeout=10).status_code == 404


def test_get_deleted_knows_what_was_erased(client: Salesforce, company: DemoCompany) -> None:
    deal_ids = ids(client.query("SELECT Id FROM Opportunity LIMIT 2"))
    company.delete("Opportunity", deal_ids[0])
    company.erase("Opportunity", deal_ids[1])
    answer = client.Opportunity.deleted(company.now - timedelta(hours=1), company.now + timedelta(hours=1))
    assert [record["id"] for record in answer["deletedRecords"]] == deal_ids
    with pytest.raises(SalesforceMalformedRequest, match="INVALID_REPLICATION_DATE"):
        client.Opportunity.deleted(company.now - timedelta(days=40), company.now)


def test_the_org_has_its_own_clock_and_counts_calls(
    server: DemoSalesforce, client: Salesforce, company: DemoCompany
) -> None:
    answer = requests.get(f"{client.base_url}limits", headers=client.headers, timeout=10)
    assert parsedate_to_datetime(answer.headers["Date"]) == company.now
    assert answer.headers["Sforce-Limit-Info"] == f"api-usage={server.usage.used}/100000"
    before = client.limits()["DailyApiRequests"]["Remaining"]
    assert client.limits()["DailyApiRequests"]["Remaining"] == before - 1


def test_the_org_moves_on_while_it_is_served(client: Salesforce, company: DemoCompany) -> None:
    before = company.now
    company.advance(company.last_day + timedelta(days=7))
    changed = f"SELECT Id FROM Opportunity WHERE SystemModstamp >= {before:%Y-%m-%dT%H:%M:%SZ}"
    expected = company.rows("Opportunity")
    expected = expected[pd.to_datetime(expected["SystemModstamp"]) >= pd.Timestamp(before)]
    assert len(expected)
    assert set(ids(client.query_all(changed, include_deleted=True))) == set(expected["Id"])


def test_an_address_that_is_too_long_is_refused(reader: Salesforce) -> None:
    answer = requests.get(f"{reader.base_url}query?q={'x' * 17_000}", headers=reader.headers, timeout=10)
    assert answer.status_code == 414


def test_a_fault_stands_around_the_application_for_a_while(server: DemoSalesforce, client: Salesforce) -> None:
    async def unavailable(application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        answer = JSONResponse([{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}], 503)
        await answer(scope, receive, send)

    with server.faults.injected(unavailable):
        assert requests.get(f"{client.base_url}limits", headers=client.headers, timeout=10).status_code == 503
    assert requests.get(f"{client.base_url}limits", headers=client.headers, timeout=10).ok


def test_a_server_without_a_company_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="create it first"):
        DemoSalesforce(tmp_path / "missing.sqlite", tmp_path).start()


def test_stamps_are_compared_as_moments_whatever_their_zone(reader: Salesforce, small_company: DemoCompany) -> None:
    stamp = datetime.fromisoformat(small_company.rows("Account")["SystemModstamp"].iloc[0])
    for text in (f"{stamp:%Y-%m-%dT%H:%M:%SZ}", f"{stamp + timedelta(hours=2):%Y-%m-%dT%H:%M:%S}+02:00"):
        answer = reader.query(f"SELECT Id FROM Account WHERE SystemModstamp = {text}")
        assert answer["totalSize"] >= 1
