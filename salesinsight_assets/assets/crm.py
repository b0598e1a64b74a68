"""Stage crm: what Salesforce, or a CSV upload, delivers, as versioned tables."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from salesinsight_assets.domain.crm.tables import CRM_TABLES, crm_table
from salesinsight_assets.metadata import OWNERS, markdown_table, table_metadata
from salesinsight_assets.resources import CompanyResource, WarehouseResource
from salesinsight_assets.sending import OLDEST_ROWS

if TYPE_CHECKING:
    import pyarrow as pa

    from salesinsight_assets.adapters.warehouse import Warehouse
    from salesinsight_assets.domain.crm.uploads.raw import UploadRefusedError

GROUP = "crm"

salesforce_objects = [
    dg.AssetSpec(
        ["salesforce", table.salesforce_object],
        group_name="salesforce",
        owners=OWNERS,
        kinds={"salesforce"},
        description=f"The {table.salesforce_object} object of the company's Salesforce.",
    )
    for table in CRM_TABLES
]


class CrmDelivery(dg.Config):
    """Where the rows come from: files of a CSV upload, or, with none, Salesforce."""

    csv_files: list[str] = Field(default_factory=list)
    mapping: str | None = None
    as_of: str | None = None


@dg.multi_asset(
    name="crm_tables",
    specs=[
        dg.AssetSpec(
            table.name,
            deps=[dg.AssetKey(["salesforce", table.salesforce_object])],
            group_name=GROUP,
            owners=OWNERS,
            kinds={"salesforce", "postgres"},
            description=f"Every version of the {table.salesforce_object} rows, by the CRM's own stamps.",
            metadata=table_metadata(table),
            skippable=True,
        )
        for table in CRM_TABLES
    ],
    check_specs=[
        dg.AssetCheckSpec(
            "upload_accepted",
            asset="opportunities",
            blocking=True,
            description="A CSV upload is taken whole or refused whole; refused, the places are listed here.",
        )
    ],
    pool="salesforce",
)
def crm_tables(
    context: dg.AssetExecutionContext, config: CrmDelivery, warehouse: WarehouseResource, company: CompanyResource
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Rows from a CSV upload, else from Salesforce, else those that are stored already while they are under 24 h old."""
    from salesinsight_assets.domain.crm.uploads.raw import UploadRefusedError

    try:
        yield from _delivered(context, config, warehouse.open(), company)
    except UploadRefusedError as refused:
        yield _refused(refused)
    else:
        yield dg.AssetCheckResult(check_name="upload_accepted", asset_key="opportunities", passed=True)


def _delivered(
    context: dg.AssetExecutionContext, config: CrmDelivery, store: "Warehouse", company: CompanyResource
) -> Iterable[dg.MaterializeResult]:
    if config.csv_files:
        return _from_csv(config, store, company)
    if company.salesforce.is_configured:
        return _from_salesforce(context, store, company)
    return _from_stored_rows(context, store, company, "no Salesforce is configured", oldest=None)


def _from_csv(config: CrmDelivery, store: "Warehouse", company: CompanyResource) -> Iterable[dg.MaterializeResult]:
    from salesinsight_assets.adapters.csv_export import read_csv_file
    from salesinsight_assets.adapters.warehouse.stored_rows import stored_rows
    from salesinsight_assets.domain.crm.uploads import files_left_out, upload_mappings, upload_tables

    files = [read_csv_file(Path(name)) for name in config.csv_files]
    as_of = date.fromisoformat(config.as_of) if config.as_of else None
    mappings = upload_mappings(company.config.get("mappings", {}))
    now = company.now()
    upload = upload_tables(files, config.mapping, mappings, as_of, company.zone, now, stored_rows(store))
    left_out = files_left_out(files, mappings[config.mapping]) if config.mapping else []
    named = {crm_table(name): rows for name, rows in upload.items()}
    counts = store.merge_all(named, source="csv", synced_at=now, told_until=_told_until(config, upload, company))
    stored = store.crm_status().set_index("table_name")["row_count"]
    for table, rows in named.items():
        merged = counts[table.name]
        yield dg.MaterializeResult(
            asset_key=table.name,
            metadata={
                "source": "csv",
                "files": ", ".join(file.name for file in files if file.name not in left_out),
                **({"files_left_out": ", ".join(left_out)} if left_out else {}),
                "dagster/row_count": int(stored[table.name]),
                "rows_read": rows.num_rows,
                "rows_inserted": merged.inserted,
                "rows_updated": merged.updated,
                "rows_deleted": merged.deleted,
            },
        )
    yield from _stored(store, "stored rows; not part of the upload", without=set(upload))


def _told_until(config: CrmDelivery, upload: "Mapping[str, pa.Table]", company: CompanyResource) -> datetime | None:
    """The end of the day that a mapped upload tells of (its stages are stamped by it); rows of our own format are of now."""
    if config.mapping is None:
        return None
    stamps: list[datetime] = upload["opportunity_stages"]["system_modstamp"].to_pylist()
    return company.as_of(max(stamps).astimezone(company.zone).date())


def _from_salesforce(
    context: dg.AssetExecutionContext, store: "Warehouse", company: CompanyResource
) -> Iterable[dg.MaterializeResult]:
    """A sync. Raises dg.Failure that names the stale objects, after the complete ones."""
    from salesinsight_assets.adapters.salesforce import SalesforceCallError, SalesforceClient
    from salesinsight_assets.domain.crm.sync import sync_tables

    lookback = timedelta(seconds=company.salesforce.lookback_seconds)
    try:
        with SalesforceClient(company.salesforce) as client:
            results = sync_tables(client, store, company.crm_tables, lookback, lambda r: context.log.info(_line(r)))
    except SalesforceCallError as error:
        yield from _from_stored_rows(context, store, company, f"Salesforce cannot be read: {error}", OLDEST_ROWS)
        return
    rows = store.crm_status().set_index("table_name")["row_count"]
    for result in results:
        if result.status != "failed":
            counted = {"source": "salesforce", "dagster/row_count": int(rows[result.table])}
            yield dg.MaterializeResult(asset_key=result.table, metadata={**counted, **_figures(result)})
    failed = [f"{result.salesforce_object}: {result.error}" for result in results if result.status == "failed"]
    if failed:
        raise dg.Failure(f"{len(failed)} of {len(results)} objects are stale, run the sync again: {'; '.join(failed)}")


def _line(result: Any) -> str:
    return f"{result.salesforce_object}: {result.status}, {result.rows_read} rows read in {result.seconds:.1f} s"


def _figures(result: Any) -> dict[str, Any]:
    names = ("status", "rows_read", "rows_inserted", "rows_updated", "rows_deleted", "api_calls", "retries", "seconds")
    figures = {name: getattr(result, name) for name in names}
    if result.missing_columns:
        figures["missing_columns"] = ", ".join(result.missing_columns)
    return figures


def _from_stored_rows(
    context: dg.AssetExecutionContext,
    store: "Warehouse",
    company: CompanyResource,
    because: str,
    oldest: timedelta | None,
) -> Iterable[dg.MaterializeResult]:
    """The rows stored already. Raises dg.Failure if there are none, or they are older than `oldest`."""
    synced_at = store.crm_synced_at()
    if synced_at is None:
        raise dg.Failure(
            f"{because} and no CRM rows are stored; set SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET, or run"
            " `salesinsight import-csv FILE`"
        )
    hours = (company.now() - synced_at).total_seconds() / 3600
    if oldest and hours > oldest.total_seconds() / 3600:
        raise dg.Failure(
            f"{because} and the stored rows are {hours:.0f} h old, older than"
            f" {oldest.total_seconds() / 3600:.0f} h: repair the access or import a CSV"
        )
    context.log.warning("%s: using the rows stored %.1f h ago", because, hours)
    return _stored(store, f"stored rows; {because}", without=set())


def _stored(store: "Warehouse", source: str, without: set[str]) -> list[dg.MaterializeResult]:
    rows = {str(row["table_name"]): row for _, row in store.crm_status().iterrows()}
    return [
        dg.MaterializeResult(
            asset_key=table.name,
            metadata={
                "source": source,
                "dagster/row_count": int(rows[table.name]["row_count"]),
                "synced_at": str(rows[table.name]["synced_at"]),
            },
        )
        for table in CRM_TABLES
        if table.name not in without
    ]


def _refused(refused: "UploadRefusedError") -> dg.AssetCheckResult:
    rows = [{"file": r.file, "line": r.line, "column": r.column, "expected": r.expected, "found": r.found}
            for r in refused.refusals]  # fmt: skip
    return dg.AssetCheckResult(
        check_name="upload_accepted",
        asset_key="opportunities",
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        description=str(refused),
        metadata={
            "refused": dg.MetadataValue.md(markdown_table(rows)),
            "places": refused.places,
            "message": str(refused),
        },
    )
