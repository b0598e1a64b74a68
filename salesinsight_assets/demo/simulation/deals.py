"""The open deals of the company, as arrays: what the CRM shows of them, and what it does not."""

import sqlite3
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from salesinsight_assets.demo.simulation.catalogue import OPEN_STAGES
from salesinsight_assets.demo.simulation.dynamics import BoolArray, FloatArray, IntArray
from salesinsight_assets.demo.simulation.journal import Strings
from salesinsight_assets.demo.simulation.roster import Accounts, Reps


@dataclass
class OpenDeals:
    """One place per open deal in every array. Amounts are in the deal's own currency.

    `owner` and `account` are places in the roster, `stage` in `catalogue.STAGES`. `will_win` is decided when a deal is
    made, and hidden; `log_odds` is what an observer who sees the whole CRM would give for winning it.
    """

    ids: Strings
    account: IntArray
    owner: IntArray
    stage: IntArray
    amount: FloatArray
    close_date: npt.NDArray[np.datetime64]
    will_win: BoolArray
    log_odds: FloatArray

    def __len__(self) -> int:
        return len(self.ids)

    def where(self, mask: BoolArray) -> "OpenDeals":
        """The deals for which `mask` holds."""
        return OpenDeals(*(getattr(self, column.name)[mask] for column in fields(self)))

    def with_new(self, others: "OpenDeals") -> "OpenDeals":
        """These deals and then the others."""
        columns = (column.name for column in fields(self))
        return OpenDeals(*(np.concatenate([getattr(self, name), getattr(others, name)]) for name in columns))

    def changed(self, **columns: Any) -> "OpenDeals":
        """The same deals with other values in these columns."""
        return replace(self, **columns)


_OPEN_DEALS_SQL = """
SELECT Id, AccountId, OwnerId, StageName, Amount, CloseDate, will_win, log_odds
FROM Opportunity JOIN hidden_outcomes ON opportunity_id = Id
WHERE IsClosed = 0 AND IsDeleted = 0 ORDER BY Opportunity.rowid
"""


def read_open_deals(connection: sqlite3.Connection, reps: Reps, accounts: Accounts) -> OpenDeals:
    """The open deals as the CRM holds them now, so that a change made by hand lives on.

    A deal that was given an account, owner or stage unknown to the simulation, or no amount, is left alone.
    """
    account_places = {value: place for place, value in enumerate(accounts.ids.tolist())}
    rep_places = {value: place for place, value in enumerate(reps.ids.tolist())}
    stage_places = {stage.name: place for place, stage in enumerate(OPEN_STAGES)}
    rows = [
        (deal_id, account_places[account], rep_places[owner], stage_places[stage], *rest)
        for deal_id, account, owner, stage, *rest in connection.execute(_OPEN_DEALS_SQL)
        if account in account_places and owner in rep_places and stage in stage_places and None not in rest
    ]
    types = ("U18", "int64", "int64", "int64", "float64", "datetime64[D]", "bool", "float64")
    columns = zip(*rows, strict=True) if rows else ((),) * len(types)
    return OpenDeals(*(np.array(column, dtype=kind) for column, kind in zip(columns, types, strict=True)))
