"""What can be said of each rep: win rate, its trend, strong and weak segments, deals at risk.

The win rate stands beside that of the other reps, and beside what an average rep would have won with the same deals. A statement stands only where its interval leaves zero out. Those that are picked from many (trends, segments, shares at risk)
are picked so that few of them are false, over all reps of the company (see `differences.standing_out`). What belongs
elsewhere: the words (`coaching_texts`), and what may be done about it (`coaching_actions`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from salesinsight_assets.domain.plain_text import one_line
from salesinsight_assets.domain.reports.coaching_policy import CoachingPolicy
from salesinsight_assets.domain.reports.differences import Comparison, Counts, compared, standing_out
from salesinsight_assets.domain.reports.expected_wins import Adjusted, adjusted_by_rep
from salesinsight_assets.domain.scores.risk import HIGH
from salesinsight_assets.domain.shares import Share, share

DIMENSIONS = ("industry", "lead_source", "size", "product")
"""What segments are of."""
Group = Literal["Team", "Company"]


@dataclass(frozen=True)
class Rep:
    """A rep as of the day."""

    owner_id: str
    name: str
    manager_id: str | None


@dataclass(frozen=True)
class Segment:
    """How the rep does in one segment, against the others in the same one."""

    dimension: str
    name: str
    comparison: Comparison


@dataclass(frozen=True)
class OpenDeals:
    """The rep's open deals, those at HIGH risk and their amount (the company's currency; NaN: not known of any).

    `more_than_others` where the share at risk stands out. `caveat` says where the scores are not a model's.
    """

    n: int
    at_risk: int
    amount_at_risk: float
    more_than_others: Comparison | None = None
    caveat: str | None = None


@dataclass(frozen=True)
class Figures:
    """What can be said of a rep; of one with too few closed deals only how many they are (`won` is None).

    Attributes:
        rep: who it is.
        n_closed: closed deals in the window.
        won: the win rate.
        others: whom the rep is compared with: the other reps of the team, or of the company.
        against_others: the win rate beside theirs; None: they have closed too few deals.
        adjusted: against what an average rep would have won with the same deals; None: nothing to learn it from.
        n_recent: deals closed in the last days of the window.
        trend: the last days beside those before, where they stand out.
        segments: those that stand out, strongest first.
        open_deals: open deals and those at risk; None: nothing was scored.
    """

    rep: Rep
    n_closed: int
    won: Share | None = None
    others: Group = "Team"
    against_others: Comparison | None = None
    adjusted: Adjusted | None = None
    n_recent: int = 0
    trend: Comparison | None = None
    segments: tuple[Segment, ...] = ()
    open_deals: OpenDeals | None = None

    @property
    def is_below_expectation(self) -> bool:
        """Whether an average rep would have won more with the same deals."""
        return self.adjusted is not None and self.adjusted.difference.is_below

    @property
    def declines(self) -> bool:
        """Whether fewer are won of late."""
        return self.trend is not None and self.trend.difference.is_below

    @property
    def strong(self) -> list[Segment]:
        """Segments above the others', the strongest first."""
        return [segment for segment in self.segments if segment.comparison.difference.is_above]

    @property
    def weak(self) -> list[Segment]:
        """Segments below the others', the weakest first."""
        return [segment for segment in self.segments[::-1] if segment.comparison.difference.is_below]

    @property
    def has_many_at_risk(self) -> bool:
        """Whether more of the open deals are at risk than of the others'."""
        return self.open_deals is not None and self.open_deals.more_than_others is not None

    @property
    def is_opportunity(self) -> bool:
        """Whether there is something that a manager can act on."""
        return self.is_below_expectation or self.declines or bool(self.weak) or self.has_many_at_risk


def coaching_figures(
    deals: pd.DataFrame, scores: pd.DataFrame, people: pd.DataFrame, policy: CoachingPolicy
) -> list[Figures]:
    """What can be said of each rep who still works here and has deals, by name.

    Args:
        deals: closed deals, see `rep_deals`; also of reps who have left.
        scores: open deals of the day: `owner_id`, `amount` (the company's currency), `risk_level`, `caveat` (None: by a model).
        people: `name`, `manager_id`, `is_active` by `owner_id`, of all owners.
        policy: windows and least numbers.
    """
    reps = _reps(people)
    n_closed = deals["owner_id"].value_counts()
    told = [rep for rep in reps if n_closed.get(rep.owner_id, 0) >= policy.least_closed]
    sights = {rep.owner_id: _Sight(rep, deals, scores, people, policy) for rep in told}
    trends = _trends(sights, policy)
    segments = _segments(sights, policy)
    risks = _risks(sights, policy)
    adjusted = adjusted_by_rep(deals, list(sights), policy)
    return [
        sights[rep.owner_id].figures(adjusted, trends, segments, risks)
        if rep.owner_id in sights
        else Figures(rep, int(n_closed.get(rep.owner_id, 0)))
        for rep in reps
    ]


def _reps(people: pd.DataFrame) -> list[Rep]:
    here = people[people["name"].notna() & ~people["is_active"].eq(False)]
    found = [
        Rep(str(owner), one_line(str(row["name"])), None if pd.isna(row["manager_id"]) else str(row["manager_id"]))
        for owner, row in here.iterrows()
    ]
    return sorted(found, key=lambda rep: (rep.name, rep.owner_id))


class _Sight:
    """The deals of one rep beside those of the others that the rep is compared with."""

    def __init__(
        self, rep: Rep, deals: pd.DataFrame, scores: pd.DataFrame, people: pd.DataFrame, policy: CoachingPolicy
    ) -> None:
        self.rep, self.policy = rep, policy
        self.own, rest = _parted(deals, rep)
        self.open, open_rest = _parted(scores, rep)
        mates = people.index[people["manager_id"].eq(rep.manager_id)] if rep.manager_id else people.index[:0]
        team = rest[rest["owner_id"].isin(mates)]
        is_team = int((team["owner_id"].value_counts() >= policy.least_closed).sum()) >= policy.least_peers
        self.group: Group = "Team" if is_team else "Company"
        self.others = team if is_team else rest
        self.open_others = open_rest[open_rest["owner_id"].isin(mates)] if is_team else open_rest

    def trend(self) -> Counts | None:
        """The last days beside those before; None: too few deals closed in either."""
        is_recent = self.own["is_recent"].to_numpy(bool)
        counts = Counts(*_won(self.own[is_recent]), *_won(self.own[~is_recent]))
        is_enough = counts.n >= self.policy.least_recent and counts.other_n >= self.policy.least_closed
        return counts if is_enough else None

    def segments(self) -> Iterator[tuple[str, str, Counts]]:
        """Each segment in which both sides have closed enough deals."""
        for dimension in DIMENSIONS:
            own, others = (part.groupby(dimension)["is_won"].agg(["sum", "size"]) for part in (self.own, self.others))
            both = pd.concat([own, others], axis=1, join="inner")
            for name, counts in zip(both.index, both.to_numpy("int64").tolist(), strict=True):
                if min(counts[1], counts[3]) >= self.policy.least_in_segment:
                    yield dimension, str(name), Counts(*counts)

    def risk(self) -> Counts | None:
        """Open deals at HIGH risk beside the others'; None: too few, or the scores are not a model's."""
        sides = [(int(part["risk_level"].eq(HIGH).sum()), len(part)) for part in (self.open, self.open_others)]
        is_by_model = self.open["caveat"].isna().all()
        return Counts(*sides[0], *sides[1]) if is_by_model and sides[0][0] >= self.policy.least_at_risk else None

    def figures(
        self,
        adjusted: Mapping[str, Adjusted],
        trends: Mapping[str, Comparison],
        segments: Mapping[str, list[Segment]],
        risks: Mapping[str, Comparison],
    ) -> Figures:
        """What can be said of the rep."""
        key = self.rep.owner_id
        enough = len(self.others) >= self.policy.least_closed
        return Figures(
            rep=self.rep,
            n_closed=len(self.own),
            won=share(*_won(self.own), self.policy.level),
            others=self.group,
            against_others=compared(Counts(*_won(self.own), *_won(self.others)), self.policy.level) if enough else None,
            adjusted=adjusted.get(key) if enough else None,
            n_recent=int(self.own["is_recent"].sum()),
            trend=trends.get(key),
            segments=tuple(segments.get(key, ())),
            open_deals=self._open_deals(risks.get(key)),
        )

    def _open_deals(self, more_than_others: Comparison | None) -> OpenDeals | None:
        if self.open.empty and self.open_others.empty:
            return None  # nothing was scored
        at_risk = self.open[self.open["risk_level"].eq(HIGH)]
        amount = float(at_risk["amount"].sum(min_count=1)) if len(at_risk) else 0.0
        caveats = self.open["caveat"].dropna()
        caveat = str(caveats.iloc[0]) if len(caveats) else None
        return OpenDeals(len(self.open), len(at_risk), amount, more_than_others, caveat)


def _parted(rows: pd.DataFrame, rep: Rep) -> tuple[pd.DataFrame, pd.DataFrame]:
    is_own = rows["owner_id"].eq(rep.owner_id)
    return rows[is_own], rows[~is_own]


def _won(deals: pd.DataFrame) -> tuple[int, int]:
    return int(deals["is_won"].sum()), len(deals)


def _trends(sights: Mapping[str, _Sight], policy: CoachingPolicy) -> dict[str, Comparison]:
    asked = {key: counts for key, sight in sights.items() if (counts := sight.trend())}
    return _told(asked, policy)


def _risks(sights: Mapping[str, _Sight], policy: CoachingPolicy) -> dict[str, Comparison]:
    asked = {key: counts for key, sight in sights.items() if (counts := sight.risk())}
    return {key: found for key, found in _told(asked, policy).items() if found.difference.is_above}


def _segments(sights: Mapping[str, _Sight], policy: CoachingPolicy) -> dict[str, list[Segment]]:
    asked = {(key, *where): counts for key, sight in sights.items() for *where, counts in sight.segments()}
    found: dict[str, list[Segment]] = {}
    for (key, dimension, name), comparison in _told(asked, policy).items():
        found.setdefault(key, []).append(Segment(dimension, one_line(name), comparison))
    for of_rep in found.values():
        of_rep.sort(key=lambda segment: segment.comparison.difference.value, reverse=True)
    return found


def _told(asked: Mapping[Any, Counts], policy: CoachingPolicy) -> dict[Any, Comparison]:
    """Those that stand out among all that were asked."""
    found = standing_out(list(asked.values()), policy.level)
    return {key: comparison for key, comparison in zip(asked, found, strict=True) if comparison}
