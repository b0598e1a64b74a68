"""Who is let in, for how long, and what is refused, on a real server."""

from datetime import timedelta

import pytest

pytestmark = pytest.mark.slow


def test_who_is_not_signed_in_is_led_to_sign_in_and_back(dashboard) -> None:
    stranger = dashboard.stranger()
    answer = stranger.get("/deals?risk=HIGH", allow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fdeals%3Frisk%3DHIGH")
    answer = stranger.post("/sign-in/here", data={"email": dashboard.people["rep"], "next": "/deals?risk=HIGH"})
    assert answer.url == f"{dashboard.url}/deals?risk=HIGH"


def test_nobody_is_led_elsewhere_after_signing_in(dashboard) -> None:
    for elsewhere in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"):
        data = {"email": dashboard.people["rep"], "next": elsewhere}
        answer = dashboard.stranger().post("/sign-in/here", data=data, allow_redirects=False)
        assert answer.headers["location"] == "/"


def test_a_session_ends_after_its_hours_and_by_signing_out(dashboard) -> None:
    browser = dashboard.browser("rep")
    dashboard.now += timedelta(hours=11, minutes=59)
    assert browser.get("/deals", allow_redirects=False).status_code == 200
    dashboard.now += timedelta(minutes=2)
    assert browser.get("/deals", allow_redirects=False).status_code == 303
    other = dashboard.browser("rep")
    cookie = other.cookies.get("salesinsight")
    other.post("/sign-out")
    other.cookies.set("salesinsight", cookie)
    assert other.get("/deals", allow_redirects=False).status_code == 303


def test_a_cookie_of_nobody_opens_nothing_and_only_its_hash_is_stored(dashboard) -> None:
    browser = dashboard.browser("rep")
    stored = dashboard.warehouse.read("SELECT * FROM engagement.sessions").to_csv()
    assert browser.cookies.get("salesinsight") not in stored
    stranger = dashboard.stranger()
    stranger.cookies.set("salesinsight", "x" * 43)
    assert stranger.get("/deals", allow_redirects=False).status_code == 303


def test_who_has_left_sees_nothing_any_more(dashboard) -> None:
    browser = dashboard.browser("rep")
    dashboard.warehouse.execute("UPDATE crm.users SET is_active = false WHERE id = $1", (dashboard.user_id("rep"),))
    assert browser.get("/deals", allow_redirects=False).status_code == 303
    answer = dashboard.stranger().post("/sign-in/here", data={"email": dashboard.people["rep"]})
    assert answer.status_code == 404


def test_one_signs_in_as_anyone_on_this_machine_only(dashboard) -> None:
    data = {"email": dashboard.people["rep"]}
    for host in ("insight.example.com", "rebound.example:80", "10.0.0.7"):
        answer = dashboard.stranger().post("/sign-in/here", data=data, headers={"Host": host})
        assert answer.status_code == 404
        assert dashboard.people["rep"] not in dashboard.stranger().get("/sign-in", headers={"Host": host}).text
    assert dashboard.people["rep"] in dashboard.stranger().get("/sign-in").text


def test_a_form_from_elsewhere_is_refused(dashboard) -> None:
    browser = dashboard.browser("rep")
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": None, "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": None, "Origin": "null"},
        {"Sec-Fetch-Site": None},
    ):
        assert browser.post("/sign-out", headers=headers).status_code == 403, headers
    assert browser.get("/deals", allow_redirects=False).status_code == 200
    assert browser.post("/sign-out", headers={"Sec-Fetch-Site": None, "Origin": dashboard.url}).status_code == 200


def test_sign_ins_are_in_the_audit_log(dashboard) -> None:
    dashboard.browser("manager")
    (entry,) = dashboard.warehouse.exported("audit_log", None).to_dict("records")
    assert (entry["event"], entry["email"], entry["about"], entry["address"]) == (
        "signed in", dashboard.people["manager"], "own machine", "127.0.0.1",
    )  # fmt: skip


def test_every_answer_has_the_security_headers(dashboard) -> None:
    browser = dashboard.browser("rep")
    for path in ("/deals", "/deals.csv", "/sign-in", "/nowhere", "/static/app.css", "/healthz"):
        headers = browser.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';"), path
        assert headers["x-content-type-options"] == "nosniff"
    assert "no-store" in browser.get("/deals").headers["cache-control"]
    assert "immutable" in browser.get("/static/app.css").headers["cache-control"]
    cookie = dashboard.stranger().post("/sign-in/here", data={"email": dashboard.people["rep"]}, allow_redirects=False)
    assert "HttpOnly" in cookie.headers["set-cookie"]
    assert "samesite=lax" in cookie.headers["set-cookie"].lower()
