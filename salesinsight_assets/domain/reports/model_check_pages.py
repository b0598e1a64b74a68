"""The words of Friday's report: whether anything needs a look first, then what was said and what became.

What belongs elsewhere: the figures (`model_check`).
"""

from salesinsight_assets.domain.model.promotion import NO_SIGNAL
from salesinsight_assets.domain.reports.model_check import Checked, ModelCheck, Outcome
from salesinsight_assets.domain.reports.pages import Section
from salesinsight_assets.domain.reports.said import said_table
from salesinsight_assets.domain.reports.words import counted, in_full

OUTCOMES_PICTURE, SAID_PICTURE = "won and expected", "said and happened"
MOST_ALARMS_SHOWN = 10


def model_check_title(found: ModelCheck) -> str:
    """The week."""
    return f"Model check, week to {found.day:%A} {in_full(found.day)}"


def model_check_sections(found: ModelCheck) -> list[Section]:
    """In short, alarms, what was said and became, the deals themselves."""
    return [
        Section("In short", _in_short(found), OUTCOMES_PICTURE),
        *_alarms(found),
        _said(found),
        Section("Do the deals still look like those before?", _drift(found)),
    ]


def _in_short(found: ModelCheck) -> list[str]:
    looks = (
        "Nothing needs a look"
        if not found.alarms
        else f"{counted(found.alarms, 'figure')} {_need(found.alarms)} a look"
    )
    looked_at = found.outcomes.figures + found.drift.figures + found.defaults.figures
    return [
        f"{looks}: {counted(looked_at, 'figure')} were compared."
        if looked_at
        else "Nothing could be compared yet: too few weeks, or too few deals.",
        _who(found),
        *(_outcome(outcome) for outcome in found.overall[-1:]),
        *(_auc(outcome) for outcome in found.overall if outcome.auc is not None),
    ]


def _need(n: int) -> str:
    return "needs" if n == 1 else "need"


def _who(found: ModelCheck) -> str:
    if found.model_id is None:
        return "No model is shown: the rules score, and of them nothing is claimed."
    if found.is_base_rate:
        return f"Shown is the base rate of each stage: the model sees {NO_SIGNAL}."
    return f"Shown is the model {found.model_id}."


def _outcome(outcome: Outcome) -> str:
    verdict = "that is within chance" if outcome.low <= outcome.won <= outcome.high else "chance does not explain that"
    return (
        f"Of {counted(outcome.deals, 'deal')} decided in the last {outcome.weeks} weeks, {outcome.won} were won;"
        f" {outcome.expected:.0f} were expected, by chance {outcome.low:.0f} to {outcome.high:.0f}: {verdict}."
    )


def _auc(outcome: Outcome) -> str:
    return (
        f"Of a won and a lost deal, the won one had been given the higher probability in {outcome.auc:.0%} of the cases"
        f" (AUC; 99 % interval {outcome.auc_low:.0%} to {outcome.auc_high:.0%}; 50% is chance)."
    )


def _alarms(found: ModelCheck) -> list[Section]:
    """One section for each check with an alarm."""
    checks = {
        "Predictions that did not come true": (found.outcomes, "A training on all that is known by now is asked for."),
        "Deals that differ from those of the weeks before": (found.drift, ""),
        "Features that could not be computed": (
            found.defaults,
            "Look at the fields of the CRM that they are made from.",
        ),
    }
    return [
        Section(title, [*_listed(checked), *([then] if then else [])])
        for title, (checked, then) in checks.items()
        if checked.alarms
    ]


def _listed(checked: Checked) -> list[str]:
    shown = [f"{alarm.about}: {alarm.finding}" for alarm in checked.alarms[:MOST_ALARMS_SHOWN]]
    more = len(checked.alarms) - len(shown)
    return [*shown, f"and {more} more, in Dagster"] if more else shown


def _said(found: ModelCheck) -> Section:
    if not found.said:
        return Section(
            "What was said, and what became of it", ["Not yet known: no deal that a model had scored is decided."]
        )
    lines = [
        (
            f"By what was shown some weeks before each decision, of {counted(sum(s.won.n for s in found.said), 'decided deal')}."
            " Of few deals the interval is wide: it is the interval that counts."
        )
    ]
    return Section("What was said, and what became of it", lines, SAID_PICTURE, said_table(found.said))


def _drift(found: ModelCheck) -> list[str]:
    return [
        _verdict(found.drift, "features, scores and categories", "differ"),
        _verdict(found.defaults, "features", "take their default more often"),
    ]


def _verdict(checked: Checked, what: str, differ: str) -> str:
    if not checked.figures:
        return (
            f"Not yet known whether {what} {differ} than in the weeks before."
            if differ != "differ"
            else f"Not yet known whether {what} differ from those of the weeks before."
        )
    return f"{len(checked.alarms)} of {checked.figures} {what} {differ}, beyond chance and by much."
