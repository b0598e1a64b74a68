"""Every address with every role: who is let in, and that what belongs to another team is not there, whatever the address."""

import re
from collections.abc import Iterator

import pytest
from fastapi import APIRouter

from salesinsight_assets.domain.access.viewer import Role
from salesinsight_assets.web.app import API, PAGES
from salesinsight_assets_tests.web.conftest import BREAKFAST, Dashboard

pytestmark = pytest.mark.slow

FOR_ANYONE = {
    "GET /sign-in", "POST /sign-in/here", "POST /sign-in/mail", "GET /sign-in/link/{signed}", "POST /sign-in/link/{signed}",
    "GET /sign-in/oidc", "GET /sign-in/oidc/back", "POST /sign-out", "GET /manifest.webmanifest", "GET /icon-{size}.png",
    "GET /worker.js", "GET /offline", "GET /api/v1/health", "GET /readyz", "GET /metrics", "GET /runbook",
}  # fmt: skip
"""What nobody has to sign in for: signing in itself, what a browser or a phone installs, whether it lives, its figures for Prometheus
(closed by a token of their own, see test_operation.py), and the runbook."""
ONE_SEES_ONES_OWN = {
    "GET /today", "GET /today.csv", "GET /pipeline", "GET /pipeline.csv", "GET /pipeline/moves", "GET /pipeline/moves.csv",
    "GET /charts/{size}/{theme}/pipeline/movement.svg", "GET /charts/{size}/{theme}/pipeline/stages.svg",
    "GET /charts/{size}/{theme}/calibration.svg", "GET /deals", "GET /deals.csv", "GET /api/v1/scores", "GET /api/v1/alerts",
    "GET /model", "GET /model/{name}.csv", "GET /reps", "GET /reps.csv",
}  # fmt: skip
"""The same address for everyone, with what may be seen."""
OF_ONE = {
    "GET /reps/{owner_id}", "GET /reps/{owner_id}/card.csv", "GET /deals/{opportunity_id}", "GET /deals/{opportunity_id}/{name}.csv", "POST /deals/{opportunity_id}/score",
    "GET /deals/{opportunity_id}/what-if", "POST /deals/{opportunity_id}/answers",
    "GET /charts/{size}/{theme}/deals/{opportunity_id}/score.svg", "GET /api/v1/scores/{opportunity_id}",
    "GET /reports/{day}/{report}/{audience}", "GET /reports/{day}/{report}/{audience}/page.html",
    "GET /reports/{day}/{report}/{audience}/figures.csv", "GET /api/v1/scores/{opportunity_id}/history", "GET /api/v1/deals/{opportunity_id}/reasons",
}  # fmt: skip
"""What is of one deal or person."""
BY_A_BODY = {"POST /api/v1/scores/now", "POST /api/v1/feedback"}
FOR_SOME = {
    "GET /api/v1/metrics", "GET /adoption", "GET /adoption.csv", "GET /adoption/weeks.csv",
    "GET /charts/{size}/{theme}/adoption/weeks.svg", "GET /reports", "GET /reports.csv",
}  # fmt: skip
"""What some roles do not have at all; of the pages, reps."""
PARTS = {"size": "wide", "theme": "light", "name": "checks", "day": "2025-03-31", "report": "pipeline_health"}
ANSWER = {"answer": "helpful", "day": "2025-03-31"}
SEES_ALL: tuple[Role, ...] = ("leader", "engineer")
SEES_SOME: tuple[Role, ...] = ("rep", "manager")


def routes() -> Iterator[str]:
    """Every address of pages and API, with its method."""
    for router in (*PAGES, *API):
        yield from _of(router)


def _of(router: APIRouter) -> Iterator[str]:
    for route in router.routes:
        for method in getattr(route, "methods", ()):
            yield f"{method} {route.path}"


def asked(dashboard: Dashboard, route: str, deal: str, owner: str) -> tuple[str, str]:
    """The method and the address of a route on one deal or person."""
    method, path = route.split()
    audience = "company" if deal in dashboard.deals_of(owner) else "nobody"
    own = {"name": "scores"} if "/deals/" in path else {}
    values = {**PARTS, **own, "opportunity_id": deal, "owner_id": owner, "audience": audience}
    return method, re.sub(r"\{(\w+)\}", lambda found: values[found[1]], path)


def test_every_address_is_in_the_matrix() -> None:
    known = FOR_ANYONE | ONE_SEES_ONES_OWN | OF_ONE | BY_A_BODY | FOR_SOME
    assert set(routes()) - known == set(), "say above who may call it"
    assert known - set(routes()) == set(), "there is no such address any more"


@pytest.mark.parametrize("route", sorted(ONE_SEES_ONES_OWN | OF_ONE | BY_A_BODY | FOR_SOME))
def test_a_stranger_sees_nothing(shown_dashboard: Dashboard, route: str) -> None:
    deal = shown_dashboard.deals_of(shown_dashboard.user_id("rep"))[0]
    method, path = asked(shown_dashboard, route, deal, shown_dashboard.user_id("rep"))
    answer = shown_dashboard.stranger().request(method, path, allow_redirects=False, data={})
    assert answer.status_code == (401 if path.startswith("/api/") else 303)
    assert deal not in answer.text


@pytest.mark.parametrize("route", sorted(route for route in FOR_SOME if "/api/" not in route))
def test_what_is_not_for_reps_is_not_there_for_them(shown_dashboard: Dashboard, route: str) -> None:
    method, path = asked(shown_dashboard, route, "", "")
    answers = {role: shown_dashboard.browser(role).request(method, path) for role in shown_dashboard.people}
    found = {role: answer.status_code for role, answer in answers.items()}
    assert found == {"rep": 404, "manager": 200, "leader": 200, "engineer": 200}


@pytest.mark.parametrize("route", sorted(OF_ONE))
def test_what_is_another_team_s_is_not_there(shown_dashboard: Dashboard, route: str) -> None:
    owner = shown_dashboard.owner_of_another_team()
    deal = _not_handed_over(shown_dashboard, owner)
    method, path = asked(shown_dashboard, route, deal, owner)
    nothing = asked(shown_dashboard, route, "006000000000000AAA", "005000000000000AAA")[1]
    for role in SEES_SOME:
        caller = _caller(shown_dashboard, role, path)
        answers = [caller.request(method, address, data=ANSWER) for address in (path, nothing)]
        assert [answer.status_code for answer in answers] == [404, 404], role
        assert _plain(answers[0].text, deal, owner) == _plain(
            answers[1].text, "006000000000000AAA", "005000000000000AAA"
        )
    if not path.endswith("/answers"):  # only the owner answers
        for role in SEES_ALL[:1]:
            assert _caller(shown_dashboard, role, path).request(method, path).status_code == 200


@pytest.mark.parametrize("route", sorted(ONE_SEES_ONES_OWN))
def test_no_address_tells_of_another_team_s_deals(shown_dashboard: Dashboard, route: str) -> None:
    deals = set(shown_dashboard.deals_of(shown_dashboard.owner_of_another_team()))
    method, path = asked(shown_dashboard, route, "", "")
    for role in SEES_SOME:
        answer = _caller(shown_dashboard, role, path).request(
            method, path, params={"owner": "", "due": ""} if path == "/pipeline" else None
        )
        assert answer.status_code == 200, role
        told = {deal for deal in deals if deal in answer.text}
        assert told <= _handed_over(shown_dashboard, role), role


@pytest.mark.parametrize("role", ["rep", "manager"])
def test_only_the_owner_answers_also_by_a_program(shown_dashboard: Dashboard, role: Role) -> None:
    foreign = _not_handed_over(shown_dashboard, shown_dashboard.owner_of_another_team())
    program = shown_dashboard.program(role, "scores:read", "feedback:write")
    assert program.post("/api/v1/scores/now", json={"opportunity_id": foreign}).status_code == 404
    alert = {"alert_id": f"2025-03-31.likely_loss.{foreign}", "answer": "helpful"}
    assert program.post("/api/v1/feedback", json=alert).status_code == 404


def _handed_over(dashboard: Dashboard, role: Role = "manager") -> set[str]:
    """Deals that a week before were of somebody whose deals that role sees: a list of what moved names them."""
    rep, manager = dashboard.user_id("rep"), dashboard.user_id("manager") if role == "manager" else ""
    rows = dashboard.warehouse.read(
        "SELECT b.opportunity_id FROM insight.open_opportunities AS b JOIN insight.open_opportunities AS n USING (opportunity_id)"
        " JOIN crm.users AS u ON u.id = b.owner_id AND u.valid_to IS NULL"
        " WHERE b.as_of_date < n.as_of_date AND b.owner_id <> n.owner_id AND (u.id IN ($1, $2) OR u.manager_id = $2)",
        (rep, manager),
    )
    return set(rows["opportunity_id"])


def _not_handed_over(dashboard: Dashboard, owner: str) -> str:
    return next(deal for deal in dashboard.deals_of(owner) if deal not in _handed_over(dashboard))


def _caller(dashboard: Dashboard, role: Role, path: str):
    """A browser of that role, or a program where the address is the API's."""
    dashboard.now = BREAKFAST
    return (
        dashboard.program(role, "scores:read", "alerts:read") if path.startswith("/api/") else dashboard.browser(role)
    )


def _plain(text: str, *ids: str) -> str:
    """A page without what was asked for: what is not there must look like what never was."""
    for one in ids:
        text = text.replace(one, "…")
    return text
