"""Pictures for asset metadata: Altair charts drawn to PNG in the process, no browser and no network."""

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import altair as alt

    from salesinsight_assets.domain.model.win_model import WinModel

BLUE, GREY, RED, AMBER, GREEN = "#2563eb", "#94a3b8", "#dc2626", "#d97706", "#16a34a"
RISK_COLOURS = {"HIGH": RED, "MEDIUM": AMBER, "LOW": GREEN}


def calibration_chart(table: pd.DataFrame, counted: str = "snapshots") -> "alt.LayerChart | alt.FacetChart":
    """Said against happened, with the number of what is counted behind each point (see `calibration_table`)."""
    import altair as alt

    scale = alt.Scale(domain=[0, 1])
    line = pd.DataFrame({"predicted_rate": [0.0, 1.0], "actual_rate": [0.0, 1.0]})
    x = alt.X("predicted_rate:Q", scale=scale, title="we said", axis=alt.Axis(format="%"))
    y = alt.Y("actual_rate:Q", scale=scale, title="were won", axis=alt.Axis(format="%"))
    ideal = alt.Chart(line).mark_line(strokeDash=[4, 4], color=GREY).encode(x=x, y=y)
    points = alt.Chart(table).mark_circle(color=BLUE).encode(x=x, y=y, size=alt.Size("n:Q", title=counted))
    return alt.layer(ideal, points).properties(width=320, height=320, title="When we said … %, … % were won")


def importance_chart(table: pd.DataFrame, most: int = 15) -> "alt.Chart":
    """The features that move the explanations most, as shares."""
    import altair as alt

    return (
        alt.Chart(table.head(most))
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X("share:Q", axis=alt.Axis(format="%"), title="share of all explanations"),
            y=alt.Y("feature:N", sort="-x", title=None),
        )
        .properties(width=360, title="What the model looks at")
    )


def probability_chart(scores: pd.DataFrame) -> "alt.Chart":
    """How many open deals have which win probability, by risk level."""
    import altair as alt

    colours = alt.Scale(domain=list(RISK_COLOURS), range=list(RISK_COLOURS.values()))
    return (
        alt.Chart(scores[["win_probability", "risk_level"]])
        .mark_bar()
        .encode(
            x=alt.X("win_probability:Q", bin=alt.Bin(step=0.05), axis=alt.Axis(format="%"), title="win probability"),
            y=alt.Y("count()", title="open deals"),
            color=alt.Color("risk_level:N", scale=colours, title="risk"),
        )
        .properties(width=420, height=240, title="Open deals by win probability")
    )


def alert_chart(alerts: pd.DataFrame) -> "alt.Chart":
    """How many alerts each rule gives: to send, held out or suppressed."""
    import altair as alt

    colours = alt.Scale(domain=["to_send", "held_out", "suppressed"], range=[BLUE, AMBER, GREY])
    return (
        alt.Chart(alerts[["rule", "status"]])
        .mark_bar()
        .encode(
            x=alt.X("count()", title="alerts"),
            y=alt.Y("rule:N", title=None),
            color=alt.Color("status:N", scale=colours, title=None),
        )
        .properties(width=420, title="Alerts by rule")
    )


def drift_chart(drift: pd.DataFrame, most: int = 20) -> "alt.Chart":
    """The population stability index of the figures that chance explains least, alarms in red."""
    import altair as alt

    shown = drift.sort_values(["is_alarm", "p_value"], ascending=[False, True]).head(most)
    shown = shown.assign(name=shown["feature"] + " (" + shown["population"] + ")")
    colours = alt.Scale(domain=[True, False], range=[RED, GREY])
    return (
        alt.Chart(shown[["name", "psi", "is_alarm"]])
        .mark_bar()
        .encode(
            x=alt.X("psi:Q", title="population stability index"),
            y=alt.Y("name:N", sort=None, title=None),
            color=alt.Color("is_alarm:N", scale=colours, title="alarm"),
        )
        .properties(width=360, title="This week against the weeks before")
    )


def defaults_chart(defaults: pd.DataFrame, most: int = 20) -> "alt.LayerChart | alt.FacetChart":
    """On which share of the open deals a feature took its default, with the usual share as a tick, alarms in red."""
    import altair as alt

    shown = defaults.sort_values(["is_alarm", "share_defaulted"], ascending=False).head(most)
    shown = shown[["feature", "share_defaulted", "usual_share", "is_alarm"]]
    colours = alt.Scale(domain=[True, False], range=[RED, GREY])
    y = alt.Y("feature:N", sort=None, title=None)
    share = alt.X("share_defaulted:Q", axis=alt.Axis(format="%"), title="open deals with the default (tick: usual)")
    colour = alt.Color("is_alarm:N", scale=colours, title="alarm")
    bars = alt.Chart(shown).mark_bar().encode(x=share, y=y, color=colour)
    ticks = alt.Chart(shown).mark_tick(color=BLUE, thickness=3).encode(x="usual_share:Q", y=y)
    return alt.layer(bars, ticks).properties(width=360, title="Features that could not be computed")


def outcomes_chart(checks: pd.DataFrame) -> "alt.LayerChart | alt.FacetChart":
    """Check by check the share that was won, beside what was expected and the band that chance explains."""
    import altair as alt

    columns = {"won": "actual_wins", "expected": "expected_wins", "low": "low", "high": "high"}
    shares = pd.DataFrame({name: checks[column] / checks["n_deals"] for name, column in columns.items()})
    shares = shares.assign(day=checks["as_of_date"], alarm=checks["is_alarm"])
    x = alt.X("day:T", title=None)
    percent = alt.Axis(format="%")
    band = (
        alt.Chart(shares)
        .mark_errorband(color=GREY)
        .encode(x=x, y=alt.Y("low:Q", axis=percent, title="won"), y2="high:Q")
    )
    expected = alt.Chart(shares).mark_line(color=GREY, strokeDash=[4, 4], point=True).encode(x=x, y="expected:Q")
    colours = alt.Scale(domain=[True, False], range=[RED, BLUE])
    won = (
        alt.Chart(shares)
        .mark_circle(size=60)
        .encode(x=x, y="won:Q", color=alt.Color("alarm:N", scale=colours, title="alarm"))
    )
    return alt.layer(band, expected, won).properties(width=420, height=240, title="Won, beside what was expected")


def warning_chart(told: pd.DataFrame) -> "alt.HConcatChart":
    """What became of the deals first told of in each week, and how many days before its loss a lost one was (see `JudgedAlerts`)."""
    import altair as alt

    colours = alt.Scale(domain=["lost", "won", "not yet decided"], range=[RED, GREEN, GREY])
    weeks = (
        alt.Chart(told[["told_on", "became"]])
        .mark_bar()
        .encode(
            x=alt.X("yearweek(told_on):T", title="week of the first alert"),
            y=alt.Y("count()", title="deals told of"),
            color=alt.Color("became:N", scale=colours, title=None),
        )
        .properties(width=360, height=220, title="What became of the deals told of")
    )
    days = (
        alt.Chart(told.loc[told["became"] == "lost", ["days_of_warning"]])
        .mark_bar(color=RED)
        .encode(
            x=alt.X("days_of_warning:Q", bin=alt.Bin(maxbins=20), title="days from the first alert to the loss"),
            y=alt.Y("count()", title="lost deals"),
        )
        .properties(width=360, height=220, title="Days of warning")
    )
    return alt.hconcat(weeks, days)


def adjusted_chart(cards: pd.DataFrame) -> "alt.LayerChart | alt.FacetChart":
    """Rep by rep the win rate less what an average rep would have won with the same deals, with its interval (see `coaching_cards`).

    Red and green where the whole interval lies on one side of zero.
    """
    import altair as alt

    shown = cards[cards["adjusted_difference"].notna()]
    side = np.select([shown["adjusted_high"] < 0, shown["adjusted_low"] > 0], ["below", "above"], "not yet known")
    rows = pd.DataFrame(
        {
            "rep": [f"{name} (n = {n:,})" for name, n in zip(shown["owner_name"], shown["n_closed"], strict=True)],
            **{end: 100 * shown[f"adjusted_{end}"].to_numpy("float64") for end in ("low", "difference", "high")},
            "side": side,
        }
    )
    colours = alt.Scale(domain=["below", "not yet known", "above"], range=[RED, GREY, GREEN])
    colour = alt.Color("side:N", scale=colours, title=None, legend=alt.Legend(orient="bottom"))
    x = alt.X("low:Q", axis=alt.Axis(format="+d"), title="percentage points above or below, with interval")
    y = alt.Y("rep:N", sort=None, title=None)
    zero = alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(color=GREY, strokeDash=[4, 4]).encode(x="zero:Q")
    spans = alt.Chart(rows).mark_rule(strokeWidth=2).encode(x=x, x2="high:Q", y=y, color=colour)
    points = alt.Chart(rows).mark_circle(size=80, opacity=1).encode(x="difference:Q", y=y, color=colour)
    return alt.layer(zero, spans, points).properties(width=320, title="The same deals: each rep beside an average one")


def beeswarm_png(model: "WinModel", features: pd.DataFrame) -> bytes:
    """Shap's beeswarm of a model's contributions on some snapshots: which values push where."""
    import io
    import warnings

    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    picture = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # shap's own use of an older matplotlib
        import shap

        values, base = model.contributions(features)
        data = features[model.feature_names].to_numpy()
        explanation = shap.Explanation(values, base, data, feature_names=model.feature_names)
        shap.plots.beeswarm(explanation, max_display=12, show=False, plot_size=(8, 5))
        plt.savefig(picture, format="png", dpi=90, bbox_inches="tight")
    plt.close()
    return picture.getvalue()


def png(chart: Any, scale: float = 1.5) -> bytes:
    """A chart as PNG, `scale` pixels for each of the chart's."""
    import vl_convert

    return vl_convert.vegalite_to_png(chart.to_json(), scale=scale)


def markdown_image(picture: bytes, title: str) -> str:
    """A PNG as Markdown that carries it along."""
    return f"![{title}](data:image/png;base64,{base64.b64encode(picture).decode('ascii')})"
