"""What the client does when login, network, server or result go wrong: against a TLS server that misbehaves as told."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from salesinsight_assets.adapters.salesforce import IncompleteReadError, LoginError, SalesforceClient, bulk, retry
from salesinsight_assets.domain.crm.tables import ACCOUNTS, OPPORTUNITY_FIELD_HISTORY
from salesinsight_assets.settings import SettingsError
from salesinsight_assets_tests.adapters.scripted_salesforce import (
    COLUMNS,
    DATA,
    SECRET,
    UNTIL,
    Answer,
    failure_of,
    names,
    refused,
)


@pytest.mark.salesforce(1, 39)
def test_a_wrong_secret_gives_one_line_without_the_secret_after_one_token_call(org, settings):
    told = {"error": "invalid_client", "error_description": f"bad secret\n{SECRET}"}
    org.script["/services/oauth2/token"] = [Answer(400, told)] * 5
    client = SalesforceClient(settings)
    message = failure_of(client.server_time, LoginError)
    assert "HTTP 400 (invalid_client: bad secret ***); check the SALESFORCE_ settings" in message
    assert SECRET not in message
    assert "\n" not in message
    assert failure_of(lambda: names(client), LoginError) == message
    assert org.times("/services/oauth2/token", "POST") == 1


@pytest.mark.salesforce(39)
def test_the_secret_shows_in_no_representation(settings):
    assert SECRET not in repr(settings)


@pytest.mark.salesforce(1, 2)
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"auth": "client_credentials"}, {"client_secret": SECRET}),
        ({"auth": "refresh_token", "refresh_token": "r"}, {"client_secret": SECRET, "refresh_token": "r"}),
        (
            {"auth": "password", "username": "u", "password": "p", "security_token": "t"},
            {"client_secret": SECRET, "username": "u", "password": "pt"},
        ),
    ],
)
def test_each_flow_posts_its_grant_to_the_login_url(org, settings, given, expected):
    SalesforceClient(replace(settings, **given)).server_time()
    assert org.grants == [{"grant_type": given["auth"], "client_id": "app", **expected}]


@pytest.mark.salesforce(1)
def test_the_jwt_flow_posts_an_assertion_signed_with_the_private_key(org, settings, tmp_path):
    key = rsa.generate_private_key(65537, 2048)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (tmp_path / "key.pem").write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    with_key = replace(settings, auth="jwt", username="bot@acme.com", private_key_file=str(tmp_path / "key.pem"))
    SalesforceClient(with_key).server_time()
    (grant,) = org.grants
    assert grant["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(grant["assertion"], key.public_key(), ["RS256"], audience=settings.login_url)
    assert (claims["iss"], claims["sub"]) == ("app", "bot@acme.com")


@pytest.mark.salesforce(1)
@pytest.mark.parametrize(
    ("given", "variable"),
    [
        ({"client_secret": None}, "SALESFORCE_CLIENT_SECRET: expected a value"),
        ({"auth": "refresh_token"}, "SALESFORCE_REFRESH_TOKEN: expected a value"),
        ({"auth": "jwt", "username": "u"}, "SALESFORCE_PRIVATE_KEY_FILE: expected a value"),
        (
            {"auth": "jwt", "username": "u", "private_key_file": __file__},
            "SALESFORCE_PRIVATE_KEY_FILE: expected a read",
        ),
    ],
)
def test_a_flow_without_what_it_needs_names_the_variable_and_calls_nobody(org, settings, given, variable):
    message = failure_of(SalesforceClient(replace(settings, **given)).server_time, SettingsError)
    assert message.startswith(variable)
    assert not org.asked


@pytest.mark.salesforce(39)
def test_a_redirected_login_is_not_followed_with_the_secret(org, settings):
    org.script["/services/oauth2/token"] = [Answer(307, headers={"Location": "/elsewhere"})]
    failure_of(SalesforceClient(settings).server_time, LoginError)
    assert org.asked == [("POST", "/services/oauth2/token")]


def test_an_instance_without_tls_is_refused(org, settings):
    org.script["/services/oauth2/token"] = [Answer(200, {"access_token": "t", "instance_url": "http://localhost"})]
    assert "expected an instance_url with https://" in failure_of(SalesforceClient(settings).server_time)


@pytest.mark.salesforce(2)
def test_a_certificate_of_another_authority_is_refused_without_a_second_try(org, settings, tmp_path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    client = SalesforceClient(replace(settings, ca_bundle=str(tmp_path / "other.pem")))
    assert "check SALESFORCE_LOGIN_URL, SALESFORCE_CA_BUNDLE" in failure_of(client.server_time)
    assert (org.asked, client.usage().retries) == ([], 0)


@pytest.mark.salesforce(2)
@pytest.mark.usefixtures("org")
def test_the_given_authority_wins_over_the_one_in_the_environment(settings, tmp_path, monkeypatch):
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "other.pem"))
    assert names(SalesforceClient(settings)) == ["Acme", "Bolt", "Cargo"]


def test_a_netrc_entry_does_not_take_the_place_of_the_token(org, settings, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine localhost login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    SalesforceClient(settings).server_time()
    assert org.headers[-1]["Authorization"] == "Bearer token-1"


PASSING_FAULTS = {
    "html": Answer(503, "<html>down for maintenance</html>"),
    "json": refused(503, "SERVER_UNAVAILABLE"),
    "too-many": Answer(429),
    "hung-up": Answer(None),
    "lock": refused(400, "UNABLE_TO_LOCK_ROW"),
    "page-instead-of-json": Answer(200, "<html>down for maintenance</html>"),
    "cut-short": Answer(200, '{"limits"', {"Content-Length": "500", "Connection": "close"}),
}
AT_LOGIN = ("html", "json", "too-many", "hung-up")


@pytest.mark.salesforce(20)
@pytest.mark.parametrize(
    ("path", "fault"),
    [("limits/", name) for name in PASSING_FAULTS] + [("/services/oauth2/token", name) for name in AT_LOGIN],
)
def test_a_passing_fault_is_repeated_until_it_has_passed(org, settings, path, fault):
    org.script[path] = [PASSING_FAULTS[fault]] * 2
    client = SalesforceClient(settings)
    assert abs(client.server_time() - datetime.now(UTC)) < timedelta(seconds=5)
    assert client.usage().retries == 2


@pytest.mark.salesforce(20)
@pytest.mark.parametrize("code", ["INVALID_FIELD", "MALFORMED_QUERY"])
def test_what_would_be_refused_again_is_asked_once(org, settings, code):
    org.script["limits/"] = [refused(400, code)] * 5
    client = SalesforceClient(settings)
    assert f"limits of the org: expected an answer, got {code} ({code} it is)" in failure_of(client.server_time)
    assert (org.times("limits/"), client.usage().retries) == (1, 0)


@pytest.mark.salesforce(21)
def test_an_exhausted_quota_is_not_asked_again(org, settings):
    org.script["limits/"] = [refused(403, "REQUEST_LIMIT_EXCEEDED")] * 5
    assert "the next sync goes on from here" in failure_of(SalesforceClient(settings).server_time)
    assert org.times("limits/") == 1


@pytest.mark.salesforce(20)
def test_retry_after_is_obeyed(org, settings):
    org.script["limits/"] = [Answer(503, "", {"Retry-After": "1"})]
    begin = time.monotonic()
    SalesforceClient(settings).server_time()
    assert time.monotonic() - begin >= 1


@pytest.mark.salesforce(20)
def test_a_wait_beyond_the_budget_is_not_begun(org, settings):
    org.script["limits/"] = [Answer(503, "", {"Retry-After": "3600"})] * 2
    begin = time.monotonic()
    failure_of(SalesforceClient(settings).server_time)
    assert time.monotonic() - begin < 1
    assert org.times("limits/") == 1


@pytest.mark.salesforce(20)
def test_all_calls_together_share_one_budget(org, settings, monkeypatch):
    monkeypatch.setattr(retry, "FIRST_WAIT_SECONDS", 0.2)
    org.script["limits/"] = [Answer(503)] * 99
    client = SalesforceClient(replace(settings, retry_budget_seconds=0.5))
    failure_of(client.server_time)
    spent = org.times("limits/")
    failure_of(client.server_time)
    assert org.times("limits/") - spent <= 2
    assert spent >= 2


@pytest.mark.salesforce(19)
def test_a_call_without_an_answer_ends_at_the_timeout(org, settings):
    org.script["limits/"] = [Answer(after=1.0)] * 3
    client = SalesforceClient(replace(settings, timeout_seconds=0.2, retry_budget_seconds=0.1))
    assert "ReadTimeout" in failure_of(client.server_time)


@pytest.mark.salesforce(4)
def test_an_expired_session_is_renewed_once_and_the_work_goes_on(org, settings):
    org.script["limits/"] = [refused(401, "INVALID_SESSION_ID")]
    client = SalesforceClient(settings)
    client.server_time()
    assert org.tokens == 2
    assert org.headers[-1]["Authorization"] == "Bearer token-2"


@pytest.mark.salesforce(4)
def test_a_session_refused_for_ever_ends_without_more_logins(org, settings):
    org.script["limits/"] = [refused(401, "INVALID_SESSION_ID")] * 99
    client = SalesforceClient(settings)
    assert "expected the new session to be accepted, got HTTP 401 again" in failure_of(client.server_time, LoginError)
    failure_of(client.server_time, LoginError)
    assert org.tokens == 2


@pytest.mark.salesforce(5)
def test_a_query_cut_off_by_an_expired_session_or_locator_starts_again(org, settings):
    first = {"done": False, "nextRecordsUrl": f"{DATA}query/01g-3", "records": [{"Id": "001A", "Name": "Acme"}]}
    org.script["queryAll/"] = [Answer(200, {"totalSize": 3}), Answer(200, first), Answer(200, first)]
    org.script["query/01g-3"] = [refused(401, "INVALID_SESSION_ID"), refused(400, "INVALID_QUERY_LOCATOR")]
    columns = [*COLUMNS, ACCOUNTS.column("is_deleted")]
    batches = list(SalesforceClient(settings).changes(ACCOUNTS, columns, None, UNTIL))
    assert [batch.num_rows for batch in batches] == [1, 1, 3]


@pytest.mark.salesforce(5)
def test_a_place_lost_again_and_again_ends_the_read(org, settings):
    first = {"done": False, "nextRecordsUrl": f"{DATA}query/01g-3", "totalSize": 3, "records": []}
    org.script["queryAll/"] = [Answer(200, first)] * 99
    org.script["query/01g-3"] = [refused(400, "INVALID_QUERY_LOCATOR")] * 99
    assert "lost the place 4 times" in failure_of(lambda: names(SalesforceClient(settings)), IncompleteReadError)


@pytest.mark.salesforce(8)
def test_a_bulk_result_is_followed_to_its_last_part_and_the_job_deleted(org, by_bulk):
    assert names(by_bulk) == ["Acme", "Bolt", "Cargo"]
    assert org.times("jobs/query/750X/results") == 2
    assert org.asked[-1] == ("DELETE", "jobs/query/750X")


@pytest.mark.salesforce(8)
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Answer(200, '"Id","Name"\n"001A","Acme"\n', {"Sforce-NumberOfRecords": "2"}), "announced 2 rows, got 1"),
        (Answer(200, '"Id","Name"\n"001A","Acme"\n', {"Sforce-NumberOfRecords": "1"}), "announced 3 rows, got 1"),
        (Answer(200, '"Id"\n"001A"\n', {"Sforce-NumberOfRecords": "1"}), "got none for Name"),
        (Answer(200, '"Id","Name"\n"001A"\n', {"Sforce-NumberOfRecords": "1"}), "expected a CSV, got"),
        (Answer(200, "", {"Sforce-NumberOfRecords": "2"}), "announced 2 rows, got 0"),
    ],
    ids=["short-part", "short-result", "missing-field", "broken-line", "empty"],
)
def test_a_short_or_broken_csv_is_never_called_complete(org, by_bulk, fault, told):
    org.script["jobs/query/750X/results"] = [fault]
    assert told in failure_of(lambda: names(by_bulk), IncompleteReadError)
    assert org.asked[-1] == ("DELETE", "jobs/query/750X")


@pytest.mark.salesforce(8)
def test_a_failed_job_is_told_with_its_reason_and_deleted(org, by_bulk):
    org.job |= {"state": "Failed", "errorMessage": "InternalServerError"}
    assert "got Failed (InternalServerError)" in failure_of(lambda: names(by_bulk), IncompleteReadError)
    assert org.asked[-1] == ("DELETE", "jobs/query/750X")


@pytest.mark.salesforce(8)
def test_a_job_without_an_end_is_stopped(org, by_bulk, monkeypatch):
    monkeypatch.setattr(bulk, "LONGEST_JOB_SECONDS", 0.15)
    org.job |= {"state": "InProgress"}
    assert "got state InProgress" in failure_of(lambda: names(by_bulk), IncompleteReadError)
    assert org.asked[-2:] == [("PATCH", "jobs/query/750X"), ("DELETE", "jobs/query/750X")]


@pytest.mark.salesforce(8)
def test_a_job_that_cannot_be_deleted_fails_nothing(org, by_bulk):
    org.script["jobs/query/750X"] = [Answer(200, org.job), refused(400, "INVALIDJOBSTATE")]
    assert len(names(by_bulk)) == 3


@pytest.mark.salesforce(4, 8)
def test_an_expired_session_does_not_lose_a_bulk_result(org, by_bulk):
    told = {"Sforce-NumberOfRecords": "2", "Sforce-Locator": "2"}
    part = Answer(200, '"Id","Name"\n"001A","Acme"\n"001B","Bolt"\n', told)
    org.script["jobs/query/750X/results"] = [part, refused(401, "INVALID_SESSION_ID")]
    assert names(by_bulk) == ["Acme", "Bolt", "Cargo"]
    assert (org.tokens, org.times("jobs/query", "POST")) == (2, 1)


@pytest.mark.salesforce(7)
def test_a_number_in_a_field_of_any_type_stays_as_it_was_written(org, settings):
    rows = '{"totalSize": 1, "done": true, "records": [{"Id": "017A", "NewValue": 1.0E7}]}'
    org.script["queryAll/"] = [Answer(200, {"totalSize": 1}), Answer(200, rows)]
    columns = [OPPORTUNITY_FIELD_HISTORY.column(name) for name in ("id", "new_value")]
    (batch,) = SalesforceClient(settings).changes(OPPORTUNITY_FIELD_HISTORY, columns, None, UNTIL)
    assert batch["new_value"].to_pylist() == ["1.0E7"]


@pytest.mark.salesforce(21)
def test_the_orgs_api_usage_is_read_from_every_answer(org, settings):
    told = "api-usage=18/5000; per-app-api-usage=7/9(appName=x)"
    org.script["limits/"] = [Answer(200, {"a": 1}, {"Sforce-Limit-Info": told})]
    client = SalesforceClient(settings)
    client.server_time()
    assert (client.api_usage.used, client.api_usage.allowed) == (18, 5000)
    assert client.usage().api_calls == 1
