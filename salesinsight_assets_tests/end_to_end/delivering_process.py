"""Processes that send what waits, as the job `deliver` does, each to be killed by a test at any instant.

They are forked from a server that has imported the product once, because an import takes longer than a delivery.
"""

import multiprocessing
import os
from collections.abc import Mapping
from datetime import date, datetime
from multiprocessing.context import ForkServerProcess

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [f"salesinsight_assets.{name}" for name in ("definitions", "delivering", "last_look", "audience")] + [__name__]
)


def delivering(environment: Mapping[str, str], day: date, at: datetime) -> ForkServerProcess:
    """A process, begun, that sends the messages of `day` with its clock at `at`."""
    process = _FORKS.Process(target=_deliver, args=(dict(environment), day, at))
    process.start()
    return process


def _deliver(environment: Mapping[str, str], day: date, at: datetime) -> None:
    os.environ.clear()
    os.environ.update(environment)
    import dagster as dg

    from salesinsight_assets.definitions import defs
    from salesinsight_assets.settings import clock_at

    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with clock_at(at), dg.DagsterInstance.ephemeral() as instance:
        job = defs.resolve_job_def("deliver")
        job.execute_in_process(partition_key=day.isoformat(), instance=instance, run_config=quiet)
