"""A change that is only thought of moves a deal's facts as the same change does once the CRM has it."""

import copy
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache

import numpy as np
import pytest

from salesinsight_assets.domain.features.changes import Changes, DealFactsNow, facts_now
from salesinsight_assets.domain.features.compute import known_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid
from salesinsight_assets.domain.history.snapshots import opportunity_history, snapshots
from salesinsight_assets_tests.domain.happenings import LAST_STEP, lived, moment, random_events
from salesinsight_assets_tests.domain.worlds import World

POLICY = FeaturePolicy(window_days=45, shrinkage_deals=3.0, prior_deals=2.0)
NOW = moment(LAST_STEP)
SEEDS = (0, 1)
TODAY = NOW.date()


@cache
def company(seed: int) -> World:
    return lived(random_events(seed, 220, n_deals=7 if seed % 2 else 25))


def facts(world: World) -> DealFactsNow:
    history = opportunity_history(world.rows())
    return facts_now(known_as_of(history, snapshots(history, Grid([NOW])), POLICY))


@cache
def before(seed: int) -> DealFactsNow:
    return facts(company(seed))


def to(stage: int) -> Callable[[DealFactsNow, str], Changes]:
    return lambda now, _: Changes(stage_name=list(now.stages.index)[stage])


CHANGES: dict[str, Callable[[DealFactsNow, str], Changes]] = {
    "an activity": lambda *_: Changes(has_activity=True),
    "a larger amount": lambda *_: Changes(amount=123_456.0),
    "a small amount": lambda *_: Changes(amount=1_000.0),
    "the first stage": to(0),
    "the last stage": to(-1),
    "a later close date": lambda *_: Changes(close_date=TODAY + timedelta(days=90)),
    "a close date today": lambda *_: Changes(close_date=TODAY),
    "a next step": lambda *_: Changes(next_step="Call them"),
    "several": lambda now, _: Changes(50_001.0, now.stages.index[1], TODAY + timedelta(days=7), "", has_activity=True),
}


def made(world: World, deal: str, changes: Changes) -> None:
    """The change as people make it in the CRM."""
    fields = {name: getattr(changes, name) for name in ("amount", "stage_name", "close_date", "next_step")}
    fields = {
        name: (value or None if name == "next_step" else value) for name, value in fields.items() if value is not None
    }
    if changes.has_activity:
        world.task(f"task on {deal}", deal, NOW)
    if any(world.current("opportunities", deal).get(name) != value for name, value in fields.items()):
        world.change(deal, NOW, **fields)


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_change_thought_of_gives_the_facts_of_one_that_was_made(seed: int, name: str) -> None:
    now, world = before(seed), copy.deepcopy(company(seed))
    deals = list(now.deals["opportunity_id"])
    asked = {deal: CHANGES[name](now, deal) for deal in deals}
    for deal, changes in asked.items():
        made(world, deal, changes)
    then = facts(world)
    assert list(then.deals["opportunity_id"]) == deals
    assert len(deals) > 3
    for place, deal in enumerate(deals):
        shown, found = now.changed(place, asked[deal])
        real = {fact: float(column[place]) for fact, column in then.facts.items()}
        np.testing.assert_allclose(
            list(found.values()), [real[fact] for fact in found], atol=1e-9, err_msg=str((deal, found, real))
        )
        for column in ("stage_name", "amount", "company_amount"):
            assert shown[column] == pytest.approx(then.deals[column][place], nan_ok=True), deal


@pytest.mark.parametrize("seed", SEEDS)
def test_a_deal_without_changes_keeps_its_facts(seed: int) -> None:
    now = before(seed)
    for place in range(len(now.deals["opportunity_id"])):
        _, found = now.changed(place, Changes())
        np.testing.assert_array_equal(list(found.values()), [now.facts[name][place] for name in found])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (Changes(stage_name="Closed Won"), "stage_name: expected one of"),
        (Changes(amount=-1.0), "amount: expected a number from 0 on"),
        (Changes(amount=float("nan")), "amount: expected a number from 0 on"),
        (Changes(close_date=date(2020, 1, 1)), "close_date: expected a day from"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_with_what_was_expected(changes: Changes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        before(0).changed(0, changes)
