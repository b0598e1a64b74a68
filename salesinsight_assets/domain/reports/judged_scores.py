"""The scores of past days beside what became of the deals: AUC, Brier score, calibration, each with its interval.

Scores by a model and scores by the rules are judged apart, and nothing is claimed of the rules. The base rate that
they are compared with is that of the same days: a constant that knows how these deals ended.
"""

from dataclasses import dataclass

import pandas as pd

from salesinsight_assets.domain.model.evaluation import CALIBRATION_BINS, Evaluation, evaluate
from salesinsight_assets.domain.shares import Share, share

LEAST_DEALS = 20
"""Of fewer won, or fewer lost deals, there is no figure: its interval would be a matter of luck."""


@dataclass(frozen=True)
class Said:
    """Of the deals that were once said to be won with `bin_from` to `bin_to`: the mean of what was said, and the share won."""

    bin_from: float
    bin_to: float
    predicted_rate: float
    won: Share

    @property
    def is_within(self) -> bool:
        """Whether what was said lies in the interval of what happened."""
        return self.won.low <= self.predicted_rate <= self.won.high


@dataclass(frozen=True)
class JudgedScores:
    """The scores of one kind.

    Attributes:
        is_by_rules: whether they are by the rules, for want of a model.
        model_ids: who gave them.
        n_days, n_scores: how many days, and scores of open deals on them.
        n_won, n_lost, n_undecided: what has become of the deals; they add up to all of them.
        base_rate: share of the scores of decided deals whose deal was won; None: no deal is decided.
        evaluation: the figures over the scores of decided deals; None: too few are decided.
        calibration: said against happened, by deal; bins without a decided deal are left out.
    """

    is_by_rules: bool
    model_ids: tuple[str, ...]
    n_days: int
    n_scores: int
    n_won: int
    n_lost: int
    n_undecided: int
    base_rate: float | None
    evaluation: Evaluation | None
    calibration: tuple[Said, ...]

    @property
    def tells_deals_apart(self) -> bool:
        """Whether these scores, of a model, have beaten the base rate with the whole interval of the gain."""
        return not self.is_by_rules and self.evaluation is not None and self.evaluation.beats_base_rate


def judged_scores(
    scores: pd.DataFrame, outcomes: pd.DataFrame, least_deals: int = LEAST_DEALS
) -> tuple[JudgedScores, ...]:
    """The scores by models, then those by the rules, as far as there are any.

    Args:
        scores: one row a day and open deal: `as_of_date`, `opportunity_id`, `win_probability`, `model_id`, `is_fallback`.
        outcomes: one row a decided deal: `opportunity_id`, `is_won`.
        least_deals: won, and lost, deals below which there is no evaluation.
    """
    kinds = (scores[scores["is_fallback"].astype(bool) == is_by_rules] for is_by_rules in (False, True))
    return tuple(_judged(kind, outcomes, least_deals) for kind in kinds if len(kind))


def _judged(scores: pd.DataFrame, outcomes: pd.DataFrame, least_deals: int) -> JudgedScores:
    decided = scores.merge(outcomes[["opportunity_id", "is_won"]], on="opportunity_id", validate="many_to_one")
    deals = decided.drop_duplicates("opportunity_id")["is_won"].astype(bool)
    n_won, n_lost = int(deals.sum()), int((~deals).sum())
    base_rate = float(decided["is_won"].mean()) if len(decided) else None
    has_enough = base_rate is not None and min(n_won, n_lost) >= max(least_deals, 1)
    return JudgedScores(
        is_by_rules=bool(scores["is_fallback"].iloc[0]),
        model_ids=tuple(sorted(scores["model_id"].unique())),
        n_days=int(scores["as_of_date"].nunique()),
        n_scores=len(scores),
        n_won=n_won,
        n_lost=n_lost,
        n_undecided=int(scores["opportunity_id"].nunique()) - len(deals),
        base_rate=base_rate,
        evaluation=_evaluated(decided, base_rate) if has_enough and base_rate is not None else None,
        calibration=_calibration(decided),
    )


def _evaluated(decided: pd.DataFrame, base_rate: float) -> Evaluation:
    probability = decided["win_probability"].to_numpy("float64")
    return evaluate(decided["is_won"], probability, decided["opportunity_id"], base_rate)


def _calibration(decided: pd.DataFrame) -> tuple[Said, ...]:
    """Each deal counts once in a bin, however many days it was said: so the share's interval is that of the deals."""
    by_deal = decided.assign(place=tenths(decided["win_probability"])).groupby(
        ["place", "opportunity_id"], as_index=False
    )
    return by_tenths(by_deal.agg(said=("win_probability", "mean"), is_won=("is_won", "first")))


def tenths(probability: pd.Series) -> pd.Series:
    """In which of CALIBRATION_BINS equal parts each probability lies, the first is 0."""
    return (probability * CALIBRATION_BINS).astype("int64").clip(upper=CALIBRATION_BINS - 1)


def by_tenths(deals: pd.DataFrame) -> tuple[Said, ...]:
    """Said beside happened in each tenth that has a deal: one row a deal and tenth with `place`, `said`, `is_won`."""
    counted = deals.assign(is_won=deals["is_won"].astype("int64")).groupby("place", as_index=False)
    bins = counted.agg(n=("said", "size"), said=("said", "mean"), won=("is_won", "sum"))
    found = ((row, share(int(row["won"]), int(row["n"]))) for row in bins.to_dict("records"))
    return tuple(
        Said(row["place"] / CALIBRATION_BINS, (row["place"] + 1) / CALIBRATION_BINS, round(row["said"], 4), won)
        for row, won in found
        if won is not None
    )
