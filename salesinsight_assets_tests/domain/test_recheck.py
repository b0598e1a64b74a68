"""The last look: a deal that is no longer what the message says is not told of, with the reason."""

from dataclasses import replace

import pytest

from salesinsight_assets.domain.alerts.silences import silences
from salesinsight_assets.domain.delivery.payloads import ToldDeal
from salesinsight_assets.domain.delivery.recheck import ACTIVITY_FACTS, DealNow, held_back, not_told_because
from salesinsight_assets.domain.features import CATALOGUE
from salesinsight_assets_tests.domain.test_delivery import CONTENT

AS_TOLD = DealNow("Proposal", "rep 1")


def because(deal: DealNow | None, *facts: str) -> str | None:
    return not_told_because("rep 1", "Proposal", facts, deal)


def test_a_deal_that_is_as_it_was_is_told_of():
    assert because(AS_TOLD, "age", "last activity") is None


@pytest.mark.parametrize(
    ("deal", "said"),
    [
        (None, "the deal was deleted since"),
        (replace(AS_TOLD, is_deleted=True), "the deal was deleted since"),
        (replace(AS_TOLD, stage_name="Closed Won", is_closed=True), "the deal was closed since: Closed Won"),
        (replace(AS_TOLD, owner_id="rep 2"), "the deal has another owner since"),
        (replace(AS_TOLD, is_owner_active=False), "the owner is no longer active in Salesforce"),
        (replace(AS_TOLD, stage_name="Negotiation"), "the deal moved from Proposal to Negotiation since"),
    ],
)
def test_what_has_changed_is_the_reason(deal, said):
    assert because(deal, "age") == said


def test_a_new_activity_holds_back_only_what_it_makes_untrue():
    called = replace(AS_TOLD, has_new_activity=True)
    assert because(called, "age", "last activity") == "an activity was recorded since"
    assert because(called, "age", "pushes") is None


def test_the_facts_that_an_activity_makes_untrue_are_facts_of_the_catalogue():
    assert {feature.reason for feature in CATALOGUE} >= ACTIVITY_FACTS


def test_of_several_deals_only_those_that_changed_are_held_back():
    told = [ToldDeal(name, "Proposal", ["age"], CONTENT, "likely_loss") for name in ("a", "b", "c")]
    now = {"a": AS_TOLD, "b": replace(AS_TOLD, owner_id="rep 2")}
    assert held_back("email", "rep 1", told, now, silences([])) == {
        "b": "the deal has another owner since",
        "c": "the deal was deleted since",
    }


def test_a_deal_whose_stage_was_not_named_may_move():
    told = [ToldDeal("a", None, [], CONTENT, "likely_loss")]
    assert held_back("email", "rep 1", told, {"a": replace(AS_TOLD, stage_name="Negotiation")}, silences([])) == {}


@pytest.mark.parametrize(
    ("silence", "by_mail", "by_slack"),
    [
        ({"opportunity_id": "a"}, True, True),
        ({"opportunity_id": "a", "rule": "slow_deal"}, False, False),
        ({"rule": "likely_loss"}, True, True),
        ({"spares_high": True}, True, False),
        ({"owner_id": "rep 2"}, False, False),
    ],
)
def test_what_the_rep_asked_for_since_the_night_is_honoured_in_each_channel(silence, by_mail, by_slack):
    told = [ToldDeal("a", "Proposal", [], CONTENT, "likely_loss")]
    asked = silences([{"owner_id": "rep 1", "because": "snoozed", **silence}])
    for channel, is_silent in (("email", by_mail), ("slack", by_slack)):
        found = held_back(channel, "rep 1", told, {"a": AS_TOLD}, asked)
        assert found == ({"a": "snoozed"} if is_silent else {}), channel
