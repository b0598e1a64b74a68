"""Closed deals of reps whose true strength is known, for tests of what is said about reps.

Each rep has a skill, gets a mix of deals of its own, and is better with some industries than with others. `p` of a deal is
the true chance that its rep wins it, `p_average` that an average one of the other reps would.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

SEGMENTS = {
    "industry": {"SaaS": 0.35, "FinTech": 0.2, "HealthTech": 0.0, "Manufacturing": -0.1, "Retail": -0.4},
    "lead_source": {"Web": 0.0, "Referral": 0.55, "Outbound": -0.45, "Event": 0.0},
    "product": {"Starter": 0.2, "Professional": 0.0, "Suite": -0.2},
    "type": {"New Business": -0.1, "Existing Business": 0.35},
    "region": {"EMEA": 0.0, "North America": 0.0},
}
"""Effects on the log-odds of winning."""


@dataclass(frozen=True)
class Strength:
    """How much reps differ, in log-odds: all in all, by industry, and how much half of them get better or worse of late.

    `evenness` says how differently deals are spread over reps (Dirichlet's; the less, the more).
    """

    skill: float = 0.45
    by_industry: float = 0.25
    trend: float = 1.5
    evenness: float = 4.0


def closed_deals_of(reps: int, each: int, seed: int, strength: Strength | None = None) -> pd.DataFrame:
    """`each` deals of each rep on average: the columns of `rep_deals`, `log_odds` without the rep, `p` and `p_average`."""
    strength, random = strength or Strength(), np.random.default_rng(seed)
    counts = random.poisson(each * random.uniform(0.6, 1.4, reps))
    place = np.repeat(np.arange(reps), counts)
    frame = pd.DataFrame({"owner_id": [f"rep {number:02d}" for number in place], "place": place})
    log_odds = np.full(len(frame), -0.45)
    for name, effects in SEGMENTS.items():
        shares = random.dirichlet(np.full(len(effects), strength.evenness), reps)
        value = np.concatenate([random.choice(len(effects), n, p=shares[rep]) for rep, n in enumerate(counts)])
        frame[name] = np.array(list(effects), dtype=object)[value]
        log_odds += np.array(list(effects.values()))[value]
    frame["amount"] = random.lognormal(10.1, 0.9, len(frame))
    frame["size"] = np.select(
        [frame["amount"] >= 50_000, frame["amount"] >= 10_000], ["Enterprise", "Mid-market"], "Small"
    )
    log_odds -= 0.22 * (np.log(frame["amount"].to_numpy()) - 10.1)
    talent = random.normal(0, strength.skill, (reps, 1)) + random.normal(0, strength.by_industry, (reps, 5))
    industry = pd.Categorical(frame["industry"], list(SEGMENTS["industry"])).codes
    frame["is_recent"] = random.random(len(frame)) < 0.3
    lately = strength.trend * random.choice([-1, 0, 0, 1], reps) * frame["is_recent"].to_numpy()[:, None]
    chances = 1 / (1 + np.exp(-(log_odds[:, None] + talent.T[industry] + lately)))  # (deals, reps)
    weights = np.tile(counts, (len(frame), 1)).astype("float64")
    weights[np.arange(len(frame)), place] = 0.0
    frame["p"] = chances[np.arange(len(frame)), place]
    frame["p_average"] = (chances * weights).sum(axis=1) / weights.sum(axis=1)
    return frame.assign(opportunity_id=[f"deal {n:06d}" for n in range(len(frame))])


def decided(deals: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """The deals with an outcome drawn from their true chances."""
    return deals.assign(is_won=random.random(len(deals)) < deals["p"])
