"""What the serving model said beside what happened: in sentences and a picture, on whatever page asks for it."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from salesinsight_assets.adapters import report_plots
from salesinsight_assets.adapters.dashboard.pipeline import calibration
from salesinsight_assets.domain.model.fallback import BASE_RATE_PREFIX
from salesinsight_assets.domain.reports.judged_scores import Said
from salesinsight_assets.domain.reports.said import said_of_snapshots, said_points, said_sentence
from salesinsight_assets.web.charts import ADDRESS, LookOf, picture
from salesinsight_assets.web.visits import Visit, VisitOf

router = APIRouter()
_EXAMPLE = 0.3
"""The chance that the sentence is of, or the nearest that was said."""


def calibration_told(visit: Visit) -> dict[str, Any]:
    """What `calibration.html.jinja` takes."""
    said = said_of(visit)
    return {
        "said": said,
        "example": said_sentence(_nearest(said)) if said else "",
        "by_base_rate": (visit.freshness.model_id or "").startswith(BASE_RATE_PREFIX),
    }


def said_of(visit: Visit) -> tuple[Said, ...]:
    """What the serving model said beside what happened; nothing of the rules, and of the base rates, which are no model's."""
    model_id = visit.freshness.model_id
    if model_id is None or visit.freshness.is_fallback:
        return ()
    return visit.site.kept(("calibration", model_id), lambda: said_of_snapshots(calibration(visit.rows, model_id)))


@router.get(f"{ADDRESS}/calibration.svg")
def calibration_picture(visit: VisitOf, look: LookOf) -> Response:
    """It tells of no deal and no person, and is everyone's to see."""
    said = said_of(visit)
    if not said:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return picture(look, report_plots.said_chart, said_points(said))


def _nearest(said: tuple[Said, ...]) -> Said:
    return min(said, key=lambda one: abs(one.predicted_rate - _EXAMPLE))
