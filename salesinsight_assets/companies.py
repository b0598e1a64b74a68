"""The companies of one deployment: each a folder with its own `.env`, `salesinsight.toml` and state, as a single company has.

The folder's name is the company's. What is not here: the databases (adapters.warehouse.roles), and what Dagster shares (shared_names).
"""

from dataclasses import dataclass
from pathlib import Path

from salesinsight_assets.settings import (
    Settings,
    SettingsError,
    become,
    environment,
    file_environment,
    is_company_name,
    load_settings,
)

DAGSTER_URL = "SALESINSIGHT_DAGSTER_POSTGRES_URL"
COMPANY_TAG = "salesinsight/company"
"""On runs: whose they are."""
MOST_SOCKET_CHARACTERS = 100
"""Of the path of a socket: Linux allows 107, macOS 103."""


@dataclass(frozen=True)
class Company:
    """One of several companies."""

    name: str
    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """What tells a process which company it works for; all else stands in the folder."""
        return {"SALESINSIGHT_COMPANY": self.name, "SALESINSIGHT_FOLDER": str(self.folder)}

    @property
    def settings(self) -> Settings:
        """The company's settings, without any of this process.

        Raises:
            SettingsError: one that cannot be used.
        """
        try:
            return load_settings({**file_environment(self.folder), **self.variables})
        except SettingsError as error:
            raise SettingsError(f"{self.folder / '.env'}: {error}") from None

    @property
    def socket(self) -> Path:
        """Where the company's code server listens; not below SALESINSIGHT_HOME, which only its own process may read."""
        return self.folder / "code-server.sock"


def companies_folder() -> Path:
    """The folder with a folder for each company: SALESINSIGHT_COMPANIES, or `companies` in the working directory."""
    return Path(environment().get("SALESINSIGHT_COMPANIES") or "companies").absolute()


def all_companies() -> list[Company]:
    """Every company, by name: each folder with a `.env`.

    Raises:
        SettingsError: a folder whose name a company cannot have.
    """
    found = sorted(file.parent for file in companies_folder().glob("*/.env"))
    return [Company(company_name(folder.name), folder) for folder in found]


def company_name(name: str) -> str:
    """The name, if a company can have it.

    Raises:
        SettingsError: it cannot.
    """
    if is_company_name(name):
        return name
    raise SettingsError(
        "expected a company's name of small letters, digits and _, which begins with a letter, such as acme, got"
        f" {name!r}; rename it"
    )


def find_company(name: str) -> Company:
    """The company of that name.

    Raises:
        SettingsError: there is none.
    """
    companies = {company.name: company for company in all_companies()}
    if name not in companies:
        known = ", ".join(companies) or f"but there is none in {companies_folder()}"
        raise SettingsError(
            f"--company: expected one of {known}, got {name!r}; correct it, or add it by `salesinsight companies add`"
        )
    return companies[name]


def enter_company(name: str) -> None:
    """Let this process's settings be those of the company's folder alone; what Dagster shares is the deployment's."""
    company = find_company(name)
    become({**shared_variables(), **company.variables})


def shared_variables() -> dict[str, str]:
    """Where the companies' Dagster keeps its runs: the deployment's own setting, or its embedded database."""
    settings = load_settings()
    if settings.dagster_postgres_url:
        return {DAGSTER_URL: settings.dagster_postgres_url}
    return {"SALESINSIGHT_SHARED_HOME": str(settings.home)}
