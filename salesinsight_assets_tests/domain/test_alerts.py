"""Alerts: what a rep hears of, at most three a day, and a stated reason for everything else."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesinsight_assets.domain.alerts.actions import Playbook, Situation, recommended_actions
from salesinsight_assets.domain.alerts.episodes import as_if_sent
from salesinsight_assets.domain.alerts.policy import AlertPolicy
from salesinsight_assets.domain.alerts.rules import RULES, rule_called
from salesinsight_assets.domain.alerts.selection import ALERT_COLUMNS, daily_alerts
from salesinsight_assets.domain.features import CATALOGUE

TODAY = date(2024, 3, 15)
POLICY = AlertPolicy()
ROOMY = AlertPolicy(riskiest_share=1.0, max_per_rep_per_day=99)
HEALTHY = {
    "owner_id": "rep 1", "amount": 40_000.0, "win_probability": 0.6, "win_probability_7d_ago": 0.6, "age_days": 10.0,
    "expected_cycle_days": 60.0, "model_id": "win-1",
}  # fmt: skip
LIKELY_LOSS = {"amount": 100_000.0, "win_probability": 0.2, "win_probability_7d_ago": np.nan}
SLOW = {"age_days": 100.0}


def deals(**rows: dict[str, object]) -> pd.DataFrame:
    """Open deals by their id; what is not said of one is healthy."""
    return pd.DataFrame([{"opportunity_id": deal, **HEALTHY, **row} for deal, row in rows.items()])


def healthy(count: int) -> dict[str, dict[str, object]]:
    return {f"healthy {number}": {} for number in range(count)}


def nothing_earlier() -> pd.DataFrame:
    columns = {name: pd.Series([], dtype=object) for name in [*ALERT_COLUMNS, "is_told"]}
    return pd.DataFrame(
        {**columns, "as_of_date": pd.Series([], dtype="datetime64[us]"), "win_probability": np.array([])}
    )


def on_day(alerts: pd.DataFrame, day: date) -> pd.DataFrame:
    """Alerts as they are read back from the warehouse once their messages were queued."""
    is_told = alerts["status"] == "to_send"
    return alerts.assign(as_of_date=pd.Timestamp(day), is_told=is_told, has_messages=True)


def days_of(*days: pd.DataFrame, policy: AlertPolicy = ROOMY) -> list[pd.DataFrame]:
    """The alerts of consecutive days, each knowing those before it."""
    told: list[pd.DataFrame] = []
    for number, frame in enumerate(days):
        earlier = [on_day(alerts, TODAY + timedelta(days=n)) for n, alerts in enumerate(told) if len(alerts)]
        known = pd.concat(earlier, ignore_index=True) if earlier else nothing_earlier()
        told.append(daily_alerts(frame, known, TODAY + timedelta(days=number), policy))
    return told


def alerts_of(frame: pd.DataFrame, policy: AlertPolicy = ROOMY) -> pd.DataFrame:
    return daily_alerts(frame, nothing_earlier(), TODAY, policy)


def sent(alerts: pd.DataFrame) -> list[str]:
    return alerts.loc[alerts["status"] == "to_send", "opportunity_id"].tolist()


# --- rules ---


@pytest.mark.parametrize(
    ("rule", "values", "holds"),
    [
        ("likely_loss", {"win_probability": 0.2999, "amount": 50_001.0}, True),
        ("likely_loss", {"win_probability": 0.30, "amount": 50_001.0}, False),
        ("likely_loss", {"win_probability": 0.2999, "amount": 50_000.0}, False),
        ("likely_loss", {"win_probability": 0.1, "amount": np.nan}, False),
        ("slow_deal", {"age_days": 72.0, "expected_cycle_days": 60.0}, False),
        ("slow_deal", {"age_days": 72.1, "expected_cycle_days": 60.0}, True),
        ("sudden_drop", {"win_probability_7d_ago": 0.45, "win_probability": 0.30}, False),
        ("sudden_drop", {"win_probability_7d_ago": 0.75, "win_probability": 0.60}, False),
        ("sudden_drop", {"win_probability_7d_ago": 0.451, "win_probability": 0.30}, True),
        ("sudden_drop", {"win_probability_7d_ago": np.nan, "win_probability": 0.30}, False),
        ("sudden_drop", {"win_probability_7d_ago": 0.2, "win_probability": 0.9}, False),
    ],
)
def test_a_rule_holds_just_beyond_its_threshold(rule, values, holds):
    assert rule_called(rule).condition(deals(a=values), POLICY).tolist() == [holds]
    assert (rule in alerts_of(deals(a=values))["rule"].tolist()) == holds


def test_a_likely_loss_is_high_and_the_others_are_medium():
    assert {rule.name: rule.priority for rule in RULES} == {
        "likely_loss": "HIGH", "sudden_drop": "MEDIUM", "slow_deal": "MEDIUM",
    }  # fmt: skip


def test_the_rules_say_their_numbers():
    row = deals(a={"age_days": 87.0, "win_probability": 0.3, "win_probability_7d_ago": 0.5}).iloc[0]
    assert rule_called("slow_deal").sentence(row) == "Sales cycle 45% longer than expected (87 days; 60 expected)"
    assert rule_called("sudden_drop").sentence(row) == "Win probability fell from 50% to 30% in 7 days"
    assert rule_called("likely_loss").sentence(row) is None
    with pytest.raises(KeyError):
        rule_called("no such rule")


def test_the_facts_of_the_rules_are_facts_of_features():
    assert {rule.fact for rule in RULES if rule.fact} <= {feature.reason for feature in CATALOGUE}


# --- selection ---


def test_a_deal_under_several_rules_is_told_once_under_the_first():
    found = alerts_of(deals(a={**LIKELY_LOSS, **SLOW, "win_probability_7d_ago": 0.9}))
    assert found["rule"].tolist() == ["likely_loss", "sudden_drop", "slow_deal"]
    assert found["status"].tolist() == ["to_send", "suppressed", "suppressed"]
    assert found["suppressed_because"].tolist()[1:] == ["told under likely loss"] * 2
    assert found["rank"].tolist() == [1, 1, 1]


def test_alerts_are_ranked_by_amount_times_risk():
    found = alerts_of(
        deals(
            large={**SLOW, "amount": 1_000_000.0, "win_probability": 0.9},
            risky={**SLOW, "amount": 200_000.0, "win_probability": 0.46},
            small={**SLOW, "amount": 1_000.0, "win_probability": 0.46},
        )
    )
    assert found["opportunity_id"].tolist() == ["risky", "large", "small"]
    assert found["rank"].tolist() == [1, 2, 3]


def test_a_rep_hears_of_at_most_three_deals():
    many = {f"deal {n}": {**SLOW, "amount": 1_000.0 * n, "owner_id": f"rep {n % 2}"} for n in range(9)}
    found = alerts_of(deals(**many), AlertPolicy(riskiest_share=1.0))
    assert found[found["status"] == "to_send"].groupby("owner_id").size().tolist() == [3, 3]
    assert sent(found) == ["deal 8", "deal 7", "deal 6", "deal 5", "deal 4", "deal 3"]
    assert set(found["suppressed_because"].dropna()) == {"over the limit of 3 alerts a day"}


def test_the_other_rules_of_a_deal_over_the_cap_are_held_back_for_the_same_reason():
    many = {f"deal {n}": {**LIKELY_LOSS, **SLOW, "amount": 100_000.0 + n} for n in range(4)}
    found = alerts_of(deals(**many), AlertPolicy(riskiest_share=1.0)).set_index(["opportunity_id", "rule"])
    because = found["suppressed_because"]
    assert because["deal 3", "slow_deal"] == "told under likely loss"
    assert set(because["deal 0"]) == {"over the limit of 3 alerts a day"}


def test_deals_without_an_owner_are_capped_together():
    many = {f"deal {n}": {**SLOW, "owner_id": None} for n in range(5)}
    assert len(sent(alerts_of(deals(**many), AlertPolicy(riskiest_share=1.0)))) == 3


@pytest.mark.parametrize(("open_deals", "told"), [(10, 2), (35, 7), (36, 8), (4, 1)])
def test_on_a_day_with_too_many_alerts_only_the_riskiest_fifth_of_the_deals_is_told(open_deals, told):
    slow = {f"deal {n:02d}": {**SLOW, "amount": 1_000.0 + n, "owner_id": f"rep {n}"} for n in range(open_deals)}
    found = alerts_of(deals(**slow), POLICY)
    assert sent(found) == sorted(slow, reverse=True)[:told]
    assert set(found["suppressed_because"].dropna()) == {
        f"too many alerts today: not among the {told} riskiest, 20% of the open deals"
    }


def test_the_share_of_the_deals_is_rounded_up_from_its_true_value():
    slow = {f"deal {n:02d}": {**SLOW, "owner_id": f"rep {n}"} for n in range(100)}
    assert len(sent(alerts_of(deals(**slow), AlertPolicy(riskiest_share=0.07)))) == 7


def test_a_capped_alert_takes_nobodys_place_among_the_riskiest():
    one_rep = {f"large {n}": {**SLOW, "amount": 1e6 + n} for n in range(8)}
    found = alerts_of(deals(**one_rep, small={**SLOW, "owner_id": "rep 2"}, **healthy(11)), POLICY)
    assert sent(found) == ["large 7", "large 6", "large 5", "small"]
    assert set(found["suppressed_because"].dropna()) == {"over the limit of 3 alerts a day"}


def test_large_healthy_deals_do_not_push_alerts_out():
    large = {f"large {n}": {"amount": 1e9} for n in range(8)}
    found = alerts_of(deals(**large, a=LIKELY_LOSS, b=SLOW), POLICY)
    assert sent(found) == ["a", "b"]


def test_as_many_alerts_as_a_fifth_of_the_deals_are_not_too_many():
    assert len(sent(alerts_of(deals(a=SLOW, b=SLOW, **healthy(8)), POLICY))) == 2
    assert len(sent(alerts_of(deals(a=SLOW, b=SLOW, **healthy(7)), POLICY))) == 2
    assert len(sent(alerts_of(deals(a=SLOW, b=SLOW, **healthy(3)), POLICY))) == 1


def test_a_deal_without_an_amount_is_told_last():
    found = alerts_of(deals(unknown={**SLOW, "amount": np.nan}, small={**SLOW, "amount": 1.0}))
    assert found["opportunity_id"].tolist() == ["small", "unknown"]
    assert sent(found) == ["small", "unknown"]


NUMBERS = st.tuples(st.floats(0, 1), st.floats(0, 1) | st.just(float("nan")), st.floats(0, 2e5) | st.just(float("nan")),
                    st.floats(0, 200), st.sampled_from(["rep 1", "rep 2"]))  # fmt: skip


def test_rules_on_a_win_probability_are_silent_where_it_is_only_the_base_rate_of_a_stage():
    base_rate = {"model_id": "base-rate-2024-03-01-0"}
    found = alerts_of(
        deals(
            a={**LIKELY_LOSS, **base_rate},
            b={"win_probability_7d_ago": 0.9, **base_rate},
            c={**SLOW, **LIKELY_LOSS, **base_rate},
            d={**LIKELY_LOSS, "model_id": "rules"},
        )
    )
    assert dict(zip(found["opportunity_id"], found["rule"], strict=True)) == {"c": "slow_deal", "d": "likely_loss"}


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(st.lists(NUMBERS, min_size=1, max_size=25), st.integers(1, 3))
def test_whatever_happens_alerts_are_few_each_deal_is_told_once_and_silence_has_a_reason(rows, n_days):
    columns = ["win_probability", "win_probability_7d_ago", "amount", "age_days", "owner_id"]
    frame = deals(**{f"deal {n}": dict(zip(columns, row, strict=True)) for n, row in enumerate(rows)})
    for found in days_of(*[frame] * n_days, policy=POLICY):
        told = found[found["status"] == "to_send"]
        assert told.groupby("owner_id").size().max() <= 3 if len(told) else True
        assert not told["opportunity_id"].duplicated().any()
        assert len(told) <= np.ceil(round(0.2 * len(frame), 9))
        assert (found["suppressed_because"].isna() == (found["status"] == "to_send")).all()
        assert not found["episode_id"].isna().any()
        assert not found.duplicated(["opportunity_id", "rule"]).any()


# --- episodes ---


def test_an_episode_is_told_once_and_says_why_it_is_silent():
    first, second = days_of(*[deals(a=SLOW)] * 2)
    assert sent(first) == ["a"]
    assert sent(second) == []
    assert second["suppressed_because"].tolist() == ["told on 2024-03-15 and no worse since"]
    assert first["episode_id"].tolist() == second["episode_id"].tolist() == ["a:slow_deal:2024-03-15"]


def test_an_episode_of_which_no_message_told_is_still_news():
    first = on_day(alerts_of(deals(a=SLOW, b=SLOW)), TODAY)
    first["is_told"] = first["opportunity_id"] == "b"  # the digest of the owner of a was never queued
    second = daily_alerts(deals(a=SLOW, b=SLOW), first, TODAY + timedelta(days=1), ROOMY)
    assert sent(second) == ["a"]
    assert second["episode_id"].tolist() == first["episode_id"].tolist()


def test_a_replay_counts_as_told_what_was_to_be_sent_unless_messages_say_what_became_of_it():
    first = on_day(alerts_of(deals(a=SLOW)), TODAY).assign(is_told=False)
    later = TODAY + timedelta(days=1)
    assert sent(daily_alerts(deals(a=SLOW), as_if_sent(first.assign(has_messages=False)), later, ROOMY)) == []
    assert sent(daily_alerts(deals(a=SLOW), as_if_sent(first), later, ROOMY)) == ["a"]


def test_a_replay_counts_what_was_held_out_as_told_too():
    first = on_day(alerts_of(deals(a=SLOW)), TODAY).assign(is_told=False, has_messages=False, status="held_out")
    assert sent(daily_alerts(deals(a=SLOW), as_if_sent(first), TODAY + timedelta(days=1), ROOMY)) == []


def test_a_new_owner_is_told_what_only_the_old_one_was():
    first, second = days_of(deals(a=SLOW), deals(a={**SLOW, "owner_id": "rep 2"}))
    assert sent(first) == sent(second) == ["a"]
    assert first["episode_id"].tolist() == second["episode_id"].tolist()


@pytest.mark.parametrize(("probability", "is_told"), [(0.26, False), (0.25, True), (0.1, True)])
def test_an_episode_that_got_worse_by_ten_points_is_told_again(probability, is_told):
    before = {**SLOW, "win_probability": 0.35, "win_probability_7d_ago": np.nan}
    _, second = days_of(deals(a=before), deals(a={**before, "win_probability": probability}))
    assert (sent(second) == ["a"]) == is_told


def test_an_episode_is_told_again_after_a_week():
    days = days_of(*[deals(a=SLOW)] * 15)
    assert [number for number, found in enumerate(days) if sent(found)] == [0, 7, 14]
    assert len({found["episode_id"].iloc[0] for found in days}) == 1


@pytest.mark.parametrize("others", [{}, {"other": SLOW}])
def test_what_was_resolved_and_returns_is_news(others):
    slow, fine = deals(a=SLOW, **others), deals(a={}, **others)
    days = days_of(slow, fine, slow)
    assert ["a" in sent(found) for found in days] == [True, False, True]
    assert days[2].query("opportunity_id == 'a'")["episode_id"].tolist() == ["a:slow_deal:2024-03-17"]


def test_a_night_that_was_missed_does_not_end_an_episode():
    first = on_day(alerts_of(deals(a=SLOW)), TODAY)
    later = TODAY + timedelta(days=2)
    assert sent(daily_alerts(deals(a=SLOW), first, later, ROOMY, last_day=TODAY)) == []
    assert sent(daily_alerts(deals(a=SLOW), first, later, ROOMY)) == ["a"]


def test_another_rule_of_a_deal_that_was_told_is_not_told_the_next_day():
    both = deals(a={**LIKELY_LOSS, **SLOW})
    days = days_of(both, both)
    assert sent(days[0]) == ["a"]
    assert sent(days[1]) == []
    assert days[1]["suppressed_because"].tolist() == ["told on 2024-03-15 and no worse since"] * 2


def test_a_rule_that_begins_to_hold_later_is_news():
    days = days_of(deals(a=SLOW), deals(a={**LIKELY_LOSS, **SLOW}))
    assert days[1].loc[days[1]["status"] == "to_send", "rule"].tolist() == ["likely_loss"]


def test_what_was_suppressed_by_the_limits_is_told_once_there_is_room():
    tight = AlertPolicy(riskiest_share=1.0, max_per_rep_per_day=1)
    frame = deals(a={**SLOW, "amount": 2.0}, b={**SLOW, "amount": 1.0})
    assert [sent(found) for found in days_of(frame, frame, frame, policy=tight)] == [["a"], ["b"], []]


def test_the_same_day_twice_gives_the_same_alerts():
    frame = deals(a=SLOW, b=LIKELY_LOSS, **healthy(8))
    pd.testing.assert_frame_equal(alerts_of(frame, POLICY), alerts_of(frame, POLICY))


# --- nothing there ---


@pytest.mark.parametrize("frame", [deals(**healthy(3)), deals(a={})[:0]], ids=["healthy deals", "no deals"])
@pytest.mark.parametrize("earlier", [nothing_earlier(), on_day(alerts_of(deals(a=SLOW)), TODAY - timedelta(days=1))])
def test_no_deal_in_trouble_gives_no_alerts(frame, earlier):
    found = daily_alerts(frame, earlier, TODAY, POLICY)
    assert list(found.columns) == ALERT_COLUMNS
    assert len(found) == 0


def test_earlier_alerts_may_be_an_empty_frame_of_any_types():
    empty = pd.DataFrame(columns=[*ALERT_COLUMNS, "as_of_date", "is_told"])
    assert sent(daily_alerts(deals(a=SLOW), empty, TODAY, ROOMY)) == ["a"]


# --- actions ---


def actions(*facts: str, **situation: Any) -> list[str]:
    usual = {"stage_position": 0.6, "amount": 125_000.0}
    return recommended_actions(Situation(facts, **{**usual, **situation}), Playbook())


def test_the_weightiest_facts_name_the_actions():
    assert actions("pushes", "age", "competition", "next step") == [
        "Agree on a mutual close plan with dates",
        "Schedule executive alignment call this week",
        "Send competitive comparison document",
    ]


def test_actions_are_three_and_different_even_without_a_known_fact():
    for facts in ([], ["unknown"], ["age"], ["activity rate", "recent activity"], ["competition", "time in stage"]):
        found = actions(*facts)
        assert len(found) == len(set(found)) == 3


def test_the_stage_and_the_amount_decide_which_action_fits():
    assert actions("time in stage")[0] == "Send competitive comparison document"
    assert actions("time in stage", stage_position=0.2)[0] == "Agree with the customer on what ends this stage"
    assert actions("age")[0] == "Schedule executive alignment call this week"
    assert actions("age", amount=10_000.0)[0] == "Agree on a decision date with the customer"
    assert actions("age", amount=np.nan)[0] == "Agree on a decision date with the customer"
    unknown = actions("time in stage", stage_position=np.nan)[0]
    assert unknown == "Propose pilot program to reduce risk", "a play for a phase needs to know it"


def test_nothing_is_recommended_twice_in_a_week_nor_what_was_done():
    first = actions("age", "last activity")
    second = actions("age", "last activity", recommended=first)
    assert not set(first) & set(second)
    assert len(second) == 3
    met = actions("age", "meetings", done={"meeting", "activity"})
    assert not {"Schedule executive alignment call this week", "Set up a meeting with the decision maker"} & set(met)
    assert "Confirm the close date with the customer" not in actions("age", done={"close date"})
    everything = {play.action for play in Playbook().plays} | set(Playbook().otherwise)
    assert actions("age", recommended=everything) == []


def test_the_playbook_names_only_facts_that_there_are():
    facts = {feature.reason for feature in CATALOGUE} | {"beyond experience"}
    assert {fact for play in Playbook().plays for fact in play.facts} <= facts


def test_an_own_playbook_is_followed():
    playbook = Playbook(by_fact={"age": "Ask the boss"}, plays=(), otherwise=("Wait",))
    assert recommended_actions(Situation(["age"], 0.5, 1.0), playbook) == ["Ask the boss", "Wait"]


def test_with_the_shipped_plays_an_own_action_for_a_fact_comes_first():
    found = recommended_actions(Situation(["age"], 0.6, 99_000.0), Playbook(by_fact={"age": "Ask the boss"}))
    assert found[:2] == ["Ask the boss", "Schedule executive alignment call this week"]
