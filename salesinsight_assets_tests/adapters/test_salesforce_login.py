"""Logins beyond the plain one: tokens that change at each use, a wrong clock, and that no secret gets out."""

import json
import logging
import stat
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from salesinsight_assets.adapters.salesforce import LoginError, SalesforceClient, refresh_tokens
from salesinsight_assets_tests.adapters.scripted_salesforce import SECRET, Answer, failure_of, names, refused

TOKENS = "/services/oauth2/token"
FILE = refresh_tokens.FILE_NAME


class Rotation:
    """Takes only the refresh token that it gave last, and gives a new one each time."""

    def __init__(self, url: str, first: str = "refresh-0") -> None:
        self.valid = first
        self.count = 0
        self.url = url

    def __call__(self, grant: dict[str, str]) -> Answer:
        if grant["refresh_token"] != self.valid:
            return Answer(400, {"error": "invalid_grant", "error_description": f"expired {grant['refresh_token']}"})
        self.count += 1
        self.valid = f"refresh-{self.count}"
        told = {"access_token": f"token-{self.count}", "instance_url": self.url, "refresh_token": self.valid}
        return Answer(200, told)


@pytest.fixture
def rotating(org, settings, tmp_path):
    """Settings of the refresh token flow against an org that changes the token at each use."""
    org.login = Rotation(settings.login_url)
    return replace(settings, auth="refresh_token", refresh_token="refresh-0", state_directory=tmp_path / "home")


@pytest.mark.salesforce(3)
def test_a_changed_refresh_token_is_on_disk_before_the_session_is_used(org, rotating):
    stored: list[str] = []
    path = rotating.state_directory / FILE
    answer = org.answer
    org.answer = lambda method, target, *rest: (
        ("limits" in target and stored.append(path.read_text())) or answer(method, target, *rest)
    )
    SalesforceClient(rotating).server_time()
    assert json.loads(stored[0])["refresh_token"] == "refresh-1"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(p.name for p in path.parent.iterdir()) == [FILE, "salesforce-refresh-token.lock"]


@pytest.mark.salesforce(3)
def test_the_next_process_goes_on_with_the_changed_refresh_token(org, rotating):
    for _ in range(3):
        SalesforceClient(rotating).server_time()
    assert [grant["refresh_token"] for grant in org.grants] == ["refresh-0", "refresh-1", "refresh-2"]


@pytest.mark.salesforce(3)
def test_a_newly_configured_refresh_token_wins_over_the_stored_one(org, rotating):
    SalesforceClient(rotating).server_time()
    org.login.valid = "given-anew"
    SalesforceClient(replace(rotating, refresh_token="given-anew")).server_time()
    assert org.grants[-1]["refresh_token"] == "given-anew"


@pytest.mark.salesforce(3)
def test_processes_that_refresh_at_the_same_time_do_so_one_after_the_other(org, rotating):
    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(lambda client: client.server_time(), [SalesforceClient(rotating) for _ in range(4)]))
    assert len(told) == 4
    assert sorted(grant["refresh_token"] for grant in org.grants) == [f"refresh-{n}" for n in range(4)]


@pytest.mark.salesforce(3)
def test_without_a_directory_the_changed_token_lives_as_long_as_the_client(org, rotating):
    client = SalesforceClient(replace(rotating, state_directory=None))
    client.server_time()
    org.script["limits/"] = [refused(401, "INVALID_SESSION_ID")]
    client.server_time()
    assert [grant["refresh_token"] for grant in org.grants] == ["refresh-0", "refresh-1"]


@pytest.mark.salesforce(3)
def test_a_directory_that_cannot_be_written_stops_before_a_token_is_spent(org, rotating, tmp_path):
    (tmp_path / "file").write_text("")
    message = failure_of(SalesforceClient(replace(rotating, state_directory=tmp_path / "file")).server_time, LoginError)
    assert "expected to store the refresh token at" in message
    assert "SALESINSIGHT_HOME" in message
    assert not org.asked


@pytest.mark.salesforce(3)
def test_a_session_is_not_used_where_its_refresh_token_could_not_be_stored(org, rotating, monkeypatch):
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert "got OSError" in failure_of(SalesforceClient(rotating).server_time, LoginError)
    assert org.asked == [("POST", TOKENS)]
    assert [p.name for p in rotating.state_directory.iterdir()] == ["salesforce-refresh-token.lock"]


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """An RSA key and its file."""
    private = rsa.generate_private_key(65537, 2048)
    path = tmp_path_factory.mktemp("key") / "key.pem"
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(private.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    return private, path


@pytest.fixture
def by_jwt(settings, key):
    return replace(settings, auth="jwt", username="bot@acme.com", private_key_file=str(key[1]))


@pytest.mark.salesforce(1, 12)
@pytest.mark.parametrize("seconds", [-7200, -300, 0, 300, 7200])
def test_an_assertion_is_dated_by_the_servers_clock(org, by_jwt, key, seconds):
    def login_of(grant: dict[str, str]) -> Answer | None:
        options = {"verify_exp": False}
        claims = jwt.decode(
            grant["assertion"], key[0].public_key(), ["RS256"], audience=by_jwt.login_url, options=options
        )
        left = claims["exp"] - (datetime.now(UTC) + org.clock_ahead).timestamp()
        return None if 0 < left <= 185 else Answer(400, {"error": "invalid_grant", "error_description": "expired"})

    org.login, org.clock_ahead = login_of, timedelta(seconds=seconds)
    SalesforceClient(by_jwt).server_time()
    assert org.times(TOKENS, "POST") == (2 if seconds else 1)


@pytest.mark.salesforce(1)
@pytest.mark.parametrize("seconds", [0, 300])
def test_a_refused_assertion_is_not_sent_for_ever(org, by_jwt, seconds):
    org.clock_ahead = timedelta(seconds=seconds)
    org.login = lambda grant: Answer(400, {"error": "invalid_grant", "error_description": grant["assertion"]})
    client = SalesforceClient(by_jwt)
    message = failure_of(client.server_time, LoginError)
    failure_of(client.server_time, LoginError)
    assert "invalid_grant: ***" in message
    assert org.times(TOKENS, "POST") == (2 if seconds else 1)


LEAKS = {
    "refused": [Answer(400, {"error": "invalid_grant", "error_description": f"{SECRET} refresh-x old-password"})],
    "busy": [Answer(503, SECRET)] * 99,
    "hung-up": [Answer(None)] * 99,
    "cut": [Answer(200, '{"access_token": "token-1', {"Content-Length": "500", "Connection": "close"})] * 99,
    "no-json": [Answer(200, "token-1 <html>")] * 99,
    "redirect": [Answer(307, headers={"Location": "/elsewhere"})],
    "no-address": [Answer(200, {"access_token": "token-1", "instance_url": "http://x"})],
}
DATA_LEAKS = {
    "session": [refused(401, "INVALID_SESSION_ID")] * 9,
    "echo": [Answer(400, [{"errorCode": "ODD", "message": "bad header Bearer token-1"}])],
    "echo-401": [Answer(401, [{"errorCode": "INVALID_SESSION_ID", "message": f"token-{n}"}]) for n in (1, 2)],
    "data-hung-up": [Answer(None)] * 99,
    "loop": [Answer(302, headers={"Location": "/services/data/v62.0/limits/"})] * 99,
}


@pytest.mark.salesforce(39)
@pytest.mark.parametrize("fault", [*LEAKS, *DATA_LEAKS])
def test_no_secret_is_in_an_error_its_causes_or_the_log(org, settings, caplog, fault):
    caplog.set_level(logging.DEBUG)
    org.script = {TOKENS: list(LEAKS.get(fault, [])), "limits/": list(DATA_LEAKS.get(fault, []))}
    with_all = replace(
        settings,
        auth="refresh_token",
        refresh_token="refresh-x",
        password="old-password",
        retry_budget_seconds=0.05,
    )
    with pytest.raises(Exception) as failed:  # noqa: PT011 any
        SalesforceClient(with_all).server_time()
    told = "".join(traceback.format_exception(failed.value)) + caplog.text + repr(with_all)
    error: BaseException | None = failed.value
    while error:
        told += f"{error} {error!r} {error.args} {vars(error)}"
        assert getattr(error, "request", None) is None
        assert getattr(error, "response", None) is None
        error = error.__cause__ or error.__context__
    for secret in (SECRET, "refresh-x", "old-password", "token-1", "token-2"):
        assert secret not in told


@pytest.mark.salesforce(1)
def test_a_page_in_place_of_a_token_is_not_taken_for_a_refusal(org, settings):
    org.script[TOKENS] = [Answer(200, "<html>down for maintenance</html>")]
    client = SalesforceClient(settings)
    assert names(client) == ["Acme", "Bolt", "Cargo"]
    assert client.usage().retries == 1
