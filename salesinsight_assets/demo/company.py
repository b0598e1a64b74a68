"""The made-up sales company in its file: create it, move it on in time, change it by hand, ask it for the truth.

How a day passes belongs to `simulation`; what others see of the company is what `salesforce_server` hands out.
"""

import sqlite3
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pandas as pd

from salesinsight_assets.demo.changes import ChangesByHand
from salesinsight_assets.demo.objects import salesforce_object
from salesinsight_assets.demo.simulation.days import CompanyPlan, Simulation
from salesinsight_assets.demo.simulation.founding import found
from salesinsight_assets.demo.simulation.journal import Journal
from salesinsight_assets.demo.simulation.strengths import Strengths
from salesinsight_assets.demo.storage import connect, create_indices, create_tables, fact, org_clock, remember

_DAYS_PER_YEAR = 365.25
Progress = Callable[[date], None]

_TRUTH_SQL = """
SELECT opportunity_id, as_of_date, log_odds FROM true_probabilities WHERE as_of_date < :last_day
UNION ALL
SELECT opportunity_id, :last_day, log_odds FROM hidden_outcomes JOIN Opportunity ON Id = opportunity_id
WHERE IsClosed = 0 AND IsDeleted = 0
ORDER BY 2, 1
"""


class DemoCompany(ChangesByHand):
    """A company of which everything is known, even what will become of its open deals."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.path = path

    @classmethod
    def create(
        cls,
        path: Path,
        last_day: date,
        years: float = 2,
        seed: int = 7,
        size: float = 1.0,
        signal: float = 1.0,
        progress: Progress | None = None,
    ) -> Self:
        """A company that has been in business for `years` up to and including `last_day`, in a new file.

        `size` 1.0 means about 5,000 closed and 1,000 open deals after two years. `signal` scales how much the CRM shows
        of what will become of a deal; at 0 it shows nothing. `progress` is told each day that has passed.

        Raises:
            FileExistsError: there is a file at `path` already.
        """
        if path.exists():
            raise FileExistsError(f"expected no file at {path}, found one; open it or choose another path")
        company = cls(path, connect(path))
        first_day = last_day - timedelta(days=round(years * _DAYS_PER_YEAR) - 1)
        try:
            with company._transaction() as connection:
                create_tables(connection)
                create_indices(connection)
                remember(connection, seed=seed, size=size, signal=signal)
                journal = Journal(connection)
                found(journal, first_day, seed, size)
                journal.write()
                Simulation(connection, company._plan()).run(first_day, last_day, progress)
        except BaseException:
            company.close()
            path.unlink()
            raise
        return company

    @classmethod
    def open(cls, path: Path) -> Self:
        """The company in the file at `path`.

        Raises:
            FileNotFoundError: there is none.
        """
        if not path.is_file():
            raise FileNotFoundError(f"expected a company's file at {path}, found none; create it first")
        return cls(path, connect(path))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def last_day(self) -> date:
        """The last day that has passed."""
        return date.fromisoformat(fact(self._connection, "last_day"))

    @property
    def now(self) -> datetime:
        """The org's own clock: the evening of the last day, later than every stamp in the CRM."""
        return org_clock(self._connection)

    def advance(self, to: date, progress: Progress | None = None) -> None:
        """Let the days after the last one pass, up to and including `to`; nothing where that day has passed.

        What was changed by hand lives on: a deal moved to another stage goes on from there, a closed one stays closed.
        """
        if to <= self.last_day:
            return
        with self._transaction() as connection:
            Simulation(connection, self._plan()).run(self.last_day + timedelta(days=1), to, progress)

    def true_win_probabilities(self) -> pd.DataFrame:
        """What an observer who sees the whole CRM would give for each open deal: every Sunday, and the last day.

        Columns: `opportunity_id`, `as_of_date`, `true_win_probability`. Exact, since every chance is known here.
        """
        rows = pd.read_sql_query(
            _TRUTH_SQL, self._connection, params={"last_day": self.last_day.isoformat()}, parse_dates=["as_of_date"]
        )
        rows["true_win_probability"] = 1 / (1 + np.exp(-rows["log_odds"]))
        return rows.drop(columns="log_odds")

    def true_outcomes(self) -> pd.DataFrame:
        """What became or will become of each deal: `opportunity_id`, `will_win`. No observer of the CRM knows it."""
        rows = pd.read_sql_query("SELECT opportunity_id, will_win FROM hidden_outcomes", self._connection)
        return rows.astype({"will_win": bool})

    def rows(self, object_name: str) -> pd.DataFrame:
        """All rows of a Salesforce object as they are stored, deleted ones too."""
        name = salesforce_object(object_name).name
        return pd.read_sql_query(f'SELECT * FROM "{name}" ORDER BY rowid', self._connection)

    def _plan(self) -> CompanyPlan:
        return CompanyPlan(
            seed=int(fact(self._connection, "seed")),
            size=float(fact(self._connection, "size")),
            strengths=Strengths(signal=float(fact(self._connection, "signal"))),
        )
