"""Wednesday's review, word for word: every rep, the cards, and of whom nothing is said."""

from dataclasses import replace
from datetime import date

import pandas as pd

from salesinsight_assets.domain.reports.coaching import Figures, Rep
from salesinsight_assets.domain.reports.coaching_cards import coaching_cards
from salesinsight_assets.domain.reports.coaching_policy import CoachingPlaybook, CoachingPolicy
from salesinsight_assets.domain.reports.pages import as_text
from salesinsight_assets.domain.reports.rep_performance import (
    ADJUSTED_PICTURE,
    rep_performance_sections,
    rep_performance_title,
)
from salesinsight_assets_tests.domain.examples_of_reps import AT_RISK, LEVEL, SARAH

POLICY = CoachingPolicy()
SILENT = Figures(Rep("rep 3", "Nadia Patel", "manager"), 14)
AVERAGE = replace(LEVEL, rep=Rep("rep 2", "Ben Brown", "manager"), n_recent=6, open_deals=replace(AT_RISK, at_risk=0))
REVIEW = """\
Rep performance of Dana Lee's team, as of 2025-03-31

All reps, closed deals of the last year
  Ben Brown: won 42% (34% to 51%, n = 118); same deals -0.6pp (-10pp to +9pp); 0 of 12 open deals at risk
  Sarah Johnson: won 32% (24% to 41%, n = 118); same deals -11pp (-20pp to -2pp); 5 of 12 open deals at risk ($410,000)
  Each win rate and difference stands beside its 95 % interval; one that holds zero says nothing yet.
  "Same deals": the win rate less what an average rep would have won with the same deals. A difference says that something is so, not why.
  Trend: too few deals closed in the last 30 days to say (from 10 on): Ben Brown (6)

🟡 COACHING OPPORTUNITY
  Rep: Sarah Johnson
  Win Rate: 32% (Team Avg: 45%) · 95 % interval 24% to 41%, n = 118 closed deals in the last year
  Deals at Risk: 5 out of 12 open deals · $410,000
  Performance insights:
  📉 Win rate 13pp below the team's · 95 % interval -21pp to -3pp, n = 118 against 940
  📉 11pp below what an average rep would have won with the same deals (43%) · 95 % interval -20pp to -2pp, n = 118
  📉 Win rate declined 8pp in last 30 days · 95 % interval -15pp to -0.9pp, n = 41 against 77 before
  📈 Strong in SaaS vertical (55% win rate) · team 41%, 14pp above: 95 % interval +0.3pp to +27pp, n = 62 against 300
  📉 Struggling with Enterprise deals (25% win rate) · team 44%, 19pp below: 95 % interval -32pp to -2pp, n = 40 against 200
  Suggested actions:
  1. Pair with top performer for shadowing
  2. Focus on SaaS deals (a strength)
  3. Provide Enterprise sales training

Too few closed deals to say anything
  Rep: Nadia Patel - 14 closed deals in the last year; from 20 on there is something to say"""


def cards(*everyone: Figures) -> pd.DataFrame:
    return coaching_cards(everyone, "USD", POLICY, CoachingPlaybook())


def test_the_review_reads_word_for_word_as_here():
    sections = rep_performance_sections(cards(AVERAGE, SARAH, SILENT), "USD", POLICY)
    assert as_text(rep_performance_title("Dana Lee", date(2025, 3, 31)), sections) == REVIEW
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
    assert overview.lines[0].endswith("; same deals: too few of other reps to compare with yet; open deals not scored")
    assert overview.picture == ""
