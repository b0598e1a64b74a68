"""Whether a run may tell anyone, and whether it only replays a past day: asked by the steps that alert and that queue."""

from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from salesinsight_assets.metadata import partition_day
from salesinsight_assets.resources import CompanyResource

if TYPE_CHECKING:
    from salesinsight_assets.adapters.warehouse import Warehouse

SEND_TAG = "salesinsight/send"
BACKFILL_TAG = "dagster/backfill"
OLDEST_ROWS = timedelta(hours=24)


def is_replay(context: dg.AssetExecutionContext, company: CompanyResource) -> bool:
    """Whether the run works on a past day as if it were its night: a backfill, or a day that is not the latest one."""
    tags = context.run.tags
    if BACKFILL_TAG in tags:
        return True
    return tags.get(SEND_TAG) != "true" and partition_day(context) != company.last_complete_day()


def withheld_because(context: dg.AssetExecutionContext, store: "Warehouse", company: CompanyResource) -> str | None:
    """Why nobody may be told by this run; None: they may."""
    if BACKFILL_TAG in context.run.tags:
        return "this run is a backfill"
    if context.run.tags.get(SEND_TAG) == "false":
        return "this run was told not to send"
    if is_replay(context, company):
        return "this day is not the latest one"
    synced_at = store.crm_synced_at()
    if synced_at is None:
        return "there are no CRM rows"
    if company.now() - synced_at > OLDEST_ROWS:
        return f"the CRM rows are of {synced_at:%Y-%m-%d %H:%M} UTC, older than 24 h"
    return None
