"""The words of what moved in the pipeline, as a table and as steps of a picture."""

from datetime import date

import pandas as pd

from salesinsight_assets.domain.reports import pipeline_movement as moves
from salesinsight_assets.domain.reports.pages import Section, Table
from salesinsight_assets.domain.reports.pipeline_health import PipelineHealth
from salesinsight_assets.domain.reports.pipeline_movement import Movement
from salesinsight_assets.domain.reports.pipeline_words import sum_of, total_of
from salesinsight_assets.domain.reports.words import counted, in_days, short_money, signed_money

MOVEMENT_PICTURE = "movement"


def movement_section(found: PipelineHealth) -> Section:
    """The quarter's movement and that of all open deals, side by side."""
    name, last = found.quarter.period.name, in_days(found.quarter.period.last)
    lines = [
        f"Due in {name} means: open, with a close date from tomorrow to {last}. What it was and what moved add up."
        if found.has_due
        else f"No open deal has a close date from tomorrow to {last}, the end of {name}: all open deals are shown.",
        *(
            [
                f"Beside it, {sum_of(found.passed, found)} have a close date that is over: they need a new one, or an end."
            ]
            if found.passed.deals
            else []
        ),
        *(
            [f"{counted(found.without_amount, 'open deal')} without an amount, or a rate for it, add nothing."]
            if found.without_amount
            else []
        ),
    ]
    return Section(
        f"What moved since {found.before:%A} {in_days(found.before)}", lines, MOVEMENT_PICTURE, _moves(found)
    )


def _moves(found: PipelineHealth) -> Table:
    sides = {f"Due in {found.quarter.period.name}": found.due} if found.has_due else {}
    sides |= {"All open deals": found.all}
    names = {move.name for side in sides.values() for move in side.moves}
    shown = [name for name in (*moves.ENTERING, *moves.CHANGING, *moves.LEAVING) if name in names]
    rows = [
        (f"{found.before:%A} {in_days(found.before)}", *(total_of(side.opening, found) for side in sides.values())),
        *(
            (move_label(name, found.quarter.period.last), *(_moved(side, name, found) for side in sides.values()))
            for name in shown
        ),
        (f"{found.day:%A} {in_days(found.day)}", *(total_of(side.closing, found) for side in sides.values())),
    ]
    return Table(("", *sides), rows, tuple(sides))


def move_label(name: str, period_last: date) -> str:
    """A move as it is read; `period_last` is the last day of the quarter that is looked at."""
    last = in_days(period_last)
    return {
        moves.NEW: "New",
        moves.RETURNED: "Reopened or restored",
        moves.TAKEN_OVER: "Taken over from another owner",
        moves.PULLED_IN: f"Pulled in from after {last}",
        moves.REDATED: "Dated again, date was over",
        moves.UP: "Amount raised",
        moves.DOWN: "Amount lowered",
        moves.RATES: "Exchange rates",
        moves.WON: "Won",
        moves.LOST: "Lost",
        moves.HANDED_OVER: "Handed over to another owner",
        moves.SLIPPED: f"Slipped beyond {last}",
        moves.PASSED: "Close date passed, still open",
        moves.REMOVED: "Deleted or merged",
    }[name]


def _moved(side: Movement, name: str, found: PipelineHealth) -> str:
    move = side.of(name)
    return f"{signed_money(move.amount, found.currency)}\n{counted(move.deals, 'deal')}" if move.deals else "–"


def waterfall_steps(found: PipelineHealth) -> pd.DataFrame:
    """The quarter's movement as bars (see `movement_steps`)."""
    return movement_steps(found.shown_movement, (found.before, found.day), found.currency)


def movement_steps(shown: Movement, days: tuple[date, date], currency: str | None) -> pd.DataFrame:
    """A movement as bars: `label`, `start`, `end`, `kind` (total, up, down), `said`."""
    first, last = days
    rows = [_step(in_days(first), 0, shown.opening.amount, "total", currency)]
    at = shown.opening.amount
    for move in shown.moves:
        kind = "up" if move.amount >= 0 else "down"
        rows.append(_step(move.name.capitalize(), at, at + move.amount, kind, currency))
        at += move.amount
    rows.append(_step(in_days(last), 0, shown.closing.amount, "total", currency))
    return pd.DataFrame(rows)


def _step(label: str, start: int, end: int, kind: str, currency: str | None) -> dict[str, object]:
    sign = "+" if kind == "up" else ""
    return {"label": label, "start": start, "end": end, "kind": kind, "said": sign + short_money(end - start, currency)}
