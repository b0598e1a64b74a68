"""The coaching cards of a day as rows: figures, text, and whether the manager is told.

What belongs elsewhere: the figures (`coaching`), the words (`coaching_texts`), where rows are kept.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pandas as pd

from salesinsight_assets.domain.delivery.texts import caveat
from salesinsight_assets.domain.history.snapshots import History
from salesinsight_assets.domain.reports.coaching import Figures, coaching_figures
from salesinsight_assets.domain.reports.coaching_actions import TopPerformer, suggested_actions, top_performers
from salesinsight_assets.domain.reports.coaching_policy import CoachingPlaybook, CoachingPolicy
from salesinsight_assets.domain.reports.coaching_texts import card_text
from salesinsight_assets.domain.reports.rep_deals import company_currency, people, rep_deals

CARD_COLUMNS = [
    "owner_id", "owner_name", "manager_id", "is_opportunity", "n_closed", "win_rate", "low", "high", "team_win_rate",
    "compared_with", "adjusted_difference", "adjusted_low", "adjusted_high", "open_deals", "deals_at_risk",
    "amount_at_risk", "card", "figures",
]  # fmt: skip


def cards_of_day(
    history: History, scores: pd.DataFrame, as_of: datetime, policy: CoachingPolicy, playbook: CoachingPlaybook
) -> pd.DataFrame:
    """One row a rep, `CARD_COLUMNS`, from what was known as of a moment.

    Args:
        history: what the CRM knows, with every deal that closed in the window.
        scores: open deals of the day: `owner_id`, `amount`, `risk_level`, `model_id`, `is_fallback`.
        as_of: the end of the day.
        policy: windows and least numbers.
        playbook: the actions.
    """
    deals = rep_deals(history, as_of, policy)
    owners = pd.concat([deals["owner_id"], scores["owner_id"]]).dropna().drop_duplicates()
    pairs = zip(scores["model_id"].astype(str), scores["is_fallback"].astype(bool), strict=True)
    labelled = scores.assign(caveat=pd.Series([caveat(*pair) for pair in pairs], scores.index, dtype=object))
    everyone = coaching_figures(deals, labelled, people(history, owners, as_of), policy)
    return coaching_cards(everyone, company_currency(history, as_of), policy, playbook)


def coaching_cards(
    everyone: Sequence[Figures], currency: str | None, policy: CoachingPolicy, playbook: CoachingPlaybook
) -> pd.DataFrame:
    """One row a rep, `CARD_COLUMNS`; of a rep with too few closed deals all figures but `n_closed` are missing."""
    tops = top_performers(everyone)
    rows = [_row(figures, tops.get(figures.rep.owner_id), currency, policy, playbook) for figures in everyone]
    return pd.DataFrame(rows, columns=CARD_COLUMNS)


def _row(
    figures: Figures, top: TopPerformer | None, currency: str | None, policy: CoachingPolicy, playbook: CoachingPlaybook
) -> dict[str, Any]:
    actions = suggested_actions(figures, top, playbook, policy)
    return {
        "owner_id": figures.rep.owner_id,
        "owner_name": figures.rep.name,
        "manager_id": figures.rep.manager_id,
        "is_opportunity": figures.is_opportunity,
        "n_closed": figures.n_closed,
        **_numbers(figures),
        "card": card_text(figures, actions, currency, policy),
        "figures": json.dumps(_finite(asdict(figures)), sort_keys=True, allow_nan=False),
    }


def _numbers(figures: Figures) -> dict[str, Any]:
    """What can be said in columns; nothing of a rep with too few closed deals."""
    won, against, adjusted, opened = figures.won, figures.against_others, figures.adjusted, figures.open_deals
    return {
        **({"win_rate": won.rate, "low": won.low, "high": won.high} if won else {}),
        **({"team_win_rate": against.theirs.rate, "compared_with": figures.others} if against else {}),
        **(_difference(adjusted.difference) if adjusted else {}),
        **(
            {"open_deals": opened.n, "deals_at_risk": opened.at_risk, "amount_at_risk": opened.amount_at_risk}
            if opened
            else {}
        ),
    }


def _difference(found: Any) -> dict[str, float]:
    return {"adjusted_difference": found.value, "adjusted_low": found.low, "adjusted_high": found.high}


def _finite(value: Any) -> Any:
    """Plain values for JSON, which knows no NaN."""
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 - NaN is not equal to itself
