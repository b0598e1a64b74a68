"""`POST /api/v1/scores/now`: score a deal now, as it is or with some fields changed; nothing is stored."""

import math
from dataclasses import asdict
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from salesinsight_assets.domain.features.changes import Changes
from salesinsight_assets.domain.scores.open_deals import ScoredDeal
from salesinsight_assets.web.api.calls import ScoresCall
from salesinsight_assets.web.api.scores import Reason, Risk
from salesinsight_assets.web.problems import OF_EVERY_CALL, ProblemError, documented
from salesinsight_assets.web.score_now import NotOpenError, ScoreOfNow, found_deal, score_of_now
from salesinsight_assets.web.visits import Visit

_REFUSALS = documented(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
router = APIRouter(prefix="/api/v1", tags=["Scores"], responses={**OF_EVERY_CALL, **_REFUSALS})
_Text = Annotated[str, Field(max_length=255)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChangesAsked(_Strict):
    """Fields that would be different; what is left out stays as it is. An empty `next_step` takes the next step away."""

    amount: Annotated[float | None, Field(ge=0, le=1e15, allow_inf_nan=False)] = None
    stage_name: _Text | None = None
    close_date: date | None = None
    next_step: _Text | None = None
    activity_today: bool = False

    def as_changes(self) -> Changes:
        """The same for the domain."""
        return Changes(self.amount, self.stage_name, self.close_date, self.next_step, self.activity_today)


class ScoreAsked(_Strict):
    """A deal by its Salesforce Id in 15 or 18 characters."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"opportunity_id": "006Hu00003abcDE", "changes": {"activity_today": True}}]},
    )

    opportunity_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{15}([A-Za-z0-9]{3})?$")]
    changes: ChangesAsked | None = None


class ScoreTold(BaseModel):
    """A score; probabilities from 0 to 1. `is_fallback`: no model gave it, but the base rate of each stage or the rules."""

    stage_name: str
    win_probability: float
    win_probability_7d_ago: float | None
    risk_level: Risk
    reasons: list[Reason]
    model_id: str
    is_fallback: bool


class ScoreOfNowTold(BaseModel):
    """The deal as it is and, where changes were asked for, with them. `as_of`: the moment that all of it is about."""

    opportunity_id: str
    name: str | None
    as_of: datetime
    scored_by: str
    score: ScoreTold
    with_changes: ScoreTold | None
    difference: float | None


def told(found: ScoreOfNow) -> ScoreOfNowTold:
    """What the API answers."""
    now, changed = found.as_it_is, found.changed
    return ScoreOfNowTold(
        opportunity_id=now.opportunity_id,
        name=now.name,
        as_of=now.as_of,
        scored_by=found.scored_by,
        score=_score(now),
        with_changes=None if changed is None else _score(changed),
        difference=None if changed is None else changed.win_probability - now.win_probability,
    )


def _score(scored: ScoredDeal) -> ScoreTold:
    return ScoreTold.model_validate({**asdict(scored), "reasons": [_finite(reason) for reason in scored.reasons]})


def _finite(reason: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no infinity."""
    return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in reason.items()}


def score_now(visit: Visit, asked: ScoreAsked) -> ScoreOfNowTold:
    """The score of a deal that the caller may see.

    Raises:
        HTTPException: 404, there is no such deal.
        NotOpenError: the deal is closed, or not yet known.
        ValueError: a change that cannot be made.
    """
    opportunity_id = found_deal(visit, asked.opportunity_id)
    changes = asked.changes.as_changes() if asked.changes else Changes()
    return told(score_of_now(visit, opportunity_id, visit.site.score_now.deals(visit.site.clock()), changes))


@router.post("/scores/now", summary="Score a deal now")
def post_score_now(call: ScoresCall, asked: ScoreAsked) -> ScoreOfNowTold:
    """A deal's score as of now, with reasons; with `changes` also as it would be then. Nothing is stored."""
    try:
        return score_now(call, asked)
    except NotOpenError as error:
        raise ProblemError(HTTPStatus.CONFLICT, "The deal is not open.", str(error)) from error
    except ValueError as error:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "This change cannot be made.", f"{error}.") from error
