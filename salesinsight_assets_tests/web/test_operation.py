"""What whoever runs the platform asks of the server: whether it can answer, and the metrics that Prometheus collects."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.policies import Policies
from salesinsight_assets.settings import SettingsError, load_settings
from salesinsight_assets.web.app import create_app
from salesinsight_assets_tests.conftest import LAST_DAY
from salesinsight_assets_tests.served_pages import served
from salesinsight_assets_tests.web.conftest import BREAKFAST, Dashboard, dashboard_on

TOKEN = "m" * 32
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="[^"]*",?)+)\})? (\S+)')
"""A line of the text format: a name, labels, a value."""


@pytest.fixture(scope="module")
def watched(kept_database, night_database) -> Iterator[Dashboard]:
    """A dashboard that is watched by Prometheus; tests only look."""
    warehouse = Warehouse(kept_database("watched", night_database))
    with dashboard_on(warehouse, keeps_answers=True, SALESINSIGHT_METRICS_TOKEN=TOKEN) as made:
        yield made
    warehouse.close()


def collected(dashboard: Dashboard) -> dict[str, float]:
    """Every sample under its name and labels, once its text was found to be of the format."""
    answer = dashboard.stranger().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    told: dict[str, float] = {}
    kinds: dict[str, str] = {}
    for line in answer.text.splitlines():
        if line.startswith("# TYPE"):
            _, _, name, kinds[name] = line.split()
        elif not line.startswith("#"):
            found = SAMPLE.fullmatch(line)
            assert found, line
            assert re.sub(r"_(bucket|sum|count)$", "", found[1]) in kinds or found[1] in kinds, line
            told[line.rpartition(" ")[0]] = float(found[3])
    return told


def test_metrics_tell_of_rows_scores_alerts_and_messages(watched: Dashboard) -> None:
    told = collected(watched)
    scores = watched.warehouse.exported("opportunity_scores", LAST_DAY)
    alerts = watched.warehouse.exported("rep_alerts", LAST_DAY)
    outbox = watched.warehouse.exported("outbox", LAST_DAY)
    assert told["salesinsight_database_up"] == 1
    assert told["salesinsight_deals_scored"] == len(scores)
    assert told["salesinsight_fallback_share"] == scores["is_fallback"].mean()
    assert told["salesinsight_scores_age_days"] == 1
    assert told['salesinsight_alerts{status="to_send"}'] == (alerts["status"] == "to_send").sum()
    (synced_at,) = watched.warehouse.read("SELECT synced_at FROM crm.sync_cursors WHERE table_name = 'opportunities'")[
        "synced_at"
    ]
    crm_age = told['salesinsight_crm_table_age_seconds{table="opportunities",source="salesforce"}']
    assert crm_age == (BREAKFAST - synced_at).total_seconds() > 0
    models = watched.warehouse.exported("models", None).set_index("model_id")
    trained_at = models.at[scores["model_id"][0], "trained_at"]
    assert told["salesinsight_model_age_seconds"] == (BREAKFAST - trained_at).total_seconds() > 0
    pending = sum(n for name, n in told.items() if name.startswith("salesinsight_outbox") and "pending" in name)
    assert pending == (outbox["status"] == "pending").sum() > 0
    assert told["salesinsight_outbox_oldest_waiting_seconds"] == 6 * 3600  # since 02:00, when this night was run


def test_requests_are_counted_by_route_and_not_by_address(watched: Dashboard) -> None:
    before = collected(watched)
    browser = watched.browser("manager")
    for path in ("/deals?page=2", "/deals?page=3", "/nowhere/one", "/nowhere/two", "/static/app.css"):
        browser.get(path)
    told = collected(watched)

    def more(name: str) -> float:
        return told.get(name, 0) - before.get(name, 0)

    assert more('salesinsight_http_requests_total{method="GET",route="/deals",status="200"}') == 2
    assert more('salesinsight_http_requests_total{method="GET",route="other",status="404"}') == 2
    assert more('salesinsight_http_requests_total{method="GET",route="/static",status="200"}') == 1
    assert more('salesinsight_http_request_seconds_count{route="/deals"}') == 2
    assert more('salesinsight_http_request_seconds_bucket{route="/deals",le="+Inf"}') == 2
    assert told['salesinsight_http_request_seconds_sum{route="/deals"}'] > 0


def test_nobody_without_the_token_is_told_anything(watched: Dashboard) -> None:
    stranger = watched.stranger()
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}):
        answer = stranger.get("/metrics", headers=headers)
        assert answer.status_code == 401
        assert "salesinsight_" not in answer.text
    assert watched.browser("leader").get("/metrics").status_code == 401


def test_without_a_token_of_its_own_there_are_no_metrics(shown_dashboard: Dashboard) -> None:
    stranger = shown_dashboard.stranger()
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}):
        assert stranger.get("/metrics", headers=headers).status_code == 404


def test_a_token_that_is_short_is_refused_without_being_shown() -> None:
    with pytest.raises(SettingsError, match="SALESINSIGHT_METRICS_TOKEN: expected 32 characters or more") as told:
        load_settings({"SALESINSIGHT_METRICS_TOKEN": "hush"})
    assert "hush" not in str(told.value)


@contextmanager
def unreachable(address: str) -> Iterator[str]:
    """The address of a server whose database does not answer."""
    settings = load_settings({"SALESINSIGHT_METRICS_TOKEN": TOKEN})
    app = create_app(Warehouse(address), settings, Policies())
    with socket.create_server(("127.0.0.1", 0)) as listening, served(app, listening):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_server_without_its_database_says_that_it_is_not_ready_and_goes_on_counting() -> None:
    with unreachable("postgresql://nobody@127.0.0.1:1/nothing") as url:
        assert requests.get(f"{url}/readyz", timeout=30).status_code == 503
        answer = requests.get(f"{url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
        assert "salesinsight_database_up 0.0" in answer.text
        assert 'route="/readyz",status="503"} 1' in answer.text


def test_a_server_with_its_database_is_ready(watched: Dashboard) -> None:
    assert watched.stranger().get("/readyz").json() == {"status": "ready"}
