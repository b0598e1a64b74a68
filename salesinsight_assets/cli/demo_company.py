"""Where the demo keeps its made-up company, and how many days it is behind."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from salesinsight_assets.demo.company import DemoCompany


def company_file(home: Path) -> Path:
    """The company's file under the home of the installation."""
    return home / "demo" / "company.sqlite"


def open_company(home: Path, last_day: date, progress: Callable[[date], None]) -> DemoCompany:
    """The company; founded two years before `last_day` if there is none yet."""
    path = company_file(home)
    if path.is_file():
        return DemoCompany.open(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    return DemoCompany.create(path, last_day, progress=progress)


def nights_ahead(company: DemoCompany, newest: date, most: int) -> list[date]:
    """The days to play: those the company has not lived yet, at most `most`; with none, the newest one again."""
    ahead = (newest - company.last_day).days
    return [newest - timedelta(days=n) for n in reversed(range(min(ahead, most)))] or [newest]
