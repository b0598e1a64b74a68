"""Stage features: the numbers known about each open deal at the end of a day."""

from datetime import timedelta

import dagster as dg

from salesinsight_assets.domain.derived_tables import OPPORTUNITY_FEATURES
from salesinsight_assets.domain.features import CATALOGUE
from salesinsight_assets.metadata import partition_day, row_metadata, spec
from salesinsight_assets.partitions import DAILY
from salesinsight_assets.resources import CompanyResource, WarehouseResource


@dg.asset(
    **spec(
        "features",
        OPPORTUNITY_FEATURES,
        f"What was known of each open deal at the end of the day, as {len(CATALOGUE)} numbers; each column says which.",
        {"pandas", "postgres"},
    ),
    deps=["open_opportunities"],
    partitions_def=DAILY,
)
def opportunity_features(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.domain.features.compute import features_as_of
    from salesinsight_assets.domain.history.grid import Grid
    from salesinsight_assets.domain.history.snapshots import opportunity_history

    store, day, policy = warehouse.open(), partition_day(context), company.policies.features
    as_of = company.as_of(day)
    crm = store.crm_rows(recent_since=as_of - timedelta(days=policy.window_days), activity_since=as_of)
    _, features = features_as_of(opportunity_history(crm), Grid([as_of]), policy)
    store.replace_partition(OPPORTUNITY_FEATURES, {"as_of_date": day}, features.drop(columns="as_of"))
    defaults = features["defaulted_features"].explode().value_counts()
    return dg.MaterializeResult(
        metadata=row_metadata(
            features,
            defaulted_values=int(defaults.sum()),
            **{f"defaulted {name}": int(count) for name, count in defaults.items()},
        )
    )
