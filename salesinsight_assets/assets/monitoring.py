"""Stage monitoring: the night's check of volumes; Friday's of drift, of defaults, and of what was said against what became of it."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from salesinsight_assets.domain.derived_tables import FEATURE_DEFAULTS, FEATURE_DRIFT, MODEL_CHECKS, VOLUME_CHECKS
from salesinsight_assets.metadata import OWNERS, RETRIES, alarm_rows, markdown_table, partition_day, row_metadata, spec
from salesinsight_assets.partitions import DAILY, LAST_COMPLETE_MONTH
from salesinsight_assets.resources import CompanyResource, WarehouseResource

if TYPE_CHECKING:
    import pandas as pd

GROUP = "monitoring"
MODEL = dg.AssetDep("win_probability_model", partition_mapping=LAST_COMPLETE_MONTH)
DOCS_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("asset", "text", "The asset whose expectations were checked."),
        dg.TableColumn("latest", "text", "Its newest day or month with a result, and the page of it."),
        dg.TableColumn("held", "text", "How many of its expectations held, of how many."),
        dg.TableColumn("before", "text", "The results before, each with its page."),
    ]
)
NOT_YET = "nothing to compare yet: too few weeks or too few deals"


@dg.asset(
    **spec(
        GROUP,
        FEATURE_DRIFT,
        "Whether the open deals, and those that are new, still look like those of the weeks before: PSI and a two-sample test"
        " of every feature, of the score (what today's model says of all weeks) and of every category.",
        {"pandas", "postgres"},
    ),
    deps=["open_opportunities", "opportunity_features", MODEL],
    partitions_def=DAILY,
)
def feature_drift(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.adapters import plots
    from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry
    from salesinsight_assets.adapters.warehouse.weekly_reads import open_deals_on
    from salesinsight_assets.domain.monitoring.drift import drift, with_score

    store, day, policy = warehouse.open(), partition_day(context), company.policies.monitoring
    model = ModelRegistry(store).shown_model(day)
    found = drift(with_score(open_deals_on(store, policy.days(day)), model), day, policy)
    store.replace_partition(FEATURE_DRIFT, {"as_of_date": day}, found)
    return _told(found, plots.drift_chart)


@dg.asset(
    **spec(
        GROUP,
        FEATURE_DEFAULTS,
        "On which share of the open deals a feature could not be computed and took its default, beside the weeks before.",
        {"pandas", "postgres"},
    ),
    deps=["opportunity_features"],
    partitions_def=DAILY,
)
def feature_defaults(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.adapters import plots
    from salesinsight_assets.adapters.warehouse.weekly_reads import open_deals_on
    from salesinsight_assets.domain.monitoring.defaults import feature_defaults as defaults_of

    store, day, policy = warehouse.open(), partition_day(context), company.policies.monitoring
    found = defaults_of(open_deals_on(store, policy.days(day)), day, policy)
    store.replace_partition(FEATURE_DEFAULTS, {"as_of_date": day}, found)
    return _told(found, plots.defaults_chart)


@dg.asset(
    **spec(
        GROUP,
        MODEL_CHECKS,
        "What was shown of deals that are decided by now, against what became of them: wins expected and wins that were,"
        " of all deals and of each segment, AUC and calibration beside the band that the model had on weeks it had not seen.",
        {"pandas", "postgres"},
    ),
    deps=["open_opportunities", "opportunity_scores", MODEL],
    partitions_def=DAILY,
)
def model_checks(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.adapters import plots
    from salesinsight_assets.adapters.warehouse import weekly_reads
    from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry
    from salesinsight_assets.domain.history.snapshots import opportunity_history
    from salesinsight_assets.domain.model.examples import decided_deals
    from salesinsight_assets.domain.monitoring.performance import model_checks as checks_of
    from salesinsight_assets.domain.monitoring.performance import shown_before_decision

    store, day, policy = warehouse.open(), partition_day(context), company.policies.monitoring
    since = company.as_of(day - timedelta(weeks=policy.lasting_weeks))
    history = opportunity_history(store.crm_rows(since, company.as_of(day)))
    shown = weekly_reads.shown_by_models(store, policy.first_shown(day), day)
    judged = shown_before_decision(shown, decided_deals(history, company.as_of(day), company.zone), policy)
    model = ModelRegistry(store).shown_model(day)
    metrics = weekly_reads.model_metrics(store, model.model_id if model else None)
    found = checks_of(judged, day, metrics, policy)
    store.replace_partition(MODEL_CHECKS, {"as_of_date": day}, found)
    past = weekly_reads.checks_of_all_deals(store, policy.recent_weeks, day)
    return _told(found, lambda _: plots.outcomes_chart(past), is_shown=len(past) > 0)


@dg.asset(
    **spec(
        GROUP,
        VOLUME_CHECKS,
        "Whether as many rows came from each object of the CRM, as many deals are open, new and closed, and as many alerts were"
        " raised as is usual on that weekday; whether an owner who is at work still logs activities. By the CRM's own stamps: a past"
        " day gives the same again.",
        {"pandas", "postgres"},
    ),
    deps=["rep_alerts", "open_opportunities", "opportunity_features", "opportunity_scores"],
    partitions_def=DAILY,
)
def volume_checks(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    import pandas as pd

    from salesinsight_assets.adapters.warehouse import volume_reads
    from salesinsight_assets.domain.monitoring.volume import volume_checks as checks_of

    store, day, policy, zone = (
        warehouse.open(),
        partition_day(context),
        company.policies.volume,
        company.settings.timezone,
    )
    days = policy.days(day)
    values = [
        volume_reads.source_values(store, days, zone),
        volume_reads.pipeline_values(store, days, zone),
        volume_reads.owner_values(store, days, zone, company.as_of(day)),
    ]
    found = checks_of(pd.concat(values, ignore_index=True), day, policy)
    store.replace_partition(VOLUME_CHECKS, {"as_of_date": day}, found)
    alarms = alarm_rows(found)
    judged = int(found["p_value"].notna().sum())
    return dg.MaterializeResult(
        metadata=row_metadata(
            found,
            verdict=f"{len(alarms)} of {judged} figures need a look; of {len(found) - judged} nothing is known yet",
            alarms=dg.MetadataValue.md(markdown_table(alarms)),
            **{
                f"{row['subject']}, {row['measure']}": float(row["value"])
                for _, row in found[(found["days"] == 1) & found["value"].notna()].iterrows()
            },
        )
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    retry_policy=RETRIES,
    kinds={"great_expectations", "html"},
    description="The site of the expectations' results, newest first, with Great Expectations' own page of each: made once, at the end"
    " of the night, under SALESINSIGHT_HOME, of files that need no network. A past day that is worked on again adds to the results"
    " and makes no pages.",
    metadata={"dagster/column_schema": DOCS_COLUMNS},
    deps=["deliveries", "alert_outcomes", "volume_checks"],
    partitions_def=DAILY,
)
def data_docs(context: dg.AssetExecutionContext, company: CompanyResource) -> dg.MaterializeResult:
    from salesinsight_assets.adapters.data_docs import build

    if partition_day(context) != company.last_complete_day():
        return dg.MaterializeResult(metadata={"site": "left to the night that works on the last complete day"})
    site = build(company.settings.home, company.policies.monitoring.kept_results)
    return dg.MaterializeResult(
        metadata={
            "site": dg.MetadataValue.path(str(site.index)),
            "results": site.results,
            "failed results": site.failed,
            "pages made": site.pages_made,
            "megabytes": round(site.size / 1e6, 1),
        }
    )


def _told(found: "pd.DataFrame", chart: Any, is_shown: bool = True) -> dg.MaterializeResult:
    """The metadata of a check: its alarms in words, how many figures were looked at, and the plot."""
    from salesinsight_assets.adapters import plots

    alarms = alarm_rows(found)
    verdict = f"{len(alarms)} of {len(found)} figures need a look" if len(found) else NOT_YET
    plot = plots.markdown_image(plots.png(chart(found)), "plot") if len(found) and is_shown else "none"
    return dg.MaterializeResult(
        metadata=row_metadata(
            found,
            verdict=verdict,
            alarms=dg.MetadataValue.md(markdown_table(alarms)),
            plot=dg.MetadataValue.md(plot),
        )
    )
