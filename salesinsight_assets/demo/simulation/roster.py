"""The people and accounts a simulated day draws from, as arrays, and the hidden talents of the reps."""

import sqlite3
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from salesinsight_assets.demo.simulation.catalogue import CURRENCIES, CURRENCY_OF_COUNTRY, INDUSTRIES
from salesinsight_assets.demo.simulation.dynamics import BoolArray, FloatArray
from salesinsight_assets.demo.simulation.journal import Strings
from salesinsight_assets.demo.simulation.strengths import Strengths

REP_TITLE = "Account Executive"
_TALENT_STREAM = 1


@dataclass
class Reps:
    """The reps, past and present, in the order in which they were hired."""

    ids: Strings
    names: npt.NDArray[np.object_]
    manager_ids: npt.NDArray[np.object_]
    role_ids: npt.NDArray[np.object_]
    is_active: BoolArray
    # Log-odds that a rep adds to a deal of each industry, a row per rep.
    talents: FloatArray

    @property
    def active(self) -> npt.NDArray[np.int64]:
        """The places of the reps who still work here."""
        return np.flatnonzero(self.is_active)

    def hire_for(self, leaver: int, rep_id: str, name: str, talent: FloatArray) -> int:
        """The place of a new rep, who takes another one's place in the team."""
        self.ids = np.append(self.ids, rep_id)
        self.names = np.append(self.names, np.array([name], dtype=object))
        self.manager_ids = np.append(self.manager_ids, self.manager_ids[leaver])
        self.role_ids = np.append(self.role_ids, self.role_ids[leaver])
        self.is_active = np.append(self.is_active, True)
        self.talents = np.vstack([self.talents, talent])
        return len(self.ids) - 1


@dataclass(frozen=True)
class Accounts:
    """The accounts deals are made with."""

    ids: Strings
    names: npt.NDArray[np.object_]
    industries: npt.NDArray[np.object_]
    countries: npt.NDArray[np.object_]
    currencies: npt.NDArray[np.object_]
    rates: FloatArray


def talent(strengths: Strengths, seed: int, place: int) -> FloatArray:
    """What the rep hired at that place adds to the log-odds of a deal, by industry; the same at every call."""
    rng = np.random.default_rng([seed, _TALENT_STREAM, place])
    skill = rng.normal(0, strengths.rep_skill_deviation)
    return skill + rng.normal(0, strengths.rep_industry_deviation, len(INDUSTRIES))


def read_reps(connection: sqlite3.Connection, strengths: Strengths, seed: int) -> Reps:
    """The reps as the CRM holds them."""
    rows = connection.execute(
        "SELECT Id, Name, ManagerId, UserRoleId, IsActive FROM User WHERE Title = ? ORDER BY rowid", (REP_TITLE,)
    ).fetchall()
    ids, names, managers, roles, is_active = zip(*rows, strict=True)
    talents = np.array([talent(strengths, seed, place) for place in range(len(rows))])
    return Reps(
        np.array(ids), objects(names), objects(managers), objects(roles), np.array(is_active, dtype=bool), talents
    )


def read_accounts(connection: sqlite3.Connection) -> Accounts:
    """The accounts as the CRM holds them, without deleted ones."""
    rows = connection.execute(
        "SELECT Id, Name, Industry, BillingCountry FROM Account WHERE IsDeleted = 0 ORDER BY rowid"
    ).fetchall()
    ids, names, industries, countries = zip(*rows, strict=True)
    currencies = [CURRENCY_OF_COUNTRY.get(country, CURRENCIES[0].code) for country in countries]
    rate_of = {currency.code: currency.rate for currency in CURRENCIES}
    rates = np.array([rate_of[code] for code in currencies])
    return Accounts(np.array(ids), objects(names), objects(industries), objects(countries), objects(currencies), rates)


def objects(values: Any) -> npt.NDArray[np.object_]:
    """Values that may be None, as an array."""
    return np.array(list(values), dtype=object)
