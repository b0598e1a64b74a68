"""The numbers behind the coaching cards, and the actions that they may suggest."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CoachingPolicy:
    """What is looked at, and from which n on something is said.

    Closed deals of the last `window_days` count; of a rep with fewer than `least_closed` of them nothing is said. The last
    `recent_days` are held against the days before once `least_recent` deals closed in them, a segment against the others'
    from `least_in_segment` deals on. A rep is compared with the team, if at least `least_peers` others in it have closed
    enough deals, else with the company. Intervals are of `level`, and so many of the segments and trends told hold.

    A deal is Enterprise from `enterprise_amount` on and Mid-market from `mid_market_amount` on, in the company's currency.
    `effect_spread` is the standard deviation, in log-odds, that the effects of reps and of deal attributes are expected to
    have; what an average rep wins is drawn from `most_others` other reps.
    `least_at_risk` deals at HIGH risk are many, where their share is above that of the others too. A card names at most
    `most_segments` strong and as many weak segments, and suggests `most_actions`.
    """

    window_days: int = 365
    recent_days: int = 30
    least_closed: int = 20
    least_recent: int = 10
    least_in_segment: int = 15
    least_peers: int = 3
    level: float = 0.95
    enterprise_amount: float = 50_000
    mid_market_amount: float = 10_000
    effect_spread: float = 0.5
    most_others: int = 100
    least_at_risk: int = 3
    most_segments: int = 2
    most_actions: int = 3


@dataclass(frozen=True)
class CoachingPlaybook:
    """The action for each finding; {segment} is the name of a segment, an empty text is no action.

    `pair` is for a win rate below expectation or in decline, `strength` and `weakness` for segments, `at_risk` for many
    deals at HIGH risk.
    """

    pair: str = "Pair with top performer for shadowing"
    strength: str = "Focus on {segment} deals (a strength)"
    weakness: str = "Provide {segment} sales training"
    at_risk: str = "Go through the deals at risk one by one"
