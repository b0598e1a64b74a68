"""Pictures of the reports, wide enough for a phone held upright: Altair charts, drawn by `plots.png`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from salesinsight_assets.adapters.plots import BLUE, GREEN, GREY, RED, png
from salesinsight_assets.domain.reports.pages import PICTURE_SCALE

if TYPE_CHECKING:
    import altair as alt

WIDTH, FONT = 320, 14


def waterfall_chart(steps: pd.DataFrame, title: str) -> "alt.LayerChart | alt.FacetChart":
    """What was, what moved, what is: `label`, `start`, `end` (amounts), `kind` (total, up, down), `said`; in their order."""
    import altair as alt

    shown = steps.assign(place=range(len(steps)))
    colours = alt.Scale(domain=["total", "up", "down"], range=[BLUE, GREEN, RED])
    y = alt.Y("label:N", sort=alt.SortField("place"), title=None)
    scale = alt.Scale(domain=_shown_range(shown), nice=False, zero=False)
    x = alt.X("start:Q", title=None, axis=alt.Axis(format="~s", tickCount=4), scale=scale)
    bars = (
        alt.Chart(shown)
        .mark_bar(clip=True)
        .encode(x=x, x2="end:Q", y=y, color=alt.Color("kind:N", scale=colours, legend=None))
    )
    words = shown.assign(right=shown[["start", "end"]].max(axis=1))
    said = alt.Chart(words).mark_text(align="left", dx=4, fontSize=FONT).encode(x="right:Q", y=y, text="said:N")
    return _sized(alt.layer(bars, said).properties(width=WIDTH, height=26 * len(shown), title=title))


def _shown_range(steps: pd.DataFrame) -> list[float]:
    """From below the lowest step to above the highest: beside a large pipeline, drawn from zero, a week's moves are hairlines."""
    edges = pd.concat([steps.loc[steps["kind"] != "total", "start"], steps["end"]])
    lowest, highest = float(edges.min()), float(edges.max())
    span = max(highest - lowest, highest * 0.02, 1.0)
    return [max(lowest - span / 3, 0.0), highest + span * 0.45]  # with room for the words


def outlook_chart(rows: pd.DataFrame, title: str) -> "alt.LayerChart | alt.FacetChart":
    """Won so far and what is expected on top, a line from `low` to `high`: `label`, `won`, `total`, `low`, `high`, in their order."""
    import altair as alt

    shown = rows.assign(place=range(len(rows)))
    y = alt.Y("label:N", sort=alt.SortField("place"), title=None)
    axis = alt.Axis(format="~s", tickCount=4)
    won = alt.Chart(shown).mark_bar(color=GREEN).encode(x=alt.X("won:Q", title=None, axis=axis), y=y)
    more = alt.Chart(shown).mark_bar(color="#93b4f5").encode(x=alt.X("won:Q"), x2="total:Q", y=y)
    spread = alt.Chart(shown).mark_rule(strokeWidth=3, color=BLUE).encode(x="low:Q", x2="high:Q", y=y)
    return _sized(alt.layer(more, won, spread).properties(width=WIDTH, height=34 * len(shown), title=title))


def said_chart(points: pd.DataFrame) -> "alt.LayerChart | alt.FacetChart":
    """Said against happened, each share with its interval: `said`, `won`, `low`, `high`, `n`."""
    import altair as alt

    scale, axis = alt.Scale(domain=[0, 1]), alt.Axis(format="%", tickCount=5)
    line = pd.DataFrame({"said": [0.0, 1.0], "won": [0.0, 1.0]})
    x = alt.X("said:Q", scale=scale, title="we said", axis=axis)
    y = alt.Y("won:Q", scale=scale, title="were won", axis=axis)
    ideal = alt.Chart(line).mark_line(strokeDash=[4, 4], color=GREY).encode(x=x, y=y)
    spread = (
        alt.Chart(points).mark_rule(strokeWidth=2, color=BLUE, opacity=0.5).encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
    )
    dots = alt.Chart(points).mark_circle(color=BLUE, opacity=1, size=90).encode(x=x, y=y)
    return _sized(
        alt.layer(ideal, spread, dots).properties(width=WIDTH, height=WIDTH, title="When we said … %, … % were won")
    )


def outcomes_chart(checks: pd.DataFrame) -> "alt.LayerChart | alt.FacetChart":
    """Week by week the share that was won, beside what was expected and the band of chance (see `plots.outcomes_chart`)."""
    from salesinsight_assets.adapters.plots import outcomes_chart as weeks_chart

    return _sized(weeks_chart(checks).properties(width=WIDTH, height=200))


def interval_chart(
    rows: pd.DataFrame, title: str, x_title: str, marks: Sequence[float] = ()
) -> "alt.LayerChart | alt.FacetChart":
    """A point with its interval a row: `label`, `value`, `low`, `high`, in their order; `marks` are dashed lines."""
    import altair as alt

    shown = rows.assign(place=range(len(rows)))
    y = alt.Y("label:N", sort=alt.SortField("place"), title=None)
    x = alt.X("value:Q", title=x_title, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
    spread = alt.Chart(shown).mark_rule(strokeWidth=3, color=GREY).encode(x=alt.X("low:Q"), x2="high:Q", y=y)
    points = alt.Chart(shown).mark_circle(size=90, color=BLUE, opacity=1).encode(x=x, y=y)
    lines = alt.Chart(pd.DataFrame({"at": list(marks)})).mark_rule(strokeDash=[4, 4], color=RED).encode(x="at:Q")
    layers = [spread, points, lines] if len(marks) else [spread, points]
    return _sized(alt.layer(*layers).properties(width=WIDTH, height=30 * len(shown) + 20, title=title))


def drawn(charts: "Mapping[str, alt.LayerChart | alt.FacetChart]") -> dict[str, bytes]:
    """The charts of a report by name, as PNG at the size at which its pages show them."""
    return {name: png(chart, PICTURE_SCALE) for name, chart in charts.items()}


def _sized(chart: "alt.LayerChart | alt.FacetChart") -> "alt.LayerChart | alt.FacetChart":
    return (
        chart.properties(background="#ffffff", padding=10)
        .configure_axis(labelFontSize=FONT, titleFontSize=FONT, labelLimit=220, gridColor="#e3e8ef")
        .configure_title(fontSize=FONT + 2, anchor="start")
        .configure_view(strokeWidth=0)
    )
