"""The wording of a coaching card. Words, emoji and line breaks are part of the product: golden tests hold them.

Every statement about a rep stands beside its n and its interval. No pronouns, and no causes. What belongs elsewhere: which
statements stand (`coaching`), and what the review says around the cards (`rep_performance`).
"""

from collections.abc import Sequence

from salesinsight_assets.domain.delivery.texts import money
from salesinsight_assets.domain.reports.coaching import Figures, OpenDeals, Segment
from salesinsight_assets.domain.reports.coaching_actions import TopPerformer
from salesinsight_assets.domain.reports.coaching_policy import CoachingPolicy
from salesinsight_assets.domain.reports.differences import Comparison, Difference
from salesinsight_assets.domain.reports.words import counted
from salesinsight_assets.domain.shares import Share

OPPORTUNITY = "🟡 COACHING OPPORTUNITY"
UP, DOWN, LEVEL = "📈", "📉", "•"
INSIGHTS = "Performance insights:"
ACTIONS = "Suggested actions:"
_PLACES = {
    "industry": "in {} vertical",
    "lead_source": "with {} leads",
    "size": "with {} deals",
    "product": "with the product {}",
}


def card_text(
    figures: Figures,
    actions: Sequence[tuple[str, TopPerformer | None]],
    currency: str | None,
    policy: CoachingPolicy,
) -> str:
    """The card as manager and rep read it; under the headline of an opportunity only where it is one."""
    if figures.won is None:
        return silent_line(figures, policy)
    blocks = [
        OPPORTUNITY if figures.is_opportunity else "",
        "\n".join(_head(figures, figures.won, currency, policy)),
        "\n".join([INSIGHTS, *_insights(figures, policy)]),
        "\n".join([ACTIONS, *(f"{n}. {_action(*one, policy)}" for n, one in enumerate(actions, 1))]) if actions else "",
    ]
    return "\n\n".join(block for block in blocks if block)


def silent_line(figures: Figures, policy: CoachingPolicy) -> str:
    """All that is said of a rep with too few closed deals."""
    return (
        f"Rep: {figures.rep.name} - {counted(figures.n_closed, 'closed deal')} in the last {window(policy)}; from"
        f" {policy.least_closed} on there is something to say"
    )


def _head(figures: Figures, won: Share, currency: str | None, policy: CoachingPolicy) -> list[str]:
    against = figures.against_others
    average = f" ({figures.others} Avg: {against.theirs.rate:.0%})" if against else ""
    n = f"n = {counted(won.n, 'closed deal')} in the last {window(policy)}"
    return [
        f"Rep: {figures.rep.name}",
        f"Win Rate: {won.rate:.0%}{average} · {interval(won, policy)}, {n}",
        *([_at_risk(figures.open_deals, currency)] if figures.open_deals else []),
    ]


def _at_risk(found: OpenDeals, currency: str | None) -> str:
    amount = f" · {money(found.amount_at_risk, currency)}" if found.at_risk else ""
    caveat = f" · {found.caveat}" if found.caveat else ""
    return f"Deals at Risk: {found.at_risk} out of {counted(found.n, 'open deal')}{amount}{caveat}"


def _insights(figures: Figures, policy: CoachingPolicy) -> list[str]:
    return [
        *_against_others(figures, policy),
        *_against_average(figures, policy),
        *([_trend(figures.trend, policy)] if figures.trend else []),
        *(_segment(segment, figures, policy) for segment in figures.strong[: policy.most_segments]),
        *(_segment(segment, figures, policy) for segment in figures.weak[: policy.most_segments]),
        *_many_at_risk(figures, policy),
    ]


def _against_others(figures: Figures, policy: CoachingPolicy) -> list[str]:
    found, whose = figures.against_others, figures.others.lower()
    if found is None:
        return [f"{LEVEL} Too few deals of other reps to compare with yet"]
    n = f"n = {found.ours.n:,} against {found.theirs.n:,}"
    if _side(found.difference) == LEVEL:
        return [
            f"{LEVEL} Win rate not yet distinguishable from the {whose}'s ({n}) · {_apart(found.difference, policy)}"
        ]
    side = f"{_side(found.difference)} Win rate {_by(found.difference)} the {whose}'s"
    return [f"{side} · {span(found.difference, policy)}, {n}"]


def _against_average(figures: Figures, policy: CoachingPolicy) -> list[str]:
    """The same, had all had the same deals."""
    if figures.adjusted is None:
        return []
    found, expected = figures.adjusted.difference, figures.adjusted.expected.rate
    average = f"what an average rep would have won with the same deals ({expected:.0%})"
    if _side(found) == LEVEL:
        return [f"{LEVEL} Not yet distinguishable from {average}, n = {figures.n_closed:,} · {_apart(found, policy)}"]
    return [f"{_side(found)} {_by(found).capitalize()} {average} · {span(found, policy)}, n = {figures.n_closed:,}"]


def _trend(found: Comparison, policy: CoachingPolicy) -> str:
    moved = "declined" if found.difference.is_below else "rose"
    told = f"{span(found.difference, policy)}, n = {found.ours.n:,} against {found.theirs.n:,} before"
    return f"{_side(found.difference)} Win rate {moved} {_size(found.difference)} in last {policy.recent_days} days · {told}"


def _segment(segment: Segment, figures: Figures, policy: CoachingPolicy) -> str:
    found = segment.comparison
    how = "Strong" if found.difference.is_above else "Struggling"
    where = _PLACES[segment.dimension].format(segment.name)
    others = (
        f"{figures.others.lower()} {found.theirs.rate:.0%}, {_by(found.difference)}: {span(found.difference, policy)}"
    )
    n = f"n = {found.ours.n:,} against {found.theirs.n:,}"
    return f"{_side(found.difference)} {how} {where} ({found.ours.rate:.0%} win rate) · {others}, {n}"


def _many_at_risk(figures: Figures, policy: CoachingPolicy) -> list[str]:
    found = figures.open_deals.more_than_others if figures.open_deals else None
    if found is None:
        return []
    n = f"n = {found.ours.n:,} against {found.theirs.n:,} open deals"
    shares = f"{found.ours.rate:.0%} of the open deals at risk, {figures.others.lower()} {found.theirs.rate:.0%}"
    return [f"{DOWN} {shares} · {span(found.difference, policy)}, {n}"]


def _action(action: str, who: TopPerformer | None, policy: CoachingPolicy) -> str:
    if who is None:
        return action
    told = f"{_by(who.difference)} an average rep with the same deals, {span(who.difference, policy)}, n = {who.n_closed:,}"
    return f"{action}: {who.name} ({told})"


# --- words that the review uses too ---


def interval(found: Share, policy: CoachingPolicy) -> str:
    """`95 % interval 24% to 41%`."""
    return f"{percent(policy.level)} interval {found.low:.0%} to {found.high:.0%}"


def span(found: Difference, policy: CoachingPolicy) -> str:
    """`95 % interval -22pp to -3pp`."""
    return f"{percent(policy.level)} interval {points(found.low)} to {points(found.high)}"


def points(value: float) -> str:
    """A difference in percentage points with its sign; below one point with a digit more.

    >>> points(-0.131), points(0.004), points(0.25)
    ('-13pp', '+0.4pp', '+25pp')
    """
    return f"{100 * value:+.{1 if abs(value) < 0.0095 else 0}f}pp"


def percent(level: float) -> str:
    """`95 %`."""
    return f"{100 * level:g} %"


def window(policy: CoachingPolicy) -> str:
    """What comes after "the last": `year`, `180 days`."""
    return "year" if policy.window_days in (365, 366) else f"{policy.window_days} days"


def _apart(found: Difference, policy: CoachingPolicy) -> str:
    return f"difference {points(found.value)}, {span(found, policy)}"


def _by(found: Difference) -> str:
    return f"{_size(found)} {'above' if found.value > 0 else 'below'}"


def _size(found: Difference) -> str:
    return points(abs(found.value)).removeprefix("+")


def _side(found: Difference) -> str:
    return UP if found.is_above else DOWN if found.is_below else LEVEL
