"""Removing what is older than `[retention]` says: rows, files, and the runs of Dagster.

Deleting a run takes its events along, and with them what Dagster knows of the partitions that the run made: they would be shown as
missing, and made again. So a run stays while it holds the newest materialization of any asset's partition, or the newest observation.
"""

import shutil
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from salesinsight_assets.domain.monitoring.retention import RetentionPolicy
from salesinsight_assets.shared_names import LOCATION_TAGS

if TYPE_CHECKING:
    from salesinsight_assets.adapters.warehouse import Warehouse

_AT_ONCE = 500
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
FILES = ("messages", "reports")
"""Folders of the home with a folder for each day."""


def prune(
    warehouse: "Warehouse",
    home: Path,
    instance: dg.DagsterInstance,
    policy: RetentionPolicy,
    now: datetime,
    *,
    dry_run: bool,
) -> dict[str, int]:
    """What was removed, or would be, by kind."""
    from salesinsight_assets.adapters.warehouse.pruning import prune_rows

    counts = prune_rows(warehouse, policy, now, dry_run=dry_run)
    last_day, before = policy.last_day("file_days", now.date()), policy.ends_before("run_days", now)
    if last_day is not None:
        counts["days of message and report files"] = _prune_files(home, last_day, dry_run=dry_run)
    if before is not None:
        counts["runs of Dagster"] = _prune_runs(instance, before, dry_run=dry_run)
    return counts


def _prune_files(home: Path, last_day: date, *, dry_run: bool) -> int:
    folders = [folder for name in FILES for folder in (home / name).glob("????-??-??") if folder.name < str(last_day)]
    for folder in folders if not dry_run else ():
        shutil.rmtree(folder)
    return len(folders)


def _prune_runs(instance: dg.DagsterInstance, before: datetime, *, dry_run: bool) -> int:
    """Nothing is read where no run is old enough: what is still needed takes a while to find."""
    old = list(_ended_before(instance, before))
    needed = runs_with_the_newest(instance) if old else frozenset[str]()
    removed = [run_id for run_id in old if run_id not in needed]
    for run_id in removed if not dry_run else ():
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        instance.delete_run(run_id)
    return len(removed)


def _ended_before(instance: dg.DagsterInstance, before: datetime) -> Iterator[str]:
    wanted = dg.RunsFilter(statuses=_ENDED, updated_before=before, tags=LOCATION_TAGS)
    cursor: str | None = None
    while found := instance.get_run_records(wanted, limit=_AT_ONCE, cursor=cursor):
        yield from (record.dagster_run.run_id for record in found)
        cursor = found[-1].dagster_run.run_id


def runs_with_the_newest(instance: dg.DagsterInstance) -> frozenset[str]:
    """The runs that hold the newest materialization of a partition, or the newest observation, of any asset."""
    return frozenset(run_id for key in instance.all_asset_keys() for run_id in _newest(instance, key))


def _newest(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterable[str]:
    seen: set[str | None] = set()
    for record in _materializations(instance, key):
        if record.partition_key not in seen:
            seen.add(record.partition_key)
            yield record.run_id
    yield from (record.run_id for record in instance.fetch_observations(key, limit=1).records)


def _materializations(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[dg.EventLogRecord]:
    """From the newest to the oldest."""
    cursor: str | None = None
    while True:
        found = instance.fetch_materializations(key, limit=_AT_ONCE, cursor=cursor)
        yield from found.records
        if not found.has_more:
            return
        cursor = found.cursor
