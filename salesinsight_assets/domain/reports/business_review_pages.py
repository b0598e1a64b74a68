"""The words of the business review on the 15th: which targets are met, and of which nobody can tell yet, and why.

What belongs elsewhere: the figures (`business_review`).
"""

from collections.abc import Sequence
from datetime import date

import pandas as pd

from salesinsight_assets.domain.reports.business_review import LEAST_DEALS, BusinessReview
from salesinsight_assets.domain.reports.measures import Measure, said_as
from salesinsight_assets.domain.reports.pages import Section, Table
from salesinsight_assets.domain.reports.said import said_sentence, said_table
from salesinsight_assets.domain.reports.words import in_full
from salesinsight_assets.domain.shares import about

AUC_PICTURE, SAID_PICTURE = "auc by months", "said and happened"
MOST_MONTHS = 12
_OPENED = "Opened is what mail programs tell: one that keeps pictures away is never counted, one that fetches them by itself always is."


def business_review_title(found: BusinessReview) -> str:
    """The day."""
    return f"Business review, as of {in_full(found.day)}"


def business_review_sections(found: BusinessReview) -> list[Section]:
    """In short, the measures, what was said and became, AUC by months."""
    return [
        Section("In short", _in_short(found)),
        Section("Success measures", _how_to_read(found), table=_measures(found)),
        *_why(found),
        _said(found),
        *_months(found),
    ]


def _in_short(found: BusinessReview) -> list[str]:
    by_verdict = {v: [m.name for m in found.measures if m.verdict == v] for v in ("met", "missed", "not yet known")}
    counted = (
        f"Of {len(found.measures)} targets {len(by_verdict['met'])} are met, {len(by_verdict['missed'])} missed, and of"
    )
    lines = [f"{counted} {len(by_verdict['not yet known'])} it cannot be told yet."]
    lines += [f"Met: {_listed(by_verdict['met'])}."] if by_verdict["met"] else []
    lines += [f"Missed: {_listed(by_verdict['missed'])}."] if by_verdict["missed"] else []
    largest = max(found.said, key=lambda said: said.won.n, default=None)
    return [*lines, *([said_sentence(largest)] if largest and largest.won.n >= LEAST_DEALS else [])]


def _listed(names: Sequence[str]) -> str:
    return "; ".join(names)


def _how_to_read(found: BusinessReview) -> list[str]:
    scores, alerts = (_since(first) for first in (found.first_score, found.first_alert))
    since = f"Scores by a model are shown {scores}; alerts are sent {alerts}."
    return ["A target counts as met, or missed, where the whole 95 % interval lies on one side of it.", since, _OPENED]


def _measures(found: BusinessReview) -> Table:
    rows = [(f"{m.name}\n{_of_how_many(m)}", m.target, _now(m), m.verdict) for m in found.measures]
    return Table(("Measure", "Target", "Now", "Verdict"), rows)


def _of_how_many(measure: Measure) -> str:
    return f"n = {measure.figure.n:,} {measure.figure.of}" if measure.figure else ""


def _now(measure: Measure) -> str:
    if measure.figure is None:
        return "–"
    value, low, high = (
        said_as(measure, part) for part in (measure.figure.value, measure.figure.low, measure.figure.high)
    )
    return f"{value}\n{low} to {high}"


def _why(found: BusinessReview) -> list[Section]:
    """What it would take, of each measure that cannot be told yet."""
    lines = [_needed(measure) for measure in found.measures if measure.verdict == "not yet known"]
    return [Section("What it takes to know", lines)] if lines else []


def _needed(measure: Measure) -> str:
    because = measure.because or "the interval holds the target"
    if measure.needed is None:
        return f"{measure.name}: {because}."
    how = f" on each side to tell {measure.change}" if measure.change else " to tell"
    return f"{measure.name}: {because}. It takes about {about(measure.needed)} decided deals{how}."


def _said(found: BusinessReview) -> Section:
    title = "When we said so many percent"
    if not found.said:
        return Section(title, ["Not yet known: no deal that a model had scored is decided."])
    return Section(title, [], SAID_PICTURE, said_table(found.said))


def _months(found: BusinessReview) -> list[Section]:
    if not found.months:
        return []
    months = found.months[-MOST_MONTHS:]
    rows = [
        (f"{m.month:%B %Y}", f"{m.auc.value:.2f}" if m.auc else "too few", _interval(m.auc), f"{m.won + m.lost:,}")
        for m in months
    ]
    columns = ("Decided in", "AUC", "95 % interval", "Deals")
    lines = ["How often a won deal had been given the higher probability than a lost one; 0.5 is chance."]
    picture = AUC_PICTURE if any(m.auc for m in months) else ""
    return [Section("AUC by months", lines, picture, Table(columns, rows, columns[1:]))]


def _interval(figure: object) -> str:
    low, high = getattr(figure, "low", None), getattr(figure, "high", None)
    return "–" if low is None or high is None else f"{low:.2f} to {high:.2f}"


def auc_rows(found: BusinessReview) -> pd.DataFrame:
    """For a picture: `label`, `value`, `low`, `high`, the latest month last."""
    return pd.DataFrame(
        [
            {"label": f"{m.month:%b %Y}", "value": m.auc.value, "low": m.auc.low, "high": m.auc.high}
            for m in found.months[-MOST_MONTHS:]
            if m.auc
        ],
        columns=["label", "value", "low", "high"],
    )


def _since(first: date | None) -> str:
    return f"since {in_full(first)}" if first else "from a day that is still to come"
