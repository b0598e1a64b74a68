"""What a night did, in a few lines for the terminal."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from salesinsight_assets.cli.jobs import JobOutcome
from salesinsight_assets.cli.night import NightOutcome


def night_summary(day: date, outcome: NightOutcome) -> str:
    """The outcome of a night: what was scored and alerted, or what failed and what to do."""
    training = training_summary(outcome.training) if outcome.training else []
    if not outcome.success:
        return "\n".join([*training, failure_summary(outcome.last)])
    scores = outcome.assets.get("opportunity_scores", {})
    alerts = outcome.assets.get("rep_alerts", {})
    messages = outcome.assets.get("messages", {})
    risks = ", ".join(f"{scores.get(f'risk {level}', 0)} {level}" for level in ("HIGH", "MEDIUM", "LOW"))
    lines = [
        f"night of {day}: {scores.get('dagster/row_count', 0)} open deals scored by {scores.get('scored_by')}",
        f"  risk: {risks}",
        (
            f"  alerts to send: {alerts.get('high', 0)} HIGH, {alerts.get('medium', 0)} MEDIUM"
            f" (of {alerts.get('dagster/row_count', 0)} on {alerts.get('deals', 0)} deals where a rule holds)"
        ),
        f"  messages: {message_counts(messages)}; to read in {messages.get('files')}",
        f"  {_sent(outcome.assets.get('deliveries', {}))}",
    ]
    if outcome.failed_checks:
        lines += ["  warnings: " + "; ".join(outcome.failed_checks)]
    return "\n".join([*training, *lines, *weekly_summary(outcome.weekly), *reports_summary(outcome.reports)])


def _sent(deliveries: dict[str, Any]) -> str:
    """What became of the messages that waited."""
    told = str(deliveries.get("sent", "nothing sent"))
    return told if told.startswith("nothing") else f"deliveries: {told}"


def weekly_summary(outcome: JobOutcome | None) -> list[str]:
    """What the checks of the week found, in a line each; nothing where none were due."""
    if outcome is None:
        return []
    if not outcome.success:
        return ["The checks of the week failed, the night is done without them", failure_summary(outcome)]
    found = (
        f"  {name.replace('_', ' ')}: {metadata['verdict']}"
        for name, metadata in outcome.assets.items()
        if "verdict" in metadata
    )
    return ["checks of the week:", *found]


def reports_summary(reports: Mapping[str, JobOutcome]) -> list[str]:
    """Where each report of the day is, and what became of its mails, in a line each."""
    lines: list[str] = []
    for name, outcome in reports.items():
        said = outcome.assets.get(name, {})
        told = f"{said.get('page', 'nothing to read')}; {said.get('mails')}"
        lines += [f"report {name.replace('_', ' ')}: {told if outcome.success else failure_summary(outcome)}"]
    return lines


def training_summary(outcome: JobOutcome) -> list[str]:
    """What became of a training, in a line or a few."""
    if outcome.success:
        card = outcome.assets["win_probability_model"]
        snapshots = outcome.assets["training_examples"]["dagster/row_count"]
        return [f"Trained on {snapshots:,} weekly snapshots: {card['status']}, {card['reason']}"]
    return ["The training failed, the night goes on without the new model", failure_summary(outcome)]


def message_counts(messages: dict[str, Any]) -> str:
    """How many messages a night put into the outbox, and what kept the others out of it."""
    worded, queued, before, failed = (
        messages.get(name, 0) for name in ("dagster/row_count", "queued", "queued_before", "failed")
    )
    if str(messages.get("outbox")).startswith("nothing queued"):
        return f"{worded} worded, {messages['outbox']}"
    told = [f"{queued} queued"]
    told += [f"{before} queued before"] if before else []
    told += [f"{failed} failed: {messages['failed_because']}"] if failed else []
    return ", ".join(told)


def failure_summary(outcome: JobOutcome) -> str:
    """What failed and where to look."""
    lines = [f"failed (run {outcome.run_id})"]
    lines += [f"  {step}: {message}" for step, message in outcome.errors.items()]
    lines += [f"  check {name} failed:\n{text}" for name, text in outcome.failed_checks.items()]
    return "\n".join([*lines, "  `salesinsight dev` shows the run; after the repair run the same command again"])
