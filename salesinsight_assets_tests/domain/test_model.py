"""The model: learns only from what was known, answers the same twice, and is shown only where it is better than nothing."""

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets.domain.model.evaluation import (
    Evaluation,
    calibration_table,
    evaluate,
    expected_calibration_error,
    paired_gain,
)
from salesinsight_assets.domain.model.examples import is_beyond_experience, longest_decided_days, training_examples
from salesinsight_assets.domain.model.fallback import rule_based_scores
from salesinsight_assets.domain.model.policy import ExamplePolicy, ModelPolicy
from salesinsight_assets.domain.model.training import TrainedModel, train_model
from salesinsight_assets.domain.model.win_model import WinModel
from salesinsight_assets_tests.domain.examples_of_deals import examples, features_of
from salesinsight_assets_tests.domain.worlds import World, at

POLICY = ModelPolicy(trees=20, least_won=100, least_lost=100)
TRAINED_ON = date(2025, 1, 1)
FEATURES = FeaturePolicy()


@pytest.fixture(scope="module")
def with_signal() -> TrainedModel:
    return train_model(examples(500, signal=3.0), TRAINED_ON, POLICY, FEATURES)


@pytest.fixture(scope="module")
def model(with_signal) -> WinModel:
    assert with_signal.model
    return with_signal.model


# --- examples ---


def examples_on(world: World, trained_on: float) -> pd.DataFrame:
    policy = ExamplePolicy(weeks=52, settle_days=7)
    return training_examples(opportunity_history(world.rows()), at(trained_on), policy, FeaturePolicy())


@pytest.fixture
def world() -> World:
    made = World()
    made.deal("won", at(0))
    made.deal("lost late", at(0))
    made.deal("open", at(0))
    made.close("won", at(40), is_won=True)
    made.close("lost late", at(60), is_won=False)
    return made


def test_weeks_lie_in_the_year_before_training_and_leave_time_to_settle():
    moments = ExamplePolicy(weeks=52, settle_days=56).moments(at(0))
    assert moments == sorted(moments)
    assert moments[-1] == at(-56)
    assert moments[0] >= at(-365)
    assert {b - a for a, b in pairwise(moments)} == {timedelta(weeks=1)}
    assert len(moments) == 45
    assert len(ExamplePolicy(weeks=4).moments(at(0))) == 4


def test_only_outcomes_known_on_the_day_of_training_count(world):
    assert set(examples_on(world, 59)["opportunity_id"]) == {"won"}
    assert set(examples_on(world, 60)["opportunity_id"]) == {"won", "lost late"}


def test_what_happens_after_training_changes_no_example(world):
    before = examples_on(world, 50)
    world.change("won", at(70), stage_name="Proposal", is_closed=False)
    world.close("won", at(80), is_won=False)
    pd.testing.assert_frame_equal(examples_on(world, 50), before)


def test_examples_are_of_deals_that_were_open_and_decided_later(world):
    found = examples_on(world, 100)
    assert (found["decided_at"] > found["as_of"]).all()
    assert found.groupby("opportunity_id")["is_won"].unique().map(list).to_dict() == {
        "lost late": [False],
        "won": [True],
    }
    assert found.groupby("opportunity_id")["decided_at"].first().to_dict() == {"lost late": at(60), "won": at(40)}


def test_a_deal_that_was_reopened_has_its_last_outcome(world):
    world.change("won", at(45), stage_name="Proposal", is_closed=False)
    world.close("won", at(62), is_won=False)
    found = examples_on(world, 100).query("opportunity_id == 'won'")
    assert not found["is_won"].any()
    assert found["decided_at"].unique().tolist() == [at(62)]
    assert not found["as_of"].between(at(40), at(44.9)).any()


def test_the_weights_of_a_deal_add_up_to_one(world):
    sums = examples_on(world, 100).groupby("opportunity_id")["weight"].sum()
    assert sums.tolist() == pytest.approx([1.0, 1.0])


def test_a_company_without_closed_deals_has_no_examples():
    world = World()
    world.deal("a", at(0))
    assert len(examples_on(world, 50)) == 0
    assert len(examples_on(World(), 50)) == 0


def test_a_deal_open_for_longer_than_any_was_ever_decided_at_is_beyond_experience(world):
    longest = longest_decided_days(examples_on(world, 100))
    assert longest == pytest.approx(60)  # "lost late"; the deal that is still open tells nothing
    ages = pd.DataFrame({"age_days": [59.0, 60.0, 61.0]})
    assert is_beyond_experience(ages, 60.0).tolist() == [False, False, True]


def test_the_metrics_tell_the_longest_that_a_deal_was_open(with_signal):
    found = examples(500, signal=3.0)
    remaining = (found["decided_at"] - found["as_of"]).dt.total_seconds() / 86400
    assert with_signal.metrics["longest_decided_days"] == pytest.approx((found["age_days"] + remaining).max())


# --- training ---


def test_a_signal_makes_a_champion(with_signal):
    assert with_signal.passes
    assert with_signal.metrics["auc"] > 0.7
    assert with_signal.metrics["brier"] < with_signal.metrics["base_rate_brier"]
    assert with_signal.importance["feature"].iloc[0] == "cycle_ratio"
    assert with_signal.importance["share"].sum() == pytest.approx(1)
    assert with_signal.reason.startswith(
        "better than the base rate, the base rate by stage and the age alone: Brier 0."
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_signal_is_rejected(seed):
    trained = train_model(examples(500, signal=0.0, seed=seed), TRAINED_ON, POLICY, FEATURES)
    assert not trained.passes
    said = "not enough signal to tell deals apart, not better than the base rate, the base rate by stage and the age alone: "
    assert trained.reason.startswith(said)
    assert trained.metrics["brier_gain_low"] <= 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_win_rate_that_drifts_does_not_make_noise_a_champion(seed):
    drifting = examples(1500, signal=0.0, seed=seed)
    moments = np.sort(drifting["as_of"].unique())
    share = np.searchsorted(moments, drifting.groupby("opportunity_id")["as_of"].transform("min")) / len(moments)
    luck = pd.Series(np.random.default_rng(seed).random(len(drifting))).groupby(drifting["opportunity_id"].to_numpy())
    drifting["is_won"] = luck.transform("first").to_numpy() < 0.8 - 0.6 * share
    trained = train_model(drifting, TRAINED_ON, POLICY, FEATURES)
    assert not trained.passes, trained.reason


def test_too_few_deals_are_rejected_with_the_reason():
    trained = train_model(examples(150, signal=3.0), TRAINED_ON, replace(POLICY, least_won=150), FEATURES)
    won = trained.metrics["won"]
    assert trained.model is None
    assert not trained.passes
    assert trained.reason == (
        f"not enough signal to tell deals apart: too few decided deals in the weekly snapshots: {won} won and {150 - won} lost, at least 150 and 100 are needed"
    )
    assert len(trained.calibration) == len(trained.importance) == 0


def test_the_least_number_of_deals_is_enough():
    few = examples(400, signal=3.0)
    won = int(few.drop_duplicates("opportunity_id")["is_won"].sum())
    exact = replace(POLICY, least_won=won, least_lost=400 - won)
    assert train_model(few, TRAINED_ON, exact, FEATURES).model is not None
    assert train_model(few, TRAINED_ON, replace(exact, least_lost=401 - won), FEATURES).model is None


def test_weeks_with_one_outcome_only_cannot_judge():
    found = examples(400, signal=3.0)
    found = found[found["is_won"] | (found["as_of"] < found["as_of"].quantile(0.4))]
    trained = train_model(found, TRAINED_ON, replace(POLICY, least_lost=10), FEATURES)
    assert (trained.passes, trained.model) == (False, None)
    assert trained.reason.endswith(": the weeks to judge by hold only won or only lost deals")


def test_no_examples_at_all_are_rejected():
    assert train_model(examples(1, signal=0)[:0], TRAINED_ON, POLICY, FEATURES).reason.startswith(
        "not enough signal to tell deals apart: too few decided deals in the weekly snapshots: 0 won and 0"
    )


def test_the_same_examples_give_the_same_bytes(model):
    again = train_model(examples(500, signal=3.0), TRAINED_ON, POLICY, FEATURES).model
    assert again
    assert again.to_text() == model.to_text()
    assert re.fullmatch("win-2025-01-01-[0-9a-f]{8}", again.model_id)


def test_every_snapshot_counts_the_same_however_often_its_deal_was_seen(model):
    lopsided = examples(500, signal=3.0)
    lopsided["weight"] = np.linspace(0.1, 1, len(lopsided))
    again = train_model(lopsided, TRAINED_ON, POLICY, FEATURES).model
    assert again
    assert again.to_text() == model.to_text()


def test_another_model_of_the_same_day_has_another_id(model):
    other = train_model(examples(500, signal=3.0), TRAINED_ON, replace(POLICY, trees=21), FEATURES).model
    assert other
    assert other.model_id != model.model_id
    assert other.named_by_content("win-2025-01-01").model_id == other.model_id


def test_the_judged_model_never_saw_the_held_out_weeks_and_calibration_is_of_deals_that_were_not_learnt(monkeypatch):
    from salesinsight_assets.domain.model import training

    seen: list[pd.DataFrame] = []
    fit = training._fit
    monkeypatch.setattr(training, "_fit", lambda rows, policy: (seen.append(rows), fit(rows, policy))[1])
    all_examples = examples(400, signal=3.0)
    train_model(all_examples, TRAINED_ON, POLICY, FEATURES)
    judged, *folds, final = seen
    first_held_out = np.sort(all_examples["as_of"].unique())[int(all_examples["as_of"].nunique() * 0.75)]
    assert judged["decided_at"].max() <= pd.Timestamp(first_held_out)
    assert judged["as_of"].max() < pd.Timestamp(first_held_out)
    assert len(final) == len(all_examples)
    left_out = [set(all_examples["opportunity_id"]) - set(rows["opportunity_id"]) for rows in folds]
    assert [len(deals) for deals in left_out] == [100] * 4
    assert set().union(*left_out) == set(all_examples["opportunity_id"])


# --- what a model answers ---


def test_contributions_and_base_add_up_to_the_log_odds_of_the_win_probability(model):
    features = features_of(30)
    contributions, base = model.contributions(features)
    probability = model.win_probability(features)
    np.testing.assert_allclose(contributions.sum(axis=1) + base, np.log(probability / (1 - probability)), rtol=1e-9)
    assert model.slope != 1


@pytest.mark.filterwarnings("ignore")
def test_contributions_are_the_shap_values_in_calibrated_log_odds(model):
    shap = pytest.importorskip("shap")
    features = features_of(20)
    matrix = features[FEATURE_NAMES].to_numpy()
    of_trees = shap.TreeExplainer(model._booster)
    trees = of_trees.shap_values(matrix)
    trees = trees[1] if isinstance(trees, list) else trees
    line = model.line
    of_line = shap.LinearExplainer((np.array(line.weights), line.intercept), np.array([line.centres] * 2))
    lined = of_line.shap_values(np.clip(matrix, line.lows, line.highs))
    contributions, base = model.contributions(features)
    np.testing.assert_allclose(contributions, model.slope * (trees + lined) / 2, rtol=1e-6, atol=1e-9)
    raw_base = (np.ravel(of_trees.expected_value)[-1] + line.intercept) / 2
    assert base == pytest.approx(model.slope * raw_base + model.intercept)


def test_a_model_of_trees_alone_from_an_earlier_version_still_answers(model):
    fields = json.loads(model.to_text())
    del fields["line"]
    earlier, features = WinModel.from_text(json.dumps(fields)), features_of(10)
    contributions, base = earlier.contributions(features)
    probability = earlier.win_probability(features)
    np.testing.assert_allclose(contributions.sum(axis=1) + base, np.log(probability / (1 - probability)), rtol=1e-9)
    assert np.abs(probability - model.win_probability(features)).max() > 0.001


def test_a_stored_model_answers_as_before(model):
    again = WinModel.from_text(model.to_text())
    assert again == model
    np.testing.assert_array_equal(again.win_probability(features_of(5)), model.win_probability(features_of(5)))


@pytest.mark.parametrize("artifact", ["", "{}", "[]", "null", '{"model_id": "x", "color": 1}', "not json"])
def test_what_is_no_stored_model_is_refused(artifact):
    with pytest.raises(ValueError, match=r"expected a stored model, got .* train the month again"):
        WinModel.from_text(artifact)


def test_a_model_reads_columns_by_name(model):
    features = features_of(5)
    np.testing.assert_array_equal(
        model.win_probability(features[features.columns[::-1]]), model.win_probability(features)
    )


def test_no_deals_get_no_probabilities_and_no_contributions(model):
    none = features_of(3)[:0]
    assert model.win_probability(none).shape == (0,)
    assert model.contributions(none)[0].shape == (0, len(FEATURE_NAMES))


# --- how good it is ---


def test_the_calibration_table_says_what_was_predicted_and_what_happened():
    is_won, probability = pd.Series([True, False, True, True]), np.array([0.05, 0.05, 0.95, 1.0])
    table = calibration_table(is_won, probability, pd.Series(["a", "b", "c", "c"]))
    assert table.round(3).to_dict("records") == [
        {"bin_from": 0.0, "bin_to": 0.1, "n": 2, "deals": 2, "predicted_rate": 0.05, "actual_rate": 0.5},
        {"bin_from": 0.9, "bin_to": 1.0, "n": 2, "deals": 1, "predicted_rate": 0.975, "actual_rate": 1.0},
    ]
    assert expected_calibration_error(is_won, probability) == pytest.approx((0.45 * 2 + 0.025 * 2) / 4)


def test_an_empty_calibration_table_has_its_columns():
    none = pd.Series([], dtype=bool)
    table = calibration_table(none, np.array([]), none)
    assert list(table.columns) == ["bin_from", "bin_to", "n", "deals", "predicted_rate", "actual_rate"]
    assert expected_calibration_error(none, np.array([])) == 0


def test_snapshots_of_one_deal_are_one_piece_of_evidence():
    random = np.random.default_rng(1)
    won = pd.Series(random.random(60) < 0.5)
    said = np.where(won, 0.6, 0.45)
    once = evaluate(won, said, pd.Series(range(60)), 0.5)
    tenfold = evaluate(
        pd.concat([won] * 10, ignore_index=True), np.tile(said, 10), pd.Series(list(range(60)) * 10), 0.5
    )
    assert tenfold.n_snapshots == 600
    assert tenfold.n_deals == 60
    assert tenfold.brier_gain_low == pytest.approx(once.brier_gain_low)
    assert tenfold.brier_gain_high == pytest.approx(once.brier_gain_high)


def test_a_gain_counts_only_if_its_whole_interval_lies_above_zero():
    won = pd.Series([True, False] * 50)
    better = evaluate(won, np.where(won, 0.8, 0.2), pd.Series(range(100)), 0.5)
    none = evaluate(won, np.full(100, 0.5), pd.Series(range(100)), 0.5)
    assert better.beats_base_rate
    assert better.auc == 1
    assert not none.beats_base_rate
    lucky = evaluate(won[:4], np.array([0.6, 0.4, 0.6, 0.55]), pd.Series(range(4)), 0.5)
    assert lucky.brier_gain > 0
    assert not lucky.beats_base_rate
    assert none.brier_gain == none.brier_gain_low == 0


def seen_deals(n_deals: int, times: int, seed: int, shift: float = 0.0) -> tuple[pd.Series, np.ndarray, pd.Series]:
    """Outcomes, probabilities that are the truth plus `shift`, and deals, each seen so many `times`."""
    random = np.random.default_rng(seed)
    true = random.beta(2, 3, n_deals)
    won, deal = random.random(n_deals) < true, np.repeat(np.arange(n_deals), times)
    return pd.Series(won[deal]), np.clip(true[deal] + shift, 0.01, 0.99), pd.Series(deal)


def figures(evaluation: Evaluation) -> list[float]:
    return [evaluation.auc, evaluation.brier, evaluation.log_loss, evaluation.ece]


def lows(evaluation: Evaluation) -> list[float]:
    return [evaluation.auc_low, evaluation.brier_low, evaluation.log_loss_low, evaluation.ece_low]


def highs(evaluation: Evaluation) -> list[float]:
    return [evaluation.auc_high, evaluation.brier_high, evaluation.log_loss_high, evaluation.ece_high]


def test_intervals_hold_the_truth_nineteen_times_of_twenty():
    truth = figures(evaluate(*seen_deals(20_000, 1, seed=0, shift=0.1), 0.4))
    found = [evaluate(*seen_deals(400, 4, seed, shift=0.1), 0.4) for seed in range(1, 26)]
    held = np.mean([np.less_equal(lows(e), truth) & np.less_equal(truth, highs(e)) for e in found], axis=0)
    assert (held >= 0.8).all(), held  # 25 worlds: 95 % give or take 3 * 4.4 points, the ECE's a little less


def test_intervals_are_drawn_by_deal():
    once, tenfold = evaluate(*seen_deals(300, 1, seed=1), 0.4), evaluate(*seen_deals(300, 10, seed=1), 0.4)
    assert figures(tenfold) == pytest.approx(figures(once))
    assert lows(tenfold) == pytest.approx(lows(once))
    assert highs(tenfold) == pytest.approx(highs(once))


def test_the_same_snapshots_have_the_same_intervals_and_more_deals_narrower_ones():
    few, many = (evaluate(*seen_deals(n, 2, seed=2, shift=0.1), 0.4) for n in (200, 5000))
    assert evaluate(*seen_deals(200, 2, seed=2, shift=0.1), 0.4) == few
    assert (np.subtract(highs(many), lows(many)) < 0.4 * np.subtract(highs(few), lows(few))).all()


def test_every_figure_lies_in_its_interval_and_the_interval_where_figures_can_be():
    won = pd.Series([True, False] * 20)
    for said in (np.where(won, 1.0, 0.0), np.where(won, 0.0, 1.0), np.full(40, 0.5), np.where(won, 0.8, 0.1)):
        found = evaluate(won, said, pd.Series(range(40)), 0.5)
        assert np.less_equal(lows(found), figures(found)).all()
        assert np.less_equal(figures(found), highs(found)).all()
        assert min(lows(found)) >= 0
        assert max(found.auc_high, found.brier_high, found.ece_high) <= 1
    kind, number = np.repeat(np.arange(10), 20), np.tile(np.arange(20), 10)
    calibrated = evaluate(pd.Series(number <= 2 * kind), (2 * kind + 1) / 20 + 0.01, pd.Series(range(200)), 0.5)
    assert calibrated.ece == pytest.approx(0.01)
    assert calibrated.ece_low == 0
    assert calibrated.ece_high == calibrated.ece  # every draw is worse calibrated than this


def test_the_drawn_auc_is_that_of_scikit_learn_ties_included():
    from sklearn.metrics import roc_auc_score

    from salesinsight_assets.domain.model.evaluation import _drawn_auc

    won, said, deal = seen_deals(50, 3, seed=3)
    draws = np.random.default_rng(3).multinomial(50, np.full(50, 0.02), 5)
    rounded = said.round(1)
    expected = [roc_auc_score(won, rounded, sample_weight=counts[deal]) for counts in draws]
    assert _drawn_auc(won.to_numpy("float64"), rounded, deal.to_numpy(), draws).tolist() == pytest.approx(expected)


def test_draws_with_one_outcome_only_say_nothing_of_the_auc():
    found = evaluate(pd.Series([True, False]), np.array([0.6, 0.4]), pd.Series([1, 2]), 0.5)
    assert (found.auc, found.auc_low, found.auc_high) == (1, 1, 1)


def test_a_paired_gain_is_what_one_says_better_than_the_other_on_the_same_snapshots():
    won, said, deal = seen_deals(500, 3, seed=4)
    gain = paired_gain(won, said, 0.4, deal)
    assert gain.mean == pytest.approx(np.mean((0.4 - won) ** 2 - (said - won) ** 2))
    assert gain.low < gain.mean < gain.high
    assert gain.low > 0
    back = paired_gain(won, 0.4, said, deal)
    assert back == pytest.approx((-gain.mean, -gain.high, -gain.low))
    judged = evaluate(won, said, deal, 0.4)
    assert (judged.brier_gain, judged.brier_gain_low, judged.brier_gain_high) == gain


def test_a_certainty_that_fails_costs_a_finite_log_loss():
    found = evaluate(pd.Series([True, False]), np.array([0.0, 0.0]), pd.Series([1, 2]), 0.5)
    assert 10 < found.log_loss < 20
    assert (found.log_loss_low, found.log_loss_high) == pytest.approx((0, 2 * found.log_loss), abs=1e-6)


# --- the rules ---


def rules_frame(**values: float) -> pd.DataFrame:
    usual = {"cycle_ratio": 1.0, "days_since_last_activity": 5.0, "close_date_pushes": 0.0, "stage_position": 0.5}
    return pd.DataFrame([{**usual, "company_win_rate": 0.3, **values}])


def log_odds(**values: float) -> float:
    probability, _ = rule_based_scores(rules_frame(**values))
    return float(np.log(probability / (1 - probability))[0])


def test_without_any_sign_the_rules_say_the_companys_win_rate():
    probability, steps = rule_based_scores(rules_frame())
    assert probability.tolist() == pytest.approx([0.3])
    assert (steps == 0).all(axis=None)


@pytest.mark.parametrize(
    ("column", "below", "at_least", "step"),
    [
        ("cycle_ratio", 1.2, 1.21, -0.6),
        ("days_since_last_activity", 14, 15, -0.4),
        ("close_date_pushes", 1, 2, -0.4),
        ("stage_position", 0.69, 0.7, 0.4),
    ],
)
def test_a_rule_takes_its_step_beyond_its_threshold(column, below, at_least, step):
    assert log_odds(**{column: below}) == pytest.approx(log_odds())
    assert log_odds(**{column: at_least}) == pytest.approx(log_odds() + step)
    _, steps = rule_based_scores(rules_frame(**{column: at_least}))
    assert steps[column].tolist() == [step]


def test_the_steps_of_several_rules_add_up():
    assert log_odds(cycle_ratio=2, close_date_pushes=3, stage_position=1) == pytest.approx(log_odds() - 0.6 - 0.4 + 0.4)


def test_the_rules_score_no_deals():
    probability, steps = rule_based_scores(rules_frame()[:0])
    assert len(probability) == len(steps) == 0
