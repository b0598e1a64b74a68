"""The words of what is expected of the open deals, and of what they cover."""

import pandas as pd

from salesinsight_assets.domain.delivery.texts import BY_RULES
from salesinsight_assets.domain.model.promotion import NO_SIGNAL
from salesinsight_assets.domain.reports.forecast import IN_TIME, Forecast
from salesinsight_assets.domain.reports.pages import Section, Table
from salesinsight_assets.domain.reports.pipeline_health import Outlook, PipelineHealth
from salesinsight_assets.domain.reports.pipeline_words import NOT_YET, amount_with_interval, sum_of
from salesinsight_assets.domain.reports.words import counted, in_days, short_money

OUTLOOK_PICTURE = "outlook"


def forecast_section(found: PipelineHealth) -> Section:
    """Month and quarter, and how their sums are made."""
    columns = ("", "Won so far", "Expected on top", "95 % interval")
    rows = [
        (
            f"{outlook.period.name}\nuntil {in_days(outlook.period.last)}",
            short_money(outlook.won.amount, found.currency),
            short_money(outlook.open.expected, found.currency) if outlook.open else NOT_YET,
            _bounds(outlook.open, found),
        )
        for outlook in _outlooks(found)
    ]
    picture = OUTLOOK_PICTURE if found.quarter.open else ""
    return Section(
        "Forecast by win probability", [*_caveats(found), *_how(found)], picture, Table(columns, rows, columns[1:])
    )


def _bounds(expected: Forecast | None, found: PipelineHealth) -> str:
    if expected is None or found.scored_by == "rules":
        return NOT_YET
    return f"{short_money(expected.low, found.currency)} to {short_money(expected.high, found.currency)}"


def _caveats(found: PipelineHealth) -> list[str]:
    return {
        "model": [],
        "base rate": [
            (
                f"The model sees {NO_SIGNAL}: each deal counts with the share that is won from its stage. The sum is to be"
                " trusted as far as that share lasts; it does not say which deals."
            )
        ],
        "rules": [f"The win probabilities are {BY_RULES}: the sums are rough, and no interval is claimed."],
    }[found.scored_by]


def _how(found: PipelineHealth) -> list[str]:
    quarter, name = found.quarter, found.quarter.period.name
    dated = f"{short_money(quarter.dated.expected, found.currency)} in {counted(quarter.dated.deals, 'deal')}"
    if quarter.timing is None:
        return [
            (
                f"Deals dated in the rest of {name} are worth {dated} by their win probability, whenever they are won. How many of"
                f" them are won by then is {NOT_YET}: too few won deals to tell how far close dates hold."
            )
        ]
    return [
        f"Expected on top is amount x win probability x the chance to be won in time, of all {found.all.closing.deals:,} open deals.",
        _dates(quarter, dated),
        (
            "The interval takes each win probability for true and the deals for independent. It leaves out deals that are not yet"
            " in the CRM, amounts that change, and a market that turns for all deals at once."
        ),
    ]


def _dates(quarter: Outlook, dated: str) -> str:
    assert quarter.timing  # noqa: S101 - asked by `_how`
    measured = f"measured on {counted(quarter.timing.won_deals, 'won deal')}, from 18 to 9 months ago"
    if not quarter.dated.deals:
        return f"No open deal is dated in the rest of the period: the chance to be won in time is that of such deals before ({measured})."
    share = quarter.timing.shares[IN_TIME]
    return (
        f"Close dates alone would give {dated}, but they do not hold: of won deals that were dated within {quarter.timing.days}"
        f" days, {share:.0%} were won in that time; others that were dated later, or whose date was over, were won instead"
        f" ({measured})."
    )


def coverage_section(found: PipelineHealth) -> Section:
    """What is open beside what is missing to the quota, or to the quarter before."""
    return Section("Coverage", _coverage(found))


def _coverage(found: PipelineHealth) -> list[str]:
    quarter = found.quarter
    goal, said = _goal(found)
    if goal is None:
        return [said]
    missing = goal - quarter.won.amount
    if missing <= 0:
        return [f"{said} {quarter.period.name} has reached it: {sum_of(quarter.won, found)} are won."]
    left = f"To reach it, {short_money(missing, found.currency)} are missing.{_times(found, missing)}"
    return [said, left, *_weighted(found, missing)]


def _times(found: PipelineHealth, missing: float) -> str:
    """How many times what is due covers what is missing; nothing where nothing is due."""
    if not found.has_due:
        return ""
    due = f"Open and due in {found.quarter.period.name}: {short_money(found.due.closing.amount, found.currency)}"
    return f" {due}, {found.due.closing.amount / missing:.1f} times that."


def _goal(found: PipelineHealth) -> tuple[float | None, str]:
    """What the quarter is held against, and the sentence that says so."""
    name = found.quarter.period.name
    if found.quota:
        return found.quota, f"The quota of {name} is {short_money(found.quota, found.currency)}."
    before = found.quarter_before
    why = "There is no quota in the CRM"
    if before is None or not before.deals:
        return None, f"{why}, and of the quarter before nothing is known: coverage is {NOT_YET}."
    return (
        before.amount,
        f"{why}, so {name} is held against the quarter before, in which {sum_of(before, found)} were won.",
    )


def _weighted(found: PipelineHealth, missing: float) -> list[str]:
    expected = found.quarter.open
    if expected is None:
        return []
    part = f"By probability, {amount_with_interval(expected, found)} of the open deals come in time: {expected.expected / missing:.0%} of what is missing."
    if found.scored_by == "rules" or expected.low <= missing <= expected.high:
        return [part]
    verdict = "more than is needed" if expected.low > missing else "not enough without deals that are still to be found"
    return [f"{part} The whole interval is {verdict}."]


def _outlooks(found: PipelineHealth) -> list[Outlook]:
    """Month and quarter; one of them where both end on the same day."""
    ends_apart = found.month.period.last < found.quarter.period.last
    return [found.month, found.quarter] if ends_apart else [found.quarter]


def outlook_rows(found: PipelineHealth) -> pd.DataFrame:
    """Month, quarter and the quarter before: `label`, `won`, `total`, `low`, `high`."""
    rows = [
        {
            "label": outlook.period.name,
            "won": outlook.won.amount,
            "total": outlook.won.amount + outlook.open.expected,
            "low": outlook.won.amount + outlook.open.low,
            "high": outlook.won.amount + outlook.open.high,
        }
        for outlook in _outlooks(found)
        if outlook.open
    ]
    before = found.quarter_before
    if before:
        name = found.quarter.period.before.name
        rows.append({"label": name, **dict.fromkeys(("won", "total", "low", "high"), before.amount)})
    return pd.DataFrame(rows)
