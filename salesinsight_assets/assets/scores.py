"""Stage scores: the win probability of every open deal, with reasons, into the ledger of predictions."""

from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from salesinsight_assets.domain.derived_tables import PREDICTION_LEDGER
from salesinsight_assets.metadata import partition_day, row_metadata, spec
from salesinsight_assets.partitions import DAILY, LAST_COMPLETE_MONTH
from salesinsight_assets.resources import CompanyResource, WarehouseResource

if TYPE_CHECKING:
    from salesinsight_assets.adapters.warehouse import Warehouse
    from salesinsight_assets.domain.model.win_model import WinModel


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
    from salesinsight_assets.domain.scores.scoring import opportunity_scores as scores_of

    store, day = warehouse.open(), partition_day(context)
    deals, features = store.partition("open_opportunities", day), store.partition("opportunity_features", day)
    week_ago = store.partition("opportunity_scores", day - timedelta(days=7))
    model, scored_by = _usable_model(store, context)
    scores = scores_of(deals, features, model, week_ago, company.policies.risk)
    is_new = store.append_scores(day, scores, context.run.run_id, company.now())
    levels = scores["risk_level"].value_counts()
    chart = plots.markdown_image(plots.png(plots.probability_chart(scores)), "win probabilities")
    return dg.MaterializeResult(
        metadata=row_metadata(
            scores.drop(columns="reasons"),
            model=model.model_id if model else "rules",
            scored_by=scored_by,
            ledger="a new run" if is_new else "unchanged: an earlier run of this day predicted the same",
            **{f"risk {level}": int(levels.get(level, 0)) for level in ("HIGH", "MEDIUM", "LOW")},
            **({"win_probabilities": dg.MetadataValue.md(chart)} if len(scores) else {}),
        )
    )


def _usable_model(store: "Warehouse", context: dg.AssetExecutionContext) -> "tuple[WinModel | None, str]":
    """The champion that was trained by then, and the sentence that says which; None: the rules have to do."""
    from salesinsight_assets.domain.model.win_model import WinModel

    row = store.champion(partition_day(context))
    if row is None:
        return None, "the rules: no model has passed the gate by this day"
    try:
        model = WinModel.from_text(row["artifact"])
        model.check()
    except Exception as error:  # noqa: BLE001 - whatever keeps a model from answering, the night goes on by the rules
        context.log.error("model %s cannot be used, scoring by the rules: %s", row["model_id"], error)  # noqa: TRY400
        return None, f"the rules: model {row['model_id']} cannot be used ({error})"
    return model, f"model {model.model_id}, trained on {row['trained_on']:%Y-%m-%d}"
