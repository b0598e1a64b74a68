"""What Dagster's page of a model says to a manager, and to a data engineer."""

from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd
import pytest

from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.model.policy import ModelPolicy
from salesinsight_assets.domain.model.promotion import Decision
from salesinsight_assets.domain.model.training import TrainedModel, train_model
from salesinsight_assets.model_card import FOLLOWED, card_metadata
from salesinsight_assets_tests.domain.examples_of_deals import examples

LEARNT = date(2024, 12, 31)


@pytest.fixture(scope="module")
def learnt_from() -> pd.DataFrame:
    return examples(500, signal=3.0)


@pytest.fixture(scope="module")
def trained(learnt_from) -> TrainedModel:
    policy = ModelPolicy(trees=20, least_won=100, least_lost=100)
    return train_model(learnt_from, date(2025, 1, 1), policy, FeaturePolicy())


def shown(trained: TrainedModel, examples: pd.DataFrame, *decisions: Decision) -> dict[str, Any]:
    found = card_metadata(trained, examples, "champion", decisions, LEARNT)
    return {name: getattr(value, "value", getattr(value, "md_str", value)) for name, value in found.items()}


def test_a_manager_reads_how_many_were_won_of_those_we_gave_a_chance(trained, learnt_from):
    bin_of = trained.calibration.iloc[0]
    said = f"when we said {bin_of['bin_from']:.0%} to {bin_of['bin_to']:.0%}, **{bin_of['actual_rate']:.0%}** were won"
    lines = shown(trained, learnt_from)["calibration"].splitlines()
    assert lines[0] == f"- {said} (n = {bin_of['deals']:.0f} deals)"
    assert len(lines) == len(trained.calibration)


def test_the_card_tells_from_what_was_learnt_how_it_was_judged_and_what_is_not_known(trained, learnt_from):
    card = shown(trained, learnt_from)["card"]
    assert f"1,500 weekly snapshots from {learnt_from['as_of'].min():%Y-%m-%d} to" in card
    assert (
        f"{trained.metrics['won']} won and {trained.metrics['lost']} lost deals, as known at the end of 2024-12-31"
        in card
    )
    low, high = trained.metrics["auc_low"], trained.metrics["auc_high"]
    assert f"{trained.metrics['auc']:.3f} (95 % interval {low:.3f} to {high:.3f})" in card
    assert f"more than {trained.metrics['longest_decided_days']:.0f} days nothing is known" in card
    assert card.count("known limit") >= 3


def test_bins_of_few_deals_are_a_known_limit_and_others_are_not(trained, learnt_from):
    calibration = trained.calibration.assign(deals=100)
    assert "hardly known" not in shown(replace(trained, calibration=calibration), learnt_from)["card"]
    calibration.loc[0, "deals"] = 7
    card = shown(replace(trained, calibration=calibration), learnt_from)["card"]
    first = calibration.iloc[0]
    assert f"fewer than 30 deals were given {first['bin_from']:.0%} to {first['bin_to']:.0%}: how many" in card


def test_what_the_model_had_to_beat_stands_beside_it_with_the_verdict(trained, learnt_from):
    compared = shown(trained, learnt_from)["compared with"]
    names = [line.split("|")[1].strip() for line in compared.splitlines()[2:]]
    assert names == ["the base rate", "the base rate by stage", "the age alone"]
    assert compared.count("| beaten |") == 3
    loses = {name: gain._replace(low=-0.1) for name, gain in trained.gains.items()}
    assert shown(replace(trained, gains=loses), learnt_from)["compared with"].count("| not beaten |") == 3


def test_there_are_pictures_and_the_figures_that_are_followed(trained, learnt_from):
    found = shown(trained, learnt_from, Decision("win-1", "champion", "better"))
    for name in ("calibration plot", "importance", "contributions"):
        assert found[name].startswith("![")
    assert set(FOLLOWED) <= set(found)
    assert "| win-1 | champion | better |" in found["decisions"]
    assert "the champion stays" in shown(trained, learnt_from)["decisions"]


def test_without_a_model_the_card_says_why_and_claims_nothing(learnt_from):
    too_few = train_model(learnt_from.head(30), date(2025, 1, 1), ModelPolicy(), FeaturePolicy())
    found = shown(too_few, learnt_from.head(30))
    assert "too few decided deals" in found["reason"]
    assert found["calibration"] == "nothing to tell: there is no model"
    assert "known limit" not in found["card"]
    assert not {"importance", "auc", "calibration plot"} & set(found)
