"""Tokens of the API by the command line: told once, listed without themselves, revoked."""

import hashlib

import pytest
from click.testing import CliRunner, Result

from salesinsight_assets.cli.tokens import command
from salesinsight_assets_tests.web.small_office import ENGINEER, LEFT, REP, add_people

pytestmark = pytest.mark.slow


@pytest.fixture
def office(warehouse, monkeypatch, tmp_path):
    config = tmp_path / "salesinsight.toml"
    config.write_text(f'[access]\nengineers = ["{ENGINEER}"]\n', encoding="utf-8")
    monkeypatch.setenv("SALESINSIGHT_POSTGRES_URL", warehouse.url)
    monkeypatch.setenv("SALESINSIGHT_HOME", str(tmp_path))
    monkeypatch.setenv("SALESINSIGHT_CONFIG", str(config))
    add_people(warehouse)
    return warehouse


def tokens(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def created(email: str, *more: object) -> Result:
    return tokens("create", "--name", "the wall", "--email", email, "--scope", "scores:read", *more)


def stored(warehouse) -> list[dict]:
    return warehouse.read("SELECT * FROM engagement.api_tokens ORDER BY created_at").to_dict("records")


def test_a_token_is_told_once_and_only_its_hash_is_stored(office) -> None:
    result = created(REP.upper(), "--scope", "alerts:read", "--days", 7)
    assert result.exit_code == 0, result.output
    token = result.stdout.strip()
    assert token.startswith("si_")
    assert len(token) >= 43
    (row,) = stored(office)
    assert (row["name"], row["email"], sorted(row["scopes"])) == ("the wall", REP, ["alerts:read", "scores:read"])
    assert (row["expires_at"] - row["created_at"]).days == 7
    assert row["token_hash"] == hashlib.sha256(token.encode()).hexdigest()
    assert token not in office.read("SELECT * FROM engagement.api_tokens").to_csv()
    listed = tokens("list").output
    assert token not in listed
    assert f"{row['token_id']}  valid    the wall, as {REP}" in listed
    assert "never used" in listed


def test_a_revoked_token_stays_in_the_list_with_the_day_of_its_end(office) -> None:
    created(REP)
    (row,) = stored(office)
    for _ in range(2):
        assert tokens("revoke", row["token_id"]).exit_code == 0
    assert f"{row['token_id']}  revoked" in tokens("list").output
    log = office.exported("audit_log", None)
    assert [(event, email) for event, email in zip(log["event"], log["email"], strict=True)] == [
        ("created a token", REP),
        ("revoked a token", REP),
        ("revoked a token", REP),
    ]
    assert f"the wall ({row['token_id']}) for scores:read until" in log["about"][0]


@pytest.mark.parametrize("email", ["stranger@example.com", LEFT, "twin@example.com", "engineer@localhost", ""])
def test_a_token_acts_as_somebody_who_may_sign_in(office, email) -> None:
    result = created(email)
    assert result.exit_code == 2
    assert "--email: expected the address of one active user" in result.output
    assert stored(office) == []


def test_who_is_named_in_salesinsight_toml_can_have_a_token(office) -> None:
    assert created(ENGINEER).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "--name", "n", "--email", REP, "--scope", "everything"), "--scope: expected one of scores:read"),
        (("create", "--name", "n", "--email", REP, "--scope", "scores:read", "--days", "0"), "--days: expected a number"),
        (("create", "--name", "n", "--email", REP, "--scope", "scores:read", "--days", "366"), "--days: expected a number"),
        (("revoke", "nonsense"), "TOKEN_ID: expected the Id of a token, got 'nonsense'"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_line_and_stores_nothing(office, arguments, said) -> None:
    result = tokens(*arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert stored(office) == []


def test_an_empty_list_says_how_to_make_one(office) -> None:
    assert "`salesinsight tokens create` makes one" in tokens("list").output
