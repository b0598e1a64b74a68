"""From the rules to at most three alerts a rep: ranked by amount x risk, capped, each suppression with its reason."""

from datetime import date

import numpy as np
import pandas as pd

from salesinsight_assets.domain.alerts.episodes import SUPPRESSED, TO_SEND, with_episodes
from salesinsight_assets.domain.alerts.policy import AlertPolicy
from salesinsight_assets.domain.alerts.rules import RULES
from salesinsight_assets.domain.alerts.silences import silences, silent_because
from salesinsight_assets.domain.history.grid import Floats
from salesinsight_assets.domain.model.fallback import BASE_RATE_PREFIX

_UNDER = "told under "
ALERT_COLUMNS = ["opportunity_id", "rule", "owner_id", "priority", "amount", "win_probability", "rank", "status",
                 "suppressed_because", "episode_id"]  # fmt: skip


def daily_alerts(
    deals: pd.DataFrame,
    earlier: pd.DataFrame,
    as_of: date,
    policy: AlertPolicy,
    last_day: date | None = None,
    asked: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Every rule that holds for an open deal on this day, told or not.

    Args:
        deals: one row an open deal: `opportunity_id`, `owner_id`, `amount` (company currency), `win_probability`,
            `win_probability_7d_ago`, `age_days`, `expected_cycle_days`, `model_id`.
        earlier: alerts of the days before (see `with_episodes`).
        as_of: the day.
        policy: thresholds and limits.
        last_day: the last day before that was looked at (see `with_episodes`).
        asked: what nobody is to be told of (see `alerts.silences`); None: everyone may be told of everything.

    Returns:
        ALERT_COLUMNS, ordered by `rank` (1 is the largest amount x risk); `status` is `to_send` or `suppressed`.
    """
    alerts = with_episodes(_holding(deals, policy), earlier, as_of, policy, last_day)
    alerts["rank"] = _ranks(alerts)
    alerts = alerts.sort_values(["rank", "precedence"], ignore_index=True)
    because = silent_because(alerts, silences([]) if asked is None else asked)  # first: nobody's place is taken by it
    because = because.where(because.notna(), alerts["silent_because"])
    alerts["silent_because"] = because
    because = because.where(because.notna(), _told_under_another_rule(alerts, because))
    because = because.where(because.notna(), _over_the_cap(alerts, because, policy))  # first: nobody gets its places
    because = because.where(because.notna(), _outside_the_riskiest(alerts, because, len(deals), policy))
    because = _as_the_main_rule(alerts, because)
    alerts["suppressed_because"] = because
    alerts["status"] = np.where(because.isna(), TO_SEND, SUPPRESSED)
    return alerts[ALERT_COLUMNS]


def risk_amount(deals: pd.DataFrame) -> Floats:
    """Amount x risk: the expected loss, 0 where the amount is missing."""
    return deals["amount"].fillna(0.0).to_numpy("float64") * (1 - deals["win_probability"].to_numpy("float64"))


def _holding(deals: pd.DataFrame, policy: AlertPolicy) -> pd.DataFrame:
    """A row for each deal and rule that holds."""
    columns = ["opportunity_id", "owner_id", "amount", "win_probability"]
    has_signal = ~deals["model_id"].str.startswith(BASE_RATE_PREFIX).to_numpy(bool)
    parts = [
        deals.loc[rule.condition(deals, policy) & (has_signal | (not rule.needs_signal)), columns].assign(
            rule=rule.name, priority=rule.priority, precedence=precedence
        )
        for precedence, rule in enumerate(RULES)
    ]
    return pd.concat(parts, ignore_index=True)


def _ranks(alerts: pd.DataFrame) -> np.ndarray:
    """1 for the largest amount x risk; the rules of one deal share its rank."""
    score = pd.DataFrame({"deal": alerts["opportunity_id"], "at_risk": risk_amount(alerts)})
    order = score.drop_duplicates().sort_values(["at_risk", "deal"], ascending=[False, True], ignore_index=True)
    place = pd.Series(np.arange(1, len(order) + 1), index=order["deal"])
    return alerts["opportunity_id"].map(place).to_numpy("int64")


def _as_the_main_rule(alerts: pd.DataFrame, because: pd.Series) -> pd.Series:
    """Where the rule that a deal would be told under is held back, the others are for the same reason."""
    is_other = because.str.startswith(_UNDER).fillna(False).astype(bool)
    held_back = because[~is_other & alerts["silent_because"].isna()]
    main = held_back.set_axis(alerts.loc[held_back.index, "opportunity_id"])
    return because.where(~is_other | alerts["opportunity_id"].map(main).isna(), alerts["opportunity_id"].map(main))


def _told_under_another_rule(alerts: pd.DataFrame, because: pd.Series) -> pd.Series:
    """For the lower rules of a deal the one that it is told under."""
    open_rows = alerts[because.isna()]
    main = open_rows.drop_duplicates("opportunity_id").set_index("opportunity_id")["rule"]
    first = alerts["opportunity_id"].map(main)
    is_other = because.isna() & (alerts["rule"] != first)
    text = [
        f"{_UNDER}{rule.replace('_', ' ')}" if is_set else None for rule, is_set in zip(first, is_other, strict=True)
    ]
    return pd.Series(text, index=alerts.index, dtype=object)


def _outside_the_riskiest(alerts: pd.DataFrame, because: pd.Series, n_deals: int, policy: AlertPolicy) -> pd.Series:
    """On a day with more alerts than the share of the open deals that can be looked at: those beyond it, by rank."""
    kept = int(np.ceil(round(policy.riskiest_share * n_deals, 9)))  # 0.07 x 100 is a little more than 7
    place = because.isna().cumsum()
    text = f"too many alerts today: not among the {kept} riskiest, {policy.riskiest_share:.0%} of the open deals"
    return pd.Series(text, index=alerts.index, dtype=object).where(because.isna() & (place > kept), None)


def _over_the_cap(alerts: pd.DataFrame, because: pd.Series, policy: AlertPolicy) -> pd.Series:
    """Whatever comes after a rep's first alerts of the day."""
    place = alerts[because.isna()].groupby("owner_id", dropna=False).cumcount().reindex(alerts.index)
    text = f"over the limit of {policy.max_per_rep_per_day} alerts a day"
    return pd.Series(text, index=alerts.index, dtype=object).where(place >= policy.max_per_rep_per_day, None)
