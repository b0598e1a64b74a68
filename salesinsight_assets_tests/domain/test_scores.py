"""Scores and reasons: one row a deal, a sentence a fact, with the number and the norm, and nothing that the CRM lacks."""

import json
import threading
from dataclasses import replace
from datetime import date
from string import Formatter

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.features import CATALOGUE, FEATURE_NAMES
from salesinsight_assets.domain.features.feature import in_words
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.model.policy import ModelPolicy
from salesinsight_assets.domain.model.simple_models import FeatureCurve
from salesinsight_assets.domain.model.training import train_model
from salesinsight_assets.domain.model.win_model import WinModel
from salesinsight_assets.domain.scores import reasons as reasons_file
from salesinsight_assets.domain.scores.policy import RiskPolicy
from salesinsight_assets.domain.scores.reasons import DEAL_WORDS, Reason, reasons
from salesinsight_assets.domain.scores.risk import risk_levels
from salesinsight_assets.domain.scores.scoring import Scored, ServingModels, opportunity_scores, scores_of_the_day
from salesinsight_assets_tests.domain.examples_of_deals import deals_of, examples, features_of

OTHER_WORDS = {
    *DEAL_WORDS,
    "norm",
    "over",
    "company_amount",
    "usual_amount",
    "amount_now",
    "days_overdue",
    "cycle_used",
}
NO_FEATURES = features_of(3)[:0]
BY_NAME = {feature.name: feature for feature in CATALOGUE}


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def told(contributions: dict[str, float], deals: dict[str, object] | None = None, **features: object) -> list[Reason]:
    """The reasons of the first of eleven deals."""
    values = features_of(11)
    found = deals_of(values)
    for name, value in features.items():
        values.loc[0, name] = value if name != "defaulted_features" else None
    if "defaulted_features" in features:
        values.at[0, "defaulted_features"] = features["defaulted_features"]
    for name, value in (deals or {}).items():
        found.loc[0, name] = value
    frame = pd.DataFrame([contributions] + [dict.fromkeys(contributions, 0.0)] * 10)
    return reasons(frame, values, found, "model")[0]


def told_either_way(feature: str, **known: object) -> list[Reason]:
    """What a feature alone says for the first of eleven deals, and what it says against it."""
    return [*told({feature: 1.0}, **known), *told({feature: -1.0}, **known)]


# --- the catalogue's sentences ---


@pytest.mark.parametrize("feature", CATALOGUE, ids=lambda feature: feature.name)
def test_every_placeholder_of_a_sentence_can_be_filled(feature):
    assert placeholders(feature.above) | placeholders(feature.below) <= {*FEATURE_NAMES, *OTHER_WORDS}


@pytest.mark.parametrize(
    "feature", [f for f in CATALOGUE if f.family != "interaction"], ids=lambda feature: feature.name
)
def test_a_sentence_tells_a_number(feature):
    numbers = {*FEATURE_NAMES, *OTHER_WORDS} - set(DEAL_WORDS)  # a zero is told in words
    for sentence in (feature.above, feature.below):
        assert placeholders(sentence) & numbers, sentence


@pytest.mark.parametrize("feature", CATALOGUE, ids=lambda feature: feature.name)
@pytest.mark.parametrize("side", ["below", "above"])
def test_every_feature_can_be_told_in_words(feature, side):
    value = 0.0 if side == "below" else {"flag": 1.0, "share": 1.0, "ratio": 9.0}.get(feature.unit, 1e4)
    found = told({feature.name: 1.0 if feature.good == side else -1.0}, **{feature.name: value})
    assert len(found) == 1, "no sentence"
    assert found[0].fact == feature.reason
    assert "{" not in found[0].text
    assert "nan" not in found[0].text


def test_norms_are_features_or_known_words():
    assert {f.norm for f in CATALOGUE if f.norm} - set(FEATURE_NAMES) == {"one", "at its age"}
    assert not [f.name for f in CATALOGUE if f.norm in {"one", "at its age"} and f.default is None]


def test_features_have_different_names_and_sentences():
    assert len(set(FEATURE_NAMES)) == len(CATALOGUE)
    assert len({feature.sentence for feature in CATALOGUE}) == len(CATALOGUE)
    assert len(CATALOGUE) >= 30


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.236, "share", "24%"),
        (1.0, "flag", "100%"),
        (21.4, "days", "21"),
        (1.25, "ratio", "1.2"),
        (1.5e6, "amount", "1,500,000"),
        (0.0, "times", "never"),
        (1.0, "times", "once"),
        (12.0, "times", "12 times"),
    ],
)
def test_values_in_words(value, unit, words):
    assert in_words(value, unit) == words


# --- reasons ---


def test_the_direction_of_a_reason_is_the_sign_of_its_contribution():
    found = told({"days_in_stage": -0.8, "rep_open_deals": 0.5}, days_in_stage=99.0, rep_open_deals=77.0)
    assert [(reason.fact, reason.direction) for reason in found] == [("time in stage", "against"), ("rep load", "for")]


def test_two_features_of_one_fact_give_one_reason_by_the_weightier():
    found = told(
        {"days_in_stage": -0.3, "stage_time_ratio": -0.5},
        days_in_stage=21.2,
        expected_stage_days=9.4,
        stage_time_ratio=2.3,
    )
    assert [reason.text for reason in found] == ["Stuck in Proposal stage for 21 days (won deals take 9)"]
    assert found[0].value == pytest.approx(2.3)
    assert found[0].norm == 1


def test_two_halves_of_a_fact_that_cancel_out_are_no_reason():
    assert told({"days_in_stage": -0.8, "stage_time_ratio": 0.79}) == []


def test_a_reason_holds_the_number_and_the_norm():
    found = told({"cycle_ratio": -1.0}, cycle_ratio=1.45, age_days=87.0, expected_cycle_days=60.0)
    assert found[0].text == "Sales cycle 45% longer than expected (87 days; won deals take 60)"
    found = told({"rep_win_rate": 0.4}, rep_win_rate=0.55, company_win_rate=0.4)
    assert found[0].text == "The owner's deals: 55% won (company: 40%)"


def test_the_usual_value_is_the_median_of_the_open_deals():
    usual = np.median([500.0, *features_of(11)["age_days"][1:]])
    assert told({"age_days": -1.0}, age_days=500.0)[0].text == f"Open for 500 days (usual: {usual:.0f})"


def test_a_product_speaks_only_where_neither_of_its_factors_does():
    alone = told({"amount_x_cycle": -1.0}, amount_x_cycle=99.0)
    assert "large and slow" in alone[0].text
    both = told({"amount_x_cycle": -1.0, "cycle_ratio": -0.1}, cycle_ratio=1.5)
    assert both[0].text.startswith("Sales cycle 50% longer than expected")


def test_a_product_of_rates_names_the_company_rate_as_a_rate():
    rates = {"rep_win_rate": 0.2, "source_win_rate": 0.1, "company_win_rate": 0.4, "rep_x_source_rate": 0.05}
    found = told({"rep_x_source_rate": -1.0}, **rates)
    assert found[0].text == "Owner's deals 20% won, deals from Web 10% (company: 40%)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "Next step agreed, as on {share} of the open deals"),
        (0.0, "No next step filled in; {share} of the open deals have one"),
    ],
)
@pytest.mark.parametrize("others", [0.0, 1.0])
def test_a_flag_is_told_as_it_is_whatever_is_usual(value, text, others):
    values = features_of(11).assign(has_next_step=[value] + [others] * 10)
    contributions = pd.DataFrame({"has_next_step": [2 * value - 1] + [0.0] * 10})
    found = reasons(contributions, values, deals_of(values), "model")[0]
    assert found[0].text == text.format(share=f"{(value + 10 * others) / 11:.0%}")


@pytest.mark.parametrize(
    ("feature", "value", "norm", "is_told"),
    [
        ("rep_win_rate", 0.38, 0.37, False),
        ("rep_win_rate", 0.37, 0.37, False),
        ("rep_win_rate", 0.42, 0.37, True),
        ("days_in_stage", 10.9, 10.0, False),
        ("days_in_stage", 21.0, 9.0, True),
        ("stage_time_ratio", 1.04, 1.0, False),
        ("stage_time_ratio", 1.2, 1.0, True),
    ],
)
def test_a_comparison_with_what_is_usual_is_not_told(feature, value, norm, is_told):
    direction = 1.0 if (BY_NAME[feature].good == "above") == (value > norm) else -1.0
    beside = {BY_NAME[feature].norm: norm} if BY_NAME[feature].norm != "one" else {}
    assert len(told({feature: direction}, **{feature: value, **beside})) == is_told


@pytest.mark.parametrize("feature", ["log_amount", "activities_per_week", "days_since_last_change"])
def test_a_deal_like_all_others_has_no_reason(feature):
    values = features_of(3).assign(**{feature: 10.0})
    contributions = pd.DataFrame({feature: [-1.0] * 3})
    assert reasons(contributions, values, deals_of(values), "model") == [[], [], []]


def test_amounts_are_compared_as_amounts_though_the_feature_is_their_log():
    usual = np.log(24_000)
    values = features_of(11).assign(log_amount=[np.log(60_000)] + [usual] * 10)
    contributions = pd.DataFrame({"log_amount": [-1.0] + [0.0] * 10})
    found = reasons(contributions, values, deals_of(values), "model")[0]
    assert [reason.text for reason in found] == ["Larger deal than usual (59,999; usual: 23,999)"]


@pytest.mark.parametrize(
    ("feature", "value", "norm", "argues"),
    [
        ("rep_win_rate", {"rep_win_rate": 0.55, "company_win_rate": 0.4}, "company_win_rate", "for"),
        ("days_since_last_activity", {"days_since_last_activity": 500.0}, None, "against"),
        ("has_next_step", {"has_next_step": 1.0}, None, "for"),
        ("close_date_pushes", {"close_date_pushes": 0.0}, None, "for"),
    ],
)
def test_words_that_argue_for_the_other_side_are_not_told(feature, value, norm, argues):
    fitting, other = (1.0, -1.0) if argues == "for" else (-1.0, 1.0)
    assert [reason.direction for reason in told({feature: fitting}, **value)] == [argues]
    assert told({feature: other}, **value) == []


def test_where_the_weightiest_feature_says_nothing_the_next_one_of_the_fact_speaks():
    values = {"days_in_stage": 21.0, "expected_stage_days": 20.0, "stage_time_ratio": 2.3}
    found = told({"days_in_stage": -0.8, "stage_time_ratio": -0.1}, **values)
    assert [(reason.fact, reason.value) for reason in found] == [("time in stage", 2.3)]
    assert told({"days_in_stage": -0.8, "stage_time_ratio": 0.1}, **values) == []


@pytest.mark.parametrize(
    ("feature", "value", "contribution", "text"),
    [
        ("close_date_pushes", 0.0, 1.0, "Close date never pushed"),
        ("close_date_pushes", 9.0, -1.0, "Close date pushed 9 times (usual: 3 times)"),
        ("meetings_30_days", 0.0, -1.0, "No meeting in last 30 days"),
        ("meetings_30_days", 1.0, -1.0, "1 meeting in last 30 days (usual: 3)"),
        ("competitor_count", 1.0, 1.0, "1 competitor recorded (usual: 3)"),
        ("activities_14_days", 9.0, 1.0, "9 activities in last 14 days (usual: 3)"),
        ("age_days", 1.0, -1.0, "Open for only 1 day (usual: 3)"),
        ("activities_per_week", 0.04, -1.0, "0.0 activities a week since the start (usual: 3.0)"),
        ("days_to_close_date", 12.0, -1.0, "Planned to close in 12 days (usual: 3)"),
        ("days_to_close_date", 0.0, -1.0, "Planned to close today"),
        ("days_to_close_date", -1.0, -1.0, "Planned close date passed 1 day ago"),
        ("days_to_close_date", -12.0, -1.0, "Planned close date passed 12 days ago"),
    ],
)
def test_none_one_and_many_are_said_as_people_say_them(feature, value, contribution, text):
    values = features_of(11).assign(**{feature: [value] + [3.0] * 10})
    contributions = pd.DataFrame({feature: [contribution] + [0.0] * 10})
    assert [reason.text for reason in reasons(contributions, values, deals_of(values), "model")[0]] == [text]


def test_an_amount_that_was_converted_says_so():
    values = features_of(11).assign(log_amount=[np.log1p(90_000.0)] + [np.log1p(1_000.0)] * 10)
    contributions = pd.DataFrame({"log_amount": [-1.0] + [0.0] * 10})
    own = deals_of(values)
    (plain,) = reasons(contributions, values, own, "model")[0]
    (converted,) = reasons(contributions, values, own.assign(amount=own["amount"] * 0.9), "model")[0]
    assert plain.text == "Larger deal than usual (90,000; usual: 1,000)"
    assert converted.text == "Larger deal than usual (90,000 in the company's currency; usual: 1,000)"


def test_what_grows_with_time_is_compared_with_what_is_usual_at_that_age():
    """Of deals of ten weeks, with one activity a week and one more, eleven are usual; of one of three weeks, four."""
    values = features_of(5).assign(age_days=70.0, activity_count=11.0)
    values.loc[0, ["age_days", "activity_count"]] = [21.0, 6.0]
    contributions = pd.DataFrame({"activity_count": [1.0, 0.0, 0.0, 0.0, 0.0]})
    (found,) = reasons(contributions, values, deals_of(values), "model")[0]
    assert found.text == "6 activities since the start (usual at this age: 4)"
    assert told({"activity_count": -1.0}, activity_count=0.0)[0].text == "No activity since the start"


def test_progress_is_told_beside_the_time_it_took():
    slow = {"velocity_index": 0.2, "stage_position": 0.25, "cycle_ratio": 1.4}
    (found,) = told({"velocity_index": -1.0}, {"stage_name": "Proposal"}, **slow)
    assert found.text == "Slower than usual: in Proposal, 25% of the way, after 140% of the expected cycle"
    assert told({"velocity_index": -1.0}, **slow, defaulted_features=["cycle_ratio"]) == []


def test_a_plan_that_has_passed_speaks_for_no_deal():
    assert told({"days_to_close_date": 1.0}, days_to_close_date=-12.0) == []


@pytest.mark.parametrize(
    ("feature", "word"),
    [("source_win_rate", "lead_source"), ("industry_win_rate", "industry"), ("product_win_rate", "product"),
     ("region_win_rate", "region"), ("type_win_rate", "type"), ("log_amount", "company_amount"), ("efficiency", "company_amount")],
)  # fmt: skip
def test_nothing_is_named_that_the_crm_lacks(feature, word):
    assert told_either_way(feature, **{feature: 1e3})
    assert told_either_way(feature, deals={word: None}, **{feature: 1e3}) == []


@pytest.mark.parametrize(
    ("feature", "defaulted"),
    [
        ("days_since_last_activity", "days_since_last_activity"),  # nothing was ever recorded
        ("rep_win_rate", "rep_win_rate"),
        ("account_wins", "account_wins"),
        ("days_to_close_date", "days_to_close_date"),
        ("is_overdue", "days_to_close_date"),
        ("amount_change", "amount_change"),
        ("rep_x_source_rate", "source_win_rate"),
    ],
)
def test_a_value_that_is_only_a_default_is_not_told(feature, defaulted):
    assert told_either_way(feature, **{feature: 9.0})
    assert told_either_way(feature, **{feature: 9.0, "defaulted_features": [defaulted]}) == []


def test_there_are_at_most_five_reasons_the_weightiest_first():
    names = ("age_days", "close_date_pushes", "competitor_count", "days_in_stage", "rep_open_deals", "meetings_30_days",
             "account_wins")  # fmt: skip
    signs = {"meetings_30_days": 1, "account_wins": 1}
    contributions = {name: signs.get(name, -1) * 0.1 * (n + 1) for n, name in enumerate(names)}
    found = told(contributions, **dict.fromkeys(contributions, 77.0), expected_stage_days=7.0)
    assert [r.fact for r in found] == ["account", "meetings", "rep load", "time in stage", "competition"]


def test_a_fact_of_little_weight_is_not_told():
    assert told({"age_days": -0.049}) == []
    assert len(told({"age_days": -0.05})) == 1


# --- scores ---


@pytest.mark.parametrize(
    ("probability", "level"),
    [(0.0, "HIGH"), (0.2999, "HIGH"), (0.30, "MEDIUM"), (0.4999, "MEDIUM"), (0.50, "LOW"), (1.0, "LOW")],
)
def test_risk_levels_begin_at_their_thresholds(probability, level):
    assert risk_levels(np.array([probability]), RiskPolicy()).tolist() == [level]


def test_without_a_model_the_rules_score_and_say_so():
    features = features_of(20)
    features.loc[0, ["cycle_ratio", "days_since_last_activity", "close_date_pushes"]] = (2.0, 95.0, 0.0)
    scores = opportunity_scores(deals_of(features), features, None, NO_FEATURES, RiskPolicy())
    assert scores["is_fallback"].all()
    assert set(scores["model_id"]) == {"rules"}
    stored = json.loads(scores["reasons"][0])
    assert {reason["source"] for reason in stored} == {"rule"}
    assert {reason["fact"] for reason in stored} >= {"age", "last activity"}
    assert set(stored[0]) == {"text", "fact", "direction", "source", "value", "norm"}


def test_with_a_model_probability_and_reasons_are_the_models(small_model):
    features = features_of(20)
    scores = opportunity_scores(deals_of(features), features, small_model, NO_FEATURES, RiskPolicy())
    np.testing.assert_allclose(scores["win_probability"], small_model.win_probability(features), rtol=1e-9)
    assert not scores["is_fallback"].any()
    assert set(scores["model_id"]) == {"win-test"}
    stored = [reason for text in scores["reasons"] for reason in json.loads(text)]
    assert {reason["source"] for reason in stored} == {"model"}
    assert scores["risk_level"].tolist() == risk_levels(scores["win_probability"].to_numpy(), RiskPolicy()).tolist()


@pytest.mark.parametrize("has_model", [True, False])
def test_last_weeks_probability_is_what_todays_model_says_of_last_weeks_features(small_model, has_model):
    features, model = features_of(3), small_model if has_model else None
    week_ago = features_of(2, seed=9).assign(opportunity_id=["deal 0002", "gone"])
    scores = opportunity_scores(deals_of(features), features, model, week_ago, RiskPolicy())
    then = opportunity_scores(deals_of(week_ago), week_ago, model, NO_FEATURES, RiskPolicy())
    assert scores["win_probability_7d_ago"].isna().tolist() == [True, True, False]
    assert scores["win_probability_7d_ago"][2] == then["win_probability"][0]


def registered(model: WinModel | FeatureCurve, **changes: object) -> dict[str, object]:
    """A model as the registry has it, with changes to its artifact."""
    kind = "lightgbm" if isinstance(model, WinModel) else "base_rate"
    artifact = json.dumps({**json.loads(model.to_text()), **changes})
    return {"model_id": model.model_id, "kind": kind, "artifact": artifact}


def scored_by(models: ServingModels, features: pd.DataFrame, policy: RiskPolicy | None = None) -> Scored:
    return scores_of_the_day(deals_of(features), features, models, NO_FEATURES, policy or RiskPolicy())


def test_the_champion_scores(small_model):
    scored = scored_by(ServingModels(registered(small_model)), features_of(5))
    assert (scored.model_id, scored.why_fallback) == ("win-test", None)
    assert scored.scored_by == "model win-test"
    assert not scored.scores["is_fallback"].any()
    assert scored.scores["is_shown"].all()


@pytest.mark.parametrize(
    "changes",
    [{"feature_names": ["mood"]}, {"trees": "tree"}, {"slope": float("nan")}, {"color": 1}],
    ids=["other features", "no trees", "no numbers", "no model"],
)
def test_a_champion_that_cannot_answer_gives_way_to_the_rules_with_the_reason(small_model, changes):
    scored = scored_by(ServingModels(registered(small_model, **changes)), features_of(5))
    assert scored.model_id == "rules"
    assert scored.why_fallback
    assert scored.why_fallback.startswith("model win-test cannot be used (")
    assert scored.scores["is_fallback"].all()


def test_a_champion_that_takes_too_long_gives_way_to_the_rules(small_model, monkeypatch):
    from salesinsight_assets.domain.scores import scoring

    answer = scoring.opportunity_scores
    is_over = threading.Event()

    def slow(deals, features, model, *rest):
        if model is not None:
            is_over.wait(30)
        return answer(deals, features, model, *rest)

    monkeypatch.setattr(scoring, "opportunity_scores", slow)
    scored = scored_by(ServingModels(registered(small_model)), features_of(3), RiskPolicy(most_seconds=0.05))
    is_over.set()
    assert scored.scored_by == "the rules: model win-test cannot be used (it took longer than 0.05 s)"
    assert len(scored.shown) == 3


def test_before_the_first_training_the_rules_score_and_the_reason_says_why():
    scored = scored_by(ServingModels(), features_of(2))
    assert scored.scored_by == "the rules: no model has been trained by this day"


BASE_RATES = FeatureCurve("base-rate-x", "stage_position", [0.0, 1.0], [0.2, 0.6], [50, 50], 0.4)


def test_without_enough_signal_each_deal_gets_the_base_rate_of_its_stage_and_facts_of_the_rules():
    features = features_of(3)
    features.loc[:, "stage_position"] = [0.0, 0.5, 1.0]
    features.loc[0, ["cycle_ratio", "days_since_last_activity"]] = (2.0, 95.0)
    scored = scored_by(ServingModels(registered(BASE_RATES)), features)
    assert scored.shown["win_probability"].tolist() == pytest.approx([0.2, 0.4, 0.6])
    assert scored.shown["is_fallback"].all()
    assert scored.scored_by == "the base rate of each stage: not enough signal to tell deals apart"
    assert {reason["source"] for reason in json.loads(scored.shown["reasons"][0])} == {"rule"}


def test_a_deal_open_for_longer_than_any_was_ever_decided_says_so_first(small_model):
    features = features_of(2)
    features.loc[:, "age_days"] = [201.0, 200.0]
    models = ServingModels({**registered(small_model), "longest_decided_days": 200.0})
    first, second = (json.loads(text) for text in scored_by(models, features).shown["reasons"])
    assert first[0]["text"] == "Open for 201 days: no deal was ever decided after more than 200"
    assert (first[0]["source"], first[0]["direction"]) == ("rule", "against")
    assert all(reason["fact"] != "beyond experience" for reason in [*first[1:], *second])


def test_the_challenger_scores_every_deal_in_the_shadow_and_nobody_sees_it(small_model):
    features = features_of(5)
    scored = scored_by(ServingModels(registered(BASE_RATES), registered(small_model)), features)
    assert scored.model_id == "base-rate-x"
    assert set(scored.shown["model_id"]) == {"base-rate-x"}
    shadow = scored.scores[~scored.scores["is_shown"]]
    assert shadow["opportunity_id"].tolist() == scored.shown["opportunity_id"].tolist()
    np.testing.assert_allclose(shadow["win_probability"], small_model.win_probability(features))


def test_as_a_canary_the_challenger_is_shown_to_its_share_of_the_reps_and_each_deal_once(small_model):
    features = features_of(300)
    deals = deals_of(features).assign(owner_id=[f"rep {n % 60}" for n in range(300)])
    models = ServingModels(registered(BASE_RATES), registered(small_model), canary_share=0.1)
    scored = scores_of_the_day(deals, features, models, NO_FEATURES, RiskPolicy())
    shown = scored.shown
    assert sorted(shown["opportunity_id"]) == sorted(deals["opportunity_id"])
    reps = shown.groupby("owner_id")["model_id"].agg(set)
    assert set(map(len, reps)) == {1}
    assert 0 < sum("win-test" in models_of for models_of in reps) < 15


def test_a_challenger_that_cannot_answer_changes_nothing_but_is_told(small_model):
    models = ServingModels(registered(small_model), registered(small_model, slope=float("nan")), canary_share=1.0)
    scored = scored_by(models, features_of(3))
    assert scored.why_fallback is None
    assert str(scored.why_no_shadow).startswith("model win-test cannot be used (")
    assert len(scored.scores) == 3


def test_an_error_of_ours_is_not_taken_for_one_of_the_model(small_model):
    features = features_of(3)
    with pytest.raises(ValueError, match="deals and features differ"):
        scores_of_the_day(
            deals_of(features), features[:2], ServingModels(registered(small_model)), NO_FEATURES, RiskPolicy()
        )


def test_deals_and_features_that_differ_are_refused():
    features = features_of(3)
    for other in (features.iloc[::-1], features[:2]):
        with pytest.raises(ValueError, match="deals and features differ"):
            opportunity_scores(deals_of(features), other, None, NO_FEATURES, RiskPolicy())


@pytest.mark.parametrize("has_model", [True, False])
def test_no_open_deals_give_no_scores(small_model, has_model):
    features = features_of(3)[:0]
    model = small_model if has_model else None
    scores = opportunity_scores(deals_of(features), features, model, NO_FEATURES, RiskPolicy())
    assert len(scores) == 0
    assert "win_probability_7d_ago" in scores


def test_a_sentence_is_parsed_once():
    assert reasons_file._parsed("{norm} of {stage_name}") is reasons_file._parsed("{norm} of {stage_name}")


@pytest.fixture(scope="module")
def small_model() -> WinModel:
    trained = train_model(
        examples(300, signal=3.0),
        date(2025, 1, 1),
        ModelPolicy(trees=10, least_won=50, least_lost=50),
        FeaturePolicy(),
    )
    assert trained.model
    return replace(trained.model, model_id="win-test", slope=1.3, intercept=-0.1)


def test_a_reason_moves_the_chance_to_its_side_by_what_is_unusual_about_the_deal(small_model):
    """Were each feature of the fact as usual, the chance would be less for a reason that speaks for, and more for one against."""
    features = features_of(150)
    contributions = pd.DataFrame(small_model.contributions(features)[0], columns=FEATURE_NAMES)
    told = reasons(contributions, features, deals_of(features), "model")
    norms = reasons_file._norms(
        {name: features[name].to_numpy() for name in FEATURE_NAMES}, reasons_file.usual_of(features, deals_of(features))
    )
    chance, against_its_words = small_model.win_probability(features), []
    for fact in {reason.fact for of_deal in told for reason in of_deal}:
        usual = {f.name: norms[f.name] for f in CATALOGUE if f.reason == fact}
        moved = chance - small_model.win_probability(features.assign(**usual))
        against_its_words += [
            (reason.text, moved[row])
            for row, of_deal in enumerate(told)
            for reason in of_deal
            if reason.fact == fact and moved[row] * (1 if reason.direction == "for" else -1) < -0.01
        ]
    assert sum(map(len, told)) > 200
    assert against_its_words == []
