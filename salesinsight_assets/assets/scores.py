"""Stage scores: the win probability of every open deal, with reasons, into the ledger; champion and challenger compared."""

from dataclasses import asdict
from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from salesinsight_assets.day_features import features_of_day
from salesinsight_assets.domain.derived_tables import MODEL_COMPARISONS, PREDICTION_LEDGER
from salesinsight_assets.metadata import partition_day, row_metadata, spec
from salesinsight_assets.partitions import DAILY, LAST_COMPLETE_MONTH
from salesinsight_assets.resources import CompanyResource, WarehouseResource
from salesinsight_assets.shared_names import pool

if TYPE_CHECKING:
    import pandas as pd

    from salesinsight_assets.adapters.warehouse import Warehouse

_BOUNDS = {"low": "gain_low", "high": "gain_high"}


@dg.asset(
    **spec(
        "scores",
        PREDICTION_LEDGER,
        "Win probability, risk level and reasons of every open deal. Each prediction ever shown stays in"
        " insight.prediction_ledger, and those of the challenger, which nobody sees; the view insight.opportunity_scores has"
        " what the latest run of each day shows.",
        {"lightgbm", "postgres"},
        name="opportunity_scores",
    ),
    deps=[
        "open_opportunities",
        "opportunity_features",
        dg.AssetDep("win_probability_model", partition_mapping=LAST_COMPLETE_MONTH),
    ],
    partitions_def=DAILY,
    pool=pool("database"),
)
def opportunity_scores(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.adapters import plots
    from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry
    from salesinsight_assets.domain.scores.scoring import scores_of_the_day

    store, day = warehouse.open(), partition_day(context)
    deals, features = store.partition("open_opportunities", day), store.partition("opportunity_features", day)
    week_ago = _features(store, company, day - timedelta(days=7))
    models = ModelRegistry(store).serving_models(day, company.policies.promotion)
    scored = scores_of_the_day(deals, features, models, week_ago, company.policies.risk)
    for why in filter(None, (scored.why_fallback, scored.why_no_shadow)):
        context.log.warning("%s", why)
    scores = scored.shown
    is_new = store.append_scores(day, scored.scores, scored.model_id, context.run.run_id, company.now())
    levels = scores["risk_level"].value_counts()
    chart = plots.markdown_image(plots.png(plots.probability_chart(scores)), "win probabilities")
    return dg.MaterializeResult(
        metadata=row_metadata(
            scores.drop(columns="reasons"),
            model=scored.model_id,
            scored_by=scored.scored_by,
            **({"challenger": scored.why_no_shadow or models.challenger["model_id"]} if models.challenger else {}),
            ledger="a new run" if is_new else "unchanged: an earlier run of this day predicted the same",
            **{f"risk {level}": int(levels.get(level, 0)) for level in ("HIGH", "MEDIUM", "LOW")},
            **({"win_probabilities": dg.MetadataValue.md(chart)} if len(scores) else {}),
        )
    )


def _features(store: "Warehouse", company: CompanyResource, day: date) -> "pd.DataFrame":
    """The features of a day; worked out where they were not stored, so that a day gives the same whichever were run before."""
    stored = store.partition("opportunity_features", day)
    return stored if len(stored) else features_of_day(store, company, day)


@dg.asset(
    **spec(
        "scores",
        MODEL_COMPARISONS,
        "Champion against challenger on the deals that are decided by the end of the day and that both had scored. The"
        " challenger that is better is shown to a few reps first, and then to all; one that is worse is rejected.",
        {"pandas", "postgres"},
        name="model_comparison",
    ),
    deps=["opportunity_scores", "opportunities"],
    partitions_def=DAILY,
)
def model_comparison(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    import pandas as pd

    from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry
    from salesinsight_assets.domain.model.comparison import compare
    from salesinsight_assets.domain.model.promotion import after_comparison

    store, day = warehouse.open(), partition_day(context)
    registry = ModelRegistry(store)
    now = registry.serving(day)
    found = compare(registry.pairs(now.champion or "", now.challenger or "", day, company.as_of(day)))
    decisions = after_comparison(now, found, day, company.policies.promotion)
    registry.decide(day + timedelta(days=1), "comparison", decisions, company.now())
    told = {"champion_id": now.champion, "challenger_id": now.challenger, "deals": found.n_deals}
    figures = {name: value for name, value in asdict(found).items() if name != "n_deals" and now.challenger}
    row = {**told, **{_BOUNDS.get(name, name): value for name, value in figures.items()}}
    table = pd.DataFrame([row]).reindex(columns=[c.name for c in MODEL_COMPARISONS.columns if not c.is_key])
    table = table.replace({float("inf"): None, float("-inf"): None})
    store.replace_partition(MODEL_COMPARISONS, {"as_of_date": day}, table)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": 1,
            "champion": now.champion or "none",
            "challenger": now.challenger or "none",
            "result": found.sentence if now.challenger else "no challenger is tried",
            "canary": f"since {now.canary_since}" if now.canary_since else "no",
            "decisions": "; ".join(f"{d.model_id} becomes {d.role}: {d.reason}" for d in decisions) or "none",
        }
    )
