"""The traces deals leave in the CRM: their rows, their histories, their deletion.

What happens is decided in `days`; here it becomes rows with consistent stamps, as Salesforce would write them.
"""

import sqlite3
from typing import Any

import numpy as np
import numpy.typing as npt

from salesinsight_assets.demo.simulation.catalogue import (
    COMPETITORS,
    NEXT_STEPS,
    OTHER_REGION,
    REGION_OF_COUNTRY,
    STAGES,
)
from salesinsight_assets.demo.simulation.deals import OpenDeals
from salesinsight_assets.demo.simulation.dynamics import BoolArray
from salesinsight_assets.demo.simulation.journal import Journal, Moments, Strings, stamps
from salesinsight_assets.demo.simulation.new_deals import NewDeals
from salesinsight_assets.demo.simulation.roster import Accounts, Reps, objects
from salesinsight_assets.demo.storage import CHILD_OBJECTS

_STAGE_NAMES = objects(stage.name for stage in STAGES)
_PROBABILITIES = np.array([stage.probability for stage in STAGES], dtype=np.float64)
_FORECASTS = objects(stage.forecast for stage in STAGES)
_IS_CLOSED = np.array([stage.is_closed for stage in STAGES])
_IS_WON = np.array([stage.is_won for stage in STAGES])


class Traces:
    """Writes what happened to deals into the journal."""

    def __init__(self, journal: Journal, reps: Reps, accounts: Accounts) -> None:
        self._journal = journal
        self._reps = reps
        self._accounts = accounts
        self._deletions: list[tuple[str, str]] = []

    def new_deals(self, rng: np.random.Generator, new: NewDeals, created_at: Moments) -> None:
        """Deals with their first history row and, where there is one, their competitor."""
        deals, count = new.deals, len(new.deals)
        countries = self._accounts.countries[deals.account]
        self._journal.insert(
            "Opportunity",
            deals.ids,
            Name=new.names,
            AccountId=self._accounts.ids[deals.account],
            CurrencyIsoCode=self._accounts.currencies[deals.account],
            Type=np.where(new.is_existing_customer, "Existing Business", "New Business"),
            LeadSource=new.lead_sources,
            Product__c=new.products,
            Region__c=objects(REGION_OF_COUNTRY.get(country, OTHER_REGION) for country in countries),
            NextStep=rng.choice(objects(NEXT_STEPS), count),
            CreatedById=self._reps.ids[deals.owner],
            CreatedDate=created_at,
            Budget_Confirmed__c=rng.random(count) < 0.5,
            IsDeleted=False,
            **self._current_values(deals, created_at),
        )
        self._history(deals, created_at)
        self._competitors(rng, deals.ids[new.has_competitor], created_at[new.has_competitor])
        self._journal.add("hidden_outcomes", opportunity_id=deals.ids, will_win=deals.will_win, log_odds=deals.log_odds)

    def _current_values(self, deals: OpenDeals, saved_at: Moments) -> dict[str, Any]:
        return {
            "OwnerId": self._reps.ids[deals.owner],
            "StageName": _STAGE_NAMES[deals.stage],
            "Amount": deals.amount,
            "CloseDate": deals.close_date,
            "Probability": _PROBABILITIES[deals.stage],
            "ForecastCategoryName": _FORECASTS[deals.stage],
            "IsClosed": _IS_CLOSED[deals.stage],
            "IsWon": _IS_WON[deals.stage],
            "LastModifiedById": self._reps.ids[deals.owner],
            "LastModifiedDate": saved_at,
            "SystemModstamp": saved_at,
        }

    def _history(self, deals: OpenDeals, saved_at: Moments) -> None:
        self._journal.insert(
            "OpportunityHistory",
            self._journal.new_ids("OpportunityHistory", len(deals)),
            OpportunityId=deals.ids,
            StageName=_STAGE_NAMES[deals.stage],
            Amount=deals.amount,
            CurrencyIsoCode=self._accounts.currencies[deals.account],
            CloseDate=deals.close_date,
            Probability=_PROBABILITIES[deals.stage],
            ForecastCategory=_FORECASTS[deals.stage],
            CreatedById=self._reps.ids[deals.owner],
            CreatedDate=saved_at,
            SystemModstamp=saved_at,
            IsDeleted=False,
        )

    def _competitors(self, rng: np.random.Generator, opportunity_ids: Strings, created_at: Moments) -> None:
        self._journal.insert(
            "OpportunityCompetitor",
            self._journal.new_ids("OpportunityCompetitor", len(opportunity_ids)),
            OpportunityId=opportunity_ids,
            CompetitorName=rng.choice(objects(COMPETITORS), len(opportunity_ids)),
            CreatedDate=created_at,
            SystemModstamp=created_at,
            IsDeleted=False,
        )

    def saves(self, before: OpenDeals, after: OpenDeals, saved_at: Moments) -> None:
        """New values of the deals that changed, one save per deal, with the history rows Salesforce writes."""
        is_resized = before.amount != after.amount
        is_moved = before.close_date != after.close_date
        has_new_owner = before.owner != after.owner
        has_history = is_resized | is_moved | (before.stage != after.stage)
        is_saved = has_history | has_new_owner
        saved = after.where(is_saved)
        self._journal.update("Opportunity", saved.ids, **self._current_values(saved, saved_at[is_saved]))
        self._history(after.where(has_history), saved_at[has_history])
        self._field_history("Amount", "Currency", is_resized, before, before.amount, after.amount, saved_at)
        self._field_history("CloseDate", "DateOnly", is_moved, before, before.close_date, after.close_date, saved_at)
        # Salesforce keeps a change of owner twice: with the names, and with the Ids.
        names, ids = self._reps.names, self._reps.ids
        self._field_history("Owner", "Text", has_new_owner, before, names[before.owner], names[after.owner], saved_at)
        self._field_history("Owner", "EntityId", has_new_owner, before, ids[before.owner], ids[after.owner], saved_at)

    def _field_history(
        self,
        field: str,
        data_type: str,
        mask: BoolArray,
        deals: OpenDeals,
        old: npt.NDArray[Any],
        new: npt.NDArray[Any],
        saved_at: Moments,
    ) -> None:
        self._journal.insert(
            "OpportunityFieldHistory",
            self._journal.new_ids("OpportunityFieldHistory", int(mask.sum())),
            OpportunityId=deals.ids[mask],
            Field=field,
            DataType=data_type,
            OldValue=old[mask],
            NewValue=new[mask],
            CreatedById=self._reps.ids[deals.owner[mask]],
            CreatedDate=saved_at[mask],
            IsDeleted=False,
        )

    def departure(self, leaver: int, left_at: Moments) -> None:
        """A rep who no longer works here."""
        self._journal.update("User", self._reps.ids[[leaver]], IsActive=False, SystemModstamp=left_at)

    def deletions(self, deals: OpenDeals, deleted_at: np.datetime64) -> None:
        """Deals deleted that day; `write_deletions` carries it out once all rows before it are written."""
        deletion_stamp = str(stamps(np.array([deleted_at]))[0])
        self._deletions.extend((deal_id, deletion_stamp) for deal_id in deals.ids.tolist())

    def write_deletions(self, connection: sqlite3.Connection) -> None:
        """Delete the deals softly, and with them what hangs on them."""
        for opportunity_id, deleted_at in self._deletions:
            delete_softly(connection, "Opportunity", opportunity_id, deleted_at)
        self._deletions.clear()


def delete_softly(connection: sqlite3.Connection, object_name: str, record_id: str, deleted_at: str) -> None:
    """Move a record to the recycle bin, an opportunity with its histories and activities."""
    sql = f'UPDATE "{object_name}" SET IsDeleted = 1, SystemModstamp = ? WHERE Id = ?'
    connection.execute(sql, (deleted_at, record_id))
    if object_name != "Opportunity":
        return
    for child, parent_field in CHILD_OBJECTS:
        # A field history has no stamp of its own to move.
        stamp = "" if child == "OpportunityFieldHistory" else ", SystemModstamp = :at"
        connection.execute(
            f'UPDATE "{child}" SET IsDeleted = 1{stamp} WHERE "{parent_field}" = :parent AND IsDeleted = 0',
            {"at": deleted_at, "parent": record_id},
        )
