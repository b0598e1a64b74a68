"""The wording of an alert. Words, emoji and line breaks are part of the product: golden tests hold them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from math import isnan
from typing import Any, cast

from salesinsight_assets.domain.model.fallback import BASE_RATE_PREFIX
from salesinsight_assets.domain.model.promotion import NO_SIGNAL
from salesinsight_assets.domain.plain_text import one_line

MARKS = {"HIGH": "🔴", "MEDIUM": "🟡"}
CURRENCY_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
MOST_REASONS_SHOWN = 3
MOST_STRENGTHS_SHOWN = 2
DEAL = "Deal:"
WIN_PROBABILITY = "Win Probability:"
RISK_LEVEL = "Risk Level:"
WHY_AT_RISK = "Why this deal is at risk:"
ALERT_RULE = "Alert rule:"
WHAT_SPEAKS_FOR_IT = "What speaks for it:"
RECOMMENDED_ACTIONS = "Recommended actions:"
REVENUE_AT_RISK = "Potential revenue at risk:"
HELPFUL, NOT_HELPFUL = "👍", "👎"
OPEN_IN_SALESFORCE = "Open in Salesforce"
UNSUBSCRIBE = "Unsubscribe from these e-mails"
BY_RULES = "scored by rules, not by a model"
BY_BASE_RATE = f"the base rate of its stage: {NO_SIGNAL}"
SEPARATOR = "\n\n" + "─" * 40 + "\n\n"


@dataclass(frozen=True)
class AlertContent:
    """What an alert says; probabilities between 0 and 1, `amount` in `currency` (None: not known).

    `caveat` says where the win probability is not a model's. Names come from outside: every text is kept as one line.
    """

    priority: str
    name: str
    amount: float
    currency: str | None
    win_probability: float
    win_probability_7d_ago: float | None
    risk_level: str
    against: Sequence[str]
    in_favour: Sequence[str]
    actions: Sequence[str]
    rule_sentence: str | None = None
    caveat: str | None = None

    def __post_init__(self) -> None:
        for part in fields(self):
            object.__setattr__(self, part.name, _in_lines(getattr(self, part.name)))


@dataclass(frozen=True)
class AlertLinks:
    """Where the reader of an alert answers it, and where its deal is in Salesforce (None: not known)."""

    helpful: str
    not_helpful: str
    snooze: str
    salesforce: str | None = None


@dataclass(frozen=True)
class DigestLinks:
    """The links of a digest: those of its alerts in their order, where the reader unsubscribes, how long a snooze lasts.

    `opened` is the address of the picture that tells that the mail was opened; None: it is not to be known.
    """

    alerts: Sequence[AlertLinks]
    unsubscribe: str
    snooze_days: int
    opened: str | None = None


SNOOZE_DAYS = 7


def _in_lines(value: Any) -> Any:
    """A text as one line, texts as a list of such, anything else as it is."""
    if isinstance(value, str):
        return one_line(value)
    return [one_line(text) for text in cast("Sequence[str]", value)] if isinstance(value, Sequence) else value


def money(amount: float, currency: str | None) -> str:
    """An amount as people write it; a plain number where its currency is not known.

    >>> money(125000.0, "USD"), money(8100.4, "CHF"), money(8100.4, None), money(float("nan"), None)
    ('$125,000', 'CHF 8,100', '8,100', 'amount unknown')
    """
    if isnan(amount):
        return "amount unknown"
    sign = CURRENCY_SIGNS.get(currency, f"{currency} ") if currency else ""
    return f"{sign}{amount:,.0f}"


def caveat(model_id: str, is_fallback: bool) -> str | None:
    """What is said beside a score that is not a model's; None beside one that is."""
    if model_id.startswith(BASE_RATE_PREFIX):
        return BY_BASE_RATE
    return BY_RULES if is_fallback else None


def alert_text(alert: AlertContent) -> str:
    """One alert as a rep reads it."""
    return f"{_told(alert)}\n{feedback_line(SNOOZE_DAYS)}"


def _told(alert: AlertContent) -> str:
    return "\n\n".join(alert_blocks(alert))


def feedback_line(snooze_days: int) -> str:
    """The question that ends each alert, with its three answers.

    >>> feedback_line(7)
    'Was this helpful?  👍  👎      Snooze 7 days'
    """
    return f"Was this helpful?  {HELPFUL}  {NOT_HELPFUL}      {snooze(snooze_days)}"


def snooze(days: int) -> str:
    """What the button says that ends alerts for a while."""
    return f"Snooze {days} days"


def mailed_text(alerts: Sequence[AlertContent], note: str | None, links: DigestLinks | None) -> str:
    """The plain text of a digest as it is mailed: `digest_text` with the addresses of its links; without any nothing is asked."""
    if links is None:
        return _under(note, SEPARATOR.join(map(_told, alerts)))
    told = [
        f"{_told(alert)}\n{feedback_line(links.snooze_days)}\n{_addresses(own, links.snooze_days)}"
        for alert, own in zip(alerts, links.alerts, strict=True)
    ]
    return _under(note, SEPARATOR.join([*told, f"{UNSUBSCRIBE}: {links.unsubscribe}"]))


def _addresses(links: AlertLinks, snooze_days: int) -> str:
    named = {
        HELPFUL: links.helpful,
        NOT_HELPFUL: links.not_helpful,
        f"{snooze(snooze_days)}:": links.snooze,
        f"{OPEN_IN_SALESFORCE}:": links.salesforce,
    }
    return "\n".join(f"{name} {address}" for name, address in named.items() if address)


def alert_blocks(alert: AlertContent) -> list[str]:
    """The paragraphs of an alert; the first is its priority, the last the amount at risk."""
    blocks = [
        priority_line(alert),
        "\n".join(
            (
                f"{DEAL} {alert.name} ({money(alert.amount, alert.currency)})",
                f"{WIN_PROBABILITY} {chance(alert)} {beside_the_chance(alert)}".rstrip(),
                f"{RISK_LEVEL} {alert.risk_level}",
            )
        ),
        _bullets(WHY_AT_RISK, reasons_shown(alert)),
        f"{ALERT_RULE} {alert.rule_sentence}" if alert.rule_sentence else "",
        _bullets(WHAT_SPEAKS_FOR_IT, strengths_shown(alert)),
        "\n".join([RECOMMENDED_ACTIONS, *(f"{n}. {action}" for n, action in enumerate(alert.actions, 1))]),
        f"{REVENUE_AT_RISK} {money(alert.amount, alert.currency)}",
    ]
    return [block for block in blocks if block]


def _bullets(title: str, lines: Sequence[str]) -> str:
    return "\n".join([title, *(f"• {line}" for line in lines)]) if lines else ""


def priority_line(alert: AlertContent) -> str:
    """The mark and the priority, above all else."""
    return f"{MARKS[alert.priority]} {alert.priority} PRIORITY"


def chance(alert: AlertContent) -> str:
    """The win probability in whole percent: `24%`."""
    return f"{alert.win_probability:.0%}"


def beside_the_chance(alert: AlertContent) -> str:
    """Last week's win probability with an arrow where it moved by a percent, then the caveat; empty without both."""
    now, before = alert.win_probability, alert.win_probability_7d_ago
    parts: list[str] = []
    if before is not None and not isnan(before):
        arrow = " ⬇️" if round(now, 2) < round(before, 2) else " ⬆️" if round(now, 2) > round(before, 2) else ""
        parts.append(f"(was {before:.0%} last week){arrow}")
    if alert.caveat:
        parts.append(f"· {alert.caveat}")
    return " ".join(parts)


def reasons_shown(alert: AlertContent) -> Sequence[str]:
    """The first reasons against the deal, MOST_REASONS_SHOWN at most."""
    return alert.against[:MOST_REASONS_SHOWN]


def strengths_shown(alert: AlertContent) -> Sequence[str]:
    """The first reasons for the deal, MOST_STRENGTHS_SHOWN at most."""
    return alert.in_favour[:MOST_STRENGTHS_SHOWN]


def rows_note(told_until: datetime, *, is_upload: bool) -> str:
    """What is said above alerts whose rows are not of this night; `told_until` in the company's time zone.

    >>> rows_note(datetime(2024, 3, 14, 14, 0), is_upload=False)
    'ℹ️ Salesforce was not read this night. What follows is as of Thu 14 March, 14:00.'
    >>> rows_note(datetime(2024, 3, 14, 23, 59, 59), is_upload=True)
    'ℹ️ From an upload, not from Salesforce. What follows is as of the end of Thu 14 March.'
    """
    origin = "From an upload, not from Salesforce." if is_upload else "Salesforce was not read this night."
    return f"ℹ️ {origin} What follows is as of {_moment(told_until)}."


def _moment(at: datetime) -> str:
    day = f"{at:%a} {at.day} {at:%B}"
    is_end_of_day = (at + timedelta(minutes=1)).date() > at.date()
    return f"the end of {day}" if is_end_of_day else f"{day}, {at:%H:%M}"


def digest_text(alerts: Sequence[AlertContent], note: str | None = None) -> str:
    """The day's digest of one rep, under a note on its rows."""
    return _under(note, SEPARATOR.join(alert_text(alert) for alert in alerts))


def _under(note: str | None, text: str) -> str:
    return f"{note}\n\n{text}" if note else text


def digest_subject(alerts: Sequence[AlertContent]) -> str:
    """The subject of a digest: how many deals, and the first one's name."""
    if len(alerts) == 1:
        return f"1 deal needs you today: {alerts[0].name}"
    return f"{len(alerts)} deals need you today, first {alerts[0].name}"


def digest_preview(alerts: Sequence[AlertContent]) -> str:
    """What an inbox shows behind the subject: the first deal. Its name comes last, for the subject has it and it may be cut."""
    first = alerts[0]
    return f"{WIN_PROBABILITY} {chance(first)} · {money(first.amount, first.currency)} · {first.name}"


def slack_text(alert: AlertContent, note: str | None = None, *, is_asked: bool = True) -> str:
    """The same alert for Slack; not `is_asked` where buttons ask whether it was helpful, or nothing can."""
    return slack_escaped(_under(note, alert_text(alert) if is_asked else _told(alert)))


def slack_escaped(text: str) -> str:
    """`text` with the characters escaped that Slack reads as markup.

    >>> slack_escaped("Fish & <Chips>")
    'Fish &amp; &lt;Chips&gt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
