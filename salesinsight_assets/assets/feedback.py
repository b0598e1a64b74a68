"""Stage feedback: what became of the alerts of a week before."""

from datetime import timedelta

import dagster as dg

from salesinsight_assets.domain.derived_tables import ALERT_OUTCOMES
from salesinsight_assets.metadata import partition_day, row_metadata, spec
from salesinsight_assets.partitions import DAILY
from salesinsight_assets.resources import CompanyResource, WarehouseResource


@dg.asset(
    **spec(
        "feedback",
        ALERT_OUTCOMES,
        "Of each alert whose seven days ended on this day: whether its owner did something on the deal (an activity, or a"
        " change of stage, amount or close date), and what the owner said of it. The same of those that were held out.",
        {"pandas", "postgres"},
    ),
    deps=["deliveries", "tasks", "events", "opportunity_history"],
    partitions_def=DAILY,
)
def alert_outcomes(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.adapters.warehouse import outcome_reads
    from salesinsight_assets.domain.feedback.acted_on import WINDOW, actions
    from salesinsight_assets.domain.feedback.outcomes import alert_outcomes as outcomes_of

    store, day = warehouse.open(), partition_day(context)
    known_at = company.as_of(day)
    sent = (company.as_of(day - timedelta(days=1)) - WINDOW, known_at - WINDOW)
    done = actions(outcome_reads.activities_on(store, *sent, known_at), outcome_reads.states_of(store, *sent, known_at))
    alerts = outcome_reads.alerts_sent_between(store, *sent)
    found = outcomes_of(alerts, done, outcome_reads.verdicts_until(store, known_at), known_at)
    store.replace_partition(ALERT_OUTCOMES, {"as_of_date": day}, found)
    arms = found["arm"].value_counts()
    return dg.MaterializeResult(
        metadata=row_metadata(
            found,
            acted_on=int(found["is_acted_on"].sum()),
            told=int(found["was_told"].sum()),
            verdicts=int(found["verdict"].notna().sum()),
            **{f"drawn as {arm}": int(n) for arm, n in arms.items()},
        )
    )
