"""Stage model: what the model learns from, the model of the month, and how well it is calibrated."""

import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from salesinsight_assets.domain.crm.tables import HISTORY_TABLES
from salesinsight_assets.domain.derived_tables import MODEL_CALIBRATION, MODELS, TRAINING_EXAMPLES
from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.model.months import known_until
from salesinsight_assets.metadata import OWNERS, RETRIES, partition_day, row_metadata, spec, table_metadata
from salesinsight_assets.partitions import KNOWN_UNTIL_TAG, MONTHLY
from salesinsight_assets.resources import CompanyResource, WarehouseResource
from salesinsight_assets.shared_names import asset_key, pool

if TYPE_CHECKING:
    import pandas as pd

    from salesinsight_assets.domain.model.training import TrainedModel


@dg.asset(
    **spec(
        "model",
        TRAINING_EXAMPLES,
        "Weekly snapshots of deals that were open on that day, over the last 12 months, labelled with what became of them"
        " as far as it was known when the month ended.",
        {"pandas", "postgres"},
    ),
    deps=[table.name for table in HISTORY_TABLES],
    partitions_def=MONTHLY,
    pool=pool("database"),
)
def training_examples(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.domain.history.snapshots import opportunity_history
    from salesinsight_assets.domain.model.examples import training_examples as examples_of

    store, month, policies = warehouse.open(), partition_day(context), company.policies
    trained_at = company.as_of(_known_until(context, company))
    first = policies.examples.moments(trained_at)[0]
    crm = store.crm_rows(recent_since=first - timedelta(days=policies.features.window_days), activity_since=first)
    examples = examples_of(opportunity_history(crm), trained_at, policies.examples, policies.features)
    rows = examples.assign(as_of_date=examples["as_of"].dt.tz_convert(company.zone).dt.tz_localize(None).dt.normalize())
    columns = ["as_of_date", "opportunity_id", "is_won", "decided_at", "weight", *FEATURE_NAMES]
    store.replace_partition(TRAINING_EXAMPLES, {"model_month": month}, rows[columns])
    deals = examples.drop_duplicates("opportunity_id")["is_won"].astype(bool)
    return dg.MaterializeResult(
        metadata=row_metadata(rows, deals=len(deals), won_deals=int(deals.sum()), lost_deals=int((~deals).sum()))
    )


@dg.multi_asset(
    name="train_win_probability_model",
    specs=[
        dg.AssetSpec(
            "win_probability_model",
            deps=["training_examples"],
            group_name="model",
            owners=OWNERS,
            kinds={"lightgbm", "postgres"},
            description="The month's model: the mean of small gradient-boosted trees and a line, calibrated and judged on later weeks. It is"
            " shown only if it beats the base rate, also by stage, and the age alone there, and the champion on deals decided"
            " since; else it is kept as rejected, with the reason.",
            metadata=table_metadata(MODELS),
        ),
        dg.AssetSpec(
            "model_calibration",
            deps=["training_examples"],
            group_name="model",
            owners=OWNERS,
            kinds={"pandas", "postgres"},
            description="When we said 20-30 %, how many were won: said against happened on weeks the model had not seen.",
            metadata=table_metadata(MODEL_CALIBRATION),
        ),
    ],
    partitions_def=MONTHLY,
    retry_policy=RETRIES,
    pool=pool("database"),
)
def train_win_probability_model(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> tuple[dg.MaterializeResult, dg.MaterializeResult]:
    from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry
    from salesinsight_assets.domain.model.promotion import after_training
    from salesinsight_assets.domain.model.training import train_model
    from salesinsight_assets.model_card import calibration_metadata, card_metadata

    store, month = warehouse.open(), partition_day(context)
    stored = store.partition("training_examples", month, "model_month")
    examples = stored.assign(as_of=stored["as_of_date"], decided_at=stored["decided_at"].dt.tz_localize(None))
    registry, policies, day_before = ModelRegistry(store), company.policies, _known_until(context, company)
    first_day = day_before + timedelta(days=1)
    champion = registry.shown_model(day_before)
    trained = train_model(examples, first_day, policies.model, policies.features, champion)
    registry.register(month, _registry_rows(trained, first_day, company.now()))
    decisions = after_training(registry.serving(day_before), champion is None, trained.verdict)
    registry.decide(first_day, "training", decisions, company.now())
    store.replace_partition(MODEL_CALIBRATION, {"model_month": month}, trained.calibration)
    roles = {decision.model_id: decision.role for decision in decisions}
    status = roles.get(trained.model.model_id, "rejected") if trained.model else "rejected"
    context.log.info("%s: %s", status, trained.reason)
    calibration = {"dagster/row_count": len(trained.calibration), **calibration_metadata(trained)}
    return (
        dg.MaterializeResult(
            asset_key=asset_key("win_probability_model"),
            metadata=card_metadata(trained, examples, status, decisions, day_before),
        ),
        dg.MaterializeResult(asset_key=asset_key("model_calibration"), metadata=calibration),
    )


def _known_until(context: dg.AssetExecutionContext, company: CompanyResource) -> date:
    """The last day that the model knows. With the tag, both assets of the month have to be made by one run."""
    return known_until(partition_day(context), context.run.tags.get(KNOWN_UNTIL_TAG), company.last_complete_day())


def _registry_rows(trained: "TrainedModel", trained_on: date, trained_at: datetime) -> "pd.DataFrame":
    """The trained model and the base rate by stage; who serves is decided apart."""
    import pandas as pd

    from salesinsight_assets.domain.model.fallback import BASE_RATE

    metrics = json.dumps(trained.metrics, sort_keys=True)
    model = {
        "model_id": trained.model.model_id if trained.model else f"none-{trained_on}",
        "kind": "lightgbm",
        "reason": trained.reason,
        "feature_names": FEATURE_NAMES,
        "artifact": trained.model.to_text() if trained.model else None,
    }
    base = trained.base_rates
    base_rates = {
        "model_id": base.model_id,
        "kind": BASE_RATE,
        "reason": "what a model has to beat, and what is shown while none does",
        "feature_names": base.feature_names,
        "artifact": base.to_text(),
    }
    both = {"trained_on": trained_on, "trained_at": trained_at, "status": "rejected", "metrics": metrics}
    return pd.DataFrame([{**model, **both}, {**base_rates, **both}])
