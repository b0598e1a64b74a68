"""A stage may be renamed, and have any name in any language: what it is tells its row, and a deal's history stays whole."""

from collections.abc import Callable

import pandas as pd
import pytest

from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid
from salesinsight_assets.domain.history.snapshots import History, opportunity_history
from salesinsight_assets_tests.domain.worlds import World, at, day

pytestmark = pytest.mark.salesforce(27)
OLD, NEW = "Proposal", "Angebot"
ROWS = ("opportunities", "opportunity_history")
Renaming = Callable[[World], str]
"""What an administrator does to OLD on day 10; gives the name that deals bear from then on."""


def label_only(world: World) -> str:
    world.write("opportunity_stages", f"stage {OLD}", at(10), master_label=NEW)
    return OLD


def restamped(world: World) -> str:
    world.write("opportunity_stages", f"stage {OLD}", at(10), master_label=NEW, api_name=NEW)
    for table in ROWS:
        for row, states in world.states[table].items():
            if states[-1]["stage_name"] == OLD:
                world.write(table, row, at(10), stage_name=NEW)
    return NEW


def silent(world: World) -> str:
    world.write("opportunity_stages", f"stage {OLD}", at(10), master_label=NEW, api_name=NEW)
    for row in (r for table in ROWS for states in world.states[table].values() for r in states):
        row["stage_name"] = NEW if row["stage_name"] == OLD else row["stage_name"]
    return NEW


def silent_under_the_old_api_name(world: World) -> str:
    silent(world)
    world.current("opportunity_stages", f"stage {OLD}")["api_name"] = OLD
    return NEW


def renamed(world: World) -> str:
    """New rows have the new name, the old ones keep theirs."""
    world.write("opportunity_stages", f"stage {OLD}", at(10), master_label=NEW, api_name=NEW)
    return NEW


def made_anew(world: World) -> str:
    """Renamed, made anew under another Id, and renamed again."""
    world.write("opportunity_stages", f"stage {OLD}", at(9), master_label="Entwurf", api_name="Entwurf")
    world.write("opportunity_stages", "another", at(9.1), **_meaning(world, OLD))
    world.write("opportunity_stages", "another", at(10), master_label=NEW, api_name=NEW)
    return NEW


def _meaning(world: World, stage: str) -> dict[str, object]:
    columns = ("master_label", "api_name", "is_closed", "is_won", "sort_order", "default_probability")
    return {
        name: value for name, value in world.current("opportunity_stages", f"stage {stage}").items() if name in columns
    }


def lived(renaming: Renaming) -> History:
    """Deals that went through the stage before and after, back and forth."""
    world = World()
    for number in range(4):
        world.deal(f"deal {number}", at(number / 4), close_date=day(40), owner_id=f"rep {number % 2}")
        world.change(f"deal {number}", at(2 + number), stage_name=OLD)
    world.close("deal 3", at(8), is_won=True)
    world.change("deal 2", at(9), stage_name="Negotiation")
    name = renaming(world)
    world.change("deal 0", at(12), amount=50_000.0, stage_name=name)
    world.change("deal 1", at(13), stage_name="Negotiation")
    world.change("deal 1", at(14), stage_name=name)
    world.change("deal 2", at(15), stage_name=name)
    world.close("deal 2", at(16), is_won=True)
    return opportunity_history(world.rows())


@pytest.mark.parametrize("renaming", [label_only, restamped, silent, silent_under_the_old_api_name, renamed, made_anew])
def test_a_renamed_stage_changes_no_feature_of_any_deal(renaming):
    grid = Grid(at(d) for d in (7, 9.5, 11, 13, 20))
    rows, found = features_as_of(lived(renaming), grid, FeaturePolicy())
    _, expected = features_as_of(lived(lambda _: OLD), grid, FeaturePolicy())
    pd.testing.assert_frame_equal(found, expected)
    assert expected["stage_regressions"].max() == 1
    names = rows.frame.loc[rows.frame["opportunity_id"] == "deal 0", "stage_name"].tolist()
    assert names[-1] == (OLD if renaming is label_only else NEW)
    assert names[2] == (NEW if renaming in (restamped, silent, silent_under_the_old_api_name) else OLD)


def test_a_deal_without_history_rows_stays_in_its_renamed_stage():
    world = World()
    world.deal("a", at(0), has_history=False)
    world.change("a", at(4), stage_name=OLD)
    restamped(world)
    last = opportunity_history(world.rows()).states.iloc[-1]
    assert last[["stage_name", "entered_stage_at", "stage_change_count"]].tolist() == [NEW, at(4), 1]


def test_german_stages_mean_what_their_rows_say():
    """Neither the label nor the API name says what a stage is."""
    german = {
        "Prospecting": "Erstkontakt", "Negotiation": "Verhandlung", "Closed Won": "Gewonnen", "Closed Lost": "Verloren",
        OLD: NEW, "Qualification": "Bedarf",
    }  # fmt: skip

    def features(names: dict[str, str]) -> tuple[History, pd.DataFrame]:
        world = World()
        for name in german:
            world.current("opportunity_stages", f"stage {name}").update(master_label=names[name], api_name=names[name])
        for number in range(4):
            world.deal(f"deal {number}", at(number), stage_name=names["Prospecting"])
            world.change(f"deal {number}", at(5), stage_name=names["Negotiation"])
        world.change("deal 0", at(8), stage_name=names["Closed Won"])
        world.change("deal 1", at(8), stage_name=names["Closed Lost"])
        world.change("deal 2", at(8), stage_name=names["Qualification"])
        history = opportunity_history(world.rows())
        return history, features_as_of(history, Grid([at(10)]), FeaturePolicy())[1]

    (history, found), (_, expected) = features(german), features({name: name for name in german})
    pd.testing.assert_frame_equal(found, expected)
    assert found["opportunity_id"].tolist() == ["deal 2", "deal 3"]
    assert history.states.loc[history.states["is_won"], "stage_name"].tolist() == ["Gewonnen"]
    assert found["stage_regressions"].tolist() == [1, 0]
