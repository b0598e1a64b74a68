"""The success measures as Prometheus reads them: the value, its interval and its n; what is not yet known has no value.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from salesinsight_assets.adapters.dashboard.api_measures import Measured, latest_review, measures, messages_of
from salesinsight_assets.web.api.calls import Call, MetricsCall
from salesinsight_assets.web.formats import is_missing
from salesinsight_assets.web.problems import OF_EVERY_CALL, ProblemError

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ROLES = ("leader", "engineer")
router = APIRouter(prefix="/api/v1", tags=["Operation"], responses=OF_EVERY_CALL)


@dataclass(frozen=True)
class Gauge:
    """A metric with its samples: a value for each set of labels, missing ones left out."""

    name: str
    meaning: str
    samples: Iterable[tuple[Mapping[str, str], float | None]]

    def lines(self) -> list[str]:
        r"""As Prometheus reads it.

        >>> Gauge("age", "Its age.", [({"of": 'a "b"'}, 1.5), ({}, None)]).lines()[-1]
        'age{of="a \\\\\\\\"b\\\\\\\\""} 1.5'
        """
        known = [(labels, value) for labels, value in self.samples if value is not None and not is_missing(value)]
        samples = [f"{self.name}{in_braces(labels)} {value}" for labels, value in known]
        return [f"# HELP {self.name} {self.meaning}", f"# TYPE {self.name} gauge", *samples] if samples else []


@router.get(
    "/metrics",
    summary="The success measures, for Prometheus",
    response_class=PlainTextResponse,
    responses={HTTPStatus.OK.value: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(call: MetricsCall) -> Response:
    """Each measure with its interval and n, the age of what is shown, the messages of the day. For leaders and engineers."""
    if call.viewer.role not in _ROLES:
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            "These are figures of the whole company.",
            "The token has to act as one of the [access] leaders or engineers.",
        )
    lines = [line for gauge in _gauges(call) for line in gauge.lines()]
    return PlainTextResponse("\n".join([*lines, ""]), media_type=MEDIA_TYPE)


def _gauges(call: Call) -> Iterable[Gauge]:
    yield from _of_freshness(call)
    if call.day is None:
        return
    yield from _of_measures(measures(call.rows, call.day, call.site.today))
    messages = messages_of(call.rows, call.day)
    yield Gauge(
        "salesinsight_messages",
        "Messages of the latest day, by channel and what became of them.",
        [({"channel": row["channel"], "status": row["status"]}, row["n"]) for row in messages],
    )
    yield from _of_review(call)


def _of_freshness(call: Call) -> Iterable[Gauge]:
    found, now = call.freshness, call.site.clock()
    age = (call.site.today - found.day).days if found.day else None
    rows_age = (now - found.rows_of).total_seconds() if found.rows_of else None
    yield Gauge("salesinsight_scores_age_days", "Days since the latest day with scores.", [({}, age)])
    yield Gauge("salesinsight_crm_rows_age_seconds", "Age of the CRM's rows behind them.", [({}, rows_age)])
    yield Gauge(
        "salesinsight_scored_by_model", "1 where a model gave the scores, 0 where the rules or a base rate did.",
        [({}, float(not found.is_fallback) if found.day else None)],
    )  # fmt: skip


def _of_measures(found: list[Measured]) -> Iterable[Gauge]:
    parts = {
        "": ("A success measure.", [measured.value for measured in found]),
        "_low": ("Lower end of its interval.", [measured.low for measured in found]),
        "_high": ("Upper end of its interval.", [measured.high for measured in found]),
        "_n": ("Of how many.", [float(measured.n) for measured in found]),
    }
    for ending, (meaning, values) in parts.items():
        samples = [({"measure": of.name}, value) for of, value in zip(found, values, strict=True)]
        yield Gauge(f"salesinsight_measure{ending}", meaning, samples)


def _of_review(call: Call) -> Iterable[Gauge]:
    """What the business review says of win rate, cycle and AUC, for which the whole history has to be read."""
    review = latest_review(call.rows)
    if review is None:
        return
    age = (call.site.today - review["as_of_date"]).days
    figures = [
        ({"figure": name}, float(value)) for name, value in review["figures"].items() if isinstance(value, int | float)
    ]
    yield Gauge("salesinsight_review_age_days", "Days since the latest business review.", [({}, age)])
    yield Gauge("salesinsight_review_figure", "A headline figure of it; the review has its interval and n.", figures)


def in_braces(labels: Mapping[str, str]) -> str:
    """Labels as they stand behind a metric's name."""
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
