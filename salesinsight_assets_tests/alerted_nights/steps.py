"""The night's steps: the product's own assets, run by Dagster in this process without their table checks."""

from datetime import UTC, date, datetime, time
from typing import Any

import dagster as dg

_QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def moment(day: date, at: time) -> datetime:
    """That time of a day in UTC."""
    return datetime.combine(day, at, UTC)


class Steps:
    """The night's steps as Dagster jobs of this process."""

    def __init__(self) -> None:
        from salesinsight_assets.definitions import defs
        from salesinsight_assets.resources import CompanyResource

        chosen = dg.AssetSelection
        steps = {
            "train": chosen.groups("model"),
            "alert": chosen.groups("history", "features", "scores", "alerts") | chosen.assets("messages"),
            "send": chosen.assets("deliveries", "alert_outcomes"),
            "send_again": chosen.assets("deliveries"),
            "lift": chosen.assets("alert_rates", "alert_lift"),
        }
        jobs = [dg.define_asset_job(name, assets.without_checks()) for name, assets in steps.items()]
        self._jobs = dg.Definitions(
            assets=list(defs.assets or ()),
            resources={**(defs.resources or {}), "company": CompanyResource()},
            jobs=jobs,
            executor=dg.in_process_executor,
        )

    def run(self, job: str, day: date) -> None:
        """One job for one day, or month; raises what fails."""
        with dg.DagsterInstance.ephemeral() as instance:
            self._jobs.resolve_job_def(job).execute_in_process(
                instance=instance, partition_key=day.isoformat(), run_config=_QUIET
            )
