"""Each fault of the demo's Salesforce as a client meets it, and that it is over when it is switched off."""

import json
import time

import numpy as np
import pytest
import requests

from salesinsight_assets.demo.server.faults import catalogue

TASKS = "SELECT Id FROM Task"
ERRORS = requests.exceptions.RequestException


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (catalogue.unauthorized(), 401, "INVALID_SESSION_ID"),
        (catalogue.too_many_requests("3"), 429, "TOO_MANY_REQUESTS"),
        (catalogue.unavailable(), 503, "SERVER_UNAVAILABLE"),
        (catalogue.row_lock(), 500, "UNABLE_TO_LOCK_ROW"),
        (catalogue.request_limit(), 403, "REQUEST_LIMIT_EXCEEDED"),
        (catalogue.server_error(), 500, "UNKNOWN_EXCEPTION"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_an_answer_takes_the_place_of_the_right_one(shared_org, fault, status, code) -> None:
    with shared_org.server.faults.injected(fault) as active:
        answer = shared_org.get("limits")
        assert shared_org.error(answer) == (status, code)
        assert answer.headers["Date"]
        assert answer.headers["Sforce-Limit-Info"].startswith("api-usage=")
        assert answer.headers.get("Retry-After") == ("3" if status == 429 else None)
    assert active.hits == 1
    assert shared_org.get("limits").ok


@pytest.mark.parametrize(
    ("fault", "status"), [(catalogue.unavailable_page(), 503), (catalogue.maintenance_page(), 200)]
)
def test_a_page_comes_instead_of_an_answer(shared_org, fault, status) -> None:
    with shared_org.server.faults.injected(fault):
        answer = shared_org.get("limits")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_fault_spares_some_calls_and_hits_some_of_those_it_fits(shared_org) -> None:
    faults = shared_org.server.faults
    with faults.injected(catalogue.unavailable(), calls=2, after=1, object_name="Event") as active:
        statuses = [shared_org.get("query", q="SELECT Id FROM Event").status_code for _ in range(4)]
        assert shared_org.get("query", q=TASKS).ok
    assert statuses == [200, 503, 503, 200]
    assert active.name == "503 as JSON for Event after 1 calls 2 times"
    with faults.injected(catalogue.unavailable(), where="describe"):
        assert shared_org.get("limits").ok
        assert shared_org.get("sobjects/Task/describe").status_code == 503
    assert list(faults.calls)[-1] == "GET /services/data/v62.0/sobjects/Task/describe"


def test_pages_and_parts_belong_to_their_object(shared_org) -> None:
    page = shared_org.get("query", q=TASKS).json()
    job_id = shared_org.job(TASKS).json()["id"]
    with shared_org.server.faults.injected(catalogue.unavailable(), object_name="Event"):
        assert shared_org.get(page["nextRecordsUrl"]).ok
        assert shared_org.get(f"jobs/query/{job_id}").ok
    with shared_org.server.faults.injected(catalogue.unavailable(), object_name="Task"):
        assert shared_org.get(page["nextRecordsUrl"]).status_code == 503
        assert shared_org.get(f"jobs/query/{job_id}").status_code == 503
        assert shared_org.job(TASKS).status_code == 503


def test_several_faults_stand_together(shared_org) -> None:
    faults = shared_org.server.faults
    faults.inject(catalogue.unavailable(), calls=1)
    faults.inject(catalogue.row_lock(), calls=1)
    assert [shared_org.get("limits").status_code for _ in range(2)] == [500, 200]  # the latest is outermost
    faults.remove_all()
    assert shared_org.get("limits").ok


def test_sessions_end_after_some_calls(shared_org) -> None:
    faults = shared_org.server.faults
    with faults.injected(catalogue.session_end(faults), after=1, calls=1):
        assert [shared_org.get("limits").status_code for _ in range(3)] == [200, 401, 401]
        shared_org.log_in()
        assert shared_org.get("limits").ok


@pytest.mark.parametrize("fault", [catalogue.dropped(), catalogue.dropped_in_body()], ids=lambda fault: fault.name)
def test_a_connection_drops(shared_org, fault) -> None:
    with shared_org.server.faults.injected(fault, calls=1) as active:
        with pytest.raises(ERRORS):
            shared_org.get("query", q=TASKS)
        assert active.hits == 1
        assert shared_org.get("query", q=TASKS).ok


def test_the_server_stops_listening_and_comes_back_on_its_port(shared_org) -> None:
    server, address = shared_org.server, shared_org.server.login_url
    authority = server.ca_bundle.read_bytes()
    with server.faults.injected(catalogue.outage(server, 0.2), calls=1):
        with pytest.raises(ERRORS):
            shared_org.get("limits")
        server.wait_until_back()
    assert shared_org.get("limits").ok
    with server.unreachable(), pytest.raises(requests.exceptions.ConnectionError, match="refused"):
        shared_org.get("limits")
    assert (server.login_url, server.ca_bundle.read_bytes()) == (address, authority)
    assert shared_org.get("limits").ok  # its session lives on


def test_an_answer_is_slow_and_a_body_drips(shared_org) -> None:
    began = time.monotonic()
    with shared_org.server.faults.injected(catalogue.slow(0.2)):
        assert shared_org.get("limits").ok
    assert time.monotonic() - began > 0.2
    began = time.monotonic()
    with shared_org.server.faults.injected(catalogue.dripping(0.02, bytes_at_once=10)):
        answer = shared_org.get("limits")
    assert answer.json()["DailyApiRequests"]
    assert time.monotonic() - began > 0.02 * len(answer.content) / 10


@pytest.mark.parametrize("in_mid_line", [True, False])
def test_a_bulk_result_is_cut_and_still_announces_all(shared_org, in_mid_line) -> None:
    whole = shared_org.results(TASKS)
    with shared_org.server.faults.injected(catalogue.truncated_csv(in_mid_line)):
        cut = shared_org.results(TASKS)
    assert cut.headers["Sforce-NumberOfRecords"] == whole.headers["Sforce-NumberOfRecords"]
    assert 0 < len(cut.content) < len(whole.content)
    assert whole.content.startswith(cut.content)
    assert cut.content.endswith(b"\n") is not in_mid_line


def test_a_bulk_result_lacks_its_last_parts(shared_org) -> None:
    assert shared_org.results(TASKS, maxRecords="10").headers["Sforce-Locator"] != "null"
    with shared_org.server.faults.injected(catalogue.lacking_part()):
        assert shared_org.results(TASKS, maxRecords="10").headers["Sforce-Locator"] == "null"


def test_a_job_is_stuck_fails_or_loses_its_results(shared_org) -> None:
    faults, job_id = shared_org.server.faults, shared_org.job(TASKS).json()["id"]

    def state() -> str:
        return shared_org.get(f"jobs/query/{job_id}").json()["state"]

    with faults.injected(catalogue.stuck_job(), calls=2):
        assert [state() for _ in range(3)] == ["InProgress", "InProgress", "JobComplete"]
    with faults.injected(catalogue.failed_job()):
        assert state() == "Failed"
    with faults.injected(catalogue.lost_results()):
        assert shared_org.error(shared_org.get(f"jobs/query/{job_id}/results")) == (404, "NOT_FOUND")
    with faults.injected(catalogue.no_bulk()):
        assert shared_org.error(shared_org.job(TASKS)) == (400, "FUNCTIONALITY_NOT_ENABLED")


def test_query_locators_die_and_the_query_itself_does_not(shared_org) -> None:
    with shared_org.server.faults.injected(catalogue.dead_locators()):
        page = shared_org.get("query", q=TASKS).json()
        assert shared_org.error(shared_org.get(page["nextRecordsUrl"])) == (400, "INVALID_QUERY_LOCATOR")


def test_the_last_row_of_a_page_comes_again_as_the_first_of_the_next(shared_org) -> None:
    right = [record["Id"] for record in shared_org.query(TASKS)]
    with shared_org.server.faults.injected(catalogue.repeated_borders()):
        ids = [record["Id"] for record in shared_org.query(TASKS)]
    assert ids[200] == ids[199]
    assert list(dict.fromkeys(ids)) == right
    assert len(ids) > len(right)


def test_only_the_count_or_the_description_or_get_deleted_fails(shared_org) -> None:
    faults, counting = shared_org.server.faults, "SELECT COUNT() FROM Task"
    with faults.injected(catalogue.query_timeout()):
        assert shared_org.error(shared_org.get("query", q=counting)) == (400, "QUERY_TIMEOUT")
        assert shared_org.get("query", q=TASKS).ok
    with faults.injected(catalogue.failing_description(), object_name="Task"):
        assert shared_org.get("sobjects/Task/describe").status_code == 500
        assert shared_org.get("sobjects/Event/describe").ok
    with faults.injected(catalogue.failing_deletions()):
        assert shared_org.get("sobjects/Task/deleted").status_code == 500
    with faults.injected(catalogue.exceeded_id_limit()):
        assert shared_org.error(shared_org.get("sobjects/Task/deleted")) == (400, "EXCEEDED_ID_LIMIT")


def test_the_quota_is_used_up_in_mid_run_and_given_back(shared_org) -> None:
    server = shared_org.server
    with server.faults.injected(catalogue.quota_used_up(server.usage), after=1):
        assert shared_org.get("limits").ok
        refused = shared_org.get("limits")
        assert shared_org.error(refused) == (403, "REQUEST_LIMIT_EXCEEDED")
        used, granted = refused.headers["Sforce-Limit-Info"].removeprefix("api-usage=").split("/")
        assert used == granted
        shared_org.log_in()
    assert shared_org.get("limits").ok


def test_rows_change_come_and_go_between_pages(org, company) -> None:
    before = [record["Id"] for record in org.query(TASKS)]
    added: list[str] = []

    def change() -> None:
        added.append(company.insert("Task", {"Subject": "New", "WhatId": None}))
        company.erase("Task", before[-len(added)])

    with org.server.faults.injected(catalogue.between_pages(change)) as active:
        found = [record["Id"] for record in org.query(TASKS)]
    assert active.hits == len(added) == (len(before) - 1) // 200
    assert set(before) - set(found)
    assert not set(added) & set(found)


def test_random_faults_pass_and_are_the_same_for_the_same_seed(org, company) -> None:
    def drawn(seed: int) -> list[str]:
        with org.server.random_faults(np.random.default_rng(seed), change=company.now.isoformat) as active:
            for path in ("limits", "sobjects/Task/describe"):
                try:
                    org.get(path)
                except ERRORS:
                    continue
            return [fault.name for fault in active]

    names = [drawn(seed) for seed in range(8)]
    assert all(1 <= len(some) <= 3 for some in names)
    assert names[:2] == [drawn(seed) for seed in range(2)]
    assert len({json.dumps(some) for some in names}) > 4
    org.log_in()
    assert org.get("limits").ok
    assert org.server.usage.granted == 100_000
