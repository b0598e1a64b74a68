"""Stage alerts: which deals are worth a rep's attention today, and why each other one is not."""

from datetime import timedelta

import dagster as dg

from salesinsight_assets.domain.derived_tables import REP_ALERTS
from salesinsight_assets.metadata import partition_day, row_metadata, spec
from salesinsight_assets.partitions import DAILY
from salesinsight_assets.resources import CompanyResource, WarehouseResource


@dg.asset(
    **spec(
        "alerts",
        REP_ALERTS,
        "Every rule that holds for an open deal: likely loss, sudden drop, slow deal; ranked by amount x risk, at most three"
        " a rep, each suppressed one with its reason.",
        {"pandas", "postgres"},
    ),
    deps=["opportunity_scores", "opportunity_features"],
    partitions_def=DAILY,
)
def rep_alerts(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.adapters import plots
    from salesinsight_assets.domain.alerts.episodes import EARLIER_DAYS
    from salesinsight_assets.domain.alerts.selection import daily_alerts

    store, day = warehouse.open(), partition_day(context)
    features = store.partition("opportunity_features", day)
    deals = store.partition("opportunity_scores", day).merge(
        features[["opportunity_id", "age_days", "expected_cycle_days"]], on="opportunity_id", validate="one_to_one"
    )
    earlier = store.alerts_between(day - timedelta(days=EARLIER_DAYS), day - timedelta(days=1))
    alerts = daily_alerts(deals, earlier, day, company.policies.alerts, store.last_scored_day(day))
    store.replace_partition(REP_ALERTS, {"as_of_date": day}, alerts)
    sent = alerts[alerts["status"] == "to_send"]
    reasons = alerts["suppressed_because"].str.replace(r"\d{4}-\d\d-\d\d", "…", regex=True).value_counts()
    chart = plots.markdown_image(plots.png(plots.alert_chart(alerts)), "alerts") if len(alerts) else "none"
    return dg.MaterializeResult(
        metadata=row_metadata(
            alerts,
            to_send=len(sent),
            high=int((sent["priority"] == "HIGH").sum()),
            medium=int((sent["priority"] == "MEDIUM").sum()),
            **{f"suppressed, {reason}": int(count) for reason, count in reasons.items()},
            chart=dg.MetadataValue.md(chart),
        )
    )
