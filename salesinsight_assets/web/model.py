"""The model: which one is shown and why, whether what it says comes true, and what the weekly checks found."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from salesinsight_assets.adapters.dashboard import models as reads
from salesinsight_assets.adapters.dashboard.rows import Row
from salesinsight_assets.domain.shares import about
from salesinsight_assets.web.calibration import calibration_told, said_of
from salesinsight_assets.web.exports import csv_file
from salesinsight_assets.web.frame import page
from salesinsight_assets.web.visits import Visit, VisitOf

router = APIRouter()
_DECISIONS = 20
"""The latest ones are on the page; the file has all."""
_CHOSEN_BY = {
    "training": "by the monthly retraining",
    "comparison": "by the nightly comparison with its challenger",
    "person": "by a person",
}
_FIGURES = {
    "auc": ("AUC", "number", "0.5 is chance; 1 tells every won deal from every lost one"),
    "brier": ("Brier score", "number", "0 is perfect"),
    "ece": ("Calibration error", "points", "how far what is said lies from what happens; 0 is perfect"),
}
"""The metrics that are shown: the name of each, how it is written, and what it is measured against."""


def _said(visit: Visit) -> list[Row]:
    """The strip of calibration as rows, each with its 95 % interval."""
    return [
        {"said_from": one.bin_from, "said_to": one.bin_to, "said": one.predicted_rate, "won": one.won.rate,
         "low": one.won.low, "high": one.won.high, "n_deals": one.won.n, "is_within": one.is_within}
        for one in said_of(visit)
    ]  # fmt: skip


_FILES: dict[str, tuple[Callable[[Visit], Sequence[Row]], tuple[str, ...]]] = {
    "calibration": (_said, ("said_from", "said_to", "said", "won", "low", "high", "n_deals", "is_within")),
    "decisions": (
        lambda visit: reads.decisions(visit.rows),
        ("effective_on", "role", "model_id", "decided_by", "reason", "decided_at"),
    ),
    "checks": (
        lambda visit: reads.checks(visit.rows),
        ("as_of_date", "weeks", "dimension", "segment", "n_deals", "expected_wins", "actual_wins", "low", "high", "auc", "auc_low",
         "auc_high", "ece", "is_alarm", "finding"),
    ),
    "drift": (
        lambda visit: reads.drift(visit.rows),
        ("as_of_date", "feature", "population", "n_deals", "n_usual_deals", "psi", "p_value", "q_value", "is_alarm", "finding"),
    ),
    "defaults": (
        lambda visit: reads.defaults(visit.rows),
        ("as_of_date", "feature", "n_deals", "share_defaulted", "usual_share", "p_value", "q_value", "is_alarm", "finding"),
    ),
}  # fmt: skip
"""The tables of the page by the names of their files."""


@router.get("/model")
def model(visit: VisitOf) -> Response:
    """The page of the model that is shown."""
    if visit.day is None:
        return page(visit, "empty.html.jinja", title="Model", about="What the model says of itself")
    model_id = visit.freshness.model_id
    shown, chosen = reads.model(visit.rows, model_id), reads.chosen(visit.rows, model_id, visit.day)
    return page(
        visit,
        "model.html.jinja",
        shown=shown,
        chosen=chosen,
        chosen_by=_CHOSEN_BY[chosen["decided_by"]] if chosen else "",
        figures=_figures(shown["metrics"]) if shown else [],
        decisions=reads.decisions(visit.rows, _DECISIONS),
        most=_DECISIONS,
        about=about,
        comparison=reads.comparison(visit.rows),
        checks=reads.checks(visit.rows),
        drift=reads.drift(visit.rows),
        defaults=reads.defaults(visit.rows),
        **calibration_told(visit),
    )


@router.get("/model/{name}.csv")
def model_file(visit: VisitOf, name: str) -> Response:
    """One of the tables of the page."""
    if name not in _FILES:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    read, columns = _FILES[name]
    return csv_file(visit, f"{name}.csv", columns, read(visit))


def _figures(metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that were measured, each with its interval where that is known."""
    known = [(name, *words) for name, words in _FIGURES.items() if isinstance(metrics.get(name), int | float)]
    return [
        {
            "name": words,
            "style": style,
            "value": metrics[name],
            "low": metrics.get(f"{name}_low"),
            "high": metrics.get(f"{name}_high"),
            "against": _against(against, metrics.get(f"base_rate_{name}")),
        }
        for name, words, style, against in known
    ]


def _against(words: str, base_rate: float | None) -> str:
    """What a figure is measured against, with that of one who says the company's share of every deal, where it is known."""
    return words if base_rate is None else f"{words}; saying the same of every deal gets {base_rate:.3f}"
