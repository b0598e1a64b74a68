"""Recommended actions: the playbook, from what speaks against a deal, its stage and its amount to what its rep can do.

Nothing is recommended twice in a week for the same deal, nor what was done in that week.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

MOST_ACTIONS = 3
PHASES = ("", "early", "late")
LATE_FROM = 0.5
"""Stage position (0 the first open stage, 1 the last) from which a deal is late in the process."""
DONE = ("", "activity", "meeting", "close date", "next step", "stage", "amount")
"""What can be seen to have been done: see `Situation.done`."""


@dataclass(frozen=True)
class Play:
    """One action and when it fits.

    `facts`: what speaks against the deal (see Feature.reason). `phase`: early, late, or empty for both. `least_amount`,
    `below_amount`: in the company's currency. `done_by`: what shows that it was done, one of DONE; empty: nothing does.
    """

    action: str = ""
    facts: tuple[str, ...] = ()
    phase: str = ""
    least_amount: float = 0.0
    below_amount: float = float("inf")
    done_by: str = ""

    def __post_init__(self) -> None:
        """Refuse a play without an action, and a phase or a sign of being done that does not exist.

        Raises:
            ValueError: with what there is.
        """
        if not self.action:
            raise ValueError("action: expected what is to be done, got nothing")
        for entry, value, known in (("phase", self.phase, PHASES), ("done_by", self.done_by, DONE)):
            if value not in known:
                raise ValueError(f"{entry}: expected one of {', '.join(filter(None, known))}, got {value!r}")


@dataclass(frozen=True)
class Situation:
    """What decides which actions fit a deal.

    `facts`: what speaks against it, the weightiest first. `stage_position`: 0 to 1. `amount`: in the company's currency. `done`:
    what was done in the last week (DONE). `recommended`: what was recommended in it.
    """

    facts: Sequence[str]
    stage_position: float
    amount: float
    done: Collection[str] = ()
    recommended: Collection[str] = ()

    @property
    def phase(self) -> str:
        """Early or late; empty where the stage's place is not known."""
        if self.stage_position != self.stage_position:
            return ""
        return "late" if self.stage_position >= LATE_FROM else "early"


LARGE = 50_000.0


def _shipped() -> tuple[Play, ...]:
    return (
        Play("Schedule executive alignment call this week", ("age",), least_amount=LARGE, done_by="meeting"),
        Play("Agree on a decision date with the customer", ("age",), done_by="close date"),
        Play("Send competitive comparison document", ("time in stage",), phase="late"),
        Play("Agree with the customer on what ends this stage", ("time in stage",), phase="early", done_by="stage"),
        Play("Propose pilot program to reduce risk", ("last activity", "time in stage"), least_amount=LARGE),
        Play("Call the champion and agree on the next meeting", ("last activity", "recent activity", "activity rate"),
             done_by="activity"),
        Play("Ask the champion what has changed on their side", ("activity trend", "last activity"), done_by="activity"),
        Play("Set up a meeting with the decision maker", ("meetings", "activity rate"), done_by="meeting"),
        Play("Agree on a mutual close plan with dates", ("pushes", "velocity", "plan"), phase="late", done_by="close date"),
        Play("Confirm the close date with the customer", ("plan", "pushes"), done_by="close date"),
        Play("Write down the next step and its date", ("next step",), done_by="next step"),
        Play("Send competitive comparison document", ("competition",)),
        Play("Name what the customer gets from nobody else", ("competition",)),
        Play("Qualify again: budget, decision maker, timing", ("regressions", "stage", "velocity"), done_by="stage"),
        Play("Bring the deal up to date with the customer", ("last change",), done_by="stage"),
        Play("Review the scope with the customer", ("amount change",), done_by="amount"),
        Play("Invite the account to the next event", ("campaigns",)),
        Play("Ask for an introduction to a second contact", ("account", "meetings"), done_by="activity"),
        Play("Ask the manager for help with this deal", ("rep load", "beyond experience")),
        Play("Decide with the manager whether to go on", ("beyond experience", "age"), phase="early"),
    )  # fmt: skip


@dataclass(frozen=True)
class Playbook:
    """`plays` in the order of preference for each fact; `otherwise` fills the list up; `by_fact` names actions of one's own.

    An action of `by_fact` comes before the plays for its fact; one of `otherwise` is done by what its play is done by.
    """

    by_fact: Mapping[str, str] = field(default_factory=dict[str, str])
    plays: tuple[Play, ...] = field(default_factory=_shipped)
    otherwise: tuple[str, ...] = (
        "Schedule executive alignment call this week",
        "Confirm the close date with the customer",
        "Propose pilot program to reduce risk",
        "Set up a meeting with the decision maker",
        "Ask the champion what has changed on their side",
        "Review the deal with the manager",
    )


def recommended_actions(situation: Situation, playbook: Playbook) -> list[str]:
    """At most three different actions: one for each of the weightiest facts, then a second one for them, then the others.

    Fewer where all that fits was recommended in the last week, or done.
    """
    own = [Play(action, (fact,)) for fact, action in playbook.by_fact.items()]
    fitting = [play for play in (*own, *playbook.plays) if _fits(play, situation)]
    by_fact = [[play.action for play in fitting if fact in play.facts] for fact in situation.facts]
    in_turns = [actions[turn] for turn in range(len(fitting)) for actions in by_fact if turn < len(actions)]
    done = {play.action for play in playbook.plays if play.done_by in situation.done}
    wanted = dict.fromkeys([*in_turns, *(action for action in playbook.otherwise if action not in done)])
    return [action for action in wanted if action not in situation.recommended][:MOST_ACTIONS]


def _fits(play: Play, situation: Situation) -> bool:
    """Whether the play is one for such a deal, and was not done; an amount that is not known is small."""
    amount = situation.amount if situation.amount == situation.amount else 0.0
    is_for_such = play.phase in ("", situation.phase) and play.least_amount <= amount < play.below_amount
    return is_for_such and play.done_by not in situation.done
