"""The warehouse of a company with very many deals, filled by COPY: the benchmarks of the dashboard do not wait for a sync."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.arrow import to_arrow
from salesinsight_assets.adapters.warehouse.tables import CRM
from salesinsight_assets.domain.history.snapshots import CrmRows
from salesinsight_assets_tests.benchmarks.many_deals import LAST_MOMENT, many_deals

INDUSTRIES = 10


def fill_with_many_deals(store: Warehouse, count: int, until: datetime) -> None:
    """Replace the CRM's rows by those of `count` deals, whose last moment is `until`, with their accounts and owners."""
    crm = _with_references(many_deals(count))
    for name, table in CRM.items():
        store.execute(f"DELETE FROM crm.{name}")
        rows = crm.get(name)
        if rows is None or not len(rows):
            continue
        rows = _moved(rows, until - LAST_MOMENT).assign(synced_at=until, source="demo")
        with store.transaction() as sql:
            sql.adbc_ingest(name, to_arrow(rows, table), mode="append", db_schema_name="crm")
        store.execute(f"ANALYZE crm.{name}")


def _with_references(crm: CrmRows) -> CrmRows:
    """The accounts and users whom the deals name, each there since the first deal, and a campaign response an account."""
    deals = crm["opportunities"]
    accounts, users = _named(crm["accounts"], deals["account_id"]), _named(crm["users"], deals["owner_id"])
    accounts["industry"] = [f"industry {place % INDUSTRIES}" for place in range(len(accounts))]
    since = deals["created_date"].min()
    times = dict.fromkeys(("created_date", "system_modstamp", "valid_from", "stamped_at"), since)
    responses = _rows(crm["campaign_members"], "00v" + accounts["id"])
    responses = responses.assign(account_id=accounts["id"], campaign_id="701", has_responded=True)
    return {
        **crm,
        "accounts": accounts.assign(**times),
        "users": users.assign(**times),
        "campaign_members": responses.assign(**times),
    }


def _named(like: pd.DataFrame, ids: pd.Series) -> pd.DataFrame:
    """A row an id, its name the id."""
    rows = _rows(like, pd.Series(np.sort(ids.unique())))
    return rows.assign(name=rows["id"])


def _rows(like: pd.DataFrame, ids: pd.Series) -> pd.DataFrame:
    """A row an id that is not deleted, with the columns of the empty `like`, all else missing."""
    return like.reindex(range(len(ids))).assign(id=ids, is_deleted=False)


def _moved(rows: pd.DataFrame, by: timedelta) -> pd.DataFrame:
    """Rows with all their times later by so much."""
    times = [name for name in rows if pd.api.types.is_datetime64_any_dtype(rows[name])]
    return rows.assign(**{name: rows[name] + by for name in times})
