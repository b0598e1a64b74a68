"""Assembles the code location; holds no logic."""

import dagster as dg

from salesinsight_assets import alarms, checks, resending, schedules, watch_checks
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

defs = dg.Definitions(
    assets=[
        *crm.salesforce_objects,
        *schedules.with_conditions(dg.load_assets_from_modules(STAGE_MODULES)),
    ],
    asset_checks=dg.load_asset_checks_from_modules([checks, watch_checks]),
    jobs=schedules.JOBS,
    schedules=schedules.SCHEDULES,
    sensors=[*schedules.SENSORS, *alarms.SENSORS, *resending.SENSORS],
    resources={"warehouse": WarehouseResource(), "company": CompanyResource()},
    executor=dg.in_process_executor,
)
