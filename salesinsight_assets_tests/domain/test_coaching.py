"""What can be said of a rep: with whom a rep is compared, from which n on, and what makes a coaching opportunity."""

import json

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets.domain.reports.coaching import Figures, coaching_figures
from salesinsight_assets.domain.reports.coaching_cards import CARD_COLUMNS, cards_of_day, coaching_cards
from salesinsight_assets.domain.reports.coaching_policy import CoachingPlaybook, CoachingPolicy
from salesinsight_assets_tests.domain.worlds import World, at

POLICY = CoachingPolicy()
USUAL = {"size": "Small", "industry": "SaaS", "lead_source": "Web", "type": "New", "product": "A", "region": "EMEA"}


def closed(rep: str, won: int, n: int, **columns: object) -> pd.DataFrame:
    """`n` closed deals of a rep, the first of them won."""
    frame = pd.DataFrame({"owner_id": rep, "is_won": np.arange(n) < won, "is_recent": False}, index=range(n))
    return frame.assign(**{**USUAL, **columns})


def opened(rep: str, at_risk: int, n: int, amount: float = 1_000.0, caveat: str | None = None) -> pd.DataFrame:
    """Open deals of a rep, the first of them at HIGH risk."""
    level = np.where(np.arange(n) < at_risk, "HIGH", "LOW")
    return pd.DataFrame({"owner_id": rep, "amount": amount, "risk_level": level, "caveat": caveat}, index=range(n))


def people(*reps: str, **changes: dict[str, object]) -> pd.DataFrame:
    usual = {"manager_id": "m", "is_active": True}
    rows = {rep: {"name": rep.title(), **usual, **changes.get(rep, {})} for rep in reps}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("owner_id")


TEAM = [closed("ann", 40, 100), closed("bob", 40, 100), closed("cy", 40, 100)]
NAMES = ("zoe", "ann", "bob", "cy")
NO_SCORES = opened("zoe", 0, 0)


def of_zoe(
    *deals: pd.DataFrame,
    scores: pd.DataFrame = NO_SCORES,
    who: pd.DataFrame | None = None,
    policy: CoachingPolicy = POLICY,
) -> Figures:
    rows = pd.concat([*TEAM, *deals], ignore_index=True)
    everyone = coaching_figures(rows, scores, people(*NAMES) if who is None else who, policy)
    return next(figures for figures in everyone if figures.rep.owner_id == "zoe")


# --- from which n on ---


@pytest.mark.parametrize(("n", "is_said"), [(19, False), (20, True)])
def test_nothing_is_said_on_fewer_than_twenty_closed_deals(n, is_said):
    found = of_zoe(closed("zoe", 0, n), scores=pd.concat([opened("zoe", 9, 9), opened("ann", 0, 90)]))
    assert (found.won is not None, found.open_deals is not None, found.is_opportunity) == (is_said,) * 3
    assert found.n_closed == n


def test_a_rep_without_any_closed_deal_is_named_too():
    assert of_zoe().n_closed == 0


def test_reps_who_left_and_owners_who_are_no_users_get_no_card_but_their_deals_count():
    who = people(*NAMES, bob={"is_active": False}, cy={"name": None})
    everyone = coaching_figures(pd.concat([*TEAM, closed("zoe", 30, 100)]), NO_SCORES, who, POLICY)
    assert [figures.rep.name for figures in everyone] == ["Ann", "Zoe"]
    assert everyone[1].against_others
    assert everyone[1].against_others.theirs.n == 300


# --- against whom ---


def test_the_average_is_that_of_the_team_without_the_rep():
    found = of_zoe(
        closed("zoe", 90, 100), closed("far", 0, 100), who=people(*NAMES, "far", far={"manager_id": "other"})
    )
    assert found.others == "Team"
    assert found.against_others
    assert (found.against_others.theirs.part, found.against_others.theirs.n) == (120, 300)


def test_a_team_of_too_few_reps_with_enough_deals_gives_way_to_the_company():
    who = people(*NAMES, cy={"manager_id": "other"})
    found = of_zoe(closed("zoe", 90, 100), who=who)
    assert (found.others, found.against_others.theirs.n) == ("Company", 300)
    assert of_zoe(closed("zoe", 90, 100), who=who, policy=CoachingPolicy(least_peers=2)).against_others.theirs.n == 200


def test_a_rep_without_a_manager_is_compared_with_the_company():
    who = people(*NAMES, **{name: {"manager_id": None} for name in NAMES})
    assert of_zoe(closed("zoe", 90, 100), who=who).others == "Company"


def test_with_too_few_deals_of_others_nothing_is_compared():
    everyone = coaching_figures(
        pd.concat([closed("zoe", 9, 30), closed("ann", 5, 19)]), NO_SCORES, people(*NAMES), POLICY
    )
    found = next(figures for figures in everyone if figures.rep.owner_id == "zoe")
    assert found.won
    assert (found.against_others, found.adjusted, found.is_opportunity) == (None, None, False)


# --- what stands ---


def test_below_expectation_is_an_opportunity_only_where_the_interval_leaves_zero_out():
    assert of_zoe(closed("zoe", 20, 100)).is_below_expectation
    assert of_zoe(closed("zoe", 20, 100)).is_opportunity
    close = of_zoe(closed("zoe", 34, 100))
    assert close.adjusted.difference.value < 0
    assert not close.is_opportunity
    assert not of_zoe(closed("zoe", 70, 100)).is_opportunity


def test_harder_deals_are_no_reason_for_coaching():
    hard = [closed(rep, 20, 100, lead_source="Event") for rep in ("ann", "bob", "cy")]
    found = of_zoe(*hard, closed("zoe", 20, 100, lead_source="Event"))
    assert found.against_others.difference.is_below
    assert not found.is_below_expectation
    assert not found.is_opportunity


def test_a_decline_is_told_where_enough_deals_closed_and_it_stands_out():
    before = closed("zoe", 60, 100)
    clear = of_zoe(before, closed("zoe", 2, 20, is_recent=True))
    assert clear.declines
    assert (clear.trend.ours.n, clear.trend.theirs.n, clear.n_recent) == (20, 100, 20)
    assert of_zoe(before, closed("zoe", 10, 20, is_recent=True)).trend is None
    few = of_zoe(before, closed("zoe", 0, 9, is_recent=True))
    assert (few.trend, few.n_recent) == (None, 9)
    risen = of_zoe(closed("zoe", 30, 100), closed("zoe", 20, 20, is_recent=True))
    assert risen.trend.difference.is_above
    assert not risen.declines


def test_segments_are_held_against_the_same_segment_of_the_others():
    others = [closed(rep, 30, 50, size="Enterprise") for rep in ("ann", "bob", "cy")]
    found = of_zoe(*others, closed("zoe", 40, 100), closed("zoe", 4, 30, size="Enterprise"))
    (weak,) = [segment for segment in found.weak if segment.dimension == "size"]
    assert weak.name == "Enterprise"
    assert (weak.comparison.theirs.part, weak.comparison.theirs.n) == (90, 150)
    assert found.strong == []
    few = of_zoe(*others, closed("zoe", 40, 100), closed("zoe", 0, 14, size="Enterprise"))
    assert [segment.name for segment in few.segments if segment.dimension == "size"] == []


def test_strong_and_weak_segments_come_with_the_most_different_first():
    names = {"A": 45, "B": 40, "C": 1, "D": 5}
    others = [closed(rep, 20, 50, product=name) for rep in ("ann", "bob", "cy") for name in names]
    found = of_zoe(*others, *(closed("zoe", won, 50, product=name) for name, won in names.items()))
    assert [s.name for s in found.strong if s.dimension == "product"] == ["A", "B"]
    assert [s.name for s in found.weak if s.dimension == "product"] == ["C", "D"]


def test_many_deals_at_risk_are_more_than_the_others_have():
    average, rest = closed("zoe", 40, 100), opened("ann", 20, 100)
    many = of_zoe(average, scores=pd.concat([opened("zoe", 8, 12), rest]))
    assert many.has_many_at_risk
    assert many.is_opportunity
    assert (many.open_deals.n, many.open_deals.at_risk, many.open_deals.amount_at_risk) == (12, 8, 8_000.0)
    assert not of_zoe(average, scores=pd.concat([opened("zoe", 3, 12), rest])).has_many_at_risk
    assert not of_zoe(average, scores=pd.concat([opened("zoe", 4, 40), opened("ann", 90, 100)])).has_many_at_risk
    everywhere = pd.concat([opened("zoe", 11, 12), opened("ann", 90, 100)])
    assert not of_zoe(average, scores=everywhere).has_many_at_risk


def test_nothing_is_claimed_of_scores_that_are_not_a_models():
    scores = pd.concat([opened("zoe", 8, 12, caveat="by rules"), opened("ann", 20, 100, caveat="by rules")])
    found = of_zoe(closed("zoe", 40, 100), scores=scores)
    assert (found.open_deals.at_risk, found.open_deals.caveat, found.has_many_at_risk) == (8, "by rules", False)


def test_where_nothing_was_scored_nothing_is_said_of_open_deals():
    assert of_zoe(closed("zoe", 40, 100)).open_deals is None


# --- as rows ---


def test_rows_of_reps_with_too_few_deals_have_no_figures():
    rows = pd.concat([*TEAM, closed("zoe", 5, 14)])
    scores = pd.concat([opened("zoe", 8, 12), opened("ann", 2, 10, amount=float("nan"))])
    cards = coaching_cards(
        coaching_figures(rows, scores, people(*NAMES), POLICY), None, POLICY, CoachingPlaybook()
    ).set_index("owner_id")
    assert [*cards.reset_index().columns] == CARD_COLUMNS
    zoe = cards.loc["zoe"].drop(["owner_name", "manager_id", "is_opportunity", "n_closed", "card", "figures"])
    assert zoe.isna().all()
    assert cards.loc["zoe", "n_closed"] == 14
    assert json.loads(cards.loc["zoe", "figures"])["open_deals"] is None
    assert cards.loc["ann", ["open_deals", "deals_at_risk", "compared_with"]].tolist() == [10, 2, "Company"]
    assert "2 out of 10 open deals · amount unknown" in cards.loc["ann", "card"]
    assert json.loads(cards.loc["ann", "figures"])["open_deals"]["amount_at_risk"] is None


def world_of_reps() -> World:
    world = World()
    for place, rep in enumerate(NAMES):
        world.user(rep, at(0), rep.title())
        for number in range(25):
            deal = f"{rep} {number:02d}"
            world.deal(deal, at(1), owner_id=rep, lead_source="Web")
            world.close(deal, at(10 + number), is_won=number % 4 > place % 3)
        world.deal(f"{rep} open", at(2), owner_id=rep)
    return world


def test_later_rows_change_no_card():
    world = world_of_reps()
    scores = pd.DataFrame(
        {"owner_id": NAMES, "amount": 5.0, "risk_level": "HIGH", "model_id": "m", "is_fallback": False}
    )
    ask = (scores, at(50), POLICY, CoachingPlaybook())
    before = cards_of_day(opportunity_history(world.rows()), *ask)
    assert before["win_rate"].notna().all()
    assert before["n_closed"].tolist() == [25] * 4
    for number in range(25):
        world.change(f"zoe {number:02d}", at(51), stage_name="Proposal", is_closed=False)
        world.close(f"zoe {number:02d}", at(52), is_won=True, lead_source="Partner")
    world.user("ann", at(53), "Another")
    pd.testing.assert_frame_equal(cards_of_day(opportunity_history(world.rows()), *ask), before)


def test_scores_by_the_rules_are_labelled_on_the_card():
    scores = pd.DataFrame(
        {"owner_id": NAMES, "amount": 5.0, "risk_level": "HIGH", "model_id": "rules", "is_fallback": True}
    )
    cards = cards_of_day(opportunity_history(world_of_reps().rows()), scores, at(50), POLICY, CoachingPlaybook())
    assert cards["card"].str.contains("1 out of 1 open deal · 5 · scored by rules, not by a model").all()
