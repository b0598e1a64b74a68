"""Whether the companies of a deployment can run, and whether PostgreSQL keeps them apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg2

from salesinsight_assets.adapters.warehouse.roles import enters
from salesinsight_assets.adapters.warehouse.schema import require_server, status
from salesinsight_assets.cli.runtime import check_config
from salesinsight_assets.companies import Company
from salesinsight_assets.settings import Settings, SettingsError

_FOR_OTHERS = 0o077


@dataclass(frozen=True)
class Finding:
    """What was found of a company, and whether that is as it should be."""

    company: str
    is_good: bool
    text: str


def findings(companies: Sequence[Company], dagster_url: str | None) -> list[Finding]:
    """Of each company what can be said."""
    usable: list[tuple[Company, Settings]] = []
    found: list[Finding] = []
    for company in companies:
        try:
            settings = company.settings
            check_config(settings)
        except SettingsError as error:
            found.append(Finding(company.name, False, str(error)))
        else:
            usable.append((company, settings))
            found += [Finding(company.name, *said) for said in (_file(company), _database(settings))]
    return [*found, *_apart([(company.name, settings) for company, settings in usable], dagster_url)]


def _file(company: Company) -> tuple[bool, str]:
    mode = (company.folder / ".env").stat().st_mode
    if mode & _FOR_OTHERS:
        return False, f"{company.folder / '.env'} can be read by others: chmod 600 it"
    return True, "its secrets can be read by its owner alone"


def _database(settings: Settings) -> tuple[bool, str]:
    url = settings.postgres_url
    if url is None:
        return True, "its PostgreSQL is embedded, for trying out: whoever may read its folder may read its rows"
    try:
        require_server(url)
        revision = status(url)
    except SettingsError as error:
        return False, str(error)
    if revision.is_current:
        return True, f"its database is at revision {revision.revision}, the present one"
    return (
        revision.revision is None,
        f"its database is at revision {revision.revision}; its code server will upgrade it",
    )


def _apart(companies: Sequence[tuple[str, Settings]], dagster_url: str | None) -> Iterator[Finding]:
    """Whether each company's role is kept out of every other company's database."""
    urls = {name: settings.postgres_url for name, settings in companies if settings.postgres_url}
    for name, url in urls.items():
        for other, other_url in urls.items():
            if other != name:
                yield _kept_out(name, url, other, other_url)
        if dagster_url and enters(dagster_url, url):
            yield Finding(name, False, f"the role of the shared Dagster may enter {_named(url)}: revoke CONNECT")


def _kept_out(name: str, url: str, other: str, other_url: str) -> Finding:
    try:
        may_enter = enters(url, other_url)
    except psycopg2.Error as error:
        return Finding(name, False, f"whether it may enter {_named(other_url)} is not known: {error}")
    text = f"{'may enter' if may_enter else 'is kept out of'} {_named(other_url)}, the database of {other}"
    return Finding(name, not may_enter, text)


def _named(url: str) -> str:
    return urlsplit(url).path.lstrip("/")
