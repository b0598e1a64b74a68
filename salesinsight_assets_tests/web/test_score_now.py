"""One deal's score now: the same as that of all deals at once, with changes on request, for those who may see the deal."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.adapters.dashboard.score_now import ScoreNow
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry
from salesinsight_assets.adapters.warehouse.schema import database_url
from salesinsight_assets.domain.features.changes import Changes
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.history.grid import Grid
from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets.domain.scores.scoring import scores_of_the_day
from salesinsight_assets.policies import Policies
from salesinsight_assets_tests.web.conftest import BREAKFAST

pytestmark = pytest.mark.slow
UTC_ZONE = ZoneInfo("UTC")
NOW = "/api/v1/scores/now"


@pytest.fixture(scope="module")
def store(postgres_url: str, night_database: str) -> Iterator[Warehouse]:
    """The small company's warehouse, for tests that only read; nobody may be connected to it when it is copied."""
    made = Warehouse(database_url(postgres_url, night_database))
    yield made
    made.close()


def all_at_once(store: Warehouse) -> pd.DataFrame:
    """The scores of all open deals at breakfast, as the nights compute them."""
    policies = Policies()
    crm = store.crm_rows(BREAKFAST - timedelta(days=policies.features.window_days), BREAKFAST)
    rows, features = features_as_of(opportunity_history(crm), Grid([BREAKFAST]), policies.features)
    models = ModelRegistry(store).serving_models(BREAKFAST.date(), policies.promotion)
    week_ago = store.partition("opportunity_features", BREAKFAST.date() - timedelta(days=7))
    return scores_of_the_day(rows.frame, features, models, week_ago, policies.risk).shown


def test_a_deal_alone_is_scored_as_it_is_among_all(store) -> None:
    expected = all_at_once(store)
    assert len(expected) > 20
    assert not expected["is_fallback"].any()
    scoring = ScoreNow(store, UTC_ZONE, Policies())
    for score in expected.to_dict("records"):
        found = scoring.scored(score["opportunity_id"], BREAKFAST)
        assert found is not None
        ((alone,), _) = found
        assert alone.win_probability == pytest.approx(score["win_probability"], abs=1e-9)
        assert (alone.risk_level, alone.model_id) == (score["risk_level"], score["model_id"])
        _assert_same_reasons(alone.reasons, json.loads(score["reasons"]))
    store.close()


def _assert_same_reasons(found: list[dict], expected: list[dict]) -> None:
    numbers = ("value", "norm")
    assert [{n: v for n, v in r.items() if n not in numbers} for r in found] == [
        {n: v for n, v in r.items() if n not in numbers} for r in expected
    ]
    for name in numbers:
        np.testing.assert_allclose([r[name] for r in found], [r[name] for r in expected], atol=1e-9)


def test_what_all_deals_share_is_prepared_once_a_sync_and_hour(dashboard) -> None:
    scoring = ScoreNow(dashboard.warehouse, UTC_ZONE, Policies())
    first = scoring.deals(BREAKFAST)
    assert scoring.deals(BREAKFAST + timedelta(minutes=59)) is first
    assert scoring.deals(BREAKFAST + timedelta(minutes=60)) is not first
    second = scoring.deals(BREAKFAST + timedelta(minutes=60))
    deal = str(second.now.deals["opportunity_id"][0])
    dashboard.warehouse.execute(
        "INSERT INTO crm.tasks (id, what_id, created_date, system_modstamp, is_deleted, valid_from, stamped_at, synced_at, source)"
        f" SELECT '00Tnew', '{deal}', at, at, false, at, at, at, 'salesforce' FROM (SELECT '{BREAKFAST}'::timestamptz AS at)"
    )
    dashboard.warehouse.execute("UPDATE crm.sync_cursors SET synced_at = synced_at WHERE table_name = 'tasks'")
    third = scoring.deals(BREAKFAST + timedelta(minutes=60))
    counts = [d.now.facts["activity_count"][d.place(deal)] for d in (second, third)]
    assert counts[1] == counts[0] + 1


def test_a_change_that_is_tried_out_moves_the_score_and_stores_nothing(dashboard) -> None:
    program, deal = dashboard.program("rep"), dashboard.deals_of(dashboard.user_id("rep"))[0]
    asked = {"opportunity_id": deal, "changes": {"activity_today": True, "next_step": "", "amount": 1_000_000}}
    before = dashboard.warehouse.read("SELECT count(*) AS n FROM insight.prediction_ledger")["n"][0]
    told = program.post(NOW, json=asked).json()
    assert told["difference"] == pytest.approx(
        told["with_changes"]["win_probability"] - told["score"]["win_probability"]
    )
    assert told["difference"] != 0
    assert told["with_changes"]["reasons"] != told["score"]["reasons"]
    plain = program.post(NOW, json={"opportunity_id": deal[:15]}).json()
    assert (plain["score"], plain["with_changes"]) == (told["score"], None)
    assert dashboard.warehouse.read("SELECT count(*) AS n FROM insight.prediction_ledger")["n"][0] == before


def test_the_page_shows_the_chance_before_and_after_and_what_would_change_it(dashboard) -> None:
    browser, deal = dashboard.browser("rep"), dashboard.deals_of(dashboard.user_id("rep"))[0]
    told = (
        dashboard.program("rep")
        .post(NOW, json={"opportunity_id": deal, "changes": {"activity_today": True, "amount": 1}})
        .json()
    )
    shown = browser.get(f"/deals/{deal}/what-if?amount=1&activity=true").text
    for score in (told["score"], told["with_changes"]):
        assert f"{score['win_probability']:.0%}" in shown
    assert "Deals like this one with an activity recorded today were scored" in shown
    again = browser.post(f"/deals/{deal}/score")
    assert again.status_code == 200
    assert "With your changes" not in again.text
    assert "With your changes" not in browser.get(f"/deals/{deal}/what-if").text


def test_the_form_as_it_stands_changes_nothing(dashboard) -> None:
    browser, deal = dashboard.browser("rep"), dashboard.deals_of(dashboard.user_id("rep"))[0]
    page = browser.get(f"/deals/{deal}/what-if").text
    fields = dict(re.findall(r'name="(amount|close_date|next_step)"[^>]*value="([^"]*)"', page))
    fields["stage_name"] = re.findall(r"<option selected>([^<]+)", page)[0]
    assert len(fields) == 4
    assert "With your changes" not in browser.get(f"/deals/{deal}/what-if", params=fields).text


@pytest.mark.parametrize(
    "changes", [{"amount": "much"}, {"amount": "-5"}, {"close_date": "1999-01-01"}, {"stage_name": "Nowhere"}]
)
def test_a_change_that_cannot_be_made_is_told_what_was_expected(dashboard, changes) -> None:
    browser, deal = dashboard.browser("rep"), dashboard.deals_of(dashboard.user_id("rep"))[0]
    (name,) = changes
    answer = browser.get(f"/deals/{deal}/what-if", params=changes)
    assert answer.status_code == 422
    assert f"{name}: expected" in answer.text
    answer = dashboard.program("rep").post(NOW, json={"opportunity_id": deal, "changes": changes})
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert name in answer.json()["detail"]


def test_a_foreign_deal_is_not_there(dashboard) -> None:
    foreign = dashboard.deals_of(dashboard.owner_of_another_team())[0]
    for role in ("rep", "manager"):
        browser, program = dashboard.browser(role), dashboard.program(role)
        answers = [
            browser.post(f"/deals/{foreign}/score"),
            browser.get(f"/deals/{foreign}/what-if"),
            program.post(NOW, json={"opportunity_id": foreign}),
            program.post(NOW, json={"opportunity_id": "006000000000000AAA"}),
        ]
        assert [answer.status_code for answer in answers] == [404] * 4
    assert dashboard.browser("leader").post(f"/deals/{foreign}/score").status_code == 200


def test_a_closed_deal_says_what_became_of_it(dashboard) -> None:
    rows = dashboard.warehouse.read(
        "SELECT id FROM crm.opportunities WHERE valid_to IS NULL AND is_won AND NOT coalesce(is_deleted, false) LIMIT 1"
    )
    browser, closed = dashboard.browser("leader"), rows["id"][0]
    answers = [
        browser.post(f"/deals/{closed}/score"),
        browser.get(f"/deals/{closed}/what-if"),
        dashboard.program("leader").post(NOW, json={"opportunity_id": closed}),
    ]
    assert [answer.status_code for answer in answers] == [409] * 3
    for answer in answers:
        assert re.search(r"This deal was won on \d+ \w+ 202\d\. Only open deals have a chance\.", answer.text)


def test_no_changes_are_none() -> None:
    assert not Changes()
    assert Changes(next_step="")
