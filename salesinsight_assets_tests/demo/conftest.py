"""One full company and one small one, built once; tests that change a company get a copy of the small one."""

import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from salesinsight_assets.demo.company import DemoCompany

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
