"""Asset checks that warn and stop nothing: alarms of the monitoring, volumes of Salesforce's objects, models that cannot score.

What belongs elsewhere: the suites of Great Expectations, and promises whose breach stops the night (`checks`).
"""

import math
from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.metadata import alarm_rows, markdown_table, partition_day
from salesinsight_assets.partitions import DAILY
from salesinsight_assets.resources import CompanyResource, WarehouseResource
from salesinsight_assets.shared_names import asset_key
from salesinsight_assets.steps import USUAL_VOLUME

OLDEST_MODEL_DAYS = 62


def _alarm_check(asset: str, name: str, description: str) -> dg.AssetChecksDefinition:
    """A warning, which stops nothing, where a weekly check raised an alarm; it names what was found."""

    @dg.asset_check(asset=asset, name=name, partitions_def=DAILY, description=description)
    def check(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> dg.AssetCheckResult:
        rows = warehouse.open().partition(asset, partition_day(context))
        found = alarm_rows(rows)
        failed = {"failed": dg.MetadataValue.md(markdown_table(found))} if found else {}
        return dg.AssetCheckResult(
            passed=not found, severity=dg.AssetCheckSeverity.WARN, metadata={"figures": len(rows), **failed}
        )

    return check


alarm_checks = [
    _alarm_check("feature_drift", "no_drift", "No feature, score or category differs from the weeks before."),
    _alarm_check("feature_defaults", "no_jump_of_defaults", "No feature takes its default more often than before."),
    _alarm_check("model_checks", "within_band", "What was said comes true, overall and in every segment."),
    _alarm_check("volume_checks", "usual_volumes", "As many rows, deals and alerts as is usual on that weekday."),
]


@dg.multi_asset_check(
    name="salesforce_volumes",
    specs=[
        dg.AssetCheckSpec(
            USUAL_VOLUME,
            asset=["salesforce", table.salesforce_object],
            additional_deps=[asset_key(table.name)],  # not prefixed by the loader, as `asset` is
            description="As many rows were created and changed on the last complete day as is usual on that weekday."
            if table.cursor_field
            else "No more than a few entries of this list are gone since a week ago.",
        )
        for table in CRM_TABLES
    ],
)
def salesforce_volumes(warehouse: WarehouseResource, company: CompanyResource) -> Iterator[dg.AssetCheckResult]:
    """What each object of Salesforce delivered, beside the weeks before; nothing is said while too few are known."""
    from salesinsight_assets.adapters.warehouse import volume_reads
    from salesinsight_assets.domain.monitoring.volume import list_finding, volume_checks

    store, day, policy = warehouse.open(), company.last_complete_day(), company.policies.volume
    values = volume_reads.source_values(store, policy.days(day), company.settings.timezone)
    found = volume_checks(values, day, policy)
    for table in CRM_TABLES:
        if table.cursor_field:
            rows = found[found["subject"] == table.name]
            findings = rows.loc[rows["is_alarm"].astype(bool), "finding"].tolist()
            figures = {f"{r['measure']}, {r['days']} days": float(r["value"]) for r in rows.to_dict("records")}
        else:
            now, before = volume_reads.list_sizes(store, table, company.as_of(day))
            finding = list_finding(now, before, policy)
            findings, figures = ([finding] if finding else []), {"entries": float(now), "a week ago": float(before)}
        yield _volume_check(table.salesforce_object, findings, figures)


def _volume_check(salesforce_object: str, findings: list[str], figures: dict[str, float]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=asset_key(f"salesforce/{salesforce_object}"),
        check_name=USUAL_VOLUME,
        passed=not findings,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            **{name: value for name, value in figures.items() if not math.isnan(value)},
            **({"failed": "; ".join(findings)} if findings else {}),
        },
    )


@dg.asset_check(asset="champion")
def can_score(warehouse: WarehouseResource, company: CompanyResource) -> dg.AssetCheckResult:
    """A trained model is shown, can be read, and has learnt within the last two months; else older ones, or the rules, score."""
    from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry

    registry, tomorrow = ModelRegistry(warehouse.open()), company.last_complete_day() + timedelta(days=1)
    serving = registry.serving(tomorrow).champion
    row = registry.model(serving)
    is_readable = registry.shown_model(tomorrow) is not None
    age = (tomorrow - row["trained_on"].date()).days if row else None
    return dg.AssetCheckResult(
        passed=is_readable and age is not None and age <= OLDEST_MODEL_DAYS,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"champion": serving or "none: the rules score", **({"age in days": age} if age is not None else {})},
    )


@dg.asset_check(asset="deliveries", partitions_def=DAILY)
def everything_arrived(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> dg.AssetCheckResult:
    """No message of the day failed for good, is held by a run that is gone, or has an unknown fate."""
    rows = warehouse.open().read(
        "SELECT status, count(*) AS n FROM engagement.outbox WHERE as_of_date = $1 GROUP BY 1",
        (partition_day(context),),
    )
    counts = {str(row["status"]): int(row["n"]) for row in rows.to_dict("records")}
    lost = sum(counts.get(status, 0) for status in ("failed", "unknown", "sending"))
    return dg.AssetCheckResult(
        passed=lost == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"not arrived": lost, **{f"messages {status}": n for status, n in counts.items()}},
    )


@dg.asset_check(asset="data_docs", partitions_def=DAILY)
def needs_no_network(company: CompanyResource) -> dg.AssetCheckResult:
    """The pages load nothing from elsewhere."""
    from salesinsight_assets.adapters.data_docs import loaded_from_elsewhere

    found = loaded_from_elsewhere(company.settings.home)
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"addresses": len(found), **({"failed": ", ".join(found[:10])} if found else {})},
    )
