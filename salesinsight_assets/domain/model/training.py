"""Training: a line and small trees on past weeks, calibrated on deals they had not seen, judged on later weeks they had not seen.

The judged model knows only outcomes that were known when the later weeks began, so the judgement is of the kind that
counts: of the future by the past. Every snapshot counts the same, in training as in the judgement, because every open
deal is shown every day: weighted by deal, the model is worse (see docs/decisions/0006; of the line and the trees: 0008).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Floats
from salesinsight_assets.domain.model.evaluation import Evaluation, Gain, calibration_table, evaluate, paired_gain
from salesinsight_assets.domain.model.examples import longest_decided_days
from salesinsight_assets.domain.model.fallback import BASE_RATE_PREFIX
from salesinsight_assets.domain.model.line import fit_line
from salesinsight_assets.domain.model.policy import ModelPolicy
from salesinsight_assets.domain.model.promotion import NO_SIGNAL, TrainingVerdict
from salesinsight_assets.domain.model.simple_models import FeatureCurve, age_curve, stage_rates
from salesinsight_assets.domain.model.win_model import WinModel, logistic


@dataclass(frozen=True)
class TrainedModel:
    """What a training made.

    The model (None where there was too little to learn from), the base rate by stage of the same deals, whether the model
    passes the gate and why, its metrics, its calibration (see `calibration_table`) and the share of each feature in its
    explanations. `champion_loses`: the present champion is worse than the base rate on the later weeks.
    `gains`: by how much the model is better there than what it has to beat, in Brier score.
    """

    model: WinModel | None
    base_rates: FeatureCurve
    passes: bool
    reason: str
    metrics: dict[str, Any]
    calibration: pd.DataFrame
    importance: pd.DataFrame
    champion_loses: bool = False
    gains: Mapping[str, Gain] = field(default_factory=dict[str, Gain])

    @property
    def verdict(self) -> TrainingVerdict:
        """What the promotion is told."""
        model_id = self.model.model_id if self.model else None
        return TrainingVerdict(model_id, self.base_rates.model_id, self.passes, self.reason, self.champion_loses)


def train_model(
    examples: pd.DataFrame,
    trained_on: date,
    policy: ModelPolicy,
    feature_policy: FeaturePolicy,
    champion: WinModel | None = None,
) -> TrainedModel:
    """A model from `training_examples`. The same examples and policy give the same model, byte for byte.

    To pass it has to be better, on the later weeks and with the whole interval, than the base rate, the base rate by stage
    and the age alone; each of them knows as much of those weeks as the model. `champion` is the model shown so far.
    """
    base_rates = stage_rates(examples, feature_policy).named_by_content(f"{BASE_RATE_PREFIX}-{trained_on:%Y-%m-%d}")
    won, lost = _decided(examples)
    counts = {"won": won, "lost": lost, "snapshots": len(examples)}
    if won < policy.least_won or lost < policy.least_lost:
        reason = (
            f"too few decided deals in the weekly snapshots: {won} won and {lost} lost, at least {policy.least_won} and {policy.least_lost}"
            " are needed"
        )
        return _without_model(reason, counts, base_rates)
    earlier, later = _split(examples, policy)
    if earlier["is_won"].nunique() < 2 or later["is_won"].nunique() < 2:
        return _without_model("the weeks to judge by hold only won or only lost deals", counts, base_rates)
    judged = _fit(earlier, policy)
    raw = _log_odds(judged, later)
    probability, base_rate = _cross_fitted(raw, later), _cross_fitted(None, later)
    evaluation = evaluate(later["is_won"], probability, later["opportunity_id"], base_rate)
    gains = _gains(probability, base_rate, earlier, later, feature_policy)
    slope, intercept = _calibration_line(_unseen_scores(examples, policy), examples)
    model = replace(_fit(examples, policy), slope=slope, intercept=intercept)
    model = model.named_by_content(f"win-{trained_on:%Y-%m-%d}")
    passes = all(gain.low > 0 for gain in gains.values())
    return TrainedModel(
        model,
        base_rates,
        passes,
        _reason(evaluation, gains),
        {
            **counts,
            "passes": passes,
            **asdict(evaluation),
            **_named(gains),
            "base_rate": float(base_rate.mean()),
            "longest_decided_days": longest_decided_days(examples),
        },
        calibration_table(later["is_won"], probability, later["opportunity_id"]),
        _importance(model, examples),
        champion is not None and _loses(champion, base_rate, later),
        gains,
    )


def _gains(
    probability: Floats, base_rate: Floats, earlier: pd.DataFrame, later: pd.DataFrame, policy: FeaturePolicy
) -> dict[str, Gain]:
    """By how much the model is better on the later weeks than each of the simpler ones that it has to beat."""
    simple = {
        "the base rate": base_rate,
        "the base rate by stage": _cross_fitted(_log_odds(stage_rates(earlier, policy), later), later),
        "the age alone": _cross_fitted(_log_odds(age_curve(earlier, policy), later), later),
    }
    deal = later["opportunity_id"]
    return {name: paired_gain(later["is_won"], probability, theirs, deal) for name, theirs in simple.items()}


def _named(gains: Mapping[str, Gain]) -> dict[str, float]:
    """The gains as metrics, such as `gain_over_age_alone_low`."""
    names = {name: f"gain_over_{name.removeprefix('the ').replace(' ', '_')}" for name in gains}
    return {names[name] + end: value for name, gain in gains.items()
            for end, value in (("", gain.mean), ("_low", gain.low), ("_high", gain.high))}  # fmt: skip


def _loses(champion: WinModel, base_rate: Floats, later: pd.DataFrame) -> bool:
    """Whether the champion is worse than the base rate, with the whole interval, on weeks it may even have learnt from."""
    return paired_gain(later["is_won"], champion.win_probability(later), base_rate, later["opportunity_id"]).high < 0


def _without_model(reason: str, counts: dict[str, Any], base_rates: FeatureCurve) -> TrainedModel:
    empty = calibration_table(pd.Series([], dtype=bool), np.array([]), pd.Series([], dtype=object))
    importance = pd.DataFrame({"feature": [], "share": []})
    return TrainedModel(None, base_rates, False, f"{NO_SIGNAL}: {reason}", counts, empty, importance)


def _decided(examples: pd.DataFrame) -> tuple[int, int]:
    outcomes = examples.drop_duplicates("opportunity_id")["is_won"]
    return int(outcomes.sum()), int((~outcomes.astype(bool)).sum())


def _split(examples: pd.DataFrame, policy: ModelPolicy) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The snapshots decided before the held-out weeks began, and the snapshots of those weeks."""
    moments = np.sort(examples["as_of"].unique())
    first_held_out = moments[int(len(moments) * (1 - policy.held_out_share))]
    later = examples[examples["as_of"] >= first_held_out]
    earlier = examples[(examples["as_of"] < first_held_out) & (examples["decided_at"] <= first_held_out)]
    return earlier, later


def _fit(examples: pd.DataFrame, policy: ModelPolicy) -> WinModel:
    """The trees and the line of these examples, not calibrated yet."""
    matrix, is_won = examples[FEATURE_NAMES].to_numpy("float64"), examples["is_won"].to_numpy("float64")
    trees, line = _fit_trees(matrix, is_won, policy), fit_line(matrix, is_won, policy.line_inverse_strength)
    return WinModel("", FEATURE_NAMES, trees, line=line)


def _fit_trees(matrix: Floats, is_won: Floats, policy: ModelPolicy) -> str:
    import lightgbm

    parameters = {
        "objective": "binary",
        "num_leaves": policy.leaves,
        "learning_rate": policy.learning_rate,
        "min_data_in_leaf": policy.least_rows_in_leaf,
        "lambda_l2": policy.l2,
        "feature_fraction": policy.feature_share,
        "extra_trees": True,  # thresholds drawn at random (Geurts et al. 2006) follow less of the chance in few deals
        "seed": policy.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,  # a fixed number: sums of another order would change the last digits, and so the bytes
        "verbose": -1,
    }
    data = lightgbm.Dataset(matrix, label=is_won, feature_name=FEATURE_NAMES, free_raw_data=True)
    return lightgbm.train(parameters, data, num_boost_round=policy.trees).model_to_string()


def _unseen_scores(examples: pd.DataFrame, policy: ModelPolicy) -> Floats:
    """The raw score of every snapshot by a model that had not seen its deal; the folds run through all weeks alike."""
    fold = pd.factorize(examples["opportunity_id"])[0] % policy.calibration_folds
    raw = np.empty(len(examples))
    for number in range(policy.calibration_folds):
        unseen = fold == number
        raw[unseen] = _log_odds(_fit(examples[~unseen], policy), examples[unseen])
    return raw


def _log_odds(model: WinModel | FeatureCurve, examples: pd.DataFrame) -> Floats:
    probability = model.win_probability(examples)
    return np.log(probability) - np.log1p(-probability)


def _calibration_line(raw: Floats, examples: pd.DataFrame) -> tuple[float, float]:
    """Slope and intercept of Platt scaling (Platt 1999): log-odds of winning against the raw score."""
    from sklearn.linear_model import LogisticRegression

    line = LogisticRegression(C=1e6).fit(raw[:, None], examples["is_won"])
    return float(max(line.coef_[0, 0], 0.0)), float(line.intercept_[0])


def _cross_fitted(raw: Floats | None, later: pd.DataFrame) -> Floats:
    """Probabilities of the held-out weeks, each deal's by a line fitted on the other half of the deals.

    Without raw scores it is the other half's base rate: what is compared with it must win by telling deals apart, not by
    knowing the win rate of the weeks that it is judged on.
    """
    half = pd.factorize(later["opportunity_id"])[0] % 2
    probability = np.empty(len(later))
    for side in (0, 1):
        fitted, judged = half != side, half == side
        rows = fitted if later[fitted]["is_won"].nunique() == 2 else np.ones(len(later), dtype=bool)
        if raw is None:
            probability[judged] = later[rows]["is_won"].mean()
        else:
            slope, intercept = _calibration_line(raw[rows], later[rows])
            probability[judged] = logistic(slope * raw[judged] + intercept)
    return probability


def _reason(evaluation: Evaluation, gains: Mapping[str, Gain]) -> str:
    change = f"Brier {evaluation.brier:.4f} against {evaluation.base_rate_brier:.4f} of the base rate"
    interval = f"95 % interval of the difference {evaluation.brier_gain_low:.4f} to {evaluation.brier_gain_high:.4f}"
    unbeaten = [name for name, gain in gains.items() if gain.low <= 0]
    verdict = f"{NO_SIGNAL}, not better than {_listed(unbeaten)}" if unbeaten else f"better than {_listed(gains)}"
    return f"{verdict}: {change} on {evaluation.n_deals} later deals ({interval})"


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _importance(model: WinModel, examples: pd.DataFrame) -> pd.DataFrame:
    """Mean absolute SHAP value of each feature as a share of all, largest first."""
    sample = examples.sample(min(len(examples), 2000), random_state=0)
    contributions, _ = replace(model, slope=1.0).contributions(sample)
    size = np.abs(contributions).mean(axis=0)
    table = pd.DataFrame({"feature": model.feature_names, "share": size / max(size.sum(), 1e-12)})
    return table.sort_values("share", ascending=False, kind="stable", ignore_index=True)
