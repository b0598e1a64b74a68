"""The deals of waiting messages, and their owners, as they are now: from Salesforce if it answers, else from the rows of the last sync.

What belongs elsewhere: what follows from it (domain.delivery.recheck).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from types import TracebackType
from typing import Self

import pandas as pd

from salesinsight_assets.adapters.salesforce import SalesforceCallError, SalesforceClient
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.domain.crm.source import QuotaReachedError
from salesinsight_assets.domain.crm.tables import CrmTable
from salesinsight_assets.domain.delivery.recheck import DealNow
from salesinsight_assets.settings import SalesforceSettings

_READ = ("id", "stage_name", "owner_id", "is_closed")
_READ_OF_OWNERS = ("id", "is_active")
_TIMEOUT_SECONDS, _BUDGET_SECONDS = 10.0, 30.0
"""People wait for their messages: a Salesforce that is slow in the morning is not waited for as it is at night."""
_STORED = (
    "SELECT id, stage_name, owner_id, is_closed FROM crm.opportunities"
    " WHERE valid_to IS NULL AND NOT is_deleted AND id IN ({ids})"
)
_GONE = "SELECT id FROM crm.users WHERE valid_to IS NULL AND NOT is_deleted AND NOT is_active"
_ACTIVE = (
    "SELECT DISTINCT what_id FROM (SELECT what_id, created_date, is_deleted, valid_to FROM crm.tasks UNION ALL SELECT what_id,"
    " created_date, is_deleted, valid_to FROM crm.events) AS done"
    " WHERE valid_to IS NULL AND NOT is_deleted AND created_date >= ${since}::text::timestamptz AND what_id IN ({ids})"
)


class LastLook:
    """Reads deals once more, by one login; a Salesforce that did not answer once is not asked again by the same look.

    Activities are those of the last sync, recorded since the deal was scored. Used as a context, it is closed at its end.
    """

    def __init__(
        self,
        store: Warehouse,
        salesforce: SalesforceSettings,
        tables: Sequence[CrmTable],
        as_of: Callable[[date], datetime],
    ) -> None:
        self._store, self._as_of = store, as_of
        self._deals = next(table for table in tables if table.name == "opportunities")
        self._users = next(table for table in tables if table.name == "users")
        patience = replace(salesforce, timeout_seconds=_TIMEOUT_SECONDS, retry_budget_seconds=_BUDGET_SECONDS)
        self._client = SalesforceClient(patience)
        self._why_stored = None if salesforce.is_configured else "Salesforce is not configured"
        self._gone = set(store.read(_GONE)["id"])
        self._owners: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def __call__(self, deals: list[str], day: date) -> tuple[dict[str, DealNow], str]:
        """Each of the deals, told of `day`, that still exists, and where that was read."""
        found = self._asked(self._deals, _READ, deals)
        if found is not None:
            self._ask_for_owners(sorted({str(owner) for owner in found["owner_id"].dropna()} - self._owners))
        origin = "Salesforce" if found is not None else f"the stored rows: {self._why_stored}"
        ids = ", ".join(f"${place}" for place in range(1, len(deals) + 1))
        if found is None:
            found = self._store.read(_STORED.format(ids=ids), tuple(deals))
        since = (*deals, self._as_of(day).isoformat())
        active = self._store.read(_ACTIVE.format(ids=ids, since=len(deals) + 1), since)
        return _as_deals(found, self._gone, set(active["what_id"])), origin

    def _ask_for_owners(self, owners: list[str]) -> None:
        """Who of them has left since the last sync; where Salesforce does not say, what is stored holds."""
        found = self._asked(self._users, _READ_OF_OWNERS, owners) if owners else None
        if found is not None:
            self._owners |= set(owners)
            self._gone -= set(found["id"])
            self._gone |= set(found.loc[~found["is_active"].astype(bool), "id"])

    def _asked(self, table: CrmTable, read: Sequence[str], ids: Sequence[str]) -> pd.DataFrame | None:
        """What Salesforce says; None where it does not answer."""
        if self._why_stored is not None:
            return None
        columns = [column for column in table.columns if column.name in read]
        try:
            parts = [batch.to_pandas() for batch in self._client.rows_with(table, columns, "Id", ids)]
        except (SalesforceCallError, QuotaReachedError) as error:
            self._why_stored = f"Salesforce could not be asked: {error}"
            return None
        empty = pd.DataFrame(columns=pd.Index(read))
        return pd.concat([empty, *parts], ignore_index=True).drop_duplicates("id", keep="last")


def _as_deals(found: pd.DataFrame, gone: set[str], with_activity: set[str]) -> dict[str, DealNow]:
    return {
        str(row["id"]): DealNow(
            stage_name=row["stage_name"],
            owner_id=row["owner_id"],
            is_closed=bool(row["is_closed"]),
            is_owner_active=row["owner_id"] not in gone,
            has_new_activity=row["id"] in with_activity,
        )
        for row in found.to_dict("records")
    }
