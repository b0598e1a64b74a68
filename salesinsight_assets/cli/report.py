"""What a night did, in a few lines for the terminal."""

from datetime import date

from salesinsight_assets.cli.jobs import JobOutcome


def night_summary(day: date, outcome: JobOutcome) -> str:
    """The outcome of a night: what was scored and alerted, or what failed and what to do."""
    if not outcome.success:
        return failure_summary(outcome)
    scores = outcome.assets.get("opportunity_scores", {})
    alerts = outcome.assets.get("rep_alerts", {})
    messages = outcome.assets.get("messages", {})
    risks = ", ".join(f"{scores.get(f'risk {level}', 0)} {level}" for level in ("HIGH", "MEDIUM", "LOW"))
    lines = [
        f"night of {day}: {scores.get('dagster/row_count', 0)} open deals scored by {scores.get('scored_by')}",
        f"  risk: {risks}",
        (
            f"  alerts to send: {alerts.get('high', 0)} HIGH, {alerts.get('medium', 0)} MEDIUM"
            f" (of {alerts.get('dagster/row_count', 0)} where a rule holds)"
        ),
        (
            f"  messages: {messages.get('dagster/row_count', 0)} worded, {messages.get('outbox')}"
            f" ({messages.get('queued', 0)} new); to read in {messages.get('files')}"
        ),
    ]
    if outcome.failed_checks:
        lines += ["  warnings: " + "; ".join(outcome.failed_checks)]
    return "\n".join(lines)


def failure_summary(outcome: JobOutcome) -> str:
    """What failed and where to look."""
    lines = [f"failed (run {outcome.run_id})"]
    lines += [f"  {step}: {message}" for step, message in outcome.errors.items()]
    lines += [f"  check {name} failed:\n{text}" for name, text in outcome.failed_checks.items()]
    return "\n".join([*lines, "  `salesinsight dev` shows the run; after the repair run the same command again"])
