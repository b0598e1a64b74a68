"""Runs of this process, recorded as those that Dagster's daemon starts.

The UI shows a run under its job, and on the Overview, only if it says which repository of which code location it is of;
`execute_in_process` does not say it. What belongs elsewhere: which job to run, and what to make of its outcome (jobs).
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.storage.tags import MAX_RETRIES_TAG, PARTITION_NAME_TAG
from dagster._core.workspace.load import location_origins_from_yaml_paths

from salesinsight_assets.installed import installed_file
from salesinsight_assets.run_launcher import HOST_TAG, this_host
from salesinsight_assets.shared_names import COMPANY, LOCATION

_REPOSITORY = "__repository__"
"""What Dagster calls the repository of a module that holds one `Definitions`."""


def execute_recorded(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    run_id: str,
    partition: date | None,
    tags: Mapping[str, str],
    config: Mapping[str, Any],
) -> dg.JobExecutionResult:
    """Run `job` in this process; failures are in the result."""
    partition_tags = {PARTITION_NAME_TAG: partition.isoformat()} if partition else {}
    run = instance.create_run_for_job(
        job_def=job,
        run_id=run_id,
        run_config=config,
        # who ran the command runs it again: the daemon's own repetition would come on top
        tags={**job.run_tags, **partition_tags, **tags, MAX_RETRIES_TAG: "0", HOST_TAG: this_host()},
        remote_job_origin=_origin(job.name),
    )
    return execute_run(InMemoryJob(job), run, instance)


def _origin(job: str) -> RemoteJobOrigin:
    """Where the web server finds the job: by the workspace file that it reads as well."""
    (location,) = location_origins_from_yaml_paths([str(installed_file("workspace.yaml"))])
    if COMPANY:
        location = GrpcServerCodeLocationOrigin(host="localhost", location_name=LOCATION)  # known by its name
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, _REPOSITORY), job)
