"""What a deal went through: stages, pushes, steps back, amounts, each row by earlier rows only."""

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.history.grid import Grid
from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets.domain.history.stages import stage_positions
from salesinsight_assets_tests.domain.worlds import LOST, START, WON, World, at, day


def states(world: World, deal: str = "a") -> pd.DataFrame:
    found = opportunity_history(world.rows()).states
    return found[found["opportunity_id"] == deal].reset_index(drop=True)


def days_after_start(column: pd.Series) -> list[float]:
    return ((column - START) / pd.Timedelta(days=1)).tolist()


@pytest.fixture
def world() -> World:
    made = World()
    made.deal("a", at(0), close_date=day(30), amount=100.0)
    return made


def test_a_push_is_a_later_close_date_of_an_open_deal(world):
    for when, close_date in ((1, 40), (2, 35), (3, 35), (4, 45)):
        world.change("a", at(when), close_date=day(close_date))
    world.close("a", at(50), is_won=True, close_date=day(50))
    found = states(world)
    assert found["push_count"].tolist() == [0, 1, 1, 2, 2]
    assert found["pushed_days"].tolist() == [0, 10, 10, 20, 20]


def test_a_close_date_that_appears_or_disappears_is_no_push(world):
    world.change("a", at(1), close_date=None)
    world.change("a", at(2), close_date=day(60))
    assert states(world)["push_count"].tolist() == [0, 0, 0]


def test_a_deal_enters_its_stage_with_the_first_row_that_holds_it(world):
    world.change("a", at(2), amount=200.0)
    world.change("a", at(5), stage_name="Proposal")
    world.change("a", at(7), amount=300.0)
    found = states(world)
    assert days_after_start(found["entered_stage_at"]) == [0, 0, 5, 5]
    assert found["is_stage_change"].tolist() == [True, False, True, False]
    assert found["previous_stage"].tolist()[2] == "Prospecting"
    assert found["previous_stage_days"].tolist()[2] == 5
    assert found["stage_change_count"].tolist() == [0, 0, 1, 1]


def test_a_step_back_counts_among_open_stages_only(world):
    for when, stage in ((1, "Negotiation"), (2, "Proposal"), (3, "Negotiation"), (4, "Prospecting")):
        world.change("a", at(when), stage_name=stage)
    world.close("a", at(5), is_won=False)
    world.change("a", at(6), stage_name="Qualification", is_closed=False)
    assert states(world)["regression_count"].tolist() == [0, 0, 1, 1, 2, 2, 2]


def test_what_looks_back_stays_within_its_own_deal(world):
    world.deal("b", at(1), close_date=day(90), amount=5.0)
    world.change("a", at(2), close_date=day(33))
    world.change("b", at(3), close_date=day(99), stage_name="Proposal")
    assert states(world, "a")["push_count"].tolist() == [0, 1]
    assert states(world, "b")[["push_count", "stage_change_count"]].iloc[-1].tolist() == [1, 1]
    assert states(world, "b")["first_amount"].tolist() == [5.0, 5.0]


def test_the_open_amount_is_the_last_one_before_the_closing_however_often_it_is_edited_after(world):
    world.change("a", at(1), amount=900.0)
    world.close("a", at(2), is_won=False, amount=0.0)
    world.change("a", at(3), amount=1.0)
    assert states(world)["open_amount"].tolist() == [100.0, 900.0, 900.0, 900.0]


def test_a_deal_that_is_born_closed_has_its_own_amount(world):
    world.deal("b", at(1), stage_name=WON, amount=70.0)
    assert states(world, "b")["open_amount"].tolist() == [70.0]


def test_a_deal_without_history_rows_takes_its_states_from_its_versions():
    world = World()
    world.deal("a", at(0), has_history=False, close_date=day(30))
    world.change("a", at(4), stage_name="Proposal")
    world.change("a", at(6), close_date=day(40))
    world.close("a", at(9), is_won=False)
    found = states(world)
    assert found["stage_name"].tolist() == ["Prospecting", "Proposal", "Proposal", LOST]
    assert days_after_start(found["entered_stage_at"]) == [0, 4, 4, 9]
    assert found["push_count"].tolist() == [0, 0, 1, 1]
    assert found["is_closed"].tolist() == [False, False, False, True]


def test_history_rows_that_were_deleted_and_restored_with_their_deal_count_once(world):
    world.close("a", at(5), is_won=False, amount=0.0)
    before = states(world)
    world.delete("opportunities", "a", at(8))
    world.delete("opportunities", "a", at(9), is_deleted=False)
    pd.testing.assert_frame_equal(states(world), before)


def test_a_stage_that_the_dictionary_lacks_is_an_open_one():
    world = World()
    world.deal("a", at(0), stage_name="Renamed long ago")
    found = states(world)
    assert not found["is_closed"].any()
    assert np.isnan(found["stage_order"]).all()


def positions(world: World, *moments: float) -> dict[str, list[float]]:
    history = opportunity_history(world.rows())
    table = stage_positions(history.stages, history.states, Grid(at(m) for m in moments))
    return dict(zip(history.stages["stage_name"], table.round(3).tolist(), strict=True))


def test_stages_stand_between_0_and_1_in_their_order_and_closed_ones_nowhere():
    found = positions(World(), 0)
    assert found["Prospecting"] == [0]
    assert found["Proposal"] == [0.667]
    assert found["Negotiation"] == [1]
    assert np.isnan(found[WON] + found[LOST]).all()


def test_a_new_stage_moves_the_others_from_its_creation_on():
    world = World()
    world.stage("Legal", 10, at(5))
    assert positions(world, 4, 5)["Negotiation"] == [1, 0.75]


def test_stages_that_were_made_anew_are_known_from_the_first_deal_in_them():
    world = World()
    for stages in world.states["opportunity_stages"].values():
        stages[0] |= {"created_date": at(100), "system_modstamp": at(100)}
    world.deal("a", at(0), stage_name="Qualification")
    world.change("a", at(3), stage_name="Negotiation")
    found = positions(world, 1, 4, 101)
    assert found["Qualification"] == [0, 0, 0.333]
    assert found["Negotiation"][1:] == [1, 1]


def test_what_a_stage_means_is_what_it_meant_first():
    world = World()
    world.deal("a", at(0), stage_name="Proposal")
    world.stage("Proposal", 3, at(5), is_closed=True, is_won=True)
    assert not states(world)["is_closed"].any()
