"""Nine nights of a small company whose reps act on their alerts; `make nights` lives two hundred of a larger one."""

from datetime import date
from pathlib import Path

import pytest

from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets_tests.alerted_nights.nights import AlertedNights
from salesinsight_assets_tests.alerted_nights.reps import RepRule
from salesinsight_assets_tests.alerted_nights.setting import Plan, alerted_company

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
NIGHTS = 9
"""From a Thursday on: a weekend, a day off, and the first alerts' seven days."""
LIVELY = """
[alerts]
riskiest_share = 1.0
repeat_after_days = 3
drop_points = 0.05
worse_points = 0.02
"""
"""Settings under which a few nights hold a bit of everything: deals are to be told of again soon, and get worse often."""
ANSWERS = {"snooze": 0.25, "wrong": 0.1, "mute_deal": 0.1, "mute_rule": 0.02, "helpful": 0.1}
PLAN = Plan(
    last_day=date(2025, 4, 3),
    years=1.0,
    size=0.25,
    rule=RepRule(answers=ANSWERS, again=0.3, closed=0.08, reassigned=0.08),
    toml=LIVELY,
    leave_on=(5,),
    has_model=False,
)


def test_no_night_tells_of_what_it_must_not_and_the_lift_is_that_of_the_company(
    work_folder: Path, warehouse: Warehouse
) -> None:
    with alerted_company(work_folder, warehouse, PLAN) as (lived, policies):
        for _ in range(NIGHTS):
            lived.night()
        lived.judge_all(policies.holdout.label, policies.holdout.share)
    assert lived.wrong == []
    assert_a_bit_of_everything_happened(lived)
    (*_, look) = lived.experiment.looks
    assert look.n > 0
    assert look.holds


def assert_a_bit_of_everything_happened(lived: AlertedNights) -> None:
    """Else the nights would prove nothing."""
    happened = {name for name, n in lived.counts.items() if n}
    assert happened >= {
        *("to_send", "held_out", "closed before the send", "reassigned before the send", "snoozed before the send"),
        "suppressed: told on … and no worse since",
    }
    assert lived.experiment.taken_up
    assert any("no work day" in name for name in happened)
    assert any("day off" in name for name in happened)
    assert any("over the limit" in name for name in happened)
    told = {(one.owner_id, one.opportunity_id, one.as_of) for one in lived.inboxes.told}
    assert len({(owner, deal) for owner, deal, _ in told}) < len(told), "some were told of again"
