"""Wednesday's review: every rep, the cards, and of whom nothing is said; the whole of it is in test_goldens."""

from dataclasses import replace

import pandas as pd

from salesinsight_assets.domain.reports.coaching import Figures, Rep
from salesinsight_assets.domain.reports.coaching_cards import coaching_cards
from salesinsight_assets.domain.reports.coaching_policy import CoachingPlaybook, CoachingPolicy
from salesinsight_assets.domain.reports.rep_performance import (
    ADJUSTED_PICTURE,
    rep_performance_sections,
)
from salesinsight_assets_tests.domain.examples_of_reps import AT_RISK, LEVEL, SARAH

POLICY = CoachingPolicy()
SILENT = Figures(Rep("rep 3", "Nadia Patel", "manager"), 14)
AVERAGE = replace(LEVEL, rep=Rep("rep 2", "Ben Brown", "manager"), n_recent=6, open_deals=replace(AT_RISK, at_risk=0))


def cards(*everyone: Figures) -> pd.DataFrame:
    return coaching_cards(everyone, "USD", POLICY, CoachingPlaybook())


def test_the_picture_stands_with_all_reps():
    sections = rep_performance_sections(cards(AVERAGE, SARAH, SILENT), "USD", POLICY)
    assert [section.picture for section in sections] == [ADJUSTED_PICTURE, "", ""]


def test_a_team_without_an_opportunity_is_told_so():
    _, none = rep_performance_sections(cards(AVERAGE), "USD", POLICY)
    assert (none.title, none.lines) == (
        "🟡 COACHING OPPORTUNITY",
        ["none: of 1 rep nothing stands out that calls for coaching"],
    )


def test_a_team_of_which_nothing_can_be_said_has_no_picture():
    overview, silent = rep_performance_sections(cards(SILENT), "USD", POLICY)
    assert (overview.lines, overview.picture) == (["no rep has closed 20 deals yet"], "")
    assert len(silent.lines) == 1


def test_what_is_missing_is_said_to_be():
    alone = replace(AVERAGE, against_others=None, adjusted=None, open_deals=None)
    overview = rep_performance_sections(cards(alone), None, POLICY)[0]
    assert overview.table
    ((_, _, same_deals, at_risk),) = overview.table.rows
    assert (same_deals, at_risk) == ("–\ntoo few of others yet", "–\nnot scored")
    assert overview.picture == ""
