"""The pipeline as it is now, of all deals or of those of some owners: what is open, expected and at risk, stage by stage, and what moved.

The same figures as Monday's report (`pipeline_health`) where they are of the same deals.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd

from salesinsight_assets.domain.reports.forecast import Forecast, forecast
from salesinsight_assets.domain.reports.periods import Period
from salesinsight_assets.domain.reports.pipeline_health import ScoredBy, pipeline, scored_by
from salesinsight_assets.domain.reports.pipeline_movement import Movement, Pipeline, is_due, movement, moves_of_deals
from salesinsight_assets.domain.scores.risk import HIGH, MEDIUM


@dataclass(frozen=True)
class Part:
    """What is open of a part of the pipeline, what of it is expected to be won (None: there is no score), and what is at risk."""

    name: str
    open: Pipeline
    expected: float
    at_risk: Pipeline


@dataclass(frozen=True)
class Week:
    """What is needed to say what moved since the same weekday of the week before.

    Attributes:
        day: that day.
        since: its end.
        deals: the open deals of that day (see `open_opportunities`).
        fates: see `pipeline_movement.movement`.
        reassigned: likewise.
    """

    day: date
    since: datetime
    deals: pd.DataFrame
    fates: pd.Series
    reassigned: Collection[str]


@dataclass(frozen=True)
class PipelineNow:
    """Open deals of a day; amounts in the company's currency.

    Attributes:
        scored_by: what the win probabilities are of.
        open: all of them.
        expected: amount times win probability, whenever they are won, with its interval.
        at_risk: by level, HIGH first.
        stages: in the order of the CRM.
        without_amount: those that add nothing.
        passed: those whose close date is over.
        moved: since the week before; None: nothing is stored of that day.
        moves: of which deals; `move`, `change`, and what is known of the deal on both days.
    """

    scored_by: ScoredBy
    open: Pipeline
    expected: Forecast
    at_risk: Mapping[str, Pipeline]
    stages: tuple[Part, ...]
    without_amount: int
    passed: Pipeline
    moved: Movement | None
    moves: pd.DataFrame

    @property
    def risky(self) -> Pipeline:
        """HIGH and MEDIUM together."""
        parts = self.at_risk.values()
        return Pipeline(sum(part.deals for part in parts), sum(part.amount for part in parts))


_SHOWN = ["name", "owner_name", "stage_name", "company_amount", "close_date"]


def pipeline_now(
    deals: pd.DataFrame,
    scores: pd.DataFrame,
    day: date,
    stage_order: Mapping[str, float],
    week: Week | None = None,
    period: Period | None = None,
) -> PipelineNow:
    """The pipeline of a day.

    Args:
        deals: the open deals of the day (see `open_opportunities`).
        scores: theirs: `opportunity_id`, `win_probability`, `risk_level`, `model_id`, `is_fallback`.
        day: the day.
        stage_order: the place of each stage; others come last.
        week: the week before; None: nothing is stored of it.
        period: only deals that are due in it (see `pipeline_movement.is_due`); None: all.
    """
    now = deals.set_index("opportunity_id", drop=False).rename_axis(None)
    counted = now[is_due(now, day, period)]
    scored = counted.join(scores.set_index("opportunity_id")[["win_probability", "risk_level"]], how="left")
    moved, moves = _moved(now, week, day, period) if week else (None, _no_moves())
    return PipelineNow(
        scored_by=scored_by(scores),
        open=pipeline(scored),
        expected=forecast(*_amounts_and_chances(scored)),
        at_risk={level: pipeline(scored[scored["risk_level"].eq(level)]) for level in (HIGH, MEDIUM)},
        stages=_stages(scored, stage_order),
        without_amount=int(scored["company_amount"].isna().sum()),
        passed=pipeline(now[pd.to_datetime(now["close_date"]) <= pd.Timestamp(day)]),
        moved=moved,
        moves=moves,
    )


def _amounts_and_chances(scored: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    amounts = scored["company_amount"].to_numpy("float64")
    return amounts, scored["win_probability"].fillna(0.0).to_numpy("float64")


def _stages(scored: pd.DataFrame, order: Mapping[str, float]) -> tuple[Part, ...]:
    names = sorted(scored["stage_name"].dropna().unique(), key=lambda name: (order.get(name, np.inf), name))
    return tuple(_part(str(name), scored[scored["stage_name"] == name]) for name in names)


def _part(name: str, scored: pd.DataFrame) -> Part:
    amounts, chances = _amounts_and_chances(scored)
    risky = pipeline(scored[scored["risk_level"].isin([HIGH, MEDIUM])])
    return Part(name, pipeline(scored), float(np.nan_to_num(amounts) @ chances), risky)


def _no_moves() -> pd.DataFrame:
    return pd.DataFrame(columns=["opportunity_id", "move", "change", *_SHOWN, *(f"{name}_before" for name in _SHOWN)])


def _moved(now: pd.DataFrame, week: Week, day: date, period: Period | None) -> tuple[Movement, pd.DataFrame]:
    before = week.deals.set_index("opportunity_id", drop=False).rename_axis(None)
    given = (before, now, week.fates, week.since, (week.day, day), period, week.reassigned)
    moves = moves_of_deals(*given)
    known = moves.join(now[_SHOWN]).join(before[_SHOWN].add_suffix("_before"))
    known = known.reindex(known["change"].abs().sort_values(ascending=False, kind="stable").index)
    return movement(*given), known.rename_axis("opportunity_id").reset_index()
