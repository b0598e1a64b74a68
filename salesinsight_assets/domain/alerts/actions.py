"""Recommended actions: the playbook from the facts against a deal to what a rep can do about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MOST_ACTIONS = 3


def _shipped() -> dict[str, str]:
    return {
        "age": "Schedule executive alignment call this week",
        "time in stage": "Send competitive comparison document",
        "last activity": "Propose pilot program to reduce risk",
        "recent activity": "Call the champion and agree on the next meeting",
        "activity rate": "Call the champion and agree on the next meeting",
        "activity trend": "Ask the champion what has changed on their side",
        "meetings": "Set up a meeting with the decision maker",
        "pushes": "Agree on a mutual close plan with dates",
        "plan": "Confirm the close date with the customer",
        "next step": "Write down the next step and its date",
        "competition": "Send competitive comparison document",
        "regressions": "Qualify again: budget, decision maker, timing",
        "velocity": "Agree on a mutual close plan with dates",
        "stage": "Qualify again: budget, decision maker, timing",
        "last change": "Bring the deal up to date with the customer",
        "amount change": "Review the scope with the customer",
        "campaigns": "Invite the account to the next event",
        "account": "Ask for an introduction to a second contact",
        "rep load": "Ask the manager for help with this deal",
    }


@dataclass(frozen=True)
class Playbook:
    """`by_fact`: the action for each fact (see Feature.reason); `otherwise`: what fills the list, in order."""

    by_fact: Mapping[str, str] = field(default_factory=_shipped)
    otherwise: Sequence[str] = (
        "Schedule executive alignment call this week",
        "Confirm the close date with the customer",
        "Propose pilot program to reduce risk",
    )


def recommended_actions(facts: Sequence[str], playbook: Playbook) -> list[str]:
    """At most three different actions, those for the weightiest facts first."""
    fitting = [playbook.by_fact[fact] for fact in facts if fact in playbook.by_fact]
    return list(dict.fromkeys([*fitting, *playbook.otherwise]))[:MOST_ACTIONS]
