"""One full company and one small one, built once; tests that change a company get a copy of the small one."""

import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import requests

from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.salesforce_server import DemoSalesforce

LAST_DAY = date(2026, 6, 30)


@pytest.fixture(scope="session")
def full_company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoCompany]:
    with DemoCompany.create(tmp_path_factory.mktemp("full") / "company.sqlite", LAST_DAY) as company:
        yield company


@pytest.fixture(scope="session")
def small_company_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "company.sqlite"
    DemoCompany.create(path, LAST_DAY, years=1, size=0.1).close()
    return path


@pytest.fixture(scope="session")
def small_company(small_company_file: Path) -> Iterator[DemoCompany]:
    """A small company that no test changes."""
    with DemoCompany.open(small_company_file) as company:
        yield company


@pytest.fixture
def copy_of_company(small_company_file: Path, tmp_path: Path) -> Iterator[Callable[[str], DemoCompany]]:
    """Makes copies of the small company, each under a name of its own."""
    opened: list[DemoCompany] = []

    def copied(name: str) -> DemoCompany:
        opened.append(DemoCompany.open(Path(shutil.copy(small_company_file, tmp_path / name))))
        return opened[-1]

    yield copied
    for company in opened:
        company.close()


@pytest.fixture
def company(copy_of_company: Callable[[str], DemoCompany]) -> DemoCompany:
    """A small company that a test may change."""
    return copy_of_company("company.sqlite")


class Client:
    """Plain calls to an org, over TLS, logged in until its session dies. Each call has a connection of its own."""

    def __init__(self, server: DemoSalesforce) -> None:
        self.server = server
        self.token = ""
        self.log_in()

    def log_in(self) -> None:
        known = self.server.credentials
        form = {"client_id": known.client_id, "client_secret": known.client_secret}
        self.token = self.token_answer(grant_type="client_credentials", **form).json()["access_token"]

    def token_answer(self, **form: str) -> requests.Response:
        return self._ask("POST", f"{self.server.login_url}/services/oauth2/token", data=form)

    def get(self, path: str, **parameters: str) -> requests.Response:
        return self.ask("GET", path, params=parameters)

    def ask(self, method: str, path: str, **more) -> requests.Response:
        address = path if path.startswith("/services") else f"/services/data/v62.0/{path}"
        headers = {"Authorization": f"Bearer {self.token}", "Sforce-Query-Options": "batchSize=200"}
        return self._ask(method, self.server.login_url + address, headers=headers, **more)

    def _ask(self, method: str, address: str, **more) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            session.verify = str(self.server.ca_bundle)
            return session.request(method, address, timeout=10, **more)

    def query(self, soql: str, with_deleted: bool = False) -> list[dict]:
        """All records, page by page."""
        page = self.get("queryAll" if with_deleted else "query", q=soql).json()
        records = page["records"]
        while not page["done"]:
            page = self.get(page["nextRecordsUrl"]).json()
            records += page["records"]
        return records

    def count(self, soql: str) -> int:
        return self.get("query", q=soql).json()["totalSize"]

    def job(self, soql: str) -> requests.Response:
        return self.ask("POST", "jobs/query", json={"operation": "queryAll", "query": soql})

    def results(self, soql: str, **parameters: str) -> requests.Response:
        """The first part of a job's result."""
        job_id = self.job(soql).json()["id"]
        assert self.get(f"jobs/query/{job_id}").json()["state"] == "JobComplete"
        return self.get(f"jobs/query/{job_id}/results", **parameters)

    def fields(self, object_name: str) -> dict[str, dict]:
        """The fields of describe by name."""
        return {field["name"]: field for field in self.get(f"sobjects/{object_name}/describe").json()["fields"]}

    def error(self, answer: requests.Response) -> tuple[int, str]:
        """Status and Salesforce's code."""
        return answer.status_code, answer.json()[0]["errorCode"]


@pytest.fixture
def org(company: DemoCompany, tmp_path: Path) -> Iterator[Client]:
    """A client of an org that the test may change."""
    with DemoSalesforce(company.path, tmp_path / "org") as server:
        yield Client(server)


@pytest.fixture(scope="module")
def shared_org(small_company: DemoCompany, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of an org in which tests may inject faults but change no record."""
    with DemoSalesforce(small_company.path, tmp_path_factory.mktemp("org")) as server:
        yield Client(server)
