"""Stage registry: who serves, and the place to put another model in its place."""

from datetime import timedelta

import dagster as dg
from pydantic import Field

from salesinsight_assets.domain.derived_tables import MODEL_DECISIONS
from salesinsight_assets.metadata import OWNERS, RETRIES, markdown_table, table_metadata
from salesinsight_assets.resources import CompanyResource, WarehouseResource


class Choice(dg.Config):
    """A model that a person wants to be shown; none: nothing is changed."""

    model_id: str = Field(default="", description="Id of the model to show from the next night on, or `previous`.")
    because: str = Field(default="chosen by a person", description="Why, for the record.")


@dg.asset(
    group_name="registry",
    owners=OWNERS,
    kinds={"postgres"},
    deps=["win_probability_model"],
    description="The model that is shown, the one in its shadow, and all that were ever trained. Materialize it with the config"
    " `model_id` (or `previous`) to roll back, or to show another model, from the next night on.",
    metadata=table_metadata(MODEL_DECISIONS),
    retry_policy=RETRIES,
)
def champion(config: Choice, warehouse: WarehouseResource, company: CompanyResource) -> dg.MaterializeResult:
    from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry

    registry, day = ModelRegistry(warehouse.open()), company.last_complete_day() + timedelta(days=1)
    if config.model_id:
        registry.choose(config.model_id, day, config.because, company.now())
    now, models = registry.serving(day), registry.listed()
    columns = ["model_id", "kind", "trained_on", "status", "reason"]
    rows = [dict(zip(columns, row, strict=True)) for row in models[columns].astype(str).to_numpy().tolist()]
    return dg.MaterializeResult(
        metadata={
            "champion": now.champion or "none yet: the rules score",
            "challenger": now.challenger or "none",
            "canary": f"since {now.canary_since}" if now.canary_since else "no",
            "models": dg.MetadataValue.md(markdown_table(rows) if rows else "none was trained yet"),
        }
    )
