"""Asset checks: Great Expectations suites on every materialization, and promises of the product that span tables.

A failed critical expectation is an ERROR and stops what lies downstream; a failed warning is shown and nothing more.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.domain.expectations import EXPECTATIONS, Expectation, most_alerts_of_one_rep
from salesinsight_assets.metadata import markdown_table, partition_day
from salesinsight_assets.partitions import DAILY, MONTHLY
from salesinsight_assets.resources import CompanyResource, WarehouseResource
from salesinsight_assets.settings import load_settings
from salesinsight_assets.shared_names import asset_key
from salesinsight_assets.steps import REPORTS

if TYPE_CHECKING:
    from salesinsight_assets.adapters.expectations import ExpectationResult

CHECK = "expectations"


def _described(expectations: Sequence[Expectation]) -> str:
    return "\n".join(f"- {e.severity}: {e.name}" for e in expectations)


def _checked(url: str, asset: str, query: str, id_column: str, name: str) -> dg.AssetCheckResult:
    """The suite of an asset, its result kept for the Data Docs under the name of its day, or month."""
    from salesinsight_assets.adapters.data_docs import keep_result
    from salesinsight_assets.adapters.expectations import validated

    found = validated(url, query, id_column, EXPECTATIONS[asset], asset)
    page = keep_result(load_settings().home, asset, name, found.report)
    failed = [r for r in found.results if not r.success]
    is_critical = any(r.expectation.severity == "critical" for r in failed)
    return dg.AssetCheckResult(
        asset_key=asset_key(asset),
        check_name=CHECK,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if is_critical else dg.AssetCheckSeverity.WARN,
        metadata={
            "passed": f"{len(found.results) - len(failed)} of {len(found.results)}",
            **(_shown(failed) if failed else {}),
            "failed expectations": len(failed),
            "rows": found.row_count,
            **_figures(found.results),
            "data docs": dg.MetadataValue.path(str(page)),
        },
    )


def _figures(results: "Sequence[ExpectationResult]") -> dict[str, float]:
    """A number for each expectation, to follow over time: the rows that failed it, or what was seen."""
    figures: dict[str, float] = {}
    for result in results:
        if result.unexpected is not None:
            figures[f"failing: {result.expectation.name}"] = result.unexpected
        elif result.observed is not None:
            figures[f"seen: {result.expectation.name}"] = result.observed
    return figures


def _shown(failed: "Sequence[ExpectationResult]") -> dict[str, dg.MetadataValue[str]]:
    """What was expected and what was there instead, and some of the rows."""
    summary = [
        {"expectation": r.expectation.name, "severity": r.expectation.severity, "found": r.found} for r in failed
    ]
    rows = {f"rows: {r.expectation.name}": dg.MetadataValue.md(markdown_table(r.rows)) for r in failed if r.rows}
    return {"failed": dg.MetadataValue.md(markdown_table(summary)), **rows}


@dg.multi_asset_check(
    name="crm_expectations",
    specs=[
        dg.AssetCheckSpec(CHECK, asset=t.name, blocking=True, description=_described(EXPECTATIONS[t.name]))
        for t in CRM_TABLES
    ],
)
def crm_expectations(warehouse: WarehouseResource, company: CompanyResource) -> Iterator[dg.AssetCheckResult]:
    """The current, undeleted rows of every CRM table."""
    for table in CRM_TABLES:
        query = f"SELECT * FROM crm.{table.name} WHERE valid_to IS NULL AND NOT is_deleted"
        yield _checked(warehouse.open().url, table.name, query, "id", company.last_complete_day().isoformat())


def _partition_check(
    asset: str, table: str, partition_column: str, id_column: str, partitions: dg.PartitionsDefinition
) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset,
        name=CHECK,
        blocking=True,
        partitions_def=partitions,
        description=_described(EXPECTATIONS[asset]),
    )
    def expectations(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> dg.AssetCheckResult:
        day = partition_day(context)
        query = f"SELECT * FROM {table} WHERE {partition_column} = DATE '{day.isoformat()}'"
        if asset in REPORTS:
            query += f" AND report = '{asset}'"
        return _checked(warehouse.open().url, asset, query, id_column, day.isoformat())

    return expectations


partition_expectations = [
    _partition_check(asset, table, column, id_column, partitions)
    for asset, table, column, id_column, partitions in (
        ("open_opportunities", "insight.open_opportunities", "as_of_date", "opportunity_id", DAILY),
        ("opportunity_features", "insight.opportunity_features", "as_of_date", "opportunity_id", DAILY),
        ("opportunity_scores", "insight.opportunity_scores", "as_of_date", "opportunity_id", DAILY),
        ("model_comparison", "insight.model_comparison", "as_of_date", "champion_id", DAILY),
        ("rep_alerts", "insight.rep_alerts", "as_of_date", "opportunity_id", DAILY),
        ("messages", "engagement.outbox", "as_of_date", "message_key", DAILY),
        ("alert_outcomes", "insight.alert_outcomes", "as_of_date", "opportunity_id", DAILY),
        ("alert_rates", "insight.alert_rates", "as_of_date", "segment", DAILY),
        ("alert_lift", "insight.alert_lift", "as_of_date", "measure", DAILY),
        ("feature_drift", "insight.feature_drift", "as_of_date", "feature", DAILY),
        ("feature_defaults", "insight.feature_defaults", "as_of_date", "feature", DAILY),
        ("model_checks", "insight.model_checks", "as_of_date", "segment", DAILY),
        ("volume_checks", "insight.volume_checks", "as_of_date", "subject", DAILY),
        ("coaching_cards", "insight.coaching_cards", "as_of_date", "owner_id", DAILY),
        *((report, "insight.reports", "as_of_date", "audience", DAILY) for report in REPORTS),
        ("deliveries", "engagement.outbox", "as_of_date", "message_key", DAILY),
        ("win_probability_model", "insight.models", "model_month", "model_id", MONTHLY),
        ("training_examples", "insight.training_examples", "model_month", "opportunity_id", MONTHLY),
        ("model_calibration", "insight.model_calibration", "model_month", "bin_from", MONTHLY),
    )
]


@dg.asset_check(asset="opportunity_scores", blocking=True, partitions_def=DAILY)
def every_open_deal_is_scored(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    """The deals with a score are exactly the deals that were open."""
    store, day = warehouse.open(), partition_day(context)
    scored = set(store.partition("opportunity_scores", day)["opportunity_id"])
    opened = set(store.partition("open_opportunities", day)["opportunity_id"])
    differing = {"differing": ", ".join(sorted(scored ^ opened)[:10])} if scored != opened else {}
    return dg.AssetCheckResult(
        passed=scored == opened, metadata={"open": len(opened), "scored": len(scored), **differing}
    )


@dg.asset_check(asset="rep_alerts", blocking=True, partitions_def=DAILY)
def no_rep_gets_more_than_the_cap(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.AssetCheckResult:
    """No rep hears of more deals a day than the policy allows."""
    day = partition_day(context)
    alerts = warehouse.open().alerts_between(day, day)
    owners = alerts.loc[alerts["status"] == "to_send", "owner_id"].astype(str).tolist()
    most, is_allowed = most_alerts_of_one_rep(owners, company.policies.alerts)
    return dg.AssetCheckResult(passed=is_allowed, metadata={"most_alerts_of_one_rep": most})
