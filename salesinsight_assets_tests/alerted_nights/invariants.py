"""What must never be: each function gives the sentences of what was wrong with what the servers accepted, none where all is well.

Judged by the company as it is at the moment of sending, by what reps asked for as they remember it, and by the stored scores; never by
the product's own account of what it sent.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

import pandas as pd

from salesinsight_assets.domain.alerts.policy import AlertPolicy
from salesinsight_assets_tests.alerted_nights.accepted import Told
from salesinsight_assets_tests.alerted_nights.company import Crm
from salesinsight_assets_tests.alerted_nights.reps import Reps
from salesinsight_assets_tests.alerted_nights.truth import is_held_out

MOST_A_DAY = 3
NEVER_HELD_OUT_ABOVE = 250_000.0


def wrong_when_sent(told: Told, crm: Crm, reps: Reps, day: date) -> Iterator[str]:
    """A deal told of as it must not be at the moment of sending."""
    deal, owner = crm.deals[told.opportunity_id], told.owner_id
    about = f"{told.channel} on {told.opportunity_id} ({told.rule}) to {owner} at {told.at:%Y-%m-%d %H:%M}"
    found = {
        "the deal is closed": deal["IsClosed"],
        "the deal is deleted": deal["IsDeleted"],
        "the deal is another's": deal["OwnerId"] != owner,
        "the deal has another name": deal["Name"] != told.name,
        "the address is another's": crm.users[owner]["Email"] != told.recipient,
        "the rep has left": not crm.is_active(owner),
        "the rep asked for silence": reps.asked_silence(owner, told.opportunity_id, told.rule, told.at),
        "the rep does not work then": not crm.works_at(owner, told.at),
        "it tells of another day": told.as_of != day,
    }
    yield from (f"{wrong}: {about}" for wrong, holds in found.items() if holds)


def too_many_a_day(told: Sequence[Told], crm: Crm) -> Iterator[str]:
    """More than three deals a rep and day, by the rep's own calendar, whatever the channel."""
    deals = defaultdict[tuple[str, date], set[str]](set)
    for one in told:
        deals[one.recipient, crm.local(one.owner_id, one.at).date()].add(one.opportunity_id)
    for (recipient, day), of_day in deals.items():
        if len(of_day) > MOST_A_DAY:
            yield f"over the cap: {len(of_day)} deals to {recipient} on {day}"


def accepted_twice(message_ids: Sequence[str]) -> Iterator[str]:
    """A message that a server accepted more than once."""
    counts = pd.Series(message_ids, dtype=object).value_counts()
    yield from (f"accepted twice: {key}" for key in counts.index[counts > 1])


def told_twice_a_day(told: Sequence[Told]) -> Iterator[str]:
    """A deal that stands in two messages of one channel on one day."""
    counts = pd.Series([(one.channel, one.recipient, one.opportunity_id, one.as_of) for one in told]).value_counts()
    yield from (f"told twice on one day: {key}" for key in counts.index[counts > 1])


def held_out_but_told(told: Sequence[Told], scores: pd.DataFrame, label: str, share: float) -> Iterator[str]:
    """A deal whose draw says that it is not to be told of. `scores`: see `holding`."""
    amounts = scores.set_index(["as_of_date", "opportunity_id"])["amount"]
    for one in told:
        amount = amounts[pd.Timestamp(one.as_of), one.opportunity_id]
        if amount <= NEVER_HELD_OUT_ABOVE and is_held_out(label, one.owner_id, one.opportunity_id, share):
            yield f"held out but told: {one.channel} on {one.opportunity_id} as of {one.as_of}"


def holding(scores: pd.DataFrame, drop_points: float = 0.15) -> pd.DataFrame:
    """Which of the three rules holds for each deal and day, as product.md words them.

    `scores`: `as_of_date`, `opportunity_id`, `win_probability`, `win_probability_7d_ago`, `amount`, `model_id`, `age_days`,
    `expected_cycle_days`.
    """
    has_signal = ~scores["model_id"].str.startswith("base-rate")
    fell = (scores["win_probability_7d_ago"] - scores["win_probability"]).round(9)
    rules = {
        "likely_loss": (scores["win_probability"] < 0.30) & (scores["amount"] > 50_000) & has_signal,
        "sudden_drop": (fell > drop_points) & has_signal,
        "slow_deal": scores["age_days"] > 1.2 * scores["expected_cycle_days"],
    }
    keys = [scores["as_of_date"].dt.date, scores["opportunity_id"]]
    return pd.DataFrame(rules).set_axis(pd.MultiIndex.from_arrays(keys, names=["day", "deal"]))


def episodes_repeated(told: Sequence[Told], scores: pd.DataFrame, policy: AlertPolicy) -> Iterator[str]:
    """A rule told of on a deal that its owner was told of within the week while the rule held, and still holds, and is no worse."""
    holds = holding(scores, policy.drop_points)
    chances = scores.set_index(["as_of_date", "opportunity_id"])["win_probability"]
    days = sorted({day for day, _ in holds.index})
    earlier = defaultdict[tuple[str, str], set[date]](set)
    for one in sorted(told, key=lambda told: told.at):
        if not holds.at[(one.as_of, one.opportunity_id), one.rule]:
            yield f"the rule does not hold: {one.rule} on {one.opportunity_id} as of {one.as_of}"
        before = [
            day
            for day in earlier[one.owner_id, one.opportunity_id]
            if one.as_of - timedelta(days=policy.repeat_after_days) < day < one.as_of
        ]
        for day in [max(before)] if before else []:
            since = [d for d in days if day <= d <= one.as_of]
            went_on = all(_held(holds, d, one) for d in since)
            fall = chances[pd.Timestamp(day), one.opportunity_id] - chances[pd.Timestamp(one.as_of), one.opportunity_id]
            if went_on and round(fall, 9) < policy.worse_points:
                yield f"episode repeated: {one.rule} on {one.opportunity_id}, told of {day} and of {one.as_of}"
        earlier[one.owner_id, one.opportunity_id].add(one.as_of)


def _held(holds: pd.DataFrame, day: date, told: Told) -> bool:
    key = (day, told.opportunity_id)
    return key in holds.index and bool(holds.at[key, told.rule])


def not_told(day: date, to_send: Mapping[tuple[str, str], bool], told: Sequence[Told]) -> Iterator[str]:
    """Deals that were to be told of, nothing spoke against it, and no server has accepted them; and the reverse."""
    arrived = {(one.owner_id, one.opportunity_id) for one in told}
    for key, is_expected in to_send.items():
        if is_expected != (key in arrived):
            yield f"{'not told' if is_expected else 'told'}: {key[1]} of {key[0]} as of {day}"
