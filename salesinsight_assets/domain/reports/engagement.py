"""Whether alerts are read, acted on, and help: the measures of the business review that people's answers tell.

What belongs elsewhere: how the rates and the lift come about (`feedback.rates`, `experiments.lift`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from salesinsight_assets.domain.experiments.lift import ACTED_ON, WON
from salesinsight_assets.domain.reports.measures import Figure, Measure, of_share
from salesinsight_assets.domain.shares import Share

DASHBOARD_GOAL = 0.80
"""Of the reps, those who are to look at the dashboard in a week."""
_NO_DRAW = "no deal is held out, or none of them is over"


@dataclass(frozen=True)
class Engagement:
    """What is recorded of the last half year; None: nothing.

    Attributes:
        dashboard: of the reps with open deals, those who looked at the dashboard in the last week; None: nobody ever has.
        opened: of the digests that were sent since openings are recorded, those opened.
        acted_on: of the deals told of whose seven days are over, those acted on.
        lifts: by measure the row of the last look at the holdout, see `experiments.lift.Lift.figures`.
    """

    dashboard: Share | None = None
    opened: Share | None = None
    acted_on: Share | None = None
    lifts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


NOTHING_RECORDED = Engagement()


def engagement_measures(found: Engagement) -> tuple[Measure, ...]:
    """Dashboard, opened, acted on, and the lift on what was acted on and on what was won."""
    return (
        _share(found.dashboard, "reps", "Reps on the dashboard weekly", DASHBOARD_GOAL, "nobody has looked at it yet"),
        _share(
            found.opened, "e-mails", "Alert e-mails opened", 0.60, "no e-mail was sent that tells when it is opened"
        ),
        _share(found.acted_on, "deals", "Alerts acted on", 0.30, "the seven days of no alert are over yet"),
        _lift(found.lifts.get(ACTED_ON), "Lift of alerts on what is acted on"),
        _lift(found.lifts.get(WON), "Lift of alerts on the win rate"),
    )


def _share(found: Share | None, of: str, name: str, goal: float, unknown_because: str) -> Measure:
    figure = of_share(found, of) if found else None
    return Measure(name, f"{goal:.0%}", figure, goal, because="" if found else unknown_because)


def _lift(look: Mapping[str, Any] | None, name: str) -> Measure:
    """The last look; it is stated in words, with what it takes to know more, where nobody can tell yet."""
    figure = _figure(look) if look else None
    because = str(look["finding"]) if look else _NO_DRAW
    return Measure(name, "above 0", figure, 0.0, style="points", because=because)


def _figure(look: Mapping[str, Any]) -> Figure | None:
    """None while one of the arms is empty."""
    if pd.isna(look["difference"]):
        return None
    n = int(look["n_alerted"]) + int(look["n_held_out"])
    return Figure(float(look["difference"]), float(look["low"]), float(look["high"]), n)
