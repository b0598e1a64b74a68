"""Several clients of one org side by side, and the limits they keep together: login, retry budget, quota, time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from salesinsight_assets.adapters.salesforce import LoginError, QuotaError, SalesforceClient, retry, transport
from salesinsight_assets.adapters.salesforce.retry import RetryBudget
from salesinsight_assets_tests.adapters.scripted_salesforce import Answer, failure_of, names, refused

TOKENS = "/services/oauth2/token"


def usage(used: int, allowed: int = 1000) -> dict[str, str]:
    return {"Sforce-Limit-Info": f"api-usage={used}/{allowed}"}


def four(client: SalesforceClient) -> list[SalesforceClient]:
    return [client, *(client.sibling() for _ in range(3))]


def at_once(clients: list[SalesforceClient]) -> list[object]:
    """What each client's read gives, all begun at the same moment."""
    start = threading.Barrier(len(clients))

    def read(client: SalesforceClient) -> object:
        start.wait()
        try:
            return names(client)
        except LoginError as error:
            return str(error)

    with ThreadPoolExecutor(len(clients)) as threads:
        return list(threads.map(read, clients))


@pytest.mark.salesforce(4)
def test_four_clients_log_in_once(org, settings):
    clients = four(SalesforceClient(settings))
    assert at_once(clients) == [["Acme", "Bolt", "Cargo"]] * 4
    assert org.tokens == 1
    assert [client.usage().api_calls for client in clients] == [2] * 4


@pytest.mark.salesforce(4)
def test_a_session_that_dies_under_four_clients_is_renewed_once(org, settings):
    clients = four(SalesforceClient(settings))
    clients[0].server_time()
    answer = org.answer

    def answer_of(method, target, body, url):
        is_dead = org.tokens == 1 and "/services/data/" in target
        return refused(401, "INVALID_SESSION_ID") if is_dead else answer(method, target, body, url)

    org.answer = answer_of
    assert at_once(clients) == [["Acme", "Bolt", "Cargo"]] * 4
    assert org.tokens == 2


@pytest.mark.salesforce(1, 4)
def test_a_refused_login_is_refused_for_all_siblings_after_one_call(org, settings):
    org.script[TOKENS] = [Answer(400, {"error": "invalid_client"})] * 9
    told = at_once(four(SalesforceClient(settings)))
    assert len(set(map(str, told))) == 1
    assert org.times(TOKENS, "POST") == 1


@pytest.mark.salesforce(20)
def test_repeats_and_waits_are_counted_for_the_client_that_made_them(org, settings):
    first = SalesforceClient(settings)
    first.server_time()
    second = first.sibling()
    org.script["limits/"] = [Answer(503)] * 2
    second.server_time()
    assert (first.usage().retries, second.usage().retries) == (0, 2)


@pytest.mark.salesforce(20)
def test_an_outage_costs_its_own_time_whatever_the_number_of_threads():
    budget = RetryBudget(10)
    assert all(budget.pays(begin, begin + 4) for begin in (100.0, 100.5, 101.0, 101.5))
    assert budget.pays(101, 105.5)
    assert budget.pays(200, 204)
    assert not budget.pays(204, 205)
    assert budget.pays(204, 204.5)


@pytest.mark.salesforce(20)
def test_four_clients_outlive_an_outage_that_one_would(org, settings, monkeypatch):
    monkeypatch.setattr(retry, "FIRST_WAIT_SECONDS", 0.05)
    clients = four(SalesforceClient(replace(settings, retry_budget_seconds=1)))
    clients[0].server_time()
    answer, end = org.answer, time.monotonic() + 0.4
    org.answer = lambda *call: Answer(503) if time.monotonic() < end else answer(*call)
    assert at_once(clients) == [["Acme", "Bolt", "Cargo"]] * 4
    assert sum(client.usage().retries for client in clients) >= 8


@pytest.mark.salesforce(20)
def test_a_date_in_retry_after_is_one_of_the_servers_clock(org, settings):
    noon = datetime(2025, 6, 1, 12, tzinfo=UTC)
    told = {"Date": noon, "Retry-After": noon + timedelta(seconds=1)}
    org.script["limits/"] = [Answer(503, "", {name: format_datetime(at, usegmt=True) for name, at in told.items()})]
    begin = time.monotonic()
    SalesforceClient(settings).server_time()
    assert 1 <= time.monotonic() - begin < 5


@pytest.mark.salesforce(19)
@pytest.mark.parametrize("path", ["limits/", TOKENS])
def test_an_answer_that_drips_ends_after_its_total_time(org, settings, monkeypatch, path):
    monkeypatch.setattr(transport, "LONGEST_ANSWER_SECONDS", 0.15)
    monkeypatch.setattr(transport, "LONGEST_ANSWER_TIMEOUTS", 0.1)
    org.script[path] = [Answer(200, {"access_token": "t" * 400}, drip=0.02)] * 9
    begin = time.monotonic()
    client = SalesforceClient(replace(settings, timeout_seconds=1, retry_budget_seconds=0.1))
    assert "it still drips in" in failure_of(client.server_time)
    assert time.monotonic() - begin < 1


def test_a_connection_is_kept_for_the_next_call(org, settings):
    client = SalesforceClient(settings)
    names(client)
    client.server_time()
    pools = client._session.transport.poolmanager.pools
    assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118 it refuses to be iterated


@pytest.mark.salesforce(21)
def test_no_call_is_made_once_the_share_of_the_quota_is_used(org, settings):
    client = SalesforceClient(replace(settings, api_share=0.5))
    org.script["limits/"] = [Answer(200, {}, usage(499)), Answer(200, {}, usage(500))]
    client.server_time()
    client.server_time()
    asked = len(org.asked)
    message = failure_of(lambda: names(client), QuotaError)
    assert "expected fewer than 50% of the org's 1000 API calls of 24 hours to be used, got 500" in message
    assert "incomplete, the next sync goes on from here" in message
    failure_of(client.sibling().server_time, QuotaError)
    assert len(org.asked) == asked


@pytest.mark.salesforce(21)
def test_limits_tell_the_quota_where_no_header_does(org, settings):
    org.script["limits/"] = [Answer(200, {"DailyApiRequests": {"Max": 100, "Remaining": 21}})]
    client = SalesforceClient(settings)
    client.server_time()
    assert (client.api_usage.used, client.api_usage.allowed) == (79, 100)
    assert client.server_time()  # the eightieth call, told by no header
    assert client.api_usage.used == 80
    failure_of(client.server_time, QuotaError)


@pytest.mark.salesforce(21)
def test_an_exhausted_quota_of_the_org_is_a_quota_error(org, settings):
    org.script["limits/"] = [refused(403, "REQUEST_LIMIT_EXCEEDED")]
    message = failure_of(SalesforceClient(settings).server_time, QuotaError)
    assert "incomplete" in message
    assert "the next sync goes on from here" in message


@pytest.mark.salesforce(20, 21)
def test_too_many_calls_side_by_side_are_waited_for(org, settings):
    told = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentPerOrgLongTxn Limit exceeded."}]
    org.script["limits/"] = [Answer(403, told)]
    client = SalesforceClient(settings)
    client.server_time()
    assert client.usage().retries == 1
