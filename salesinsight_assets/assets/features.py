"""Stage features: the numbers known about each open deal at the end of a day."""

import dagster as dg

from salesinsight_assets.day_features import features_of_day
from salesinsight_assets.domain.derived_tables import OPPORTUNITY_FEATURES
from salesinsight_assets.domain.features import CATALOGUE
from salesinsight_assets.metadata import partition_day, row_metadata, spec
from salesinsight_assets.partitions import DAILY
from salesinsight_assets.resources import CompanyResource, WarehouseResource
from salesinsight_assets.shared_names import pool


@dg.asset(
    **spec(
        "features",
        OPPORTUNITY_FEATURES,
        f"What was known of each open deal at the end of the day, as {len(CATALOGUE)} numbers; each column says which.",
        {"pandas", "postgres"},
    ),
    deps=["open_opportunities"],
    partitions_def=DAILY,
    pool=pool("database"),
)
def opportunity_features(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    store, day = warehouse.open(), partition_day(context)
    features = features_of_day(store, company, day)
    store.replace_partition(OPPORTUNITY_FEATURES, {"as_of_date": day}, features.drop(columns="as_of"))
    defaults = features["defaulted_features"].explode().value_counts()
    return dg.MaterializeResult(
        metadata=row_metadata(
            features,
            defaulted_values=int(defaults.sum()),
            **{f"defaulted {name}": int(count) for name, count in defaults.items()},
        )
    )
