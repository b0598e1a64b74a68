"""A company's open deals on each Friday, and what became of them: for the tests of the weekly checks.

Deals come and go at a steady pace, so that a week's open deals are mostly those of the week before. What a test wants to be
noticed it changes in the rows.
"""

from datetime import date

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets_tests.domain.examples_of_deals import feature_values

FIRST_FRIDAY = date(2024, 1, 5)
REPS = 20
SOURCES = {"Web": (0.35, 0.36), "Referral": (0.3, 0.5), "Outbound": (0.35, 0.32)}
"""Share of the deals, and win rate."""
STAGES = ("Prospecting", "Qualification", "Proposal", "Negotiation")
RATES = {"rep_win_rate": REPS, "rep_closed_deals": REPS, "rep_open_deals": REPS, "rep_cycle_ratio": REPS}
METRICS = {"auc": 0.66, "n_deals": 900, "base_rate": 0.39, "ece": 0.02}
"""What a model of such deals has on weeks it had not seen."""


def friday(week: int) -> date:
    """The Friday of a week, 0 the first one."""
    return (pd.Timestamp(FIRST_FRIDAY) + pd.Timedelta(weeks=week)).date()


def deals(weeks: int, each_week: int = 30, mean_weeks: float = 8, seed: int = 1) -> pd.DataFrame:
    """Every deal, one row each: when it was born and decided (in weeks), what is known of it, and whether it is won.

    Some are born long before week 0, so that the first Friday is like any other.
    """
    random = np.random.default_rng(seed)
    before = round(6 * mean_weeks)
    n = each_week * (weeks + before)
    frame = feature_values(n, seed).assign(opportunity_id=[f"deal {number:05d}" for number in range(n)])
    source = random.choice(list(SOURCES), n, p=[share for share, _ in SOURCES.values()])
    rate = np.array([SOURCES[name][1] for name in source])
    log_odds = np.log(rate / (1 - rate)) + random.normal(0, 0.7, n)
    born = np.sort(random.uniform(-before, weeks, n))
    probability = 1 / (1 + np.exp(-log_odds))
    return frame.assign(
        log_amount=random.normal(10, 0.9, n),
        born=born,
        decided=born + random.exponential(mean_weeks, n),
        win_probability=probability,
        is_won=random.random(n) < probability,
        owner_id=[f"rep {number}" for number in random.integers(0, REPS, n)],
        lead_source=source,
        **{
            name: random.choice([f"{name} {k}" for k in range(4)], n)
            for name in ("industry", "product", "region", "type")
        },
    )


def fridays(deals: pd.DataFrame, weeks: int) -> pd.DataFrame:
    """The deals open on each Friday of `weeks`, one row a deal and Friday, with features, categories and score."""
    return pd.concat([_open_on(deals, week) for week in range(weeks)], ignore_index=True)


def _open_on(deals: pd.DataFrame, week: int) -> pd.DataFrame:
    opened = deals[(deals["born"] <= week) & (deals["decided"] > week)]
    age = week - opened["born"]
    rep = opened["owner_id"].str.removeprefix("rep ").astype(int)
    shared = {name: np.random.default_rng([7, place, week]).random(REPS)[rep] for place, name in enumerate(RATES)}
    progress = age / (opened["decided"] - opened["born"])
    return opened.assign(
        as_of_date=pd.Timestamp(friday(week)),
        age_days=7 * age,
        company_win_rate=0.4 + 0.001 * week,
        stage_name=np.array(STAGES)[np.minimum((progress * len(STAGES)).astype(int), len(STAGES) - 1)],
        defaulted_features=[[] for _ in range(len(opened))],
        **shared,
    )[
        ["as_of_date", "opportunity_id", "owner_id", "stage_name", "lead_source", "industry", "product", "region", "type",
         *FEATURE_NAMES, "win_probability", "defaulted_features"]
    ]  # fmt: skip


def outcomes(deals: pd.DataFrame) -> pd.DataFrame:
    """What became of the deals: `opportunity_id`, `is_won`, `decided_on`."""
    decided_on = pd.Timestamp(FIRST_FRIDAY) + pd.to_timedelta(np.ceil(deals["decided"] * 7), unit="D")
    return deals[["opportunity_id", "is_won"]].assign(decided_on=decided_on)


def last_weeks(snapshots: pd.DataFrame, week: int, weeks: int = 12) -> pd.DataFrame:
    """The snapshots of a week and of those before it, as a check reads them."""
    return snapshots[snapshots["as_of_date"].between(pd.Timestamp(friday(week - weeks)), pd.Timestamp(friday(week)))]
