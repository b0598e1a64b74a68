"""Scores as other systems read them: those of a day, and those of one deal over its days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from salesinsight_assets.adapters.dashboard.rows import Row, Rows

_SCORES = """
SELECT s.as_of_date, s.opportunity_id, o.name, o.account_name, s.owner_id, o.owner_name, o.stage_name, o.close_date, s.amount,
  s.win_probability, s.win_probability_7d_ago, s.risk_level, s.model_id, s.is_fallback, s.scored_at, s.reasons
FROM insight.opportunity_scores AS s LEFT JOIN insight.open_opportunities AS o USING (as_of_date, opportunity_id)
"""
_OF_DAY = f"""{_SCORES}
WHERE s.as_of_date = :day AND {{visible:s}} AND s.opportunity_id > :after
  AND (:risk_level = '' OR s.risk_level = :risk_level) AND (:owner_id = '' OR s.owner_id = :owner_id)
  AND (:stage_name = '' OR o.stage_name = :stage_name)
  AND s.win_probability >= :least AND s.win_probability <= :most
ORDER BY s.opportunity_id LIMIT :rows
"""
_OF_DEAL = f"""
WITH latest AS (
  SELECT owner_id FROM insight.opportunity_scores WHERE opportunity_id = ANY(:forms) ORDER BY as_of_date DESC LIMIT 1
)
{_SCORES}
WHERE s.opportunity_id = ANY(:forms) AND s.as_of_date < :before AND EXISTS (SELECT FROM latest WHERE {{visible:latest}})
ORDER BY s.as_of_date DESC LIMIT :rows
"""
"""Whose the deal was last decides: who has it now sees its past, who had it does not see it any more."""


@dataclass(frozen=True)
class ScoresWanted:
    """Which scores of a day; an empty text wants all."""

    risk_level: str = ""
    owner_id: str = ""
    stage_name: str = ""
    least: float = 0.0
    most: float = 1.0


def scores_of_day(rows: Rows, day: date, wanted: ScoresWanted, after: str, most: int) -> Sequence[Row]:
    """Scores of a day by Id, from behind an Id on."""
    return rows.rows(
        _OF_DAY,
        day=day,
        after=after,
        risk_level=wanted.risk_level,
        owner_id=wanted.owner_id,
        stage_name=wanted.stage_name,
        least=wanted.least,
        most=wanted.most,
        rows=most,
    )


def scores_of_deal(rows: Rows, forms: Sequence[str], before: date, most: int) -> Sequence[Row]:
    """Scores of a deal, by the forms of its Id, of the days before a day, the latest first."""
    return rows.rows(_OF_DEAL, forms=list(forms), before=before, rows=most)
