"""Where a deal stood at a moment: the sentence for whoever asks for the score of one that is not open."""

import pandas as pd
import pytest

from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets.domain.history.standing import Standing, standing
from salesinsight_assets_tests.domain.worlds import LOST, World, at


@pytest.fixture
def world() -> World:
    world = World()
    world.deal("a", at(10))
    world.close("a", at(20), is_won=False)
    world.change("a", at(25), amount=5.0)
    world.change("a", at(30), stage_name="Proposal", is_closed=False)
    world.close("a", at(40), is_won=True)
    world.delete("opportunities", "a", at(50))
    return world


def stood(world: World, days: float, deal: str = "a") -> Standing:
    return standing(opportunity_history(world.rows()), deal, at(days))


def test_a_deal_is_unknown_to_be_created_open_won_lost_or_deleted(world) -> None:
    assert stood(world, 15, "b") == Standing("unknown")
    assert stood(world, 5) == Standing("to be created", pd.Timestamp(at(10)))
    assert stood(world, 15) == Standing("open")
    assert stood(world, 24) == Standing("lost", pd.Timestamp(at(20)))
    assert stood(world, 35) == Standing("open")
    assert stood(world, 45) == Standing("won", pd.Timestamp(at(40)))
    assert stood(world, 55) == Standing("deleted", pd.Timestamp(at(50)))


def test_a_closed_deal_that_is_edited_is_closed_since_its_closing(world) -> None:
    assert stood(world, 28) == Standing("lost", pd.Timestamp(at(20)))


def test_a_deal_that_is_born_closed_is_closed_since_its_creation() -> None:
    world = World()
    world.deal("a", at(10), stage_name=LOST, is_closed=True, is_won=False)
    assert stood(world, 12) == Standing("lost", pd.Timestamp(at(10)))
