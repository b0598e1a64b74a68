"""Stage history: the deals open at the end of a day, with their state then."""

import dagster as dg

from salesinsight_assets.domain.crm.tables import HISTORY_TABLES
from salesinsight_assets.domain.derived_tables import OPEN_OPPORTUNITIES
from salesinsight_assets.metadata import partition_day, row_metadata, spec
from salesinsight_assets.partitions import DAILY
from salesinsight_assets.resources import CompanyResource, WarehouseResource
from salesinsight_assets.shared_names import pool


@dg.asset(
    **spec(
        "history",
        OPEN_OPPORTUNITIES,
        "Every opportunity open at the end of the day, with stage, amount, close date and owner as they were then: a"
        " field value counts from the history row that set it, a deleted row until it was deleted.",
        {"pandas", "postgres"},
    ),
    deps=[table.name for table in HISTORY_TABLES],
    partitions_def=DAILY,
    pool=pool("database"),
)
def open_opportunities(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.domain.history.grid import Grid
    from salesinsight_assets.domain.history.snapshots import opportunity_history, snapshots

    store, day = warehouse.open(), partition_day(context)
    as_of = company.as_of(day)
    crm = store.crm_rows(recent_since=as_of, activity_since=as_of)
    frame = snapshots(opportunity_history(crm), Grid([as_of])).frame
    store.replace_partition(OPEN_OPPORTUNITIES, {"as_of_date": day}, frame.drop(columns="as_of"))
    by_stage = frame["stage_name"].value_counts()
    return dg.MaterializeResult(
        metadata=row_metadata(
            frame,
            open_amount=float(frame["company_amount"].sum()),
            amounts_without_a_rate=int((frame["amount"].notna() & frame["company_amount"].isna()).sum()),
            **{f"open in {stage}": int(count) for stage, count in by_stage.items()},
        )
    )
