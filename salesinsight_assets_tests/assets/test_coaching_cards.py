"""The coaching cards on the real warehouse: what they count, whom they are of, and what a replay of an earlier day knows."""

from datetime import timedelta

import pandas as pd
import pytest

from salesinsight_assets.domain.reports.coaching_policy import CoachingPolicy
from salesinsight_assets.domain.reports.rep_performance import ADJUSTED_PICTURE, rep_performance_sections
from salesinsight_assets_tests.conftest import LAST_DAY, Platform

CLOSED = """
SELECT o.owner_id, count(*) AS n, avg(o.is_won::int)::float AS rate FROM crm.opportunities AS o
JOIN (SELECT opportunity_id, max(created_date) AS closed_at FROM crm.opportunity_history
      WHERE stage_name LIKE 'Closed%' AND valid_to IS NULL GROUP BY 1) AS h ON h.opportunity_id = o.id
WHERE o.valid_to IS NULL AND NOT o.is_deleted AND o.is_closed AND h.closed_at > DATE '2024-04-01' AND h.closed_at < DATE '2025-04-01'
GROUP BY 1
"""
"""Counted by hand, for the year that ends with the last day."""


def test_win_rates_are_those_of_the_deals_closed_in_the_last_year(platform_after_a_night: Platform) -> None:
    store = platform_after_a_night.warehouse
    cards = store.partition("coaching_cards", LAST_DAY).set_index("owner_id")
    counted = store.read(CLOSED).set_index("owner_id").reindex(cards.index)
    told = cards["win_rate"].notna()
    assert told.sum() >= 2
    assert cards["n_closed"].tolist() == counted["n"].fillna(0).tolist()
    assert cards.loc[told, "win_rate"].tolist() == pytest.approx(counted.loc[told, "rate"].tolist(), abs=1e-4)
    assert (cards.loc[told, "low"] < cards.loc[told, "win_rate"]).all()


def test_deals_at_risk_are_those_scored_high_on_the_day(platform_after_a_night: Platform) -> None:
    store = platform_after_a_night.warehouse
    cards = store.partition("coaching_cards", LAST_DAY).dropna(subset="win_rate").set_index("owner_id")
    scores = store.partition("opportunity_scores", LAST_DAY)
    high = scores[scores["risk_level"] == "HIGH"]
    for name, counted in (
        ("open_deals", scores.groupby("owner_id").size()),
        ("deals_at_risk", high.groupby("owner_id").size()),
        ("amount_at_risk", high.groupby("owner_id")["amount"].sum()),
    ):
        assert cards[name].tolist() == pytest.approx(counted.reindex(cards.index).fillna(0).tolist()), name


def test_the_rows_of_a_team_make_its_review(platform_after_a_night: Platform) -> None:
    cards = platform_after_a_night.warehouse.partition("coaching_cards", LAST_DAY)
    team = cards[cards["manager_id"] == cards["manager_id"].mode()[0]]
    overview, *rest = rep_performance_sections(team, "USD", CoachingPolicy())
    assert overview.picture == ADJUSTED_PICTURE
    assert overview.table
    assert len(overview.table.rows) == team["win_rate"].notna().sum()
    assert rest


def test_an_earlier_day_knows_only_what_was_known_then_and_says_nothing_of_scores_it_has_not(
    platform_after_a_night: Platform,
) -> None:
    platform, earlier = platform_after_a_night, LAST_DAY - timedelta(days=200)
    platform.materialize("coaching_cards", partition=earlier)
    now, then = (platform.warehouse.partition("coaching_cards", day) for day in (LAST_DAY, earlier))
    assert len(then)
    assert then["open_deals"].isna().all()
    assert now["open_deals"].notna().any()
    last = platform.warehouse.read("SELECT min(created_date) AS day FROM crm.opportunities")["day"][0]
    assert last < pd.Timestamp(earlier, tz="UTC")
    assert not now["n_closed"].equals(then["n_closed"])


def test_the_company_may_ask_for_more_deals_and_other_actions(platform_after_a_night: Platform) -> None:
    platform = platform_after_a_night
    most = platform.warehouse.partition("coaching_cards", LAST_DAY)["n_closed"].max()
    platform.configure(f"[coaching]\nleast_closed = {most + 1}\n")
    platform.materialize("coaching_cards", partition=LAST_DAY)
    cards = platform.warehouse.partition("coaching_cards", LAST_DAY)
    assert cards["win_rate"].isna().all()
    assert cards["card"].str.contains(f"from {most + 1} on there is something to say").all()
