"""The company on its first day: stages, currencies, people and accounts, before any deal."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from salesinsight_assets.demo.simulation.catalogue import (
    ACCOUNT_FIRST_WORDS,
    ACCOUNT_SECOND_WORDS,
    ACCOUNT_TYPES,
    COUNTRIES,
    CURRENCIES,
    FIRST_NAMES,
    INDUSTRIES,
    LAST_NAMES,
    STAGES,
)
from salesinsight_assets.demo.simulation.journal import Journal, Strings
from salesinsight_assets.demo.simulation.roster import REP_TITLE, objects

_FOUNDING_STREAM = 2
_MAIL_DOMAIN = "northlight-sales.example"


def found(journal: Journal, day: date, seed: int, size: float) -> None:
    """Write the company's reference data, stamped on the morning of `day`."""
    rng = np.random.default_rng([seed, _FOUNDING_STREAM])
    stamp = np.array([np.datetime64(day, "s") + np.timedelta64(8, "h")])
    _stages(journal, stamp)
    _currencies(journal, stamp)
    rep_ids = _people(journal, rng, stamp, rep_count=max(4, round(25 * size)), manager_count=max(1, round(3 * size)))
    _accounts(journal, rng, stamp, rep_ids, count=max(40, round(400 * size)))


def _stages(journal: Journal, stamp: np.ndarray) -> None:
    names = objects(stage.name for stage in STAGES)
    journal.insert(
        "OpportunityStage",
        journal.new_ids("OpportunityStage", len(STAGES)),
        MasterLabel=names,
        ApiName=names,
        IsActive=True,
        IsClosed=objects(stage.is_closed for stage in STAGES),
        IsWon=objects(stage.is_won for stage in STAGES),
        SortOrder=np.arange(1, len(STAGES) + 1),
        DefaultProbability=objects(stage.probability for stage in STAGES),
        CreatedDate=np.repeat(stamp, len(STAGES)),
        SystemModstamp=np.repeat(stamp, len(STAGES)),
    )


_BEGINNING_OF_TIME, _END_OF_TIME = "0001-01-01", "9999-12-31"  # how Salesforce bounds the first and the last dated rate


def _currencies(journal: Journal, stamp: np.ndarray) -> None:
    journal.insert(
        "CurrencyType",
        journal.new_ids("CurrencyType", len(CURRENCIES)),
        IsoCode=objects(currency.code for currency in CURRENCIES),
        ConversionRate=objects(currency.rate for currency in CURRENCIES),
        IsCorporate=objects(currency.is_corporate for currency in CURRENCIES),
        IsActive=True,
        CreatedDate=np.repeat(stamp, len(CURRENCIES)),
        SystemModstamp=np.repeat(stamp, len(CURRENCIES)),
    )
    journal.insert(
        "DatedConversionRate",
        journal.new_ids("DatedConversionRate", len(CURRENCIES)),
        IsoCode=objects(currency.code for currency in CURRENCIES),
        ConversionRate=objects(currency.rate for currency in CURRENCIES),
        StartDate=_BEGINNING_OF_TIME,
        NextStartDate=_END_OF_TIME,
        CreatedDate=np.repeat(stamp, len(CURRENCIES)),
        SystemModstamp=np.repeat(stamp, len(CURRENCIES)),
    )


def _people(
    journal: Journal, rng: np.random.Generator, stamp: np.ndarray, rep_count: int, manager_count: int
) -> Strings:
    head_id = journal.new_ids("User", 1)[0]
    roles = _roles(journal, stamp, manager_count)
    _hire(journal, rng, stamp, head_id, title="VP Sales", manager_id=None, role_id=roles.head)
    manager_ids = journal.new_ids("User", manager_count)
    for team, manager_id in enumerate(manager_ids):
        _hire(journal, rng, stamp, manager_id, title="Sales Manager", manager_id=head_id, role_id=roles.managers[team])
    rep_ids = journal.new_ids("User", rep_count)
    for place, rep_id in enumerate(rep_ids):
        team = place % manager_count
        _hire(journal, rng, stamp, rep_id, title=REP_TITLE, manager_id=manager_ids[team], role_id=roles.reps[team])
    return rep_ids


class _Roles(NamedTuple):
    """The Ids of the roles: one for each team's manager, and one below it for the team's reps."""

    head: str
    managers: Strings
    reps: Strings


def _roles(journal: Journal, stamp: np.ndarray, team_count: int) -> _Roles:
    head, *below = journal.new_ids("UserRole", 1 + 2 * team_count)
    roles = _Roles(str(head), np.array(below[:team_count]), np.array(below[team_count:]))
    teams = [f"Team {place}" for place in range(1, team_count + 1)]
    journal.insert(
        "UserRole",
        np.array([head, *below]),
        Name=objects(["VP Sales", *(f"Manager {team}" for team in teams), *(f"Rep {team}" for team in teams)]),
        ParentRoleId=objects([None, *[str(head)] * team_count, *map(str, roles.managers)]),
        SystemModstamp=np.repeat(stamp, 1 + 2 * team_count),
    )
    return roles


def _hire(
    journal: Journal,
    rng: np.random.Generator,
    stamp: np.ndarray,
    user_id: str,
    title: str,
    manager_id: str | None,
    role_id: str,
) -> None:
    journal.insert("User", np.array([user_id]), **new_person(rng, user_id, title, manager_id, role_id, stamp))


def new_person(
    rng: np.random.Generator, user_id: str, title: str, manager_id: str | None, role_id: str | None, stamp: np.ndarray
) -> Mapping[str, Any]:
    """The fields of a user with a drawn name. The Id's last digits keep the addresses of namesakes apart."""
    first, last = str(rng.choice(FIRST_NAMES)), str(rng.choice(LAST_NAMES))
    address = f"{first}.{last}.{user_id[12:15]}@{_MAIL_DOMAIN}".lower()
    return {
        "Name": f"{first} {last}",
        "FirstName": first,
        "LastName": last,
        "Username": address,
        "Email": address,
        "IsActive": True,
        "ManagerId": None if manager_id is None else str(manager_id),
        "UserRoleId": role_id,
        "Title": title,
        "Department": "Sales",
        "TimeZoneSidKey": "UTC",
        "CreatedDate": stamp,
        "SystemModstamp": stamp,
    }


def _accounts(journal: Journal, rng: np.random.Generator, stamp: np.ndarray, rep_ids: Strings, count: int) -> None:
    employees = np.exp(rng.normal(5.0, 1.3, count)).astype(np.int64) + 5
    names = _account_names(rng, count)
    journal.insert(
        "Account",
        journal.new_ids("Account", count),
        Name=names,
        Industry=_drawn(rng, INDUSTRIES, count),
        Type=_drawn(rng, ACCOUNT_TYPES, count),
        BillingCountry=_drawn(rng, COUNTRIES, count),
        NumberOfEmployees=employees,
        AnnualRevenue=np.round(employees * 140_000.0, -3),
        OwnerId=rng.choice(rep_ids, count),
        Website=objects(f"https://{name.lower().replace(' ', '-')}.example" for name in names),
        Tier__c=_drawn(rng, {"A": 0.2, "B": 0.3, "C": 0.5}, count),
        IsDeleted=False,
        CreatedDate=np.repeat(stamp, count),
        SystemModstamp=np.repeat(stamp, count),
    )


def _account_names(rng: np.random.Generator, count: int) -> np.ndarray:
    pairs = [f"{first} {second}" for second in ACCOUNT_SECOND_WORDS for first in ACCOUNT_FIRST_WORDS]
    order = rng.permutation(len(pairs))
    # Once every pair of words is taken, a number tells the next round apart.
    rounds = (place // len(pairs) for place in range(count))
    return objects(
        pairs[order[place % len(pairs)]] + (f" {turn + 1}" if turn else "") for place, turn in enumerate(rounds)
    )


def _drawn(rng: np.random.Generator, shares: Mapping[str, float], count: int) -> np.ndarray:
    return rng.choice(np.array(list(shares), dtype=object), count, p=list(shares.values()))
