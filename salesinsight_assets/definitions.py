"""Assembles the code location; holds no logic."""

import dagster as dg

from salesinsight_assets import (
    alarms,
    checks,
    pruning,
    resending,
    run_logs,
    schedules,
    shared_names,
    watch,
    watch_checks,
)
from salesinsight_assets.assets import (
    alerts,
    crm,
    delivery,
    experiments,
    features,
    feedback,
    history,
    model,
    monitoring,
    registry,
    reports,
    scores,
)
from salesinsight_assets.resources import CompanyResource, WarehouseResource

STAGE_MODULES = [
    crm,
    history,
    features,
    model,
    registry,
    scores,
    alerts,
    delivery,
    feedback,
    monitoring,
    experiments,
    reports,
]

run_logs.set_format()

defs = dg.Definitions(
    assets=shared_names.in_groups(
        [
            *schedules.with_deadlines(crm.salesforce_objects),
            *schedules.with_times(dg.load_assets_from_modules(STAGE_MODULES, key_prefix=shared_names.KEY_PREFIX)),
        ]
    ),
    asset_checks=dg.load_asset_checks_from_modules([checks, watch_checks], asset_key_prefix=shared_names.KEY_PREFIX),
    jobs=[*schedules.JOBS, *pruning.JOBS],
    schedules=[*schedules.SCHEDULES, *pruning.SCHEDULES],
    sensors=[*schedules.SENSORS, *alarms.SENSORS, *resending.SENSORS, *watch.SENSORS],
    resources={"warehouse": WarehouseResource(), "company": CompanyResource()},
    executor=dg.in_process_executor,
)
