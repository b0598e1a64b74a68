"""Pictures of pages: the same charts as in mails and in Dagster, as SVG, for a wide or a narrow screen, light or dark.

The same chart is drawn once: what was drawn is kept by its content.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from salesinsight_assets.adapters.plots import AMBER, BLUE, GREEN, GREY, RED

if TYPE_CHECKING:
    import altair as alt

    Chart = alt.LayerChart | alt.FacetChart | dict[str, Any]
    """Of Altair's, or already the Vega-Lite that it is made into."""

_KEPT = 400
"""Drawings of some 20 kB each."""
_IN_THE_DARK = {
    BLUE: "#84aaff", GREEN: "#5fcf93", RED: "#ff9389", AMBER: "#f4c26b", GREY: "#8a97a8", "#93b4f5": "#3c5c9c",
    "#e3e8ef": "#2b3442",
}  # fmt: skip
_TEXT, _TEXT_IN_THE_DARK = "#3d4a5c", "#b9c3d0"
_SIZE = 14
_NARROW, _TALLER_WHERE_WIDE = 400, 1.4
_FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class Look:
    """How wide a picture is in pixels, and whether it stands on a dark page."""

    width: int
    is_dark: bool = False


@dataclass(frozen=True)
class _Drawing:
    """What is to be drawn; two of the same content are the same."""

    content: str
    draw: Callable[[], dict[str, Any]] = field(compare=False)


def svg(look: Look, draw: "Callable[..., Chart]", *data: pd.DataFrame | str) -> str:
    """The chart that `draw` makes of some data, as SVG, without its title, which stands on the page, and without a background."""
    content = [part if isinstance(part, str) else part.to_json(orient="split", date_format="iso") for part in data]
    return _drawn(_Drawing(json.dumps([draw.__qualname__, *content]), lambda: _spec(draw(*data))), look)


def _spec(drawn: "Chart") -> dict[str, Any]:
    return drawn if isinstance(drawn, dict) else drawn.to_dict()


@lru_cache(maxsize=_KEPT)
def _drawn(drawing: _Drawing, look: Look) -> str:
    """Altair takes a few hundred milliseconds to make and check a chart: it is asked once for the same content."""
    import vl_convert

    spec = json.dumps(_restyled(drawing.draw(), look))
    for light, dark in _IN_THE_DARK.items() if look.is_dark else ():
        spec = spec.replace(light, dark)
    return vl_convert.vegalite_to_svg(spec)


def _restyled(spec: dict[str, Any], look: Look) -> dict[str, Any]:
    config = spec.get("config", {})
    text = _TEXT_IN_THE_DARK if look.is_dark else _TEXT
    axis = {**config.get("axis", {}), "labelColor": text, "titleColor": text, "domain": False, "tickColor": GREY}
    legend = {"labelColor": text, "titleColor": text}
    return {
        **{name: value for name, value in spec.items() if name != "title"},
        "config": {**config, "font": _FONT, "axis": axis, "text": {"color": text}, "legend": legend},
        "width": look.width,
        "height": round(spec["height"] * (_TALLER_WHERE_WIDE if look.width > _NARROW else 1)),
        "padding": {"left": 14, "right": 14, "top": 4, "bottom": 4},  # letters of the reader's font may be wider
        "background": None,
        "autosize": {"type": "fit", "contains": "padding"},
    }


def stages_chart(stages: pd.DataFrame) -> "alt.LayerChart | alt.FacetChart":
    """Stage by stage what is open, and what of it is expected: `stage`, `open`, `expected` (amounts), `said`, in their order."""
    import altair as alt

    shown = stages.assign(place=range(len(stages)))
    y = alt.Y("stage:N", sort=alt.SortField("place"), title=None)
    room = alt.Scale(domain=[0, float(max(shown["open"].max(), 1.0)) * 1.3])  # for the words
    x = alt.X("open:Q", title=None, axis=alt.Axis(format="~s", tickCount=4), scale=room)
    bars = alt.Chart(shown).mark_bar(color="#93b4f5").encode(x=x, y=y)
    expected = alt.Chart(shown).mark_bar(color=BLUE).encode(x="expected:Q", y=y)
    said = alt.Chart(shown).mark_text(align="left", dx=4, fontSize=_SIZE).encode(x="open:Q", y=y, text="said:N")
    return _plain(alt.layer(bars, expected, said).properties(height=34 * len(shown)))


def score_chart(days: pd.DataFrame, levels: pd.DataFrame) -> dict[str, Any]:
    """The chance of a deal day by day, hollow where no model gave it, a mark below on days when an alert was told.

    The same layers hold for every deal: they are made and checked once, and given each deal's rows.

    Args:
        days: `day` (ISO), `chance` (0 to 1), `is_fallback`, `is_told`, in their order.
        levels: the chances below which a deal is at risk: `at`, `said`.
    """
    by_model = days[~days["is_fallback"]]
    rows = {
        "days": days,
        "levels": levels.assign(day=days["day"].iloc[0] if len(days) else None),
        "last": by_model[by_model["day"] == days["day"].max()],
        "fallback": days[days["is_fallback"]],
        "told": days[days["is_told"]].assign(foot=0.0),
    }
    return {**_score_layers(), "datasets": {name: frame.to_dict("records") for name, frame in rows.items()}}


@cache
def _score_layers() -> dict[str, Any]:
    import altair as alt

    def of(name: str) -> alt.Chart:
        return alt.Chart(alt.NamedData(name=name))

    axis = alt.Axis(format="%", tickCount=5)
    x = alt.X("day:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(format="%-d %b", tickCount=6, grid=False))
    y = alt.Y("chance:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=axis)
    rules = of("levels").mark_rule(strokeDash=[4, 4], color=GREY).encode(y="at:Q")
    names = of("levels").mark_text(align="left", baseline="bottom", dy=-3, fontSize=_SIZE - 1)
    line = of("days").mark_line(color=BLUE, strokeWidth=2.5, interpolate="monotone").encode(x=x, y=y)
    last = of("last").mark_circle(size=90, color=BLUE, opacity=1).encode(x=x, y=y)
    fallback = of("fallback").mark_point(size=40, color=BLUE, opacity=1).encode(x=x, y=y)
    told = of("told").mark_point(shape="triangle-up", filled=True, size=70, color=AMBER, opacity=1, yOffset=-6)
    marks = [last, fallback, told.encode(x=x, y="foot:Q")]
    layers = [rules, names.encode(x=x, y="at:Q", text="said:N"), line, *marks]
    made: dict[str, Any] = _plain(alt.layer(*layers).properties(height=240)).to_dict()
    return made


def looks_chart(weeks: pd.DataFrame) -> "alt.LayerChart | alt.FacetChart":
    """Week by week how many could look and how many did, a line where the target lies: `week`, `reps`, `looked`, `target`, in their order."""
    import altair as alt

    shown = weeks.assign(place=range(len(weeks)))
    x = alt.X("week:N", sort=alt.SortField("place"), title=None, axis=alt.Axis(labelAngle=0, labelOverlap="greedy"))
    room = alt.Scale(domain=[0, float(max(shown["reps"].max(), 1)) * 1.12])  # for the numbers
    y = alt.Y("reps:Q", title=None, axis=alt.Axis(tickCount=4, tickMinStep=1, format="d"), scale=room)
    bars = alt.Chart(shown).mark_bar(color="#93b4f5").encode(x=x, y=y)
    looked = alt.Chart(shown).mark_bar(color=BLUE).encode(x=x, y="looked:Q")
    target = alt.Chart(shown).mark_tick(color=AMBER, thickness=3, opacity=1).encode(x=x, y="target:Q")
    said = alt.Chart(shown).mark_text(baseline="bottom", dy=-3, fontSize=_SIZE).encode(x=x, y=y, text="looked:Q")
    return _plain(alt.layer(bars, looked, target, said).properties(height=200))


def _plain(chart: "alt.LayerChart | alt.FacetChart") -> "alt.LayerChart | alt.FacetChart":
    return chart.configure_axis(
        labelFontSize=_SIZE, titleFontSize=_SIZE, labelLimit=200, gridColor="#e3e8ef"
    ).configure_view(strokeWidth=0)
