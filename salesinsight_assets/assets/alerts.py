"""Stage alerts: which deals are worth a rep's attention today, and why each other one is not."""

from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from salesinsight_assets.audience import silences_of_day
from salesinsight_assets.domain.derived_tables import REP_ALERTS
from salesinsight_assets.metadata import partition_day, row_metadata, spec
from salesinsight_assets.partitions import DAILY, THE_DAY_BEFORE
from salesinsight_assets.resources import CompanyResource, WarehouseResource
from salesinsight_assets.sending import is_replay

if TYPE_CHECKING:
    import pandas as pd

    from salesinsight_assets.adapters.warehouse import Warehouse


@dg.asset(
    **spec(
        "alerts",
        REP_ALERTS,
        "Every rule that holds for an open deal: likely loss, sudden drop, slow deal; ranked by amount x risk, at most three"
        " a rep, each suppressed one with its reason; a fifth of those to send is held out, to measure whether alerts help. Once a"
        " message of the day is queued, its alerts stay as they were told.",
        {"pandas", "postgres"},
    ),
    deps=["opportunity_scores", "opportunity_features", dg.AssetDep("rep_alerts", partition_mapping=THE_DAY_BEFORE)],
    partitions_def=DAILY,
)
def rep_alerts(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.adapters import plots

    store, day = warehouse.open(), partition_day(context)
    was_told = store.is_told(day)
    alerts = store.partition("rep_alerts", day) if was_told else _new_alerts(context, store, company)
    sent = alerts[alerts["status"] == "to_send"]
    suppressed = alerts.loc[alerts["status"] == "suppressed", "suppressed_because"]
    reasons = suppressed.str.replace(r"\d{4}-\d\d-\d\d", "…", regex=True).value_counts()
    chart = plots.markdown_image(plots.png(plots.alert_chart(alerts)), "alerts") if len(alerts) else "none"
    return dg.MaterializeResult(
        metadata=row_metadata(
            alerts,
            deals=int(alerts["opportunity_id"].nunique()),
            to_send=len(sent),
            high=int((sent["priority"] == "HIGH").sum()),
            medium=int((sent["priority"] == "MEDIUM").sum()),
            held_out=int((alerts["status"] == "held_out").sum()),
            **({"kept": "these alerts stay as they are: messages that tell of them are queued"} if was_told else {}),
            **{f"suppressed, {reason}": int(count) for reason, count in reasons.items()},
            chart=dg.MetadataValue.md(chart),
        )
    )


def _new_alerts(context: dg.AssetExecutionContext, store: "Warehouse", company: CompanyResource) -> "pd.DataFrame":
    """The day's alerts from its scores and what was told before, stored."""
    from salesinsight_assets.domain.alerts.episodes import EARLIER_DAYS, as_if_sent
    from salesinsight_assets.domain.alerts.selection import daily_alerts
    from salesinsight_assets.domain.experiments.holdout import with_holdout

    day = partition_day(context)
    features = store.partition("opportunity_features", day)
    deals = store.partition("opportunity_scores", day).merge(
        features[["opportunity_id", "age_days", "expected_cycle_days"]], on="opportunity_id", validate="one_to_one"
    )
    earlier = store.alerts_between(day - timedelta(days=EARLIER_DAYS), day - timedelta(days=1))
    known = as_if_sent(earlier) if is_replay(context, company) else earlier
    asked = silences_of_day(context, store, company)
    alerts = daily_alerts(deals, known, day, company.policies.alerts, store.last_alert_day(day), asked)
    alerts = with_holdout(alerts, company.policies.holdout)
    is_stored = store.replace_alerts(day, alerts, open_deals=len(deals))
    return alerts if is_stored else store.partition("rep_alerts", day)
