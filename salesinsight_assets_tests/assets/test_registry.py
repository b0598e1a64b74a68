"""Who serves, through Dagster: a challenger in the shadow, the comparison that moves it, and the way back."""

import json
from datetime import timedelta

import dagster as dg
import pytest

from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry
from salesinsight_assets.domain.model.months import training_day
from salesinsight_assets.domain.model.promotion import Decision
from salesinsight_assets.partitions import KNOWN_UNTIL_TAG
from salesinsight_assets_tests.conftest import MORNING_AFTER, QUIET, JobResult, Platform, errors


@pytest.fixture
def tried(platform_after_a_night: Platform) -> Platform:
    """The platform after a night, with a challenger that says a little more than the champion."""
    platform = platform_after_a_night
    store, registry = platform.warehouse, ModelRegistry(platform.warehouse)
    shown = registry.model(registry.serving(platform.last_day).champion)
    assert shown
    artifact = json.loads(shown["artifact"])
    artifact = json.dumps({**artifact, "model_id": "win-other", "intercept": artifact["intercept"] + 0.3})
    row = store.exported("models", None).query("kind == 'lightgbm'").drop(columns="model_month")
    registry.register(platform.model_month, row.assign(model_id="win-other", artifact=artifact))
    registry.decide(platform.last_day, "comparison", [Decision("win-other", "challenger", "a trial")], MORNING_AFTER)
    return platform


def metadata(result: JobResult, asset: str) -> dict[str, object]:
    events = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in events[-1].metadata.items()}


def test_champion_and_challenger_score_every_deal_and_only_the_champion_is_seen(tried: Platform) -> None:
    before = tried.warehouse.partition("opportunity_scores", tried.last_day)
    result = tried.materialize("opportunity_scores", partition=tried.last_day)
    assert metadata(result, "opportunity_scores")["challenger"] == "win-other"
    after = tried.warehouse.partition("opportunity_scores", tried.last_day)
    assert after["win_probability"].tolist() == before["win_probability"].tolist()
    ledger = tried.warehouse.exported("prediction_ledger", tried.last_day)
    shadow = ledger[~ledger["is_shown"]]
    assert (set(shadow["model_id"]), len(shadow)) == ({"win-other"}, len(before))
    by_deal = shadow.set_index("opportunity_id")["win_probability"]
    assert (by_deal.loc[after["opportunity_id"]].to_numpy() > after["win_probability"].to_numpy()).all()
    tried.materialize("opportunity_scores", partition=tried.last_day)
    assert len(tried.warehouse.exported("prediction_ledger", tried.last_day)) == len(ledger)


def test_the_comparison_says_how_it_stands_and_moves_a_challenger_that_is_worse(tried: Platform) -> None:
    day, store = tried.last_day, tried.warehouse
    tried.materialize("opportunity_scores", partition=day)
    told = metadata(tried.materialize("model_comparison", partition=day), "model_comparison")
    assert told["result"] == "no deal is decided yet that both had scored"
    store.execute(
        "UPDATE crm.opportunities SET is_closed = true, is_won = false WHERE valid_to IS NULL AND NOT is_closed"
    )
    tried.configure("[promotion]\nleast_resolved = 5\n")
    told = metadata(tried.materialize("model_comparison", partition=day), "model_comparison")
    assert "becomes rejected: worse than the champion: Brier 0." in str(told["decisions"])
    row = store.exported("model_comparison", day).iloc[0]
    assert row["challenger_id"] == "win-other"
    assert row["gain_high"] < 0
    registry = ModelRegistry(store)
    assert registry.serving(day).challenger == "win-other"
    assert registry.serving(day + timedelta(days=1)).challenger is None


def choose(platform: Platform, **config: str) -> JobResult:
    from salesinsight_assets.definitions import defs
    from salesinsight_assets.resources import CompanyResource

    return dg.materialize(
        list(defs.assets or ()),
        selection=dg.AssetSelection.assets("champion"),
        resources={**(defs.resources or {}), "company": CompanyResource()},
        instance=platform.instance,
        run_config=QUIET | {"ops": {"champion": {"config": config}}},
        raise_on_error=False,
    )


def test_another_model_is_shown_from_the_next_night_on_by_one_click_and_back_by_another(tried: Platform) -> None:
    registry, tonight = ModelRegistry(tried.warehouse), tried.last_day + timedelta(days=1)
    first = registry.serving(tonight).champion
    told = metadata(choose(tried, model_id="win-other", because="a try"), "champion")
    assert told["champion"] == "win-other"
    assert "win-other" in str(told["models"])
    assert registry.serving(tried.last_day).champion == first
    assert metadata(choose(tried, model_id="previous"), "champion")["champion"] == first
    assert metadata(choose(tried), "champion")["champion"] == first
    assert not choose(tried, model_id="nobody").success


def test_a_training_that_is_asked_for_later_knows_what_came_since_and_counts_from_the_day_after(
    platform_after_a_night: Platform,
) -> None:
    platform, day = platform_after_a_night, platform_after_a_night.last_day
    registry, month = ModelRegistry(platform.warehouse), platform.model_month
    first = registry.serving(day).champion
    assets = ("training_examples", "win_probability_model", "model_calibration")
    platform.materialize(*assets, partition=month, tags={KNOWN_UNTIL_TAG: day.isoformat()})
    examples = platform.warehouse.partition("training_examples", month, "model_month")
    assert examples["decided_at"].max().date() > training_day(month)
    later = f"win-{day + timedelta(days=1)}"
    newest = platform.warehouse.exported("models", None).query("kind == 'lightgbm'").sort_values("trained_on")
    assert newest["model_id"].iloc[-1].startswith(later)
    assert registry.serving(day).champion == first
    tonight = registry.serving(day + timedelta(days=1))
    assert (tonight.champion, str(tonight.challenger)[: len(later)]) == (first, later)


@pytest.mark.parametrize("named", ["yesterday", "2024-01-01", "2999-01-01"])
def test_a_training_does_not_know_more_than_has_ended_or_less_than_its_month(
    platform_after_a_night: Platform, named: str
) -> None:
    result = platform_after_a_night.run("training", platform_after_a_night.model_month, {KNOWN_UNTIL_TAG: named})
    assert not result.success
    assert f"got '{named}'" in errors(result)["training_examples"]
