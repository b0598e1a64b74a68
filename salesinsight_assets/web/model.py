"""The model: which one is shown and why, whether what it says comes true, and what the weekly checks found."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from salesinsight_assets.adapters.dashboard import models as reads
from salesinsight_assets.adapters.dashboard.rows import Row, Rows
from salesinsight_assets.web.calibration import calibration_told
from salesinsight_assets.web.exports import csv_file
from salesinsight_assets.web.frame import page
from salesinsight_assets.web.visits import VisitOf

router = APIRouter()
_FIGURES = {
    "auc": ("AUC", "0.5 is chance, 1 tells every won deal from every lost one"),
    "brier": ("Brier score", "0 is perfect"),
    "ece": ("Distance of said and happened", "0 is perfect"),
}
"""The metrics that are shown, each with its name and what it is measured against."""
_FILES: dict[str, tuple[Callable[[Rows], Sequence[Row]], tuple[str, ...]]] = {
    "decisions": (reads.decisions, ("effective_on", "role", "model_id", "decided_by", "reason", "decided_at")),
    "checks": (
        reads.checks,
        ("as_of_date", "weeks", "dimension", "segment", "n_deals", "expected_wins", "actual_wins", "low", "high", "auc", "auc_low",
         "auc_high", "ece", "is_alarm", "finding"),
    ),
    "drift": (
        reads.drift,
        ("as_of_date", "feature", "population", "n_deals", "n_usual_deals", "psi", "p_value", "q_value", "is_alarm", "finding"),
    ),
}  # fmt: skip


@router.get("/model")
def model(visit: VisitOf) -> Response:
    """The page of the model that is shown."""
    if visit.day is None:
        return page(visit, "empty.html.jinja", title="Model", about="What the model says of itself")
    shown = reads.model(visit.rows, visit.freshness.model_id)
    return page(
        visit,
        "model.html.jinja",
        shown=shown,
        figures=_figures(shown["metrics"]) if shown else [],
        decisions=reads.decisions(visit.rows),
        comparison=reads.comparison(visit.rows),
        checks=reads.checks(visit.rows),
        drift=reads.drift(visit.rows),
        missing=reads.missing_features(visit.rows),
        **calibration_told(visit),
    )


@router.get("/model/{name}.csv")
def model_file(visit: VisitOf, name: str) -> Response:
    """One of the tables of the page."""
    if name not in _FILES:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    read, columns = _FILES[name]
    return csv_file(visit, f"{name}.csv", columns, read(visit.rows))


def _figures(metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that were measured, each with its interval where that is known."""
    known = [(name, *words) for name, words in _FIGURES.items() if isinstance(metrics.get(name), int | float)]
    return [
        {
            "name": words,
            "value": metrics[name],
            "low": metrics.get(f"{name}_low"),
            "high": metrics.get(f"{name}_high"),
            "against": against,
        }
        for name, words, against in known
    ]
