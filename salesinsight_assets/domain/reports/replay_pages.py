"""The words of a replay. It claims what its intervals bear: no model, or one no better than the base rate, is said to be so.

What belongs elsewhere: the figures (`replay`, `judged_scores`, `judged_alerts`).
"""

from collections import Counter
from collections.abc import Sequence

from salesinsight_assets.domain.model.evaluation import Evaluation
from salesinsight_assets.domain.model.fallback import BASE_RATE_PREFIX
from salesinsight_assets.domain.reports.judged_alerts import JudgedAlerts
from salesinsight_assets.domain.reports.judged_scores import LEAST_DEALS, JudgedScores
from salesinsight_assets.domain.reports.pages import Section
from salesinsight_assets.domain.reports.replay import Gate, ReplayReport
from salesinsight_assets.domain.reports.words import counted
from salesinsight_assets.domain.shares import Share

NO_SIGNAL = "not enough signal to tell deals apart"
NOT_YET = "not yet known"
WARNINGS_PICTURE = "warnings"


def replay_title(report: ReplayReport) -> str:
    """The range, and until when its outcomes are known."""
    days = (report.last - report.first).days + 1
    return (
        f"Replay of {report.first} to {report.last}, {days} days; what became of the deals is known until"
        f" {report.known_until}"
    )


def replay_sections(report: ReplayReport) -> list[Section]:
    """The gate, the scores, the alerts."""
    scores = [_scores(kind, report.gates) for kind in report.scores]
    nothing = Section("Scores", ["no deal was open on these days"])
    return [_gates(report.gates), *(scores or [nothing]), _alerts(report.alerts)]


def calibration_picture(kind: JudgedScores) -> str:
    """The name of the picture of said against happened."""
    return f"calibration of the {'rules' if kind.is_by_rules else 'models'}"


def _gates(gates: Sequence[Gate]) -> Section:
    lines = [
        f"{gate.model_month:%B %Y}: {'passed' if gate.has_passed else 'not passed'}, {gate.reason}" for gate in gates
    ]
    return Section("The gate, by the month whose end the model knew", lines or ["no model was trained for these days"])


# --- scores ---


def _scores(kind: JudgedScores, gates: Sequence[Gate]) -> Section:
    decided = kind.n_won + kind.n_lost
    lines = [
        _verdict(kind, gates),
        (
            f"{kind.n_scores:,} scores of {counted(decided + kind.n_undecided, 'deal')}: {kind.n_won:,} won, {kind.n_lost:,} lost,"
            f" {kind.n_undecided:,} not yet decided"
        ),
        *_figures(kind),
        *(
            f"when we said {said.bin_from:.0%} to {said.bin_to:.0%}, {_percent(said.won)} were won ({_interval(said.won)})"
            for said in kind.calibration
        ),
    ]
    name = f"Scores by {_fallbacks(kind.model_ids) if kind.is_by_rules else _models(kind.model_ids)}"
    picture = calibration_picture(kind) if kind.calibration else ""
    return Section(f"{name}, on {_days(kind.n_days)}", lines, picture)


def _fallbacks(ids: Sequence[str]) -> str:
    """What was shown for want of a model."""
    is_base_rate = {model_id.startswith(BASE_RATE_PREFIX) for model_id in ids}
    names = {True: "the base rate of each stage", False: "the rules"}
    return " and ".join(names[kind] for kind in sorted(is_base_rate, reverse=True))


def _models(ids: Sequence[str]) -> str:
    return f"the model {ids[0]}" if len(ids) == 1 else f"{len(ids)} models, {ids[0]} to {ids[-1]}"


def _verdict(kind: JudgedScores, gates: Sequence[Gate]) -> str:
    if kind.is_by_rules:
        return f"{NO_SIGNAL}: {_why_rules(gates)}; nothing is claimed of {_fallbacks(kind.model_ids)}"
    if kind.evaluation is None:
        return f"whether these scores tell deals apart is {NOT_YET}"
    if kind.tells_deals_apart:
        return "these scores told deals apart: better than the base rate, with the whole interval of the gain"
    return f"{NO_SIGNAL}: these scores were no better than the base rate"


def _why_rules(gates: Sequence[Gate]) -> str:
    """What the gate said of the months it turned down."""
    verdicts = Counter(gate.verdict for gate in gates if not gate.has_passed)
    told = ", ".join(f"{verdict} ({_months(n)})" for verdict, n in verdicts.items())
    return f"no model had passed the gate, which said: {told}" if told else "no model had passed the gate"


def _figures(kind: JudgedScores) -> list[str]:
    if kind.base_rate is None:
        return [f"AUC, Brier score, calibration: {NOT_YET}, no deal is decided"]
    base_rate = f"base rate: {kind.base_rate:.1%} of the scores of decided deals were of deals that were won"
    if kind.evaluation is None:
        few = f"{kind.n_won} won and {kind.n_lost} lost deals, at least {LEAST_DEALS} of each are needed"
        return [base_rate, f"AUC, Brier score, calibration: {NOT_YET}, {few}"]
    return [base_rate, *_evaluation(kind.evaluation)]


def _evaluation(figures: Evaluation) -> list[str]:
    return [
        f"AUC {figures.auc:.3f} ({_range(figures.auc_low, figures.auc_high)}); 0.5 is chance",
        (
            f"Brier score {figures.brier:.4f} ({_range(figures.brier_low, figures.brier_high, 4)}); of the base rate"
            f" {figures.base_rate_brier:.4f}, a gain of {figures.brier_gain:+.4f}"
            f" ({_range(figures.brier_gain_low, figures.brier_gain_high, 4)})"
        ),
        f"log loss {figures.log_loss:.4f} ({_range(figures.log_loss_low, figures.log_loss_high, 4)})",
        f"mean distance of said and happened (ECE) {figures.ece:.3f} ({_range(figures.ece_low, figures.ece_high)})",
    ]


# --- alerts ---


def _alerts(alerts: JudgedAlerts) -> Section:
    title = f"Alerts to send, on {_days(alerts.n_days)}"
    if not alerts.n_deals:
        return Section(title, ["none"])
    lines = [
        (
            f"{alerts.n_alerts:,} alerts told of {counted(alerts.n_deals, 'deal')}: {alerts.n_deals - alerts.n_undecided:,} are"
            f" decided, {alerts.n_undecided:,} not yet"
        ),
        *_worth(alerts),
        *(
            f"rule {rule.rule.replace('_', ' ')}: {counted(rule.n_deals, 'deal')}, {_lost(rule.lost)}"
            for rule in alerts.by_rule
        ),
    ]
    return Section(title, lines, WARNINGS_PICTURE)


def _worth(alerts: JudgedAlerts) -> list[str]:
    warned_of = f"amount warned about, in the company's currency: {alerts.amount:,.0f}"
    if alerts.lost is None or alerts.lost_of_all is None:
        return [f"precision, days of warning: {NOT_YET}, none of these deals is decided", warned_of]
    undecided = alerts.amount - alerts.amount_lost - alerts.amount_won
    without = f"; {counted(alerts.n_without_amount, 'deal')} without an amount" if alerts.n_without_amount else ""
    return [
        f"precision at the cap: {_lost(alerts.lost)}",
        f"of all decided deals that were open on these days, {_lost(alerts.lost_of_all)}: {_against_chance(alerts)}",
        *_warning(alerts),
        (
            f"{warned_of}; of deals then lost {alerts.amount_lost:,.0f}, won {alerts.amount_won:,.0f}, not yet decided"
            f" {undecided:,.0f}{without}"
        ),
    ]


def _against_chance(alerts: JudgedAlerts) -> str:
    """Whether the interval of the precision lies on one side of what picking open deals at random would give."""
    if alerts.lost is None or alerts.lost_of_all is None:
        return NOT_YET
    if alerts.lost.low > alerts.lost_of_all.rate:
        return "the alerts were better than picking open deals at random"
    if alerts.lost.high < alerts.lost_of_all.rate:
        return "the alerts were worse than picking open deals at random"
    return "the alerts were no better than picking open deals at random"


def _warning(alerts: JudgedAlerts) -> list[str]:
    lines: list[str] = []
    if alerts.median_days is not None and alerts.quartile_days is not None and alerts.lost:
        early, late = alerts.quartile_days
        lines.append(
            f"days from the first alert to the loss: {alerts.median_days:.0f} in the middle, half of them {early:.0f} to"
            f" {late:.0f} (n = {counted(alerts.lost.part, 'deal')})"
        )
    if alerts.lost_warned:
        lines.append(
            f"of the deals lost within these days {_percent(alerts.lost_warned)} had been told of before"
            f" ({_interval(alerts.lost_warned)})"
        )
    return lines


# --- words ---


def _lost(lost: Share | None) -> str:
    return f"{_percent(lost)} were lost ({_interval(lost)})" if lost else f"share lost {NOT_YET}"


def _percent(found: Share) -> str:
    return f"{found.rate:.0%}"


def _interval(found: Share) -> str:
    return f"95 % interval {found.low:.0%} to {found.high:.0%}, n = {counted(found.n, 'deal')}"


def _range(low: float, high: float, digits: int = 3) -> str:
    return f"95 % interval {low:.{digits}f} to {high:.{digits}f}"


def _days(n: int) -> str:
    return "1 day" if n == 1 else f"{n} days"


def _months(n: int) -> str:
    return "1 month" if n == 1 else f"{n} months"
