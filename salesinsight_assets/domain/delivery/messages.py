"""Messages: one digest a rep and day, one Slack message for each HIGH alert, each under a key that is used once."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd

from salesinsight_assets.domain.alerts.actions import Playbook, Situation, recommended_actions
from salesinsight_assets.domain.alerts.rules import HIGH, rule_called
from salesinsight_assets.domain.delivery.payloads import EMAIL, SLACK, Payload, ToldDeal, payload
from salesinsight_assets.domain.delivery.texts import MOST_REASONS_SHOWN, AlertContent, caveat

MESSAGE_COLUMNS = ["message_key", "channel", "owner_id", "opportunity_id", "recipient", "as_of_date", "status", "attempts",
                   "payload", "queued_at", "sent_at", "error", "claimed_at", "retry_at", "reference"]  # fmt: skip


@dataclass(frozen=True)
class LastWeek:
    """What was recommended for each deal in the week before, and what was done in it (see `alerts.actions.DONE`)."""

    recommended: Mapping[str, Collection[str]]
    done: Mapping[str, Collection[str]]


NOTHING_LAST_WEEK = LastWeek({}, {})


def alert_messages(
    alerts: pd.DataFrame,
    reps: pd.DataFrame,
    as_of: date,
    queued_at: datetime,
    playbook: Playbook,
    note: str | None = None,
    not_before: Mapping[str, datetime] | None = None,
    without_mail: Collection[str] = (),
    last_week: LastWeek = NOTHING_LAST_WEEK,
) -> pd.DataFrame:
    """The messages of one day, MESSAGE_COLUMNS, ready for the outbox.

    Args:
        alerts: the day's alerts to send with the deal's `name`, `stage_name`, `deal_amount`, `currency_iso_code`, the score's
            `win_probability_7d_ago`, `risk_level`, `reasons` (JSON), `model_id` and `is_fallback`, and `age_days`,
            `expected_cycle_days`, `stage_position`.
        reps: `id`, `name` and `email` of the owners.
        as_of: the day.
        queued_at: when they were made.
        playbook: the recommended actions.
        note: what readers must know of the rows behind all of them.
        not_before: when the work time of an owner begins, where that is to be waited for.
        without_mail: owners who get no digest, because they have unsubscribed.
        last_week: what is not recommended again.
    """
    reps = reps.drop_duplicates("id")
    emails = {owner: email.strip() for owner, email in zip(reps["id"], reps["email"], strict=True) if _is_given(email)}
    ordered = alerts.sort_values(["owner_id", "rank"], kind="stable")
    told = [told_deal(alert, playbook, last_week) for _, alert in ordered.iterrows()]
    ordered = ordered.reset_index(drop=True)
    rows: list[dict[str, object]] = []
    for group, places in ordered.groupby("owner_id").groups.items():
        owner, own = str(group), [told[place] for place in places]
        digest = [] if owner in without_mail else [_digest(owner, own, as_of, note)]
        made = [*digest, *_slack_messages(ordered.loc[places], own, note)]
        rows += [{**row, "owner_id": owner, "recipient": emails.get(owner)} for row in made]
    frame = pd.DataFrame(rows, columns=["message_key", "channel", "opportunity_id", "payload", "owner_id", "recipient"])
    has_address = frame["recipient"].notna()
    columns: dict[str, Any] = {
        "as_of_date": pd.Series([as_of] * len(frame), dtype=object),
        "status": has_address.map({True: "pending", False: "failed"}),
        "attempts": 0,
        "queued_at": queued_at,
        **dict.fromkeys(("sent_at", "claimed_at"), pd.NaT),
        "retry_at": pd.to_datetime(frame["owner_id"].map(dict(not_before or {})), utc=True),
        "reference": None,
        "error": has_address.map({True: None, False: "the CRM has no e-mail address for this owner"}),
    }
    return frame.assign(**columns)[MESSAGE_COLUMNS]


def digest_key(as_of: date, owner_id: str) -> str:
    """The key of a rep's digest of a day.

    >>> digest_key(date(2024, 3, 15), "005A")
    'digest:2024-03-15:005A'
    """
    return f"digest:{as_of}:{owner_id}"


def _is_given(email: object) -> bool:
    return isinstance(email, str) and bool(email.strip())


def _digest(owner: str, told: list[ToldDeal], as_of: date, note: str | None) -> dict[str, object]:
    key = digest_key(as_of, owner)
    return {"message_key": key, "channel": EMAIL, "opportunity_id": None, "payload": _json(payload(EMAIL, told, note))}


def _slack_messages(alerts: pd.DataFrame, told: list[ToldDeal], note: str | None) -> Iterator[dict[str, object]]:
    for episode, day, deal in zip(alerts["episode_id"], alerts["as_of_date"], told, strict=True):
        if deal.content.priority == HIGH:
            key, held = f"slack:{episode}:{pd.Timestamp(day):%Y-%m-%d}", _json(payload(SLACK, [deal], note))
            yield {"message_key": key, "channel": SLACK, "opportunity_id": deal.opportunity_id, "payload": held}


def told_deal(alert: "pd.Series[float]", playbook: Playbook, last_week: LastWeek = NOTHING_LAST_WEEK) -> ToldDeal:
    """What is told of the deal of an alert (see `alert_messages`)."""
    reasons = json.loads(str(alert["reasons"]))
    against = [reason for reason in reasons if reason["direction"] == "against"]
    facts = [reason["fact"] for reason in against]
    rule = rule_called(str(alert["rule"]))
    content = AlertContent(
        priority=str(alert["priority"]),
        name=str(alert["name"]),
        amount=float(alert["deal_amount"]),
        currency=None if pd.isna(alert["currency_iso_code"]) else str(alert["currency_iso_code"]),
        win_probability=float(alert["win_probability"]),
        win_probability_7d_ago=float(alert["win_probability_7d_ago"]),
        risk_level=str(alert["risk_level"]),
        against=[reason["text"] for reason in against],
        in_favour=[reason["text"] for reason in reasons if reason["direction"] == "for"],
        actions=recommended_actions(_situation(alert, facts, last_week), playbook),
        rule_sentence=None if rule.fact in facts else rule.sentence(alert),
        caveat=caveat(str(alert["model_id"]), bool(alert["is_fallback"])),
    )
    stage = None if pd.isna(alert["stage_name"]) else str(alert["stage_name"])
    return ToldDeal(str(alert["opportunity_id"]), stage, facts[:MOST_REASONS_SHOWN], content, rule.name)


def _situation(alert: "pd.Series[float]", facts: list[str], last_week: LastWeek) -> Situation:
    deal = str(alert["opportunity_id"])
    done, recommended = last_week.done.get(deal, ()), last_week.recommended.get(deal, ())
    return Situation(facts, float(alert["stage_position"]), float(alert["amount"]), done, recommended)


def _json(held: Payload) -> str:
    return json.dumps(held, ensure_ascii=False, allow_nan=False)
