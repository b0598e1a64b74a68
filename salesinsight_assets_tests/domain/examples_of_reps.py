"""Sarah Johnson of product.md, and the same rep where nothing stands out: for the golden texts of cards and reviews."""

from dataclasses import replace

from salesinsight_assets.domain.reports.coaching import Figures, OpenDeals, Rep, Segment
from salesinsight_assets.domain.reports.differences import Comparison, Counts, Difference, compared
from salesinsight_assets.domain.reports.expected_wins import Adjusted, Expected
from salesinsight_assets.domain.shares import Share, share


def beside(part: int, n: int, other_part: int, other_n: int) -> Comparison:
    found = compared(Counts(part, n, other_part, other_n), 0.95)
    assert found
    return found


def declined() -> Comparison:
    return Comparison(
        Share(11, 41, 0.27, 0.16, 0.42), Share(27, 77, 0.35, 0.25, 0.46), Difference(-0.08, -0.15, -0.009)
    )


STRONG = Segment("industry", "SaaS", beside(34, 62, 123, 300))
WEAK = Segment("size", "Enterprise", beside(10, 40, 88, 200))
AT_RISK = OpenDeals(12, 5, 410_000.0)
SARAH = Figures(
    rep=Rep("rep 1", "Sarah Johnson", "manager"),
    n_closed=118,
    won=share(38, 118),
    against_others=beside(38, 118, 423, 940),
    adjusted=Adjusted(Expected(0.43, 0.41, 0.45), Difference(-0.11, -0.2, -0.02)),
    n_recent=41,
    trend=declined(),
    segments=(STRONG, WEAK),
    open_deals=AT_RISK,
)
LEVEL = replace(
    SARAH,
    against_others=beside(50, 118, 423, 940),
    won=share(50, 118),
    adjusted=Adjusted(Expected(0.43, 0.41, 0.45), Difference(-0.006, -0.1, 0.09)),
    trend=None,
    segments=(),
)
