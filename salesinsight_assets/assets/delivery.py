"""Stage delivery: the digests and Slack messages of a day, worded, put into the outbox, and sent."""

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from salesinsight_assets.audience import asked_at, work_times
from salesinsight_assets.domain.derived_tables import OUTBOX
from salesinsight_assets.metadata import markdown_table, partition_day, row_metadata, spec
from salesinsight_assets.partitions import DAILY
from salesinsight_assets.resources import CompanyResource, WarehouseResource
from salesinsight_assets.sending import NO_CHANNEL, note_on_rows, withheld_because

if TYPE_CHECKING:
    import pandas as pd

    from salesinsight_assets.adapters.warehouse import Warehouse


@dg.asset(
    **spec(
        "delivery",
        OUTBOX,
        "One digest e-mail a rep and one Slack message for each HIGH alert. Put into the outbox under a key that is used"
        " once, and only in the night after the day, on CRM rows under 24 h old: replays never send, nor"
        " does a backfill, unless it catches up with missed nights.",
        {"email", "slack", "postgres"},
        name="messages",
    ),
    deps=["rep_alerts", "opportunity_scores", "open_opportunities", "users"],
    partitions_def=DAILY,
)
def messages(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.adapters.warehouse.last_week import last_week
    from salesinsight_assets.domain.delivery.messages import alert_messages

    store, day = warehouse.open(), partition_day(context)
    alerts, reps = store.alerts_to_word(day), store.read("SELECT id, name, email FROM crm.users WHERE valid_to IS NULL")
    note = note_on_rows(context, store, company)
    now, times = company.now(), work_times(context, store, company)
    asked = asked_at(store, now)
    made = alert_messages(
        alerts,
        reps,
        day,
        now,
        company.policies.playbook,
        note,
        not_before=times.waits(alerts["owner_id"].unique(), now),
        without_mail=set(asked.loc[asked["spares_high"], "owner_id"]),
        last_week=last_week(store, day, company.as_of(day)),
    )
    withheld = withheld_because(context, store, company)
    queued = 0 if withheld else store.queue(made, day, alerts["opportunity_id"].tolist(), now)
    shown = _of_the_day(store, day, made)
    failed = shown.loc[shown["status"] == "failed", "error"]
    folder = _write_files(shown, company.settings.home / "messages" / day.isoformat())
    first = json.loads(shown["payload"].iloc[0])["text"] if len(shown) else "no alert today"
    return dg.MaterializeResult(
        metadata=row_metadata(
            shown.drop(columns="payload"),
            queued=queued,
            queued_before=0 if withheld else int((~shown["status"].isin(["failed", "cancelled"])).sum()) - queued,
            failed=len(failed),
            **({"failed_because": "; ".join(sorted(set(failed)))} if len(failed) else {}),
            **({"note_on_rows": note} if note else {}),
            outbox=f"nothing queued: {withheld}" if withheld else "queued",
            first_message=dg.MetadataValue.md(f"```\n{first}\n```"),
            files=dg.MetadataValue.path(str(folder)),
        )
    )


def _of_the_day(store: "Warehouse", day: date, made: "pd.DataFrame") -> "pd.DataFrame":
    """The day's messages: those of the outbox as they were queued, and those of this run that are not in it."""
    import pandas as pd

    from salesinsight_assets.adapters.warehouse.warehouse import NO_REPORT

    where = f"as_of_date = $1 AND {NO_REPORT}"
    queued = store.read(f"SELECT * FROM engagement.outbox AS o WHERE {where} ORDER BY owner_id, channel", (day,))
    fresh = made[~made["message_key"].isin(queued["message_key"])]
    return pd.concat([queued, fresh], ignore_index=True) if len(queued) else fresh


def _named(channel: str, address: str) -> str:
    """Whom a message goes to; a member of Slack is found by the e-mail address."""
    return f"the member of Slack with {address}" if channel == "slack" else address


def _write_files(made: "pd.DataFrame", folder: Path) -> Path:
    """Each message as a text file to read; the files of an earlier run of the day are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.txt"):
        old.unlink()
    for number, message in enumerate(made.itertuples(), 1):
        payload = json.loads(str(message.payload))
        address = str(message.recipient) if message.recipient else ""
        whom = _named(str(message.channel), address) if address else f"nobody, {message.error}"
        head = f"To: {whom} (rep {message.owner_id})\n"
        head += f"Subject: {payload['subject']}\n\n" if "subject" in payload else "\n"
        (folder / f"{number:03d}-{message.channel}.txt").write_text(head + payload["text"] + "\n", encoding="utf-8")
    return folder


@dg.asset(
    **spec(
        "delivery",
        OUTBOX,
        "Hands over what waits in the outbox, by the channels that are configured. Each deal is looked at once more"
        " before its owner is told of it; what was not taken is tried again, what may have arrived is not sent twice.",
        {"email", "slack", "postgres"},
        name="deliveries",
    ),
    deps=["messages"],
    partitions_def=DAILY,
)
def deliveries(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.adapters.warehouse.outbox import Outbox
    from salesinsight_assets.delivering import SendingRules, Wording, deliver
    from salesinsight_assets.last_look import LastLook

    store, day = warehouse.open(), partition_day(context)
    outbox, settings = Outbox(store), company.settings
    withheld = withheld_because(context, store, company)
    if not withheld and not settings.has_channel:
        withheld = NO_CHANNEL
    told: dict[str, Any] = {"sent": f"nothing sent: {withheld}"}
    if not withheld:
        with LastLook(store, settings.salesforce, company.crm_tables, company.as_of) as look:
            rules = SendingRules(
                company.policies.delivery,
                day,
                company.now,
                look,
                asked_at(store, company.now()),
                work_times(context, store, company).next,
            )
            wording = Wording(company.links, company.policies.feedback, settings.salesforce.record_url)
            done = deliver(outbox, settings.mail, settings.slack, rules, wording)
        outbox.note_sent(day, company.now())
        told = {
            "sent": ", ".join(f"{n} {outcome}" for outcome, n in sorted(done.outcomes.items())) or "nothing was due",
            "deals looked at in": done.looked_at,
            "because": dg.MetadataValue.md(
                markdown_table([{"messages": n, "why": why} for why, n in done.reasons.items()])
            ),
        }
    return dg.MaterializeResult(metadata=told | {f"messages {status}": n for status, n in outbox.counts(day).items()})
