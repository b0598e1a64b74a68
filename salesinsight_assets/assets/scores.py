"""Stage scores: the win probability of every open deal, with reasons, into the ledger of predictions."""

from datetime import timedelta

import dagster as dg

from salesinsight_assets.domain.derived_tables import PREDICTION_LEDGER
from salesinsight_assets.metadata import partition_day, row_metadata, spec
from salesinsight_assets.partitions import DAILY, LAST_COMPLETE_MONTH
from salesinsight_assets.resources import CompanyResource, WarehouseResource


@dg.asset(
    **spec(
        "scores",
        PREDICTION_LEDGER,
        "Win probability, risk level and reasons of every open deal. Each prediction ever shown stays in"
        " insight.prediction_ledger; the view insight.opportunity_scores shows the latest run of each day.",
        {"lightgbm", "postgres"},
        name="opportunity_scores",
    ),
    deps=[
        "open_opportunities",
        "opportunity_features",
        dg.AssetDep("win_probability_model", partition_mapping=LAST_COMPLETE_MONTH),
    ],
    partitions_def=DAILY,
)
def opportunity_scores(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.adapters import plots
    from salesinsight_assets.domain.scores.scoring import scored_by_champion

    store, day = warehouse.open(), partition_day(context)
    deals, features = store.partition("open_opportunities", day), store.partition("opportunity_features", day)
    week_ago = store.partition("opportunity_features", day - timedelta(days=7))
    scored = scored_by_champion(deals, features, store.champion(day), week_ago, company.policies.risk)
    if scored.why_rules:
        context.log.warning("scored by the rules: %s", scored.why_rules)
    scores = scored.scores
    is_new = store.append_scores(day, scores, scored.model_id, context.run.run_id, company.now())
    levels = scores["risk_level"].value_counts()
    chart = plots.markdown_image(plots.png(plots.probability_chart(scores)), "win probabilities")
    return dg.MaterializeResult(
        metadata=row_metadata(
            scores.drop(columns="reasons"),
            model=scored.model_id,
            scored_by=f"the rules: {scored.why_rules}" if scored.why_rules else f"model {scored.model_id}",
            ledger="a new run" if is_new else "unchanged: an earlier run of this day predicted the same",
            **{f"risk {level}": int(levels.get(level, 0)) for level in ("HIGH", "MEDIUM", "LOW")},
            **({"win_probabilities": dg.MetadataValue.md(chart)} if len(scores) else {}),
        )
    )
