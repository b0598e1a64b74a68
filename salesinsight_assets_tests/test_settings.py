"""Settings: what is read, what is refused, and that nothing secret is shown."""

import re
from dataclasses import fields
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from salesinsight_assets.domain.alerts.actions import Play
from salesinsight_assets.policies import (
    OTHER_CONFIG_TABLES,
    Policies,
    ScheduleTimes,
    first_partition_day,
    load_policies,
    read_config,
)
from salesinsight_assets.settings import SettingsError, environment, last_complete_day, load_settings


def test_without_settings_everything_has_its_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load_settings({})
    assert settings.home == tmp_path / ".salesinsight"
    assert (settings.postgres_url, settings.timezone, settings.config_file) == (None, "UTC", None)
    assert settings.salesforce.login_url == "https://login.salesforce.com"
    assert not settings.salesforce.is_configured


def test_an_env_file_is_read_and_the_environment_wins(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("SALESFORCE_CLIENT_ID=from-file\nSALESINSIGHT_TIMEZONE=Europe/Berlin\n", "utf-8")
    monkeypatch.setenv("SALESINSIGHT_TIMEZONE", "America/New_York")
    settings = load_settings(environment(tmp_path))
    assert settings.salesforce.client_id == "from-file"
    assert settings.timezone == "America/New_York"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SALESINSIGHT_TIMEZONE", "Mars/Olympus", "expected an IANA name"),
        ("SALESINSIGHT_CONFIG", "nowhere.toml", "expected a file"),
        ("SALESFORCE_AUTH", "magic", "expected one of client_credentials"),
        ("SALESFORCE_LOGIN_URL", "http://login.salesforce.com", "expected an address with https://"),
        ("SALESFORCE_PAGE_SIZE", "many", "expected a number"),
        ("SALESFORCE_PAGE_SIZE", "100", "expected a number of rows from 200 to 2000, got 100"),
        ("SALESFORCE_PAGE_SIZE", "2001", "expected a number of rows from 200 to 2000"),
        ("SLACK_API_URL", "http://slack.example.com/api", "expected an address with https://"),
        ("SALESFORCE_API_SHARE", "0", "expected a share above 0 and up to 1"),
        ("SALESFORCE_API_SHARE", "1.5", "expected a share above 0 and up to 1"),
        ("SALESFORCE_API_SHARE", "nan", "expected a share above 0 and up to 1"),
        ("SALESFORCE_TIMEOUT_SECONDS", "0", "expected seconds above 0"),
        ("SALESFORCE_RETRY_BUDGET_SECONDS", "inf", "expected seconds above 0"),
        ("SALESFORCE_LOOKBACK_SECONDS", "-1", "expected seconds from 0"),
        ("SALESFORCE_BULK_THRESHOLD", "-1", "expected a number of rows, 0 or more"),
        ("SALESINSIGHT_POSTGRES_URL", "mysql://u@h/db", "expected postgresql://"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_what_was_expected(variable, value, said):
    with pytest.raises(SettingsError, match=variable) as refused:
        load_settings({variable: value})
    assert said in str(refused.value)


def test_no_secret_is_in_the_text_of_the_settings():
    secrets = ("CLIENT_SECRET", "PASSWORD", "SECURITY_TOKEN", "REFRESH_TOKEN")
    settings = load_settings({f"SALESFORCE_{name}": f"hush-{name}" for name in secrets})
    assert settings.salesforce.client_secret == "hush-CLIENT_SECRET"
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hu/sh@h/db",
        "postgresql://u:hu#sh@h/db",
        "postgresql://u:hu@sh@h/db",
        "postgresql://u:hu%sh@h/db",
    ],
)
def test_a_password_that_breaks_the_address_is_refused_and_not_shown(url):
    with pytest.raises(SettingsError, match="SALESINSIGHT_POSTGRES_URL") as refused:
        load_settings({"SALESINSIGHT_POSTGRES_URL": url})
    assert "hu" not in str(refused.value)


def test_a_password_with_its_signs_escaped_is_taken():
    url = "postgresql://u:hu%2Fsh@localhost:5432/db"
    assert load_settings({"SALESINSIGHT_POSTGRES_URL": url}).postgres_url == url


def test_business_numbers_come_from_the_file_and_the_rest_keeps_its_default(tmp_path):
    path = tmp_path / "salesinsight.toml"
    path.write_text('[alerts]\nmax_per_rep_per_day = 2\n[schedule]\nsync = "01:15"\n', "utf-8")
    policies = load_policies(read_config(path))
    assert (policies.alerts.max_per_rep_per_day, policies.alerts.likely_loss_below) == (2, 0.30)
    assert policies.schedule.cron("sync") == "15 1 * * *"
    assert policies.risk == Policies().risk


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"alert": {}}, r"\[alert\]: expected one of"),
        ({"alerts": {"max_per_rep": 2}}, r"\[alerts\] max_per_rep: expected one of"),
        ({"alerts": {"max_per_rep_per_day": "two"}}, r"\[alerts\] max_per_rep_per_day: expected a number"),
        ({"alerts": {"max_per_rep_per_day": True}}, "expected a number"),
        ({"playbook": {"by_fact": 3}}, r"\[playbook\] by_fact: expected a table of texts"),
        ({"playbook": {"otherwise": "call"}}, r"\[playbook\] otherwise: expected a list of texts"),
        ({"playbook": {"plays": ["call"]}}, r"\[playbook\] plays: expected a list of tables"),
        ({"playbook": {"plays": [{"deed": "call"}]}}, r"\[playbook.plays\] deed: expected one of action, facts"),
        ({"playbook": {"plays": [{"facts": ["age"]}]}}, r"\[playbook.plays\] action: expected what is to be done"),
        (
            {"playbook": {"plays": [{"action": "Call", "phase": "end"}]}},
            r"phase: expected one of early, late, got 'end'",
        ),
        ({"work_time": {"quiet_from": "8pm"}}, r"\[work_time\] quiet_from: expected HH:MM, got '8pm'"),
        ({"feedback": {"counts_opens": 1}}, r"\[feedback\] counts_opens: expected true or false"),
        ({"holdout": {"is_on": 1}}, r"\[holdout\] is_on: expected true or false, got 1"),
        ({"holdout": {"share": 20}}, r"\[holdout\] share: expected more than 0 and 0.5 at most, got 20; correct it"),
        ({"holdout": {"share": True}}, r"\[holdout\] share: expected a number"),
        (
            {"reports": {"pipeline_health": ["vp@example.com", "vp"]}},
            r"\[reports\] pipeline_health: expected addresses such as vp@example.com, got 'vp'; correct it",
        ),
        ({"reports": {"quarter_quota": -1}}, r"\[reports\] quarter_quota: expected 0 or more, got -1; correct it"),
        ({"schedule": {"sync": 2}}, r"\[schedule\] sync: expected a text such as 02:00"),
    ],
)
def test_an_entry_that_does_not_exist_or_fit_is_refused_by_name(config, said):
    with pytest.raises(SettingsError, match=said):
        load_policies(config)


def test_own_plays_replace_those_that_are_shipped(tmp_path):
    path = tmp_path / "salesinsight.toml"
    path.write_text(
        '[[playbook.plays]]\naction = "Call"\nfacts = ["age"]\nphase = "late"\nleast_amount = 10\n', "utf-8"
    )
    (play,) = load_policies(read_config(path)).playbook.plays
    assert play == Play("Call", ("age",), "late", 10)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        (
            {"SALESINSIGHT_BASE_URL": "https://insight.example.com"},
            "SALESINSIGHT_SECRET_KEY: expected 32 characters or more",
        ),
        ({"SALESINSIGHT_SECRET_KEY": "k" * 32}, "SALESINSIGHT_BASE_URL: expected an address"),
        ({"SALESINSIGHT_BASE_URL": "https://a.example", "SALESINSIGHT_SECRET_KEY": "s3cret"}, "got 6;"),
        ({"SALESINSIGHT_BASE_URL": "http://a.example", "SALESINSIGHT_SECRET_KEY": "k" * 32}, "https://insight"),
        ({"SALESINSIGHT_BASE_URL": "https://a.example?x=1", "SALESINSIGHT_SECRET_KEY": "k" * 32}, "https://insight"),
    ],
)
def test_links_need_an_address_of_ours_and_a_key_that_cannot_be_guessed(env, said):
    with pytest.raises(SettingsError, match=said) as refused:
        load_settings(env)
    assert "s3cret" not in str(refused.value)


def test_links_are_of_the_address_without_a_slash_and_the_key_is_never_shown():
    links = load_settings({"SALESINSIGHT_BASE_URL": "https://a.example/x/", "SALESINSIGHT_SECRET_KEY": "k" * 32}).links
    assert links.base_url == "https://a.example/x"
    assert "kkkk" not in repr(links)
    assert load_settings({}).links is None


def test_a_switch_is_true_or_false():
    assert not load_policies({"holdout": {"is_on": False}}).holdout.is_on


def test_a_file_that_is_not_toml_is_refused_with_its_line(tmp_path):
    path = tmp_path / "salesinsight.toml"
    path.write_text("[alerts\n", "utf-8")
    with pytest.raises(SettingsError, match="line 1"):
        read_config(path)


@pytest.mark.parametrize("name", [*(policy.name for policy in fields(Policies)), *OTHER_CONFIG_TABLES, "mappings.mine"])
def test_a_value_where_a_table_belongs_is_refused_by_name(tmp_path, name):
    path = tmp_path / "salesinsight.toml"
    path.write_text(f"{name} = 3\n", "utf-8")
    with pytest.raises(SettingsError, match=rf"^{name}: expected a table of entries .* got 3"):
        read_config(path)


@pytest.mark.parametrize("value", ["2", "24:00", "02:60", "2am", ""])
def test_a_time_of_the_night_must_be_hours_and_minutes(value):
    with pytest.raises(SettingsError, match=r"\[schedule\] sync: expected HH:MM"):
        ScheduleTimes(sync=value).cron("sync")


def test_the_first_partition_is_a_date():
    assert first_partition_day({}) == date(2016, 1, 1)
    assert first_partition_day({"partitions": {"first_day": date(2020, 5, 1)}}) == date(2020, 5, 1)
    with pytest.raises(SettingsError, match="expected a date"):
        first_partition_day({"partitions": {"first_day": "2020"}})
    with pytest.raises(SettingsError, match="expected a date"):
        first_partition_day({"partitions": {"first_day": datetime(2020, 5, 1, 12)}})
    with pytest.raises(SettingsError, match="expected first_day"):
        first_partition_day({"partitions": {"first": date(2020, 5, 1)}})


def test_the_night_works_on_the_day_that_has_ended_where_the_company_is():
    moment = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert last_complete_day(moment, ZoneInfo("UTC")) == date(2026, 2, 28)
    assert last_complete_day(moment, ZoneInfo("Europe/Berlin")) == date(2026, 3, 1)


# --- the mail server ---

FROM = {"MAIL_FROM": "SalesInsight <insight@example.com>"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://ann:s%40crt@mail.example.com", ("mail.example.com", 587, "starttls", "ann", "s@crt")),
        ("smtps://mail.example.com", ("mail.example.com", 465, "tls", None, None)),
        ("smtp://mail.example.com:2525?tls=tls", ("mail.example.com", 2525, "tls", None, None)),
        ("smtp://127.0.0.1:25?tls=none", ("127.0.0.1", 25, "none", None, None)),
    ],
)
def test_the_mail_server_is_read_from_one_address(url, expected):
    mail = load_settings({"SMTP_URL": url, **FROM}).mail
    assert mail
    assert (mail.host, mail.port, mail.tls, mail.user, mail.password) == expected
    assert (mail.address, mail.domain) == ("insight@example.com", "example.com")
    assert "s@crt" not in repr(mail)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"SMTP_URL": "http://hush@mail.example.com", **FROM}, "SMTP_URL: expected smtp://"),
        ({"SMTP_URL": "smtp://hush@mail.example.com:x", **FROM}, "SMTP_URL: expected smtp://"),
        ({"SMTP_URL": "smtp://mail.example.com?tls=hush", **FROM}, "SMTP_URL: expected smtp://"),
        ({"SMTP_URL": "smtp://mail.example.com?tls=none", **FROM}, "only this machine may do without"),
        ({"SMTP_URL": "smtp://mail.example.com"}, "MAIL_FROM: expected an address such as"),
        ({"SMTP_URL": "smtp://mail.example.com", "MAIL_FROM": "nobody"}, "MAIL_FROM: expected an address such as"),
    ],
)
def test_a_mail_server_that_cannot_be_used_is_refused_without_what_came(env, said):
    with pytest.raises(SettingsError, match=re.escape(said)) as told:
        load_settings(env)
    assert "hush" not in str(told.value)


def test_without_an_address_there_is_no_mail_server():
    assert load_settings(FROM).mail is None


# --- the identity provider ---

PUBLIC = {"SALESINSIGHT_BASE_URL": "https://insight.example.com", "SALESINSIGHT_SECRET_KEY": "k" * 32}
PROVIDER = {"OIDC_ISSUER": "https://login.example.com", "OIDC_CLIENT_ID": "insight", "OIDC_CLIENT_SECRET": "hush"}


def test_an_identity_provider_is_read_with_its_secret_unseen():
    oidc = load_settings({**PUBLIC, **PROVIDER}).oidc
    assert oidc
    assert (oidc.issuer, oidc.client_id, oidc.client_secret) == ("https://login.example.com", "insight", "hush")
    assert "hush" not in repr(oidc)
    assert load_settings(PUBLIC).oidc is None


@pytest.mark.parametrize(
    ("env", "said"),
    [
        (PROVIDER, "SALESINSIGHT_BASE_URL: expected beside OIDC_ISSUER"),
        ({**PUBLIC, **PROVIDER, "OIDC_CLIENT_SECRET": ""}, "OIDC_CLIENT_SECRET: expected beside OIDC_ISSUER, OIDC_CLIENT_ID"),
        ({**PUBLIC, "OIDC_CLIENT_SECRET": "hush"}, "OIDC_ISSUER: expected beside OIDC_CLIENT_SECRET"),
        ({**PUBLIC, **PROVIDER, "OIDC_ISSUER": "http://login.example.com"}, "OIDC_ISSUER: expected the provider's issuer"),
        ({**PUBLIC, **PROVIDER, "OIDC_ISSUER": "login.example.com"}, "OIDC_ISSUER: expected the provider's issuer"),
        ({**PUBLIC, **PROVIDER, "OIDC_ISSUER": "https://a.example/?x=1"}, "OIDC_ISSUER: expected the provider's issuer"),
    ],
)  # fmt: skip
def test_an_identity_provider_that_cannot_be_used_is_refused_by_name(env, said):
    with pytest.raises(SettingsError, match=re.escape(said)) as told:
        load_settings(env)
    assert "hush" not in str(told.value)
