"""Signing in at an identity provider, with a real one on TLS: who gets in, and everything that must not let anyone in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from joserfc.jwk import RSAKey

from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.domain.access.claims import ClaimsError, vouched_address
from salesinsight_assets_tests.oidc_provider import Provider, oidc_provider
from salesinsight_assets_tests.web.conftest import BREAKFAST, Dashboard, dashboard_on
from salesinsight_assets_tests.web.small_office import ACCESS, ENGINEER, LEFT, REP, add_people

pytestmark = pytest.mark.slow
REP_CLAIMS = {"email": REP, "email_verified": True, "name": "Rita R."}


@dataclass
class Office:
    dashboard: Dashboard
    provider: Provider

    def begin(self, browser, then: str = "/deals") -> str:
        """The address to which the provider leads a browser back."""
        answer = browser.get("/sign-in/oidc", params={"next": then}, allow_redirects=False)
        assert answer.status_code == 303, answer.text
        address = answer.headers["location"]
        answer = requests.get(address, verify=self.provider.ca_file, allow_redirects=False, timeout=10)
        return answer.headers["location"]

    def sign_in(self, browser=None) -> requests.Response:
        browser = browser or self.dashboard.stranger()
        return browser.get(self.begin(browser), allow_redirects=False)

    def refusals(self) -> list[dict]:
        rows = self.dashboard.warehouse.exported("audit_log", None).to_dict("records")
        return [row for row in rows if row["event"] == "refused"]

    def assert_refused(self, answer: requests.Response, because: str, status: int = 400) -> None:
        """One page with a reference, under which the log says why."""
        assert answer.status_code == status, answer.text
        assert "salesinsight=" not in answer.headers.get("set-cookie", "")
        (reference,) = re.findall(r"the reference ([0-9a-f]{8})\.", answer.text)
        assert because not in answer.text
        about = self.refusals()[-1]["about"]
        assert because in about
        assert about.endswith(f"reference {reference}")


@pytest.fixture(scope="module")
def whole_office(kept_database, template_database, tmp_path_factory) -> Iterator[Office]:
    warehouse, made = Warehouse(kept_database("office_of_oidc", template_database)), list[Dashboard]()
    add_people(warehouse)
    with (
        pytest.MonkeyPatch.context() as patch,
        oidc_provider(tmp_path_factory.mktemp("provider"), lambda: made[0].now) as provider,
        dashboard_on(warehouse, ACCESS, **provider.environment()) as dashboard,
    ):
        patch.setenv("REQUESTS_CA_BUNDLE", provider.ca_file)
        made.append(dashboard)
        yield Office(dashboard, provider)
    warehouse.close()


@pytest.fixture
def office(whole_office) -> Office:
    """A provider that does everything right, two hours later than in the test before: what was read of it is forgotten."""
    whole_office.dashboard.now += timedelta(hours=2)
    whole_office.provider.behave(dict(REP_CLAIMS))
    return whole_office


def changed(address: str, **parameters: str | None) -> str:
    """The address with other parameters; None takes one away."""
    parts = urlsplit(address)
    told = {**dict(parse_qsl(parts.query)), **parameters}
    return parts._replace(query=urlencode({name: value for name, value in told.items() if value is not None})).geturl()


def test_who_signs_in_at_the_provider_is_signed_in_here_as_the_crm_knows_them(office) -> None:
    browser = office.dashboard.stranger()
    assert "Sign in with your company account" in browser.get("/sign-in").text
    address = office.begin(browser, "/deals?risk=HIGH")
    answer = browser.get(address, allow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/deals?risk=HIGH")
    page = browser.get("/deals").text
    assert "Rita Rep" in page
    assert "Sales rep" in page
    log = office.dashboard.warehouse.exported("audit_log", None).to_dict("records")
    assert (log[-1]["event"], log[-1]["email"], log[-1]["about"]) == ("signed in", REP, "single sign-on")


def test_what_is_sent_to_the_provider_cannot_be_guessed_and_is_new_each_time(office) -> None:
    for _ in range(2):
        office.begin(office.dashboard.stranger())
    first, second = office.provider.asked[-2:]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]
    assert first["redirect_uri"] == f"{office.dashboard.url}/sign-in/oidc/back"


def test_the_cookie_of_a_sign_in_that_has_begun_is_short_lived_and_for_the_way_back_only(office) -> None:
    answer = office.dashboard.stranger().get("/sign-in/oidc", allow_redirects=False)
    cookie = answer.headers["set-cookie"].lower()
    for said in ("httponly", "samesite=lax", "path=/sign-in/oidc", "max-age=600"):
        assert said in cookie
    assert "secure" not in cookie, "here is no TLS; where there is, see the next test"


def test_the_cookie_is_for_tls_only_where_there_is_tls(office) -> None:
    headers = {"X-Forwarded-Proto": "https"}
    answer = office.dashboard.stranger().get("/sign-in/oidc", headers=headers, allow_redirects=False)
    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    ("wrong", "because"),
    [
        ({"nonce": "another"}, "the ID token is refused"),
        ({"nonce": None}, "the ID token is refused"),
        ({"aud": "another-application"}, "the ID token is refused"),
        ({"aud": None}, "the ID token is refused"),
        ({"iss": "https://another.example"}, "the ID token is refused"),
        ({"sub": None}, "the ID token is refused"),
        ({"exp": None}, "the ID token is refused"),
        ({"exp": int(BREAKFAST.timestamp())}, "the ID token is refused"),
        ({"iat": int((BREAKFAST + timedelta(days=60)).timestamp())}, "the ID token is refused"),
        ({"aud": ["salesinsight", "another"], "azp": "another"}, "issued to another application"),
        ({"email_verified": False}, f"the provider does not say that {REP} was verified"),
        ({"email_verified": "false"}, f"the provider does not say that {REP} was verified"),
        ({"email_verified": None}, f"the provider does not say that {REP} was verified"),
        ({"email": None}, "the provider gave no e-mail address"),
    ],
)
def test_an_id_token_that_is_wrong_signs_nobody_in(office, wrong, because) -> None:
    office.provider.wrong = wrong
    office.assert_refused(office.sign_in(), because)
    office.provider.wrong = {}
    assert office.sign_in().status_code == 303


def test_an_id_token_that_another_key_signed_is_refused(office) -> None:
    published = office.provider.key
    office.provider.key, office.provider.published = RSAKey.generate_key(parameters={"kid": "first"}), [published]
    office.assert_refused(office.sign_in(), "the ID token is refused: bad_signature")


def test_the_keys_are_read_again_when_the_provider_has_new_ones(office) -> None:
    assert office.sign_in().status_code == 303
    office.provider.key = RSAKey.generate_key(parameters={"kid": "second"})
    office.dashboard.now += timedelta(minutes=2)
    assert office.sign_in().status_code == 303


def test_a_code_works_once_also_in_the_browser_that_it_was_for(office) -> None:
    browser = office.dashboard.stranger()
    address = office.begin(browser)
    cookie = browser.cookies.get("salesinsight-sign-in")
    assert browser.get(address, allow_redirects=False).status_code == 303
    office.assert_refused(browser.get(address, allow_redirects=False), "this browser did not begin this sign-in")
    browser.cookies.set("salesinsight-sign-in", cookie, path="/sign-in/oidc")
    office.assert_refused(browser.get(address, allow_redirects=False), "invalid_grant")


def test_the_state_of_another_browser_is_refused(office) -> None:
    victim, attacker = office.dashboard.stranger(), office.dashboard.stranger()
    address = office.begin(attacker)
    office.assert_refused(victim.get(address, allow_redirects=False), "this browser did not begin this sign-in")
    office.begin(victim)
    office.assert_refused(victim.get(address, allow_redirects=False), "this browser did not begin this sign-in")


def test_a_code_of_another_sign_in_is_refused_by_its_verifier(office) -> None:
    victim, attacker = office.dashboard.stranger(), office.dashboard.stranger()
    stolen = dict(parse_qsl(urlsplit(office.begin(attacker)).query))["code"]
    address = changed(office.begin(victim), code=stolen)
    office.assert_refused(victim.get(address, allow_redirects=False), "invalid_grant")


@pytest.mark.parametrize(
    ("parameters", "because"),
    [
        ({"state": None}, "this browser did not begin"),
        ({"state": "stäte"}, "this browser did not begin"),
        ({"iss": "https://another.example"}, "the answer is of another provider"),
        ({"code": "guessed"}, "invalid_grant"),
        ({"code": None, "error": "access_denied", "error_description": "no\r\nway"}, "access_denied no way"),
        ({"code": None}, "the provider says: nothing"),
    ],
)
def test_an_answer_that_is_wrong_signs_nobody_in(office, parameters, because) -> None:
    browser = office.dashboard.stranger()
    address = changed(office.begin(browser), **parameters)
    office.assert_refused(browser.get(address, allow_redirects=False), because)


def test_a_sign_in_that_takes_longer_than_ten_minutes_is_refused(office) -> None:
    browser = office.dashboard.stranger()
    address = office.begin(browser)
    office.dashboard.now += timedelta(minutes=10)
    office.assert_refused(browser.get(address, allow_redirects=False), "longer than ten minutes ago")


def test_a_cookie_that_we_did_not_sign_is_refused(office) -> None:
    browser = office.dashboard.stranger()
    address = office.begin(browser)
    cookie = browser.cookies.get("salesinsight-sign-in")
    browser.cookies.set("salesinsight-sign-in", cookie[:-2] + "xx", path="/sign-in/oidc")
    office.assert_refused(browser.get(address, allow_redirects=False), "this browser did not begin this sign-in")


@pytest.mark.parametrize("email", ["stranger@example.com", LEFT, "twin@example.com", "engineer@localhost"])
def test_whom_only_the_provider_knows_is_told_whom_to_ask(office, email) -> None:
    office.provider.person = {"email": email, "email_verified": True}
    answer = office.sign_in()
    office.assert_refused(answer, "nobody we know", 403)
    assert f"{email} is no active user" in answer.text
    assert office.refusals()[-1]["email"] == email


def test_who_is_named_in_salesinsight_toml_gets_in(office) -> None:
    office.provider.person = {"email": ENGINEER.upper(), "email_verified": True}
    browser = office.dashboard.stranger()
    assert office.sign_in(browser).status_code == 303
    assert "Data engineer" in browser.get("/deals").text


def test_an_address_that_only_userinfo_tells_is_taken_if_it_is_of_the_same_person(office) -> None:
    office.provider.person, office.provider.userinfo = {}, {"sub": "ann", **REP_CLAIMS}
    assert office.sign_in().status_code == 303
    office.provider.userinfo = {"sub": "eve", **REP_CLAIMS}
    office.assert_refused(office.sign_in(), "of another person than its ID token")


def test_a_provider_with_another_issuer_or_without_tls_is_refused(office) -> None:
    office.provider.metadata = {"issuer": "https://login.example.com/{tenantid}"}
    browser = office.dashboard.stranger()
    office.assert_refused(browser.get("/sign-in/oidc"), "expected the issuer", 502)
    office.provider.metadata = {"token_endpoint": "http://127.0.0.1/token"}
    office.assert_refused(browser.get("/sign-in/oidc"), "expected an https address as token_endpoint", 502)


def test_a_provider_that_is_not_trusted_by_its_certificate_is_refused(office, monkeypatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    office.assert_refused(office.dashboard.stranger().get("/sign-in/oidc"), "the provider could not be asked", 502)


def test_a_provider_that_takes_the_secret_in_the_form_only_is_asked_that_way(office) -> None:
    office.provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    office.assert_refused(office.sign_in(), "invalid_client")  # ours takes it in the header only


def test_single_sign_on_is_there_only_where_it_is_set_up(empty_dashboard) -> None:
    assert empty_dashboard.stranger().get("/sign-in/oidc").status_code == 404
    assert empty_dashboard.stranger().get("/sign-in/oidc/back?code=x").status_code == 404
    assert "company account" not in empty_dashboard.stranger().get("/sign-in").text


ENTRA = "https://login.microsoftonline.com/7f3a/v2.0"


@pytest.mark.parametrize(
    ("claims", "issuer", "is_taken"),
    [
        ({"email": REP, "email_verified": "true"}, "https://issuer.example", True),
        ({"email": REP}, "https://issuer.example", False),
        ({"email": REP}, ENTRA, True),
        ({"email": REP, "xms_edov": True}, ENTRA, True),
        ({"email": REP, "xms_edov": "0"}, ENTRA, False),
        ({"email": REP, "xms_edov": False}, ENTRA, False),
        ({"email": REP, "email_verified": False}, ENTRA, False),
        ({"email": REP}, "https://login.microsoftonline.com.evil.example/7f3a/v2.0", False),
        ({"email": ["a@b", "c@d"], "email_verified": True}, "https://issuer.example", False),
        ({"email": "nobody", "email_verified": True}, "https://issuer.example", False),
    ],
)
def test_an_address_counts_only_if_somebody_vouches_for_it(claims, issuer, is_taken) -> None:
    if is_taken:
        assert vouched_address(claims, issuer) == REP
    else:
        with pytest.raises(ClaimsError):
            vouched_address(claims, issuer)
