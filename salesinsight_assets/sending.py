"""Whether a run may tell anyone, whether it only replays a past day, and what it must say of the age of its rows.

Asked by the steps that alert and that queue.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.tags import BACKFILL_ID_TAG

from salesinsight_assets.domain.monitoring.freshness import OLDEST_ROWS
from salesinsight_assets.metadata import partition_day
from salesinsight_assets.resources import CompanyResource

if TYPE_CHECKING:
    from salesinsight_assets.adapters.warehouse import Warehouse

SEND_TAG = "salesinsight/send"
REPLAY_TAG = "salesinsight/replay"
"""Of the runs of `salesinsight replay`. With Dagster's own tag they would not be shown: it hides a backfill's runs behind it."""
NO_CHANNEL = "neither SMTP_URL nor SLACK_BOT_TOKEN is set"
OF_THIS_NIGHT = timedelta(hours=6)
"""Rows that are older than this when messages are made were not read in the night that makes them."""


def is_replay(context: dg.AssetExecutionContext, company: CompanyResource) -> bool:
    """Whether the run works on a past day as if it were its night: a backfill, or a day that is not the latest one.

    A backfill that may send (SEND_TAG) catches up with missed nights: its latest day is a night like any other.
    """
    if _because_of_the_past(context):
        return True
    return not is_at_any_hour(context) and partition_day(context) != company.last_complete_day()


def is_at_any_hour(context: dg.AssetExecutionContext) -> bool:
    """Whether somebody asked for this one run's messages, whatever its day and hour."""
    tags = context.run.tags
    return tags.get(SEND_TAG) == "true" and BACKFILL_ID_TAG not in tags


def _because_of_the_past(context: dg.AssetExecutionContext) -> str | None:
    tags = context.run.tags
    if BACKFILL_ID_TAG in tags and tags.get(SEND_TAG) != "true":
        return "this run is a backfill"
    return "this run replays past days" if REPLAY_TAG in tags else None


def withheld_because(context: dg.AssetExecutionContext, store: "Warehouse", company: CompanyResource) -> str | None:
    """Why nobody may be told by this run; None: they may."""
    if because := _because_of_the_past(context):
        return because
    if context.run.tags.get(SEND_TAG) == "false":
        return "this run was told not to send"
    if is_replay(context, company):
        return "this day is not the latest one"
    origin = store.crm_origin()
    if origin is None:
        return "there are no CRM rows"
    if company.now() - origin.told_until > OLDEST_ROWS:
        return f"the CRM rows are of {origin.told_until:%Y-%m-%d %H:%M} UTC, older than 24 h"
    return None


def note_on_rows(context: dg.AssetExecutionContext, store: "Warehouse", company: CompanyResource) -> str | None:
    """What readers must know of the rows behind a message; None: Salesforce was read this night, or a day is replayed."""
    from salesinsight_assets.domain.delivery.texts import rows_note

    origin = store.crm_origin()
    if origin is None or is_replay(context, company):
        return None
    is_upload = origin.source != "salesforce"
    if not is_upload and company.now() - origin.told_until <= OF_THIS_NIGHT:
        return None
    return rows_note(origin.told_until.astimezone(company.zone), is_upload=is_upload)


def note_on_report(context: dg.AssetExecutionContext, store: "Warehouse", company: CompanyResource) -> str | None:
    """What readers of a report must know of the rows behind it; None: they tell of the whole day, by Salesforce.

    It does not depend on the hour at which the report is made, for the report is kept.
    """
    from salesinsight_assets.domain.delivery.texts import rows_note

    origin = store.crm_origin()
    if origin is None:
        return None
    is_upload = origin.source != "salesforce" and not is_replay(context, company)
    if not is_upload and origin.told_until >= company.as_of(partition_day(context)):
        return None
    return rows_note(origin.told_until.astimezone(company.zone), is_upload=is_upload)
