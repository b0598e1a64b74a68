"""Settings: the only reader of environment variables, of `.env` and of the clock.

Secrets and addresses come from environment variables; business numbers from `salesinsight.toml` (see `policies`).
"""

import contextlib
import math
import os
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values


class SettingsError(ValueError):
    """A setting that cannot be used; the message says what was expected, what came and what to do."""


@dataclass(frozen=True)
class SalesforceSettings:
    """How to reach one Salesforce org. `is_configured` is False where no client id or user name is given."""

    login_url: str = "https://login.salesforce.com"
    auth: str = "client_credentials"
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    security_token: str | None = field(default=None, repr=False)
    private_key_file: str | None = None
    refresh_token: str | None = field(default=None, repr=False)
    ca_bundle: str | None = None
    api_version: str = "62.0"
    timeout_seconds: float = 30
    retry_budget_seconds: float = 900
    lookback_seconds: int = 900
    bulk_threshold: int = 2000
    page_size: int = 2000
    api_share: float = 0.8
    state_directory: Path | None = None  # where a refresh token that Salesforce changed is kept; None: in memory only

    @property
    def is_configured(self) -> bool:
        """Whether a login can be tried at all."""
        return bool(self.client_id or self.username)

    def record_url(self, record_id: str) -> str | None:
        """Where a person opens a record; None where no org is configured.

        >>> SalesforceSettings("https://acme.my.salesforce.com", client_id="x").record_url("006A")
        'https://acme.my.salesforce.com/006A'
        >>> SalesforceSettings(client_id="x").record_url("006A")
        'https://login.salesforce.com/?startURL=%2F006A'
        """
        if not self.is_configured:
            return None
        base = self.login_url.rstrip("/")
        is_for_all = urlsplit(base).hostname in ("login.salesforce.com", "test.salesforce.com")
        return f"{base}/?startURL=%2F{record_id}" if is_for_all else f"{base}/{record_id}"


@dataclass(frozen=True)
class SlackSettings:
    """How to reach Slack, how Slack signs what it sends us, and where the data engineer is told of what fails."""

    bot_token: str | None = field(default=None, repr=False)
    api_url: str = "https://slack.com/api/"
    ops_channel: str | None = None
    signing_secret: str | None = field(default=None, repr=False)
    timeout_seconds: float = 15


@dataclass(frozen=True)
class MailSettings:
    """How to hand over e-mail, and who it is from; `tls` is `starttls`, `tls` (from the first byte on) or `none`."""

    host: str
    port: int
    sender: str
    tls: str = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_seconds: float = 30

    @property
    def address(self) -> str:
        """The bare address of the sender."""
        return parseaddr(self.sender)[1]

    @property
    def domain(self) -> str:
        """What stands behind the @ of the sender."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True)
class LinkSettings:
    """The public address of our pages, without a slash at its end, and the key that signs the links in messages."""

    base_url: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True)
class OidcSettings:
    """Which identity provider signs people in, and as which of its applications we ask."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    timeout_seconds: float = 10


@dataclass(frozen=True)
class PagerDutySettings:
    """Which PagerDuty service wakes the data engineer."""

    routing_key: str = field(repr=False)
    api_url: str = "https://events.pagerduty.com/v2/enqueue"
    timeout_seconds: float = 15


@dataclass(frozen=True)
class Settings:
    """Everything a process needs to know about where it runs."""

    home: Path
    postgres_url: str | None
    timezone: str
    config_file: Path | None
    salesforce: SalesforceSettings
    company: str | None = None  # the name of one company of several on one Dagster; None: the only one
    dagster_postgres_url: str | None = None  # None: a database `dagster` beside the warehouse
    shared_home: Path | None = None  # of the deployment, where several companies share its embedded Dagster database
    slack: SlackSettings = field(default_factory=SlackSettings)
    mail: MailSettings | None = None
    links: LinkSettings | None = None
    oidc: OidcSettings | None = None
    pagerduty: PagerDutySettings | None = None
    dagster_url: str = "http://127.0.0.1:3000"
    metrics_token: str | None = field(default=None, repr=False)
    log_format: str = "text"

    @property
    def has_channel(self) -> bool:
        """Whether messages can be sent at all."""
        return self.mail is not None or self.slack.bot_token is not None

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.timezone)


_SALESFORCE_NUMBERS: dict[str, type] = {
    "timeout_seconds": float,
    "retry_budget_seconds": float,
    "lookback_seconds": int,
    "bulk_threshold": int,
    "page_size": int,
    "api_share": float,
}
_SALESFORCE_RANGES: dict[str, tuple[float, float, str]] = {
    "timeout_seconds": (1e-3, 3600, "seconds above 0 and up to 3600"),
    "retry_budget_seconds": (1e-3, 86_400, "seconds above 0 and up to 86400"),
    "lookback_seconds": (0, 86_400 * 30, "seconds from 0 to 2592000"),
    "bulk_threshold": (0, math.inf, "a number of rows, 0 or more"),
    "page_size": (200, 2000, "a number of rows from 200 to 2000"),
    "api_share": (1e-6, 1, "a share above 0 and up to 1"),
}
_AUTH_FLOWS = ("client_credentials", "jwt", "refresh_token", "password")


def environment(directory: Path | None = None) -> dict[str, str]:
    """The process environment over the `.env` file of `directory` (default: `settings_folder()`)."""
    return {**file_environment(directory or settings_folder()), **os.environ}


def settings_folder() -> Path:
    """Where `.env` and `salesinsight.toml` are: SALESINSIGHT_FOLDER, or the working directory."""
    return Path(os.environ.get("SALESINSIGHT_FOLDER") or Path.cwd())


def file_environment(directory: Path) -> dict[str, str]:
    """What the `.env` file of a folder sets; nothing where there is none."""
    return {name: value for name, value in dotenv_values(directory / ".env").items() if value is not None}


def load_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Settings from `env` (default: the process environment and `.env`).

    Raises:
        SettingsError: a value that cannot be used, by the name of its variable.
    """
    env = environment() if env is None else env
    folder = Path(env.get("SALESINSIGHT_FOLDER") or ".")
    home = (folder / (env.get("SALESINSIGHT_HOME") or ".salesinsight")).absolute()
    salesforce = _in_folder(_salesforce(env), folder) if env.get("SALESINSIGHT_FOLDER") else _salesforce(env)
    links = _links(env.get("SALESINSIGHT_BASE_URL") or None, env.get("SALESINSIGHT_SECRET_KEY") or None)
    return Settings(
        home=home,
        postgres_url=postgres_url(env, "SALESINSIGHT_POSTGRES_URL"),
        timezone=_timezone(env.get("SALESINSIGHT_TIMEZONE") or "UTC"),
        config_file=_config_file(folder, env.get("SALESINSIGHT_CONFIG")),
        salesforce=replace(salesforce, state_directory=home),
        company=_company(env.get("SALESINSIGHT_COMPANY") or None),
        dagster_postgres_url=postgres_url(env, "SALESINSIGHT_DAGSTER_POSTGRES_URL"),
        shared_home=Path(env["SALESINSIGHT_SHARED_HOME"]) if env.get("SALESINSIGHT_SHARED_HOME") else None,
        slack=_slack(env),
        mail=_mail(env.get("SMTP_URL") or None, env.get("MAIL_FROM") or None),
        links=links,
        oidc=_oidc(env, links),
        pagerduty=_pagerduty(env),
        dagster_url=(env.get("SALESINSIGHT_DAGSTER_URL") or Settings.dagster_url).rstrip("/"),
        metrics_token=_metrics_token(env.get("SALESINSIGHT_METRICS_TOKEN") or None),
        log_format=_log_format(env.get("SALESINSIGHT_LOG_FORMAT") or "text"),
    )


def _in_folder(salesforce: SalesforceSettings, folder: Path) -> SalesforceSettings:
    """The files that the settings name, from the folder that the settings are in."""
    key, bundle = (name and str(folder / name) for name in (salesforce.private_key_file, salesforce.ca_bundle))
    return replace(salesforce, private_key_file=key, ca_bundle=bundle)


def is_company_name(name: str) -> bool:
    """Whether a company can have this name: it becomes part of asset keys, and of names in PostgreSQL.

    >>> [is_company_name(name) for name in ("acme", "acme_2", "Acme", "2acme", "a-b", "a" * 41)]
    [True, True, False, False, False, False]
    """
    return re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) is not None


def _company(name: str | None) -> str | None:
    if name is None or is_company_name(name):
        return name
    raise SettingsError(
        "SALESINSIGHT_COMPANY: expected a short name of small letters, digits and _, which begins with a letter, such as"
        f" acme, got {name!r}; correct it or unset it"
    )


def postgres_url(env: Mapping[str, str], variable: str) -> str | None:
    """The address that a variable holds, if it can be one; None where it holds none.

    Raises:
        SettingsError: it is none. What came is not shown: a password may stand in any part of a wrong address.
    """
    url = (env.get(variable) or "").replace("postgresql+psycopg2:", "postgresql:", 1) or None
    if url is None or _is_postgres_url(url):
        return url
    raise SettingsError(
        f"{variable}: expected postgresql://user:password@host:port/database, got something else (not"
        " shown: it may hold a password); correct it, and write @ : / # ? % in a password as %40 %3A %2F %23 %3F %25"
    )


def _is_postgres_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    has_escapes = re.fullmatch(r"([^%]|%[0-9A-Fa-f]{2})*", url) is not None
    return parts.scheme in ("postgresql", "postgres") and is_port and has_escapes and parts.netloc.count("@") <= 1


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingsError(
            f"SALESINSIGHT_TIMEZONE: expected an IANA name such as Europe/Berlin, got {name!r}; correct it or unset it"
        ) from error
    return name


def _config_file(folder: Path, value: str | None) -> Path | None:
    path = folder / (value or "salesinsight.toml")
    if path.is_file():
        return path.absolute()
    if value:
        raise SettingsError(f"SALESINSIGHT_CONFIG: expected a file, got {value!r}; correct the path or unset it")
    return None


def _salesforce(env: Mapping[str, str]) -> SalesforceSettings:
    prefix = "SALESFORCE_"
    given: dict[str, Any] = {}
    for name in SalesforceSettings.__dataclass_fields__:
        value = env.get(prefix + name.upper())
        if value and name != "state_directory":
            given[name] = _number(prefix + name.upper(), value, _SALESFORCE_NUMBERS.get(name))
    settings = SalesforceSettings(**given)
    if settings.auth not in _AUTH_FLOWS:
        raise SettingsError(f"SALESFORCE_AUTH: expected one of {', '.join(_AUTH_FLOWS)}, got {settings.auth!r}")
    if not settings.login_url.startswith("https://"):
        raise SettingsError(f"SALESFORCE_LOGIN_URL: expected an address with https://, got {settings.login_url!r}")
    for name, (least, most, expected) in _SALESFORCE_RANGES.items():
        value = getattr(settings, name)
        if not least <= value <= most:
            variable = prefix + name.upper()
            raise SettingsError(f"{variable}: expected {expected}, got {value}; correct it or unset it")
    return settings


def _slack(env: Mapping[str, str]) -> SlackSettings:
    url = env.get("SLACK_API_URL") or SlackSettings.api_url
    if not url.startswith(("https://", "http://127.0.0.1:")):  # a token travels over TLS, or does not leave the machine
        raise SettingsError(f"SLACK_API_URL: expected an address with https://, got {url!r}; correct it or unset it")
    return SlackSettings(
        bot_token=env.get("SLACK_BOT_TOKEN") or None,
        signing_secret=env.get("SLACK_SIGNING_SECRET") or None,
        api_url=url if url.endswith("/") else f"{url}/",
        ops_channel=env.get("SLACK_OPS_CHANNEL") or None,
    )


def _pagerduty(env: Mapping[str, str]) -> PagerDutySettings | None:
    """The service, or None where no key of it is given."""
    key = env.get("PAGERDUTY_ROUTING_KEY") or None
    if key is None:
        return None
    url = env.get("PAGERDUTY_API_URL") or PagerDutySettings.api_url
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise SettingsError(
            f"PAGERDUTY_API_URL: expected an address with https://, got {url!r}; correct it or unset it"
        )
    return PagerDutySettings(key, url)


_LEAST_KEY = 32
"""Characters of a key: `openssl rand -hex 32` gives 64."""


def _links(base_url: str | None, key: str | None) -> LinkSettings | None:
    """Where links lead, or None where neither is given. The key is not shown."""
    if base_url is None and key is None:
        return None
    if key is None or len(key) < _LEAST_KEY:
        came = "nothing" if key is None else f"{len(key)}"
        raise SettingsError(
            f"SALESINSIGHT_SECRET_KEY: expected {_LEAST_KEY} characters or more, such as `openssl rand -hex 32` prints, got {came};"
            " set it beside SALESINSIGHT_BASE_URL"
        )
    parts = urlsplit(base_url or "")
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _OWN_HOSTS)
    if not base_url or not is_safe or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError(
            f"SALESINSIGHT_BASE_URL: expected an address such as https://insight.example.com, got {base_url!r}; correct it, or set it"
            " beside SALESINSIGHT_SECRET_KEY"
        )
    return LinkSettings(base_url.rstrip("/"), key)


def _metrics_token(token: str | None) -> str | None:
    """What lets Prometheus in, or None: nobody is. It is not shown."""
    if token is not None and len(token) < _LEAST_KEY:
        raise SettingsError(
            f"SALESINSIGHT_METRICS_TOKEN: expected {_LEAST_KEY} characters or more, such as `openssl rand -hex 32` prints, got"
            f" {len(token)}; set a longer one, or unset it"
        )
    return token


def _log_format(name: str) -> str:
    if name in ("text", "json"):
        return name
    raise SettingsError(f"SALESINSIGHT_LOG_FORMAT: expected text or json, got {name!r}; correct it or unset it")


def _oidc(env: Mapping[str, str], links: LinkSettings | None) -> OidcSettings | None:
    """The identity provider, or None where none is named. The secret is not shown."""
    names = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
    given = {name: env.get(name) or "" for name in names}
    if not any(given.values()):
        return None
    missing = [name for name in names if not given[name]]
    if links is None:
        missing.append("SALESINSIGHT_BASE_URL")
    if missing:
        raise SettingsError(
            f"{missing[0]}: expected beside {', '.join(n for n in names if given[n])}, got nothing; set it"
        )
    issuer = given["OIDC_ISSUER"]
    parts = urlsplit(issuer)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError(
            f"OIDC_ISSUER: expected the provider's issuer such as https://login.example.com, got {issuer!r}; correct it"
        )
    return OidcSettings(issuer, given["OIDC_CLIENT_ID"], given["OIDC_CLIENT_SECRET"])


_MAIL_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_OWN_HOSTS = ("127.0.0.1", "localhost", "::1")


def _mail(url: str | None, sender: str | None) -> MailSettings | None:
    """The mail server, or None where no address of it is given. What came is not shown: a password may stand in it."""
    if url is None:
        return None
    if sender is None or not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(sender)[1]):
        raise SettingsError(
            f"MAIL_FROM: expected an address such as SalesInsight <insight@example.com>, got {sender!r}; set it beside SMTP_URL"
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    tls = "tls" if parts.scheme == "smtps" else parse_qs(parts.query).get("tls", ["starttls"])[-1]
    if parts.scheme not in ("smtp", "smtps") or not host or tls not in _MAIL_PORTS:
        raise SettingsError(
            "SMTP_URL: expected smtp://user:password@host:587?tls=starttls (or tls, none), got something else (not shown: it"
            " may hold a password); correct it, and write @ : / # ? % in a password as %40 %3A %2F %23 %3F %25"
        )
    if tls == "none" and host not in _OWN_HOSTS:
        raise SettingsError(
            f"SMTP_URL: expected tls=starttls or tls=tls for {host}, got tls=none; only this machine may do without"
        )
    user, password = (unquote(part) if part is not None else None for part in (parts.username, parts.password))
    return MailSettings(host, port or _MAIL_PORTS[tls], sender, tls, user, password)


def _number(variable: str, value: str, kind: type | None) -> Any:
    if kind is None:
        return value
    try:
        return kind(value)
    except ValueError as error:
        raise SettingsError(f"{variable}: expected a number, got {value!r}; correct it or unset it") from error


_clock_stands_at: datetime | None = None


def now() -> datetime:
    """The current moment, in UTC. Nothing else in the package asks the clock."""
    return _clock_stands_at or datetime.now(UTC)


@contextlib.contextmanager
def clock_at(moment: datetime) -> Generator[None]:
    """Let this process's clock stand at `moment`: the demo lives its nights one by one."""
    global _clock_stands_at  # noqa: PLW0603 - there is one clock
    before, _clock_stands_at = _clock_stands_at, moment
    try:
        yield
    finally:
        _clock_stands_at = before


def last_complete_day(moment: datetime, zone: ZoneInfo) -> date:
    """The day before the one that `moment` falls on in the company's time zone: the partition a night works on."""
    return moment.astimezone(zone).date() - timedelta(days=1)


def export_environment(values: Mapping[str, str]) -> None:
    """Set variables of this process, for the libraries and child processes that read them there."""
    os.environ.update(values)


def child_environment() -> dict[str, str]:
    """The environment for a child process: ours, but for the ban on bytecode, which would double every import."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


_OWN_VARIABLES = ("SALESINSIGHT_", "SALESFORCE_", "SLACK_", "SMTP_", "MAIL_FROM", "OIDC_", "PAGERDUTY_", "DAGSTER_")


def bare_environment() -> dict[str, str]:
    """The environment for a child process, without any setting of ours: what a company of several begins with."""
    return {name: value for name, value in child_environment().items() if not name.startswith(_OWN_VARIABLES)}


def become(values: Mapping[str, str]) -> None:
    """Let the settings of this process be `values` alone, whatever it was started with."""
    kept = {**bare_environment(), **values}
    os.environ.clear()
    os.environ.update(kept)
