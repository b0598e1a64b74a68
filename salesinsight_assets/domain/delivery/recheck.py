"""The last look at a deal before anyone is told: what was true in the night may not be true in the morning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from salesinsight_assets.domain.alerts.silences import silent_because
from salesinsight_assets.domain.delivery.payloads import EMAIL, ToldDeal

ACTIVITY_FACTS = frozenset(
    {"last activity", "recent activity", "activity rate", "activity trend", "meetings", "last change"}
)
"""Facts that a new activity makes untrue; see Feature.reason."""


@dataclass(frozen=True)
class DealNow:
    """A deal as it is now: None for what is not known. `has_new_activity`: one was recorded since the deal was scored."""

    stage_name: str | None
    owner_id: str | None
    is_closed: bool = False
    is_deleted: bool = False
    is_owner_active: bool = True
    has_new_activity: bool = False


def not_told_because(owner_id: str, stage_name: str | None, facts: Sequence[str], deal: DealNow | None) -> str | None:
    """Why the owner of the night is not told of the deal after all; None: it holds.

    Args:
        owner_id: who is to be told.
        stage_name: the stage that the message names.
        facts: what the message gives as reasons.
        deal: as it is now; None where it is gone.
    """
    if deal is None or deal.is_deleted:
        return "the deal was deleted since"
    has_moved = stage_name is not None and deal.stage_name != stage_name
    found = {
        f"the deal was closed since: {deal.stage_name}": deal.is_closed,
        "the deal has another owner since": deal.owner_id != owner_id,
        "the owner is no longer active in Salesforce": not deal.is_owner_active,
        f"the deal moved from {stage_name} to {deal.stage_name} since": has_moved,
        "an activity was recorded since": deal.has_new_activity and bool(ACTIVITY_FACTS.intersection(facts)),
    }
    return next((because for because, holds in found.items() if holds), None)


def held_back(
    channel: str, owner_id: str, told: Sequence[ToldDeal], now: Mapping[str, DealNow], asked: pd.DataFrame
) -> dict[str, str]:
    """Of the deals that a message tells of those it must not, each with the reason; `asked` as in `alerts.silences`."""
    silent = _silent(channel, owner_id, told, asked)
    reasons = {
        deal.opportunity_id: silent.get(deal.opportunity_id)
        or not_told_because(owner_id, deal.stage_name, deal.facts, now.get(deal.opportunity_id))
        for deal in told
    }
    return {deal: because for deal, because in reasons.items() if because}


def _silent(channel: str, owner_id: str, told: Sequence[ToldDeal], asked: pd.DataFrame) -> dict[str, str]:
    """The deals that the rep asked not to be told of since; whoever unsubscribed gets no e-mail, and Slack all the same."""
    is_meant = ~asked["spares_high"] | (channel == EMAIL)
    rows = [(owner_id, deal.opportunity_id, deal.rule, deal.content.priority) for deal in told]
    alerts = pd.DataFrame(rows, columns=["owner_id", "opportunity_id", "rule", "priority"])
    because = silent_because(alerts, asked[is_meant].assign(spares_high=False))
    return {deal: why for deal, why in zip(alerts["opportunity_id"], because, strict=True) if why}
