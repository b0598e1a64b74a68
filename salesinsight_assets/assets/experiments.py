"""Stage experiments: do alerts help? Rates by rule, rep and week, and the lift against the alerts that were held out."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from salesinsight_assets.domain.derived_tables import ALERT_LIFT, ALERT_RATES
from salesinsight_assets.metadata import markdown_table, partition_day, row_metadata, spec
from salesinsight_assets.partitions import DAILY
from salesinsight_assets.resources import CompanyResource, WarehouseResource

if TYPE_CHECKING:
    import pandas as pd

    from salesinsight_assets.adapters.warehouse import Warehouse

GROUP = "experiments"


@dg.asset(
    **spec(
        GROUP,
        ALERT_RATES,
        "Of the deals told of in the last weeks: the share acted on within seven days and the share of verdicts that call the"
        " alert helpful, by rule, rep and week, each with its number and interval. A rule whose alerts nobody finds helpful is"
        " proposed for a higher threshold.",
        {"pandas", "postgres"},
    ),
    deps=["alert_outcomes", "opportunity_scores", "opportunity_features"],
    partitions_def=DAILY,
)
def alert_rates(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.adapters.warehouse import outcome_reads
    from salesinsight_assets.domain.feedback.rates import alert_rates as rates_of
    from salesinsight_assets.domain.feedback.rates import in_short
    from salesinsight_assets.domain.feedback.thresholds import proposals

    store, day, policies = warehouse.open(), partition_day(context), company.policies
    days = (day - timedelta(days=7 * policies.rates.weeks - 1), day)
    rates = rates_of(outcome_reads.outcomes_between(store, *days), policies.rates)
    told = outcome_reads.numbers_told_between(store, *days)
    proposed = {rule: found.sentence for rule, found in proposals(rates, told, policies.alerts, policies.rates).items()}
    is_rule = rates["dimension"].eq("rule")
    rates["proposal"] = rates["segment"].map(proposed).where(is_rule, None).astype(object)
    store.replace_partition(ALERT_RATES, {"as_of_date": day}, rates)
    shown = [{str(name): value for name, value in row.items()} for row in rates[is_rule].to_dict("records")]
    return dg.MaterializeResult(
        metadata=row_metadata(
            rates,
            verdict=in_short(rates, list(proposed.values())),
            rules=dg.MetadataValue.md(markdown_table(shown)),
            proposals="\n".join(proposed.values()) or "none",
        )
    )


@dg.asset(
    **spec(
        GROUP,
        ALERT_LIFT,
        "What was acted on within seven days, and what was won, of deals drawn to be told of against those held out. The 95 %"
        " interval holds at every look at once; until it leaves zero out, the lift is not yet known.",
        {"pandas", "postgres"},
    ),
    deps=["alert_outcomes", "opportunities", "opportunity_history"],
    partitions_def=DAILY,
)
def alert_lift(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    import pandas as pd

    from salesinsight_assets.adapters.warehouse import outcome_reads
    from salesinsight_assets.domain.experiments.lift import lifts
    from salesinsight_assets.domain.feedback.acted_on import WINDOW

    store, day, policy = warehouse.open(), partition_day(context), company.policies.holdout
    outcomes = outcome_reads.outcomes_between(store, date.min, day)
    decided = _decided(store, company, day, outcomes)
    found = lifts(outcomes, decided, policy.label, policy.share)
    table = pd.DataFrame([{"experiment": policy.label, **lift.figures} for lift in found])
    store.replace_partition(ALERT_LIFT, {"as_of_date": day}, table)
    return dg.MaterializeResult(
        metadata=row_metadata(
            table,
            verdict=". ".join(lift.sentence for lift in found),
            holdout="on" if policy.is_on else "off",
            alerts_without_outcome=outcome_reads.alerts_without_outcome(store, company.as_of(day) - WINDOW),
            **{lift.measure: lift.sentence for lift in found},
        )
    )


def _decided(store: "Warehouse", company: CompanyResource, day: date, outcomes: "pd.DataFrame") -> "pd.DataFrame":
    """The deals decided by the end of `day` that were open at the first alert or later."""
    from salesinsight_assets.domain.history.snapshots import opportunity_history
    from salesinsight_assets.domain.model.examples import decided_deals

    first = outcomes["alert_date"].min().date() if len(outcomes) else day
    crm = store.crm_rows(recent_since=company.as_of(first), activity_since=company.as_of(day))
    return decided_deals(opportunity_history(crm), company.as_of(day), company.zone)
