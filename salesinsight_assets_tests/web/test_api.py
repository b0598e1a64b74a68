"""The API on a real server: whose rows a token shows, what it may be used for, and how it says no."""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
import requests

from salesinsight_assets.adapters.dashboard.api_tokens import ApiTokens
from salesinsight_assets.adapters.dashboard.rows import Database
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.domain.access.scopes import SCOPES
from salesinsight_assets_tests.conftest import LAST_DAY
from salesinsight_assets_tests.web.conftest import BREAKFAST, Dashboard, dashboard_on, split_the_team
from salesinsight_assets_tests.web.small_office import ACCESS, ENGINEER

pytestmark = pytest.mark.slow
PROBLEM = "application/problem+json"


@dataclass
class Api:
    """The API of the small company; a caller of each role has a token with every scope."""

    dashboard: Dashboard
    tokens: ApiTokens
    callers: dict[str, str] = field(default_factory=dict)

    def token(self, role: str, *scopes: str, days: float = 30) -> str:
        made, _ = self.tokens.create(f"of {role}", self.email(role), scopes or list(SCOPES), self.dashboard.now, days)
        return made

    def email(self, role: str) -> str:
        return ENGINEER if role == "engineer" else self.dashboard.people[role]

    def call(
        self, role: str, path: str, method: str = "GET", token: str | None = None, **named: Any
    ) -> requests.Response:
        if token is None:
            token = self.callers.get(role) or self.callers.setdefault(role, self.token(role))
        headers = {"Authorization": f"Bearer {token}"}
        return requests.request(method, f"{self.dashboard.url}/api/v1{path}", headers=headers, timeout=30, **named)

    def all(self, role: str, path: str, key: str, **params: Any) -> list[dict]:
        """Every row of a list, page by page."""
        rows, cursor = [], ""
        while cursor is not None:
            answer = self.call(role, path, params={**params, "cursor": cursor})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            rows, cursor = rows + page[key], page["next_cursor"]
        return rows

    def log(self, event: str) -> list[dict]:
        rows = self.dashboard.warehouse.exported("audit_log", None).to_dict("records")
        return [row for row in rows if row["event"] == event]

    def refusal(self, answer: requests.Response, status: int) -> dict:
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM), answer.text
        told = answer.json()
        assert told["status"] == status
        assert told["title"].endswith(".")
        return told


@pytest.fixture(scope="module")
def whole_api(kept_database, night_database) -> Iterator[Api]:
    warehouse = Warehouse(kept_database("api_of_a_night", night_database))
    database = Database(warehouse.url)
    split_the_team(warehouse)
    with dashboard_on(warehouse, ACCESS) as dashboard:
        yield Api(dashboard, ApiTokens(database))
    database.close()
    warehouse.close()


@pytest.fixture
def api(whole_api) -> Iterator[Api]:
    """The API at breakfast."""
    yield whole_api
    whole_api.dashboard.now = BREAKFAST


# --- whose rows ---


def test_a_token_shows_what_its_person_may_see(api) -> None:
    rep, manager = (api.dashboard.user_id(role) for role in ("rep", "manager"))
    team = api.dashboard.warehouse.read(
        "SELECT id FROM crm.users WHERE valid_to IS NULL AND (manager_id = $1 OR id = $1)", (manager,)
    )["id"].tolist()
    scored = api.dashboard.warehouse.partition("opportunity_scores", LAST_DAY)
    alerted = api.dashboard.warehouse.partition("rep_alerts", LAST_DAY)
    sees = {"rep": [rep], "manager": team, "leader": None, "engineer": None}
    for path, key, everything in (("/scores", "scores", scored), ("/alerts", "alerts", alerted)):
        for role, owners in sees.items():
            rows = everything if owners is None else everything[everything["owner_id"].isin(owners)]
            shown = [row["opportunity_id"] for row in api.all(role, path, key, limit=7)]
            assert sorted(shown) == sorted(rows["opportunity_id"]), (path, role)
            assert len(rows) > 0


def test_a_foreign_deal_looks_like_one_that_does_not_exist(api) -> None:
    foreign = api.dashboard.deals_of(api.dashboard.owner_of_another_team())[0]
    for path in ("/scores/{}", "/scores/{}/history", "/deals/{}/reasons"):
        for role in ("rep", "manager"):
            told = [api.refusal(api.call(role, path.format(deal)), 404) for deal in (foreign, "006NOBODY")]
            assert told[0] == told[1]
        assert api.call("leader", path.format(foreign)).status_code == 200


def test_rights_are_looked_up_at_each_call(api) -> None:
    token = api.token("manager")
    own = {row["owner_id"] for row in api.call("", "/scores?limit=1000", token=token).json()["scores"]}
    assert len(own) > 1
    api.dashboard.warehouse.execute(
        "UPDATE crm.users SET is_active = false WHERE id = $1", (api.dashboard.user_id("manager"),)
    )
    told = api.refusal(api.call("", "/scores", token=token), 401)
    assert "may not sign in any more" in told["detail"]
    api.dashboard.warehouse.execute(
        "UPDATE crm.users SET is_active = true WHERE id = $1", (api.dashboard.user_id("manager"),)
    )
    assert api.call("", "/scores", token=token).status_code == 200


def test_a_session_of_a_browser_is_no_token(api) -> None:
    answer = api.dashboard.browser("leader").get("/api/v1/scores")
    assert "WWW-Authenticate" in answer.headers
    api.refusal(answer, 401)


# --- tokens ---


def test_a_token_that_does_not_work_is_refused_and_noted_with_its_reason(api) -> None:
    short = api.token("rep", days=1)
    revoked = api.token("rep")
    (found,) = [token for token in api.tokens.all() if token.token_id == api.tokens.find(revoked).token_id]
    api.tokens.revoke(found.token_id, api.dashboard.now)
    api.dashboard.now += timedelta(days=1)
    for token, why in (
        (short, "is expired"),
        (revoked, "is revoked"),
        ("si_" + "x" * 43, "is none of ours"),
        (api.token("rep").swapcase(), "is none of ours"),
        ("x", "is none of ours"),
    ):
        answer = api.call("", "/scores", token=token)
        assert why in api.refusal(answer, 401)["detail"]
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="SalesInsight", error="invalid_token"'
        assert api.log("refused")[-1]["about"].endswith(why)
        assert token not in answer.text
    for header in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}):
        answer = requests.get(f"{api.dashboard.url}/api/v1/scores", headers=header, timeout=10)
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="SalesInsight"'
        api.refusal(answer, 401)


CALLS = {
    "/scores": ("GET", "scores:read"),
    "/scores/now": ("POST", "scores:read"),
    "/scores/006A": ("GET", "scores:read"),
    "/scores/006A/history": ("GET", "scores:read"),
    "/deals/006A/reasons": ("GET", "scores:read"),
    "/alerts": ("GET", "alerts:read"),
    "/feedback": ("POST", "feedback:write"),
    "/metrics": ("GET", "metrics:read"),
}
GIVEN = {
    "/scores/now": {"opportunity_id": "006000000000000AAA"},
    "/feedback": {"alert_id": "2024-03-15.slow_deal.006A", "answer": "helpful"},
}


@pytest.mark.parametrize("path", CALLS)
def test_each_call_needs_its_scope_and_no_other_will_do(api, path) -> None:
    method, scope = CALLS[path]
    body = GIVEN.get(path)
    others = api.token("engineer", *(other for other in SCOPES if other != scope))
    answer = api.call("", path, method, token=others, json=body)
    assert scope in api.refusal(answer, 403)["detail"]
    assert answer.headers["WWW-Authenticate"].endswith(f'error="insufficient_scope", scope="{scope}"')
    right = api.call("", path, method, token=api.token("engineer", scope), json=body)
    assert right.status_code in (200, 404)


def test_every_documented_operation_is_in_the_list_of_calls_above(api) -> None:
    document = requests.get(f"{api.dashboard.url}/api/v1/openapi.json", timeout=10).json()
    told = {
        (path.removeprefix("/api/v1").replace("{opportunity_id}", "006A"), method.upper(), *way["token"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for way in operation.get("security", [])
    }
    assert told == {(path, method, scope) for path, (method, scope) in CALLS.items()}


def test_the_use_of_a_token_is_noted_once_a_minute_at_most(api) -> None:
    token = api.token("rep")
    for seconds in (0, 59, 61):
        api.dashboard.now = BREAKFAST + timedelta(seconds=seconds)
        api.call("", "/scores?limit=1", token=token)
        used = api.tokens.find(token).last_used_at
        assert used == BREAKFAST + timedelta(seconds=61 if seconds == 61 else 0)


def test_a_token_makes_so_many_calls_a_minute(api, kept_database, template_database) -> None:
    warehouse = Warehouse(kept_database("api_with_a_limit", template_database))
    with dashboard_on(warehouse, {"access": {**ACCESS["access"], "api_calls_per_minute": 3}}) as dashboard:
        small = replace(api, dashboard=dashboard, tokens=ApiTokens(Database(warehouse.url)), callers={})
        assert [small.call("engineer", "/scores").status_code for _ in range(4)] == [200, 200, 200, 429]
        answer = small.call("engineer", "/scores")
        assert "20 seconds" in small.refusal(answer, 429)["detail"]
        assert answer.headers["Retry-After"] == "20"
        assert small.call("", "/scores", token=small.token("engineer")).status_code == 200
        dashboard.now += timedelta(seconds=20)
        assert small.call("engineer", "/scores").status_code == 200
        wrong = [small.call("", "/scores", token=f"si_{number}").status_code for number in range(61)]
        assert wrong == [401] * 60 + [429]
        assert len(small.log("refused")) == 60
    warehouse.close()


# --- scores ---


def test_scores_are_chosen_by_day_risk_owner_stage_and_probability(api) -> None:
    everything = api.all("leader", "/scores", "scores")
    first = everything[0]
    chosen: dict[str, tuple[dict, Callable[[dict], bool]]] = {
        "risk": ({"risk_level": "HIGH"}, lambda row: row["risk_level"] == "HIGH"),
        "owner": ({"owner_id": first["owner_id"]}, lambda row: row["owner_id"] == first["owner_id"]),
        "stage": ({"stage_name": first["stage_name"]}, lambda row: row["stage_name"] == first["stage_name"]),
        "least": ({"least_probability": 0.4}, lambda row: row["win_probability"] >= 0.4),
        "most": ({"most_probability": 0.4}, lambda row: row["win_probability"] <= 0.4),
    }
    for params, is_wanted in chosen.values():
        found = api.all("leader", "/scores", "scores", **params)
        assert found == [row for row in everything if is_wanted(row)]
        assert 0 < len(found) < len(everything)
    before = (LAST_DAY - timedelta(weeks=2)).isoformat()
    assert {row["as_of_date"] for row in api.all("leader", "/scores", "scores", day=before)} == {before}
    assert api.all("leader", "/scores", "scores", day="2020-01-01") == []


def test_the_latest_score_of_a_deal_has_its_reasons_and_its_history_every_day(api) -> None:
    deal = api.dashboard.deals_of(api.dashboard.user_id("rep"))[0]
    stored = api.dashboard.warehouse.partition("opportunity_scores", LAST_DAY).set_index("opportunity_id").loc[deal]
    score = api.call("rep", f"/scores/{deal}").json()
    assert (score["as_of_date"], score["opportunity_id"]) == (LAST_DAY.isoformat(), deal)
    assert score["win_probability"] == pytest.approx(stored["win_probability"])
    assert score["reasons"]
    assert api.call("rep", f"/deals/{deal}/reasons").json()["reasons"] == score["reasons"]
    days = [row["as_of_date"] for row in api.all("rep", f"/scores/{deal}/history", "scores", limit=1)]
    assert days == sorted(days, reverse=True)
    assert len(days) == 2
    assert days[0] == LAST_DAY.isoformat()
    fifteen = api.call("rep", f"/scores/{deal[:15]}").json()
    assert fifteen == score


def test_a_score_that_is_no_model_s_says_so(api, kept_database, night_database) -> None:
    warehouse = Warehouse(kept_database("api_by_rules", night_database))
    warehouse.execute("UPDATE insight.prediction_ledger SET model_id = 'rules', is_fallback = true")
    with dashboard_on(warehouse, ACCESS) as dashboard:
        other = replace(api, dashboard=dashboard, tokens=ApiTokens(Database(warehouse.url)), callers={})
        rows = other.all("leader", "/scores", "scores")
        assert {(row["is_fallback"], bool(row["caveat"])) for row in rows} == {(True, True)}
    assert {row["caveat"] for row in api.all("leader", "/scores", "scores")} == {None}
    warehouse.close()


def test_who_has_a_deal_now_sees_its_past_and_who_had_it_does_not(api, kept_database, night_database) -> None:
    warehouse = Warehouse(kept_database("api_with_a_handover", night_database))
    with dashboard_on(warehouse, ACCESS) as dashboard:
        other = replace(api, dashboard=dashboard, tokens=ApiTokens(Database(warehouse.url)), callers={})
        deal = dashboard.deals_of(dashboard.user_id("rep"))[0]
        warehouse.execute(
            "UPDATE insight.prediction_ledger SET owner_id = $1 WHERE opportunity_id = $2 AND as_of_date = $3::text::date",
            (dashboard.user_id("manager"), deal, LAST_DAY.isoformat()),
        )
        assert len(other.call("manager", f"/scores/{deal}/history").json()["scores"]) == 2
        other.refusal(other.call("rep", f"/scores/{deal}/history"), 404)
    warehouse.close()


# --- alerts and answers ---


def test_alerts_come_by_rank_with_what_became_of_each(api) -> None:
    everything = api.all("leader", "/alerts", "alerts", limit=3)
    assert [row["rank"] for row in everything] == sorted(row["rank"] for row in everything)
    assert len({row["alert_id"] for row in everything}) == len(everything)
    for status in ("to_send", "suppressed", "held_out"):
        found = api.all("leader", "/alerts", "alerts", status=status)
        assert found == [row for row in everything if row["status"] == status]
    assert all(row["suppressed_because"] for row in everything if row["status"] != "to_send")


def told(api: Api, role: str = "rep") -> dict:
    """An alert that the person of a role was told of; it is made to be one where the night told that person of none."""
    rows = api.call(role, "/alerts?limit=1000").json()["alerts"]
    own = [row for row in rows if row["owner_id"] == api.dashboard.user_id(role)]
    api.dashboard.warehouse.execute(
        "UPDATE insight.rep_alerts SET status = 'to_send', suppressed_because = NULL WHERE as_of_date = $1::text::date"
        " AND opportunity_id = $2 AND rule = $3",
        (own[0]["as_of_date"], own[0]["opportunity_id"], own[0]["rule"]),
    )
    return own[0]


def answer(api: Api, alert: dict, said: str, role: str = "rep") -> requests.Response:
    return api.call(role, "/feedback", "POST", json={"alert_id": alert["alert_id"], "answer": said})


def silences(api: Api) -> list[dict]:
    return api.dashboard.warehouse.read("SELECT * FROM engagement.silences ORDER BY since").to_dict("records")


def test_the_owner_s_verdict_counts_once_and_the_latest_one_by_any_channel(api) -> None:
    alert = told(api)
    given = [answer(api, alert, said).json() for said in ("helpful", "helpful", "not_helpful", "helpful")]
    assert [one["is_new"] for one in given] == [True, False, True, True]
    assert given[0]["what_follows"] == "Thank you. More such alerts are worth sending."
    rows = api.dashboard.warehouse.read("SELECT * FROM engagement.verdicts").to_dict("records")
    assert [(row["verdict"], row["channel"], row["owner_id"]) for row in rows] == [
        ("helpful", "api", api.dashboard.user_id("rep"))
    ]
    assert rows[0]["message_key"] == f"digest:{LAST_DAY}:{alert['owner_id']}", "as the links of the mail have it"
    (seen,) = [row for row in api.all("rep", "/alerts", "alerts") if row["alert_id"] == alert["alert_id"]]
    assert seen["verdict"] == "helpful"


def test_a_silence_asked_for_twice_is_one_and_is_taken_back_once(api) -> None:
    alert, before = told(api), len(silences(api))
    for said in ("snooze", "mute_deal", "mute_rule", "wrong"):
        first = answer(api, alert, said)
        api.dashboard.now += timedelta(hours=1)
        assert [first.json()["is_new"], answer(api, alert, said).json()["is_new"]] == [True, False]
        before += 1
        assert len(silences(api)) == before
    assert [answer(api, alert, "tell_me_again").json()["is_new"] for _ in range(2)] == [True, False]
    assert silences(api)[-1]["withdrawn_at"] == api.dashboard.now
    api.dashboard.now += timedelta(hours=1)
    assert answer(api, alert, "snooze").json()["is_new"], "what was taken back can be asked for again"
    api.dashboard.now += timedelta(days=1)
    assert answer(api, alert, "snooze").json()["is_new"], "on another day it lasts from then on"
    answer(api, alert, "tell_me_again")


def test_nobody_answers_for_another(api) -> None:
    alert, before = told(api), api.dashboard.warehouse.read("SELECT * FROM engagement.verdicts").to_csv()
    for role in ("manager", "leader", "engineer"):
        assert "owner" in api.refusal(answer(api, alert, "wrong", role), 403)["detail"]
    foreign = next(row for row in api.all("leader", "/alerts", "alerts") if row["owner_id"] != alert["owner_id"])
    api.refusal(answer(api, foreign, "wrong"), 404)
    for wrong in (
        "2024-99-99.slow_deal.006A",
        "2024-03-15.slow_deal.006A",
        f"{LAST_DAY}.no_rule.{alert['opportunity_id']}",
    ):
        api.refusal(answer(api, {"alert_id": wrong}, "snooze"), 404)
    assert api.dashboard.warehouse.read("SELECT * FROM engagement.verdicts").to_csv() == before


def test_an_alert_that_nobody_was_told_of_gets_no_verdict(api) -> None:
    alert = told(api)
    api.dashboard.warehouse.execute(
        "UPDATE insight.rep_alerts SET status = 'held_out' WHERE opportunity_id = $1", (alert["opportunity_id"],)
    )
    for said in ("helpful", "not_helpful", "wrong"):
        api.refusal(answer(api, alert, said), 409)


# --- health and metrics ---


def test_health_needs_no_token_and_says_how_fresh_things_are(api, empty_dashboard) -> None:
    fresh = requests.get(f"{api.dashboard.url}/api/v1/health", timeout=10)
    assert fresh.status_code == 200
    assert (fresh.json()["health"], fresh.json()["as_of_date"]) == ("fresh", LAST_DAY.isoformat())
    for wait, health in ((timedelta(hours=26), "stale"),):
        api.dashboard.now = BREAKFAST + wait
        answer = requests.get(f"{api.dashboard.url}/api/v1/health", timeout=10)
        told = api.refusal(answer, 503)
        assert (told["health"], told["as_of_date"]) == (health, LAST_DAY.isoformat())
        assert "Alerts are withheld" in told["detail"]
    nothing = api.refusal(requests.get(f"{empty_dashboard.url}/api/v1/health", timeout=10), 503)
    assert nothing["health"] == "empty"


def test_without_its_database_the_platform_says_that_it_is_down(
    api, kept_database, template_database, postgres_url
) -> None:
    from salesinsight_assets_tests.conftest import execute

    warehouse = Warehouse(kept_database("api_without_database", template_database))
    with dashboard_on(warehouse) as dashboard:
        warehouse.close()
        execute(postgres_url, "DROP DATABASE api_without_database WITH (FORCE)")
        answer = requests.get(f"{dashboard.url}/api/v1/health", timeout=10)
        assert api.refusal(answer, 503)["health"] == "down"
        broken = requests.get(f"{dashboard.url}/api/v1/scores", headers={"Authorization": "Bearer si_x"}, timeout=10)
        assert re.search("reference [0-9a-f]{8}", api.refusal(broken, 500)["detail"])


def test_metrics_are_for_those_who_see_the_whole_company(api) -> None:
    for role in ("rep", "manager"):
        api.refusal(api.call(role, "/metrics"), 403)
    answer = api.call("leader", "/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    rates = api.dashboard.warehouse.read("SELECT * FROM insight.alert_rates WHERE dimension = 'all'").iloc[-1]
    for ending, column in (("", "acted_rate"), ("_low", "acted_low"), ("_high", "acted_high"), ("_n", "n_deals")):
        value = samples[f'salesinsight_measure{ending}{{measure="alerts_acted_on"}}']
        assert float(value) == pytest.approx(rates[column])
    assert samples["salesinsight_scores_age_days"] == "1"
    assert samples['salesinsight_measure_n{measure="digests_opened"}'] == "0.0"
    assert 'salesinsight_measure{measure="digests_opened"}' not in samples, "what is not known has no value"
    names = {line.split("{")[0].split(" ")[0] for line in answer.text.splitlines() if not line.startswith("#")}
    assert {line.split(" ")[2] for line in answer.text.splitlines() if line.startswith("# TYPE")} == names


def test_the_use_of_the_dashboard_by_reps_is_measured(api) -> None:
    api.dashboard.browser("rep").get("/deals")
    samples = dict(line.rsplit(" ", 1) for line in api.call("engineer", "/metrics").text.splitlines())
    n = float(samples['salesinsight_measure_n{measure="reps_on_dashboard_weekly"}'])
    part = float(samples['salesinsight_measure{measure="reps_on_dashboard_weekly"}'])
    assert part * n == pytest.approx(1, abs=0.01)


# --- errors, description, export ---


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/nowhere", "GET", 404),
        ("/scores", "DELETE", 405),
        ("/scores?limit=0", "GET", 422),
        ("/scores?risk=HIGH", "GET", 422),
        ("/metrics?day=2025-03-31", "GET", 422),
        ("/scores?day=tomorrow", "GET", 422),
        ("/scores?day=1711843200", "GET", 422),
        ("/scores?owner_id=%00", "GET", 422),
        ("/scores?owner_id=%ff", "GET", 200),
        ("/scores?cursor=WzFd", "GET", 404),
        ("/scores?cursor=%00", "GET", 422),
        ("/alerts?cursor=WyIyMDI0LTAxLTAxIiwgIngiLCAieCIsICJ4Il0=", "GET", 404),
        ("/scores/%00", "GET", 422),
        ("/feedback", "POST", 422),
    ],
)
def test_every_error_is_a_problem(api, path, method, status) -> None:
    answer = api.call("leader", path, method)
    if status == 200:
        assert answer.status_code == 200
        return
    told = api.refusal(answer, status)
    assert told["detail"]
    if status == 405:
        assert answer.headers["Allow"] == "GET"


def test_a_body_that_is_no_json_or_holds_what_is_no_text_is_a_problem(api) -> None:
    for body in (b"{", b"\xff", b'{"alert_id": "\\ud800", "answer": "helpful"}', b'{"\\ud800": 1}', b"[]"):
        api.refusal(api.call("rep", "/feedback", "POST", data=body), 422)


def test_the_description_and_the_page_need_no_sign_in_and_name_every_operation(api) -> None:
    stranger = api.dashboard.stranger()
    document = stranger.get("/api/v1/openapi.json").json()
    page = stranger.get("/docs")
    assert page.status_code == 200
    text = html.unescape(page.text)
    for path, methods in document["paths"].items():
        assert path in text
        for operation in methods.values():
            assert operation["summary"] in text
    assert page.text.count("curl ") == sum(len(methods) for methods in document["paths"].values())
    assert "<script>" not in page.text
    assert document["openapi"].startswith("3.1")


def test_no_other_site_may_read_the_answers(api) -> None:
    answer = requests.options(
        f"{api.dashboard.url}/api/v1/scores",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"},
        timeout=10,
    )
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert api.call("rep", "/scores").headers["Cache-Control"] == "no-store"


def test_rows_that_are_taken_along_are_in_the_audit_log(api) -> None:
    token = api.token("rep")
    api.call("", "/scores?limit=2", token=token)
    entry = api.log("took rows along")[-1]
    label = api.tokens.find(token).label
    assert (entry["email"], entry["about"]) == (api.email("rep"), f"API, token {label}: scores of {LAST_DAY}: 2 rows")
