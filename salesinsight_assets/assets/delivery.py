"""Stage delivery: the digests and Slack messages of a day, worded and put into the outbox."""

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from salesinsight_assets.domain.derived_tables import OUTBOX
from salesinsight_assets.metadata import partition_day, row_metadata, spec
from salesinsight_assets.partitions import DAILY
from salesinsight_assets.resources import CompanyResource, WarehouseResource

if TYPE_CHECKING:
    import pandas as pd

    from salesinsight_assets.adapters.warehouse import Warehouse

SEND_TAG = "salesinsight/send"
BACKFILL_TAG = "dagster/backfill"
OLDEST_ROWS = timedelta(hours=24)


@dg.asset(
    **spec(
        "delivery",
        OUTBOX,
        "One digest e-mail a rep and one Slack message for each HIGH alert. Put into the outbox under a key that is used"
        " once, and only in the night after the day, on CRM rows under 24 h old: backfills and replays never send.",
        {"email", "slack", "postgres"},
        name="messages",
    ),
    deps=["rep_alerts", "opportunity_scores", "open_opportunities", "users"],
    partitions_def=DAILY,
)
def messages(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.domain.delivery.messages import alert_messages

    store, day = warehouse.open(), partition_day(context)
    alerts, reps = store.alerts_to_word(day), store.read("SELECT id, name, email FROM crm.users WHERE valid_to IS NULL")
    made = alert_messages(alerts, reps, day, company.now(), company.policies.playbook)
    withheld = _withheld_because(context, store, company)
    queued = 0 if withheld else store.insert_new(OUTBOX, made)
    folder = _write_files(made, company.settings.home / "messages" / day.isoformat())
    first = json.loads(made["payload"].iloc[0])["text"] if len(made) else "no alert today"
    return dg.MaterializeResult(
        metadata=row_metadata(
            made.drop(columns="payload"),
            queued=queued,
            already_in_outbox=0 if withheld else len(made) - queued,
            outbox=f"nothing queued: {withheld}" if withheld else "queued",
            first_message=dg.MetadataValue.md(f"```\n{first}\n```"),
            files=dg.MetadataValue.path(str(folder)),
        )
    )


def _withheld_because(context: dg.AssetExecutionContext, store: "Warehouse", company: CompanyResource) -> str | None:
    """Why nobody may be told by this run; None: they may."""
    from salesinsight_assets.domain.delivery.messages import may_send

    tag = context.run.tags.get(SEND_TAG)
    if BACKFILL_TAG in context.run.tags:
        return "this run is a backfill"
    if tag == "false":
        return "this run was told not to send"
    if tag is None and not may_send(partition_day(context), company.last_complete_day(), is_replay=False):
        return "this day is not the latest one"
    synced_at = store.crm_synced_at()
    if synced_at is None or company.now() - synced_at > OLDEST_ROWS:
        return (
            f"the CRM rows are of {synced_at:%Y-%m-%d %H:%M} UTC, older than 24 h"
            if synced_at
            else "there are no CRM rows"
        )
    return None


def _write_files(made: "pd.DataFrame", folder: Path) -> Path:
    """Each message as a text file to read; the files of an earlier run of the day are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.txt"):
        old.unlink()
    for number, message in enumerate(made.itertuples(), 1):
        payload = json.loads(str(message.payload))
        head = f"To: {message.recipient or 'nobody: ' + str(message.error)}\n"
        head += f"Subject: {payload['subject']}\n\n" if "subject" in payload else "\n"
        (folder / f"{number:03d}-{message.channel}.txt").write_text(head + payload["text"] + "\n", encoding="utf-8")
    return folder
