"""Who serves: decisions count from a day on, a challenger has to be better on decided deals, and every way leads back."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.model.comparison import Comparison, compare
from salesinsight_assets.domain.model.policy import PromotionPolicy
from salesinsight_assets.domain.model.promotion import (
    Decision,
    Serving,
    TrainingVerdict,
    after_comparison,
    after_training,
    champion_before,
    serving,
)

FIRST, POLICY = date(2026, 2, 1), PromotionPolicy()
BETTER = Comparison(400, 0.22, 0.20, 0.02, 0.01, 0.03, 100)
WORSE = Comparison(400, 0.20, 0.22, -0.02, -0.03, -0.01, 100)
UNCLEAR = Comparison(400, 0.200, 0.199, 0.001, -0.01, 0.012, 9000)


def decisions(*rows: tuple[int, str, str]) -> pd.DataFrame:
    """Decisions by day after FIRST, role and model, in the order in which they were decided."""
    decided_at = datetime(2026, 1, 1, tzinfo=UTC)
    return pd.DataFrame(
        [
            {"effective_on": FIRST + timedelta(days=day), "role": role, "model_id": model_id,
             "decided_at": decided_at + timedelta(minutes=place)}
            for place, (day, role, model_id) in enumerate(rows)
        ],
        columns=["effective_on", "role", "model_id", "decided_at"],
    )  # fmt: skip


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


# --- who serves ---


def test_a_decision_counts_from_its_day_on():
    found = decisions((0, "champion", "a"), (28, "challenger", "b"), (60, "canary", "b"), (74, "champion", "b"))
    assert [serving(found, on(day)) for day in (-1, 0, 28, 60, 73, 74)] == [
        Serving(),
        Serving("a"),
        Serving("a", "b"),
        Serving("a", "b", on(60)),
        Serving("a", "b", on(60)),
        Serving("b"),
    ]


def test_decisions_come_in_the_order_of_their_days_and_of_one_day_the_later_counts():
    found = decisions((28, "champion", "b"), (0, "champion", "a"), (28, "champion", "c"))
    assert serving(found, on(30)) == Serving("c")


def test_a_challenger_that_is_rejected_is_tried_no_longer_and_another_ones_rejection_changes_nothing():
    found = decisions((0, "champion", "a"), (28, "challenger", "b"), (40, "rejected", "x"), (50, "rejected", "b"))
    assert [serving(found, on(day)) for day in (45, 50)] == [Serving("a", "b"), Serving("a")]


def test_a_champion_chosen_by_a_person_leaves_the_challenger_in_its_shadow():
    found = decisions((0, "champion", "a"), (28, "champion", "b"), (56, "challenger", "c"), (60, "champion", "a"))
    assert serving(found, on(61)) == Serving("a", "c")


def test_the_champion_before_is_the_last_other_one():
    found = decisions((0, "champion", "a"), (28, "champion", "b"), (30, "champion", "b"), (56, "challenger", "c"))
    assert [champion_before(found, on(day)) for day in (0, 28, 60)] == [None, "a", "a"]


# --- after a training ---


def verdict(passes: bool, model_id: str | None = "new", **changes: bool) -> TrainingVerdict:
    return TrainingVerdict(model_id, "base", passes, "the reason", **changes)


def roles(found: list[Decision]) -> dict[str, str]:
    return {decision.model_id: decision.role for decision in found}


@pytest.mark.parametrize("before", [Serving(), Serving("old base")])
def test_a_first_model_that_passes_is_shown_at_once_and_without_one_the_base_rate(before):
    assert roles(after_training(before, True, verdict(True))) == {"new": "champion"}
    assert roles(after_training(before, True, verdict(False))) == {"new": "rejected", "base": "champion"}
    assert roles(after_training(before, True, verdict(False, None))) == {"base": "champion"}


def test_beside_a_champion_a_model_that_passes_is_tried_first_and_one_that_does_not_is_kept_as_rejected():
    assert roles(after_training(Serving("a"), False, verdict(True))) == {"new": "challenger"}
    assert roles(after_training(Serving("a"), False, verdict(False))) == {"new": "rejected"}
    assert after_training(Serving("new"), False, verdict(True)) == []


def test_a_newer_challenger_takes_the_place_of_one_that_was_never_shown_to_be_better():
    found = after_training(Serving("a", "b"), False, verdict(True))
    assert roles(found) == {"b": "rejected", "new": "challenger"}
    assert "newer challenger" in found[0].reason


def test_a_champion_that_loses_against_the_base_rate_is_withdrawn():
    assert roles(after_training(Serving("a"), False, verdict(False, champion_loses=True)))["base"] == "champion"
    assert roles(after_training(Serving("a"), False, verdict(True, champion_loses=True))) == {"new": "champion"}


# --- after a comparison ---


def test_a_challenger_goes_through_the_canary_to_all_while_it_is_better():
    found = after_comparison(Serving("a", "b"), BETTER, on(30), POLICY)
    assert [(d.model_id, d.role) for d in found] == [("b", "canary")]
    assert "on 400 decided deals" in found[0].reason
    canary = Serving("a", "b", on(31))
    assert after_comparison(canary, BETTER, on(43), POLICY) == []
    assert roles(after_comparison(canary, BETTER, on(44), POLICY)) == {"b": "champion"}
    assert after_comparison(canary, UNCLEAR, on(60), POLICY) == []


def test_a_challenger_that_is_worse_is_rejected_and_one_that_is_as_good_goes_on():
    assert roles(after_comparison(Serving("a", "b"), WORSE, on(30), POLICY)) == {"b": "rejected"}
    assert after_comparison(Serving("a", "b"), UNCLEAR, on(30), POLICY) == []


def test_nothing_is_decided_on_few_deals_or_without_a_challenger():
    few = Comparison(49, 0.22, 0.1, 0.12, 0.05, 0.2, 10)
    assert after_comparison(Serving("a", "b"), few, on(30), POLICY) == []
    assert after_comparison(Serving("a"), BETTER, on(30), POLICY) == []


# --- the comparison ---


def pairs(n_deals: int, noise: float, seed: int = 0, nights: int = 3) -> pd.DataFrame:
    """A challenger that knows the chances, and a champion that says them with noise."""
    rng = np.random.default_rng(seed)
    chance = rng.uniform(0.1, 0.9, n_deals)
    is_won = rng.random(n_deals) < chance
    said = np.clip(chance + rng.normal(0, noise, n_deals), 0.01, 0.99)
    frame = pd.DataFrame(
        {"opportunity_id": [f"d{n}" for n in range(n_deals)], "champion": said, "challenger": chance, "is_won": is_won}
    )
    return pd.concat([frame] * nights, ignore_index=True)


def test_a_deal_counts_once_however_many_nights_it_was_scored():
    one, many = compare(pairs(200, 0.2, nights=1)), compare(pairs(200, 0.2, nights=9))
    assert (one.n_deals, many.n_deals) == (200, 200)
    assert many.gain == pytest.approx(one.gain)
    assert many.low == pytest.approx(one.low)


def test_a_clear_difference_is_told_and_the_gain_is_that_of_the_brier_scores():
    found = compare(pairs(2000, 0.4))
    assert found.low > 0
    assert found.gain == pytest.approx(found.champion_brier - found.challenger_brier)
    assert "more decided deals" not in found.sentence


def test_a_difference_that_cannot_be_told_yet_says_how_many_more_deals_it_needs():
    found = compare(pairs(60, 0.15))
    assert found.low < 0 < found.high
    assert found.deals_needed
    assert found.deals_needed > 60
    assert found.sentence.endswith(f"about {found.deals_needed - 60:,} more decided deals would tell")
    more = compare(pairs(found.deals_needed * 3, 0.15))
    assert more.low > 0


def test_equal_models_are_told_apart_in_few_of_many_series_of_looks():
    wrong = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        chance = rng.uniform(0.1, 0.9, 600)
        said = [np.clip(chance + rng.normal(0, 0.1, 600), 0.01, 0.99) for _ in range(2)]
        frame = pd.DataFrame(
            {"opportunity_id": np.arange(600).astype(str), "champion": said[0], "challenger": said[1],
             "is_won": rng.random(600) < chance}
        )  # fmt: skip
        looks = [compare(frame[:n]) for n in range(50, 601, 25)]
        wrong += any(look.low > 0 or look.high < 0 for look in looks)
    assert wrong <= 4


def test_no_deal_and_one_deal_say_nothing():
    none = compare(pairs(3, 0.1)[:0])
    assert (none.n_deals, none.deals_needed) == (0, None)
    assert none.sentence == "no deal is decided yet that both had scored"
    assert compare(pairs(1, 0.1)).low == -np.inf
