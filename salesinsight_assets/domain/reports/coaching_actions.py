"""Suggested actions: the playbook from what was found of a rep to what a manager can do about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from salesinsight_assets.domain.reports.coaching import Figures, Segment
from salesinsight_assets.domain.reports.coaching_policy import CoachingPlaybook, CoachingPolicy
from salesinsight_assets.domain.reports.differences import Difference
from salesinsight_assets.domain.reports.expected_wins import Adjusted
from salesinsight_assets.domain.reports.rep_deals import SMALL

_KINDS = {"lead_source": "{} lead", "product": "{} product"}


@dataclass(frozen=True)
class TopPerformer:
    """A rep whose win rate is above expectation with the whole interval, with what that statement rests on."""

    name: str
    difference: Difference
    n_closed: int


def suggested_actions(
    figures: Figures, top: TopPerformer | None, playbook: CoachingPlaybook, policy: CoachingPolicy
) -> list[tuple[str, TopPerformer | None]]:
    """At most `most_actions`, each only where its finding stands, and who is meant by it."""
    found = dict(_fitting(figures, top, playbook, policy))
    return [(action, who) for action, who in found.items() if action][: policy.most_actions]


def _fitting(
    figures: Figures, top: TopPerformer | None, playbook: CoachingPlaybook, policy: CoachingPolicy
) -> Iterator[tuple[str, TopPerformer | None]]:
    if figures.is_below_expectation or figures.declines:
        yield playbook.pair, top
    for segment in figures.strong[:1]:
        yield _of(playbook.strength, segment), None
    for segment in figures.weak[: policy.most_segments]:
        yield _of(playbook.weakness, segment), None
    if figures.has_many_at_risk:
        yield playbook.at_risk, None


def _of(action: str, segment: Segment) -> str:
    """The action for a segment, named so that it reads before "deals" and "sales training"."""
    name = "Small-ticket" if segment.name == SMALL and segment.dimension == "size" else segment.name
    return action.replace("{segment}", _KINDS.get(segment.dimension, "{}").replace("{}", name))


def top_performers(everyone: Sequence[Figures]) -> dict[str, TopPerformer]:
    """For each rep who may be named to the rep: of the same team, another one, and above expectation; by owner id.

    Of several the one whose interval begins highest.
    """
    found: dict[str, TopPerformer] = {}
    for figures in everyone:
        others = [
            (who, who.adjusted)
            for who in everyone
            if who.rep.manager_id == figures.rep.manager_id
            and who is not figures
            and who.adjusted
            and who.adjusted.difference.is_above
        ]
        if others:
            best, adjusted = max(others, key=_begins_at)
            found[figures.rep.owner_id] = TopPerformer(best.rep.name, adjusted.difference, best.n_closed)
    return found


def _begins_at(found: tuple[Figures, Adjusted]) -> float:
    return found[1].difference.low
