"""The deals that were open as of a moment, with their stage, amount, owner and names then."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid, end_of_day
from salesinsight_assets.domain.history.snapshots import Snapshots, opportunity_history, snapshots
from salesinsight_assets_tests.domain.happenings import LAST_STEP, lived, moment, random_events
from salesinsight_assets_tests.domain.worlds import World, at, day

BERLIN = ZoneInfo("Europe/Berlin")


def as_of(world: World, *days: float, first_synced_at: datetime | None = None) -> Snapshots:
    return snapshots(opportunity_history(world.rows(first_synced_at)), Grid(at(d) for d in days))


def open_on(world: World, *days: float) -> list[list[str]]:
    found = as_of(world, *days)
    return [found.frame["opportunity_id"][found.moment == place].tolist() for place in range(len(days))]


@pytest.fixture
def world() -> World:
    made = World()
    made.deal("a", at(1), close_date=day(30))
    return made


def test_a_deal_is_open_from_its_creation_to_its_closing(world):
    world.close("a", at(5), is_won=True)
    assert open_on(world, 0.9, 1, 4.9, 5, 6) == [[], ["a"], ["a"], [], []]


def test_a_reopened_deal_is_open_again(world):
    world.close("a", at(5), is_won=False)
    world.change("a", at(8), stage_name="Proposal", is_closed=False)
    assert open_on(world, 4, 6, 8) == [["a"], [], ["a"]]


def test_a_deleted_deal_counts_until_it_was_deleted_and_again_once_restored(world):
    world.delete("opportunities", "a", at(5))
    world.delete("opportunities", "a", at(8), is_deleted=False)
    assert open_on(world, 4, 5, 7, 8) == [["a"], [], [], ["a"]]


def test_a_deal_first_seen_deleted_counts_until_it_was_deleted(world):
    world.delete("opportunities", "a", at(5))
    assert as_of(world, 4, 6, first_synced_at=at(9)).moment.tolist() == [0]


def test_a_day_in_berlin_ends_at_midnight_there():
    world = World()
    world.deal("late", datetime(2024, 7, 1, 21, 59, 59, tzinfo=UTC))
    world.deal("after midnight", datetime(2024, 7, 1, 22, 0, tzinfo=UTC))
    found = snapshots(opportunity_history(world.rows()), Grid([end_of_day(date(2024, 7, 1), BERLIN)]))
    assert found.frame["opportunity_id"].tolist() == ["late"]


@pytest.mark.parametrize(
    "zone", ["Pacific/Auckland", "Europe/Berlin", "UTC", "America/Los_Angeles", "Pacific/Honolulu"]
)
def test_a_close_date_passes_with_the_companys_own_day(zone):
    world = World()
    world.deal("a", at(0), close_date=date(2024, 3, 15))
    days = [date(2024, 3, 14), date(2024, 3, 15), date(2024, 3, 16)]
    grid = Grid(end_of_day(d, ZoneInfo(zone)) for d in days)
    _, features = features_as_of(opportunity_history(world.rows()), grid, FeaturePolicy())
    assert features["days_to_close_date"].tolist() == [1, 0, -1]
    assert features["is_overdue"].tolist() == [0, 0, 1]


def test_a_snapshot_shows_the_deal_as_it_was(world):
    world.change("a", at(3), stage_name="Proposal", amount=50_000.0, close_date=day(60))
    world.change("a", at(6), stage_name="Negotiation", amount=70_000.0)
    row = as_of(world, 5).frame.iloc[0]
    assert (row["stage_name"], row["amount"]) == ("Proposal", 50_000.0)
    assert row["close_date"].date() == day(60)
    assert row["entered_stage_at"] == at(3)
    assert row["created_date"] == at(1)


def test_names_are_those_of_the_time(world):
    world.account("x", at(0), name="Old name", industry="SaaS")
    world.account("x", at(5), name="New name", industry="Energy")
    world.user("rep 1", at(0), "Ann")
    world.user("rep 1", at(5), "Ann Smith")
    world.change("a", at(1.5), account_id="x")
    shown = as_of(world, 2, 6).frame[["account_name", "industry", "owner_name"]]
    assert shown.to_numpy().tolist() == [["Old name", "SaaS", "Ann"], ["New name", "Energy", "Ann Smith"]]


@pytest.mark.parametrize("tracks_owner", [True, False])
def test_the_owner_is_the_one_of_the_time(tracks_owner):
    world = World(tracks_owner=tracks_owner)
    world.deal("a", at(1), owner_id="rep 1")
    world.change("a", at(5), owner_id="rep 2")
    world.change("a", at(8), owner_id="rep 3")
    assert as_of(world, 4, 5, 7, 9).frame["owner_id"].tolist() == ["rep 1", "rep 2", "rep 2", "rep 3"]


def test_an_owner_change_before_the_field_history_was_switched_on_is_known_from_the_versions():
    world = World(tracks_owner=False)
    world.deal("a", at(1), owner_id="rep 1")
    world.change("a", at(5), owner_id="rep 2")
    world.tracks_owner = True
    world.change("a", at(8), owner_id="rep 3")
    assert as_of(world, 4, 7, 9).frame["owner_id"].tolist() == ["rep 1", "rep 2", "rep 3"]


def test_the_owner_before_the_first_sync_comes_from_the_field_history():
    world = World()
    world.deal("a", at(1), owner_id="rep 1")
    world.change("a", at(5), owner_id="rep 2")
    world.change("a", at(8), owner_id="rep 3")
    found = as_of(world, 4, 7, 9, first_synced_at=at(20)).frame
    assert found["owner_id"].tolist() == ["rep 1", "rep 2", "rep 3"]


@pytest.mark.parametrize("seed", range(4))
def test_a_first_load_today_replays_the_stages_amounts_and_owners_of_past_days(seed):
    world = lived(random_events(seed, 150))
    days = [moment(step).replace(tzinfo=UTC) for step in range(40, LAST_STEP, 40)]
    # of a deal that was deleted and restored, a later load cannot know; nor of one that left no history rows
    told_by_history = [
        deal
        for deal, states in world.states["opportunities"].items()
        if deal not in world._without_history and not any(state["is_deleted"] for state in states)
    ]
    columns = ["as_of", "opportunity_id", "stage_name", "entered_stage_at", "amount", "close_date", "owner_id"]

    def replayed(first_synced_at: datetime | None) -> pd.DataFrame:
        frame = snapshots(opportunity_history(world.rows(first_synced_at)), Grid(days)).frame
        return frame.loc[frame["opportunity_id"].isin(told_by_history), columns].reset_index(drop=True)

    pd.testing.assert_frame_equal(replayed(None), replayed(moment(LAST_STEP + 1)))
    assert len(replayed(None)) > 10


def test_no_deals_give_no_snapshots_and_no_features():
    rows, features = features_as_of(opportunity_history(World().rows()), Grid([at(1), at(2)]), FeaturePolicy())
    assert len(rows) == len(features) == 0
    assert [name for name in FEATURE_NAMES if name not in features] == []


def test_snapshots_are_ordered_by_deal_then_moment(world):
    world.deal("b", at(0))
    found = as_of(world, 2, 2 + 7).frame
    assert found["opportunity_id"].tolist() == ["b", "b", "a", "a"]
    assert (found["as_of"].iloc[1] - found["as_of"].iloc[0]) == timedelta(days=7)


def test_a_first_load_does_not_know_the_end_of_a_deal_from_its_beginning_on():
    """Deals brought in from an older CRM keep their creation, and their history begins with the move."""
    world = World()
    world.deal("moved", at(0), has_history=False, amount=None)
    world._without_history.clear()
    world.change("moved", at(30), stage_name="Proposal", amount=500.0)
    world.change("moved", at(50), next_step="Call")
    world.close("moved", at(60), is_won=True)
    found = as_of(world, 10, 40, 61, first_synced_at=at(100)).frame
    assert found["stage_name"].tolist() == ["Prospecting", "Proposal"]
    assert found["amount"].isna().tolist() == [True, False]
    assert found["next_step"].isna().all()


def test_a_deal_that_was_closed_in_a_stage_that_the_dictionary_lacks_is_closed(world):
    world.change("a", at(5), stage_name="Dead", is_closed=True)
    assert open_on(world, 4, 5, 6) == [["a"], [], []]


def test_a_renamed_stage_leaves_the_deals_under_its_old_name_closed(world):
    world.close("a", at(5), is_won=True)
    world.write("opportunity_stages", "stage Closed Won", at(9), master_label="Won", api_name="Won")
    assert open_on(world, 4, 6, 10) == [["a"], [], []]


def test_an_owner_who_came_after_the_field_history_was_switched_off_is_the_owner():
    world = World()
    world.deal("a", at(1), owner_id="rep 1")
    world.change("a", at(5), owner_id="rep 2")
    world.tracks_owner = False
    world.change("a", at(8), owner_id="rep 3")
    assert as_of(world, 4, 7, 9).frame["owner_id"].tolist() == ["rep 1", "rep 2", "rep 3"]
