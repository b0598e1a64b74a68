"""Running a Dagster job in this process, with its steps shown while they run and its outcome read afterwards."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import uuid4

import dagster as dg
from rich.console import Console

from salesinsight_assets import sync_progress
from salesinsight_assets.cli.progress import progress
from salesinsight_assets.cli.recorded_runs import execute_recorded
from salesinsight_assets.shared_names import asset_name

console = Console(highlight=False)
"""For what a command says; signs of life while it works are in `progress`."""
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def say(text: str, style: str | None = None) -> None:
    """One message to the terminal, as it is: no markup, no folding of long lines."""
    console.print(text, style=style, markup=False, soft_wrap=True)


@dataclass(frozen=True)
class JobOutcome:
    """What a run did: metadata by asset, failed checks by `asset: check`, errors by step.

    `not_materialized` is what was said of assets that the run left as they were.
    """

    run_id: str
    success: bool
    assets: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    not_materialized: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    failed_checks: dict[str, str] = field(default_factory=dict[str, str])
    errors: dict[str, str] = field(default_factory=dict[str, str])

    def as_json(self) -> dict[str, Any]:
        """The outcome as plain data."""
        return {
            "run_id": self.run_id,
            "success": self.success,
            "assets": self.assets,
            "failed_checks": self.failed_checks,
            "errors": self.errors,
        }


def run_job(
    name: str,
    title: str,
    partition: date | None = None,
    tags: Mapping[str, str] | None = None,
    ops: Mapping[str, Any] | None = None,
) -> JobOutcome:
    """Run a job of the code location in this process, recorded in Dagster's storage like any other run."""
    config = {**_QUIET, **({"ops": ops} if ops else {})}
    run_id = str(uuid4())  # known beforehand, so that the run can be watched
    with progress(title) as shown, dg.DagsterInstance.get() as instance:
        job = _job(name)  # takes seconds, with the progress shown
        with shown.asking(lambda: _current_step(instance, run_id), sync_progress.bar):
            result = execute_recorded(job, instance, run_id, partition, tags or {}, config)
    return _outcome(result)


def run_jobs(name: str, partitions: Iterable[date], tags: Mapping[str, str]) -> Iterator[JobOutcome]:
    """The outcomes of a job's runs, one a partition, in order; whoever asks for them shows how far they are."""
    with dg.DagsterInstance.get() as instance:
        for partition in partitions:
            yield _outcome(execute_recorded(_job(name), instance, str(uuid4()), partition, tags, _QUIET))


def _job(name: str) -> dg.JobDefinition:
    from salesinsight_assets.definitions import defs

    return defs.resolve_job_def(name)


def _current_step(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """The step that runs, from the run's own events."""
    steps = instance.get_run_step_stats(run_id)
    return next((step.step_key.partition(".")[0].replace("__", " ") for step in steps if step.end_time is None), None)


def _outcome(result: dg.JobExecutionResult) -> JobOutcome:
    outcome = JobOutcome(result.run_id, result.success)
    for event in result.all_events:
        if event.is_step_materialization:
            materialization = event.step_materialization_data.materialization
            name = asset_name(materialization.asset_key)
            outcome.assets[name] = {k: v.value for k, v in materialization.metadata.items()}
        elif event.is_asset_observation:
            observation = event.asset_observation_data.asset_observation
            outcome.not_materialized[asset_name(observation.asset_key)] = {
                k: v.value for k, v in observation.metadata.items()
            }
        elif event.is_step_failure:
            error = event.step_failure_data.error
            outcome.errors[str(event.step_key)] = _innermost(error)
    for check in result.get_asset_check_evaluations():
        if not check.passed:
            name = f"{asset_name(check.asset_key)}: {check.check_name}"
            outcome.failed_checks[name] = check.description or str(_shown(check))
    return outcome


def _innermost(error: Any) -> str:
    """The message of the error that began it."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error else "unknown"


def _shown(check: Any) -> Any:
    failed = check.metadata.get("failed")
    return failed.value if failed else {k: v.value for k, v in check.metadata.items()}
