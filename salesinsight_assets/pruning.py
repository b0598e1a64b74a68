"""Each Sunday: what is older than `[retention]` says is removed."""

import dagster as dg

from salesinsight_assets.policies import load_policies, read_config
from salesinsight_assets.resources import CompanyResource, WarehouseResource
from salesinsight_assets.settings import load_settings
from salesinsight_assets.shared_names import RUN_TAGS

_settings = load_settings()
_times = load_policies(read_config(_settings.config_file)).schedule


@dg.op(description="Remove rows, files and runs that are older than [retention] in salesinsight.toml says.")
def remove_what_is_old(context: dg.OpExecutionContext, warehouse: WarehouseResource, company: CompanyResource) -> None:
    """Says in its log how many of each kind."""
    from salesinsight_assets.retention import prune

    home, policy = company.settings.home, company.policies.retention
    counts = prune(warehouse.open(), home, context.instance, policy, company.now(), dry_run=False)
    context.log.info("removed %s", ", ".join(f"{n:,} {kind}" for kind, n in counts.items()) or "nothing")


@dg.job(tags=RUN_TAGS, description="What is kept no longer, by [retention] in salesinsight.toml.")
def pruning() -> None:
    """One step."""
    remove_what_is_old()


SCHEDULES = [
    dg.ScheduleDefinition(
        name="prune_what_is_old",
        job=pruning,
        cron_schedule=_times.cron("pruning").replace("* * *", "* * 0"),
        execution_timezone=_settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"{_times.pruning} on Sunday: what is older than [retention] says is removed.",
    )
]
JOBS = [pruning]
