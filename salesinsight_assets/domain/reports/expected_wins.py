"""What an average rep would have won with a rep's deals: indirect standardisation, as hospitals are compared.

A logistic regression of the other reps' closed deals on what was known of a deal when it was made, with an effect of each rep,
says of each of the rep's deals how likely each of the others would have won it; their mean is what is expected (DeLong et
al. 1997; Normand, Glickman and Gatsonis 1997). Without the effects of reps, what one good rep wins would be taken for the
merit of the deals that this rep alone gets. What belongs elsewhere: which deals count, and what is said of the difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.grid import Floats, Ints
from salesinsight_assets.domain.reports.coaching_policy import CoachingPolicy
from salesinsight_assets.domain.reports.differences import Difference, difference
from salesinsight_assets.domain.shares import deviations, share

MIX = ("size", "industry", "lead_source", "type", "product", "region")
"""What is known of a deal when it is made; unknown is a value of its own."""


@dataclass(frozen=True)
class Expected:
    """The win rate that is expected, with the interval that the other reps' deals leave it."""

    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class Adjusted:
    """What an average rep would have won with the same deals, and the rep's win rate less that."""

    expected: Expected
    difference: Difference


def adjusted_by_rep(deals: pd.DataFrame, reps: Sequence[str], policy: CoachingPolicy) -> dict[str, Adjusted]:
    """Win rate against expectation of each of `reps`; left out where the others won, or lost, nothing.

    The others of a large company are `most_others` of them, evenly spread over their ids: more would cost time and tell
    nothing new.

    Args:
        deals: see `rep_deals`.
        reps: owner ids.
        policy: level, the spread that effects are expected to have, and how many others are looked at.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(
        1
    ):  # of many small fits, threads that wait for each other cost several times more than they save
        return _adjusted_by_rep(deals, reps, policy)


def _adjusted_by_rep(deals: pd.DataFrame, reps: Sequence[str], policy: CoachingPolicy) -> dict[str, Adjusted]:
    matrix, is_won = mix_matrix(deals), deals["is_won"].to_numpy("float64")
    codes, ids = pd.factorize(deals["owner_id"], sort=True)
    found: dict[str, Adjusted] = {}
    for code in ids.get_indexer(pd.Index(reps)).tolist():
        is_own, is_other = codes == code, np.isin(codes, _others(len(ids), code, policy.most_others))
        ours = share(int(is_won[is_own].sum()), int(is_own.sum()), policy.level)
        if ours and 0 < is_won[is_other].sum() < is_other.sum():
            expected = expected_rate(
                matrix[is_other], pd.factorize(codes[is_other])[0], is_won[is_other], matrix[is_own], policy
            )
            found[str(ids[code])] = Adjusted(expected, difference(ours, expected))
    return found


def _others(n_reps: int, rep: int, most: int) -> Ints:
    others = np.delete(np.arange(n_reps), rep)
    return others if len(others) <= most else others[np.linspace(0, len(others) - 1, most).astype("int64")]


def mix_matrix(deals: pd.DataFrame) -> Floats:
    """One column a value of each attribute in `MIX`, 1 where a deal has it, shape (deals, values)."""
    known = deals[list(MIX)].astype(object)
    return pd.get_dummies(known.where(known.notna(), "unknown")).to_numpy("float64")


def expected_rate(matrix: Floats, rep: Ints, is_won: Floats, asked: Floats, policy: CoachingPolicy) -> Expected:
    """The mean chance that one of the reps, by their number of deals, wins the deals `asked`; its interval by the delta method.

    The ridge is taken for what it is in Bayes' terms, a normal prior of the effects, so that the covariance allows for
    what it draws to zero, also where none of them had such a deal (Wahba 1983).

    Args:
        matrix: `mix_matrix` of the reps' deals.
        rep: the rep of each of them, 0 to the number of reps less 1.
        is_won: 1 or 0.
        asked: `mix_matrix` of the deals asked about.
        policy: level and spread of the effects.
    """
    from sklearn.linear_model import LogisticRegression

    rows = np.hstack([matrix, np.eye(rep.max() + 1)[rep]])
    model = LogisticRegression(C=policy.effect_spread**2, solver="newton-cholesky", tol=1e-8).fit(rows, is_won)
    weights = np.r_[model.intercept_, model.coef_[0]]
    rate, gradient = _mean_chance(asked, np.bincount(rep) / len(rep), weights)
    error = sqrt(gradient @ np.linalg.solve(_precision(rows, weights, policy), gradient))
    log_odds, half = log(rate / (1 - rate)), deviations(policy.level) * error / (rate * (1 - rate))
    return Expected(rate, *(1 / (1 + exp(-end)) for end in (log_odds - half, log_odds + half)))


def _mean_chance(asked: Floats, weight_of_rep: Floats, weights: Floats) -> tuple[float, Floats]:
    """The mean over deals and reps, and how it moves with each of the `weights`: intercept, mix, reps."""
    n_mix = asked.shape[1]
    mix = weights[0] + asked @ weights[1 : 1 + n_mix]
    chance = 1 / (1 + np.exp(-(mix[:, None] + weights[1 + n_mix :])))  # (deals, reps)
    slope = chance * (1 - chance) * weight_of_rep / len(asked)
    gradient = np.r_[slope.sum(), asked.T @ slope.sum(axis=1), slope.sum(axis=0)]
    return float((chance @ weight_of_rep).mean()), gradient


def _precision(rows: Floats, weights: Floats, policy: CoachingPolicy) -> Floats:
    """The inverse of the weights' covariance: what the deals tell, and what the prior does; none of the intercept."""
    with_one = np.column_stack([np.ones(len(rows)), rows])
    chance = 1 / (1 + np.exp(-with_one @ weights))
    told = with_one.T @ (with_one * (chance * (1 - chance))[:, None])
    prior = np.full(len(weights), policy.effect_spread**-2)
    prior[0] = 0.0
    return told + np.diag(prior)
