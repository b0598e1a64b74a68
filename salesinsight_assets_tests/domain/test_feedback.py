"""What owners did within seven days, the rates of it, and what a rule is proposed for that nobody finds helpful."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.alerts.policy import AlertPolicy
from salesinsight_assets.domain.feedback.acted_on import acted_on, actions
from salesinsight_assets.domain.feedback.outcomes import OUTCOME_COLUMNS, VERDICT_COLUMNS, alert_outcomes
from salesinsight_assets.domain.feedback.rates import RATE_COLUMNS, RatePolicy, alert_rates
from salesinsight_assets.domain.feedback.thresholds import proposals
from salesinsight_assets.domain.shares import share

SENT = datetime(2025, 3, 4, 5, 30, tzinfo=UTC)
KNOWN = SENT + timedelta(days=7)
POLICY = RatePolicy()


def after(days: float) -> datetime:
    return SENT + timedelta(days=days)


def activity(days: float, deal: str = "a", owner: str = "ann") -> dict[str, object]:
    return {"opportunity_id": deal, "owner_id": owner, "created_date": after(days)}


def state(days: float, deal: str = "a", by: str | None = "ann", **changes: object) -> dict[str, object]:
    """A row of an opportunity's history; the first one of a deal is no change."""
    values = {"stage_name": "Proposal", "amount": 100.0, "close_date": pd.Timestamp("2025-05-01"), **changes}
    row = {"id": f"{deal}{days:+09.3f}", "opportunity_id": deal, "created_by_id": by, "created_date": after(days)}
    return {**row, **values}


def done(activities: list[dict[str, object]], states: list[dict[str, object]]) -> pd.DataFrame:
    tasks = pd.DataFrame(activities, columns=["opportunity_id", "owner_id", "created_date"])
    history = pd.DataFrame(states, columns=list(state(0)))
    moments = {"created_date": "datetime64[us, UTC]"}
    return actions(tasks.astype(moments), history.astype({**moments, "amount": "float64"}))


def alert(deal: str = "a", owner: str = "ann", **changes: object) -> dict[str, object]:
    row = {
        "as_of_date": pd.Timestamp("2025-03-03"), "opportunity_id": deal, "owner_id": owner, "sent_at": SENT, "rule": "slow_deal",
        "amount": 9.0, "win_probability": 0.4, "status": "to_send", "is_told": True, "experiment": "e", "arm": "alerted",
    }  # fmt: skip
    return {**row, **changes}


def alerts(*rows: dict[str, object]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=list(alert()))
    return frame.astype({"sent_at": "datetime64[us, UTC]", "opportunity_id": object, "owner_id": object})


def verdicts(*rows: tuple[float, str], deal: str = "a", owner: str = "ann", rule: str = "slow_deal") -> pd.DataFrame:
    said = [("key", deal, owner, rule, verdict, after(days), "email") for days, verdict in rows]
    return pd.DataFrame(said, columns=VERDICT_COLUMNS).astype({"given_at": "datetime64[us, UTC]"})


def outcome_of(what: pd.DataFrame, known_at: datetime = KNOWN) -> tuple[object, object]:
    (row,) = acted_on(alerts(alert()), what, known_at).to_dict("records")
    return row["is_acted_on"], None if pd.isna(row["action"]) else row["action"]


# --- acted on ---


@pytest.mark.parametrize(
    ("activities", "states", "expected"),
    [
        ([activity(1)], [], (True, "activity")),
        ([activity(0.001)], [], (True, "activity")),
        ([activity(7)], [], (True, "activity")),
        ([activity(7.001)], [], (False, None)),
        ([activity(0)], [], (False, None)),
        ([activity(-1)], [], (False, None)),
        ([activity(1, owner="bob")], [], (False, None)),
        ([activity(1, deal="b")], [], (False, None)),
        ([], [state(-9), state(2, stage_name="Closed Lost")], (True, "stage")),
        ([], [state(-9), state(2, amount=90.0)], (True, "amount")),
        ([], [state(-9), state(2, amount=np.nan)], (True, "amount")),
        ([], [state(-9, amount=np.nan), state(2, amount=np.nan)], (False, None)),
        ([], [state(-9), state(2, close_date=pd.Timestamp("2025-06-01"))], (True, "close date")),
        ([], [state(-9), state(2)], (False, None)),
        ([], [state(2)], (False, None)),
        ([], [state(-9), state(2, by="bob", amount=90.0)], (False, None)),
        ([], [state(-9), state(2, by=None, amount=90.0)], (True, "amount")),
        ([], [state(-9), state(-1, amount=90.0), state(2, amount=90.0)], (False, None)),
        ([], [state(-9, deal="b"), state(2, deal="a", amount=90.0)], (False, None)),
        ([activity(3)], [state(-9), state(2, amount=90.0)], (True, "amount")),
    ],
    ids=["activity", "at once", "on the last moment", "too late", "in the moment of sending", "before", "of another",
         "on another deal", "stage", "amount", "amount taken away", "amount still unknown", "close date",
         "only the probability", "the deal's birth", "changed by another", "changed by nobody knows whom",
         "changed before", "another deal's birth before", "the first thing counts"],
)  # fmt: skip
def test_what_counts_as_acted_on(activities, states, expected):
    assert outcome_of(done(activities, states)) == expected


def test_until_the_seven_days_are_over_nothing_is_known_also_where_something_was_done():
    what = done([activity(1)], [])
    assert outcome_of(what, KNOWN - timedelta(seconds=1)) == (None, None)
    assert outcome_of(what, KNOWN) == (True, "activity")


def test_each_alert_has_its_own_seven_days_and_the_first_thing_done_in_them():
    two = alerts(alert(), alert(sent_at=after(3)), alert(deal="b"), alert(owner="bob"))
    found = acted_on(two.set_axis([7, 8, 9, 3]), done([activity(5), activity(2)], []), after(30))
    assert found.index.tolist() == [7, 8, 9, 3]
    assert found["is_acted_on"].tolist() == [True, True, False, False]
    assert found["acted_at"].tolist()[:2] == [pd.Timestamp(after(2)), pd.Timestamp(after(5))]


# --- outcomes ---


def test_those_held_out_and_those_left_out_by_the_last_look_stay_in_their_arm():
    rows = alerts(
        alert(),
        alert("b", status="held_out", arm="held_out", is_told=True),
        alert("c", status="suppressed", is_told=False),
        alert("d", experiment=None, arm=None),
        alert("e", status="suppressed", arm=None, is_told=False),
        alert("f", is_told=False, experiment=None, arm=None),
    )
    found = alert_outcomes(rows, done([activity(1, deal="b")], []), verdicts(), KNOWN).set_index("opportunity_id")
    assert found["arm"].fillna("none").to_dict() == {
        "a": "alerted", "b": "held_out", "c": "alerted", "d": "none"
    }  # fmt: skip
    assert found["was_told"].to_dict() == {"a": True, "b": False, "c": False, "d": True}
    assert found["is_acted_on"].to_dict() == {"a": False, "b": True, "c": False, "d": False}


def test_the_last_verdict_of_the_owner_on_deal_and_rule_counts_as_far_as_it_is_known():
    said = verdicts((-1, "wrong"), (1, "helpful"), (2, "not_helpful"), (8, "helpful"))
    assert alert_outcomes(alerts(alert()), done([], []), said, KNOWN)["verdict"].tolist() == ["not_helpful"]
    for other in ({"deal": "b"}, {"owner": "bob"}, {"rule": "likely_loss"}):
        found = alert_outcomes(alerts(alert()), done([], []), verdicts((1, "helpful"), **other), KNOWN)
        assert found["verdict"].isna().all()


def test_a_day_without_alerts_has_no_outcomes():
    found = alert_outcomes(alerts(), done([], []), verdicts(), KNOWN)
    assert found.empty
    assert list(found) == OUTCOME_COLUMNS


# --- rates ---


def outcomes(n: int, acted: int, helpful: int = 0, said: int = 0, **changes: object) -> pd.DataFrame:
    """Alerts on `n` deals, the first `acted` acted on; of the first `said` a verdict, of the first `helpful` a good one."""
    rows = {
        "alert_date": pd.Timestamp("2025-03-05"), "opportunity_id": [f"{changes}{place}" for place in range(n)],
        "rule": "slow_deal", "owner_id": "ann", "was_told": True, "sent_at": pd.Timestamp(SENT),
        "is_acted_on": [place < acted for place in range(n)],
        "verdict": ["helpful" if place < helpful else "wrong" if place < said else None for place in range(n)],
    }  # fmt: skip
    return pd.DataFrame({**rows, **changes})


def rate(rates: pd.DataFrame, dimension: str, segment: str) -> dict[str, object]:
    (row,) = rates[rates["dimension"].eq(dimension) & rates["segment"].eq(segment)].to_dict("records")
    return row


def test_rates_are_given_by_rule_rep_and_week_with_their_number_and_interval():
    rows = pd.concat(
        [
            outcomes(30, 10, 3, 6),
            outcomes(40, 30, rule="likely_loss", owner_id="bob", alert_date=pd.Timestamp("2025-03-10")),
        ]
    )
    found = alert_rates(rows, POLICY)
    assert found["dimension"].value_counts().to_dict() == {"all": 1, "rule": 2, "rep": 2, "week": 2}
    assert sorted(found.loc[found["dimension"] == "week", "segment"]) == ["2025-03-03", "2025-03-10"]
    slow, expected = rate(found, "rule", "slow_deal"), share(10, 30)
    assert (slow["n_deals"], slow["acted_on"], slow["verdicts"], slow["helpful"]) == (30, 10, 6, 3)
    assert (slow["acted_rate"], slow["acted_low"], slow["acted_high"]) == (expected.rate, expected.low, expected.high)
    assert slow["helpful_rate"] == 0.5
    assert rate(found, "all", "all")["acted_on"] == 40
    assert rate(found, "week", "2025-03-10")["n_deals"] == 40


def test_of_a_rep_with_few_deals_there_is_no_rate_but_the_number():
    rates = alert_rates(pd.concat([outcomes(19, 9), outcomes(20, 10, owner_id="bob")]), POLICY)
    few, enough = rate(rates, "rep", "ann"), rate(rates, "rep", "bob")
    assert few["n_deals"] == 19
    assert pd.isna([few["acted_rate"], few["acted_low"], few["acted_high"], few["helpful_rate"]]).all()
    assert enough["acted_rate"] == 0.5
    assert pd.isna(enough["helpful_rate"]), "no verdict"


def test_a_deal_counts_once_by_its_first_alert_and_those_nobody_was_told_of_not_at_all():
    first = outcomes(1, 0, said=1)
    again = outcomes(1, 1, helpful=1, said=1, sent_at=pd.Timestamp(after(9))).assign(
        opportunity_id=first["opportunity_id"]
    )
    rates = alert_rates(pd.concat([again, first, outcomes(5, 5, was_told=False)]), POLICY)
    row = rate(rates, "all", "all")
    assert (row["n_deals"], row["acted_on"], row["verdicts"], row["helpful"]) == (1, 0, 1, 1)


def test_nothing_told_gives_no_rates():
    rates = alert_rates(outcomes(0, 0), POLICY)
    assert rates.empty
    assert list(rates) == RATE_COLUMNS


# --- proposals ---

TOLD = {
    "likely_loss": {"win_probability": np.linspace(0.1, 0.29, 40)},
    "slow_deal": {"age_days": np.linspace(130, 210, 40), "expected_cycle_days": 100.0},
    "sudden_drop": {"win_probability_7d_ago": np.linspace(0.56, 0.74, 40), "win_probability": 0.4},
}
NUMBERS = ["win_probability", "win_probability_7d_ago", "age_days", "expected_cycle_days"]


def told(rule: str) -> pd.DataFrame:
    return pd.DataFrame(TOLD[rule] | {"rule": rule}).reindex(columns=["rule", *NUMBERS])


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("likely_loss", "likely_loss_below 0.30 -> 0.20"),
        ("slow_deal", "slow_over 0.20 -> 0.70"),
        ("sudden_drop", "drop_points 0.15 -> 0.25"),
    ],
)
def test_a_rule_that_is_not_helpful_is_proposed_for_the_value_that_leaves_out_half(rule, words):
    rates = alert_rates(outcomes(40, 0, helpful=3, said=40, rule=rule), POLICY)
    found = proposals(rates, told(rule), AlertPolicy(), POLICY)[rule]
    assert found.left_out in range(17, 24)
    assert found.sentence == (
        f"{rule}: 3 of 40 verdicts call it helpful (8%, 95 % interval 3% to 20%); proposed: {words}, which would have left out"
        f" {found.left_out} of its 40 alerts"
    )


@pytest.mark.parametrize(
    ("rule", "entry"),
    [("likely_loss", "likely_loss_below"), ("slow_deal", "slow_over"), ("sudden_drop", "drop_points")],
)
def test_the_proposed_value_leaves_out_as_many_as_it_says_when_the_rule_goes_by_it(rule, entry):
    from dataclasses import replace

    from salesinsight_assets.domain.alerts.rules import rule_called

    rates = alert_rates(outcomes(40, 0, said=40, rule=rule), POLICY)
    found = proposals(rates, told(rule), AlertPolicy(), POLICY)[rule]
    deals = told(rule).assign(amount=60_000.0)
    assert rule_called(rule).condition(deals, AlertPolicy()).all()
    left = ~rule_called(rule).condition(deals, replace(AlertPolicy(), **{entry: found.proposed}))
    assert int(left.sum()) == found.left_out


@pytest.mark.parametrize(
    ("said", "helpful"), [(19, 0), (40, 14), (0, 0)], ids=["too few", "not beyond chance", "no verdict"]
)
def test_a_rule_that_may_be_helpful_is_left_alone(said, helpful):
    rates = alert_rates(outcomes(40, 0, helpful=helpful, said=said), POLICY)
    assert proposals(rates, told("slow_deal"), AlertPolicy(), POLICY) == {}


def test_nothing_is_proposed_that_would_tell_of_more_or_where_no_number_is_known():
    rates = alert_rates(outcomes(40, 0, said=40), POLICY)
    assert proposals(rates, told("slow_deal"), AlertPolicy(slow_over=0.9), POLICY) == {}
    assert proposals(rates, told("slow_deal")[:0], AlertPolicy(), POLICY) == {}
