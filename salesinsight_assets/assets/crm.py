"""Stage crm: what Salesforce, or a CSV upload, delivers, as versioned tables."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from salesinsight_assets.crm_report import (
    OLDEST_HOURS,
    SYNC_CHECKS,
    age,
    checks_without_a_sync,
    figures,
    is_too_old,
    object_read,
    sync_checks,
)
from salesinsight_assets.domain.crm.field_map import mapped_tables
from salesinsight_assets.domain.crm.tables import CRM_TABLES, crm_table
from salesinsight_assets.metadata import OWNERS, RETRIES, markdown_table, object_metadata, table_metadata
from salesinsight_assets.policies import read_config
from salesinsight_assets.resources import CompanyResource, WarehouseResource
from salesinsight_assets.settings import load_settings
from salesinsight_assets.shared_names import asset_key, pool
from salesinsight_assets.sync_progress import SyncTold

if TYPE_CHECKING:
    import pyarrow as pa

    from salesinsight_assets.adapters.warehouse import Warehouse
    from salesinsight_assets.domain.crm.sync import ObjectResult
    from salesinsight_assets.domain.crm.uploads.raw import UploadRefusedError

GROUP = "crm"
Delivered = dg.MaterializeResult | dg.AssetCheckResult | dg.AssetObservation | dg.AssetMaterialization

_mapped = mapped_tables(CRM_TABLES, read_config(load_settings().config_file).get("crm", {}))
salesforce_objects = [
    dg.AssetSpec(
        asset_key(f"salesforce/{table.salesforce_object}"),
        group_name="salesforce",
        owners=OWNERS,
        kinds={"salesforce"},
        description=f"The {mapped.salesforce_object} object of the company's Salesforce: the fields that are asked for.",
        metadata=object_metadata(mapped),
    )
    for table, mapped in zip(CRM_TABLES, _mapped, strict=True)
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
            deps=[asset_key(f"salesforce/{table.salesforce_object}")],
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
        ),
        *(
            dg.AssetCheckSpec(name, asset=table.name, description=description)
            for table in CRM_TABLES
            for name, description in SYNC_CHECKS.items()
        ),
    ],
    pool=pool("salesforce"),
    retry_policy=RETRIES,
)
def crm_tables(
    context: dg.AssetExecutionContext, config: CrmDelivery, warehouse: WarehouseResource, company: CompanyResource
) -> Iterator[Delivered]:
    """Rows from a CSV upload, else from Salesforce, else those that are stored already while they are under 24 h old."""
    from salesinsight_assets.domain.crm.uploads.raw import UploadRefusedError

    try:
        yield from _delivered(context, config, warehouse.open(), company)
    except UploadRefusedError as refused:
        yield _refused(refused)
        yield from checks_without_a_sync()
    else:
        yield dg.AssetCheckResult(check_name="upload_accepted", asset_key=asset_key("opportunities"), passed=True)


def _delivered(
    context: dg.AssetExecutionContext, config: CrmDelivery, store: "Warehouse", company: CompanyResource
) -> Iterable[Delivered]:
    if config.csv_files:
        return _from_csv(config, store, company)
    if company.salesforce.is_configured:
        return _from_salesforce(context, store, company)
    return _from_stored_rows(store, "no Salesforce is configured")


def _from_csv(config: CrmDelivery, store: "Warehouse", company: CompanyResource) -> Iterable[Delivered]:
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
            asset_key=asset_key(table.name),
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
    yield from checks_without_a_sync()


def _told_until(config: CrmDelivery, upload: "Mapping[str, pa.Table]", company: CompanyResource) -> datetime | None:
    """The end of the day that a mapped upload tells of (its stages are stamped by it); rows of our own format are of now."""
    if config.mapping is None:
        return None
    stamps: list[datetime] = upload["opportunity_stages"]["system_modstamp"].to_pylist()
    return company.as_of(max(stamps).astimezone(company.zone).date())


def _from_salesforce(
    context: dg.AssetExecutionContext, store: "Warehouse", company: CompanyResource
) -> Iterable[Delivered]:
    """A sync; for objects that could not be read, the rows stored already. Raises dg.Failure where those are too old."""
    results = _sync_results(context, store, company)
    origin = store.crm_origin()
    is_uploaded = origin is not None and origin.source == "csv"
    too_old: list[ObjectResult] = []
    for result in results:
        yield from sync_checks(result)
        yield from object_read(result)
        # whoever uploads deals while Salesforce is away vouches for what hangs on them, old as it may be
        is_vouched = is_uploaded and result.table != "opportunities" and result.age_seconds is not None
        if result.is_stale and is_too_old(result) and not is_vouched:
            too_old.append(result)
            # not by log_event: what is logged after the last yield is lost where the step then fails
            yield dg.AssetObservation(asset_key(result.table), metadata=figures(result))
        elif origin is None and result.status == "skipped":
            yield dg.AssetObservation(asset_key(result.table), metadata=figures(result))
        else:
            yield _materialized(context, store, result)
    if origin is None and all(result in too_old or result.status == "skipped" for result in results):
        raise _nothing_stored(str(results[0].error))
    if too_old:
        raise dg.Failure(
            f"{len(too_old)} of {len(results)} objects are stale, older than {OLDEST_HOURS:.0f} h or never read: repair the"
            " access and run the sync again, or import a CSV: "
            + "; ".join(f"{result.salesforce_object}: {result.error} ({age(result)})" for result in too_old),
            allow_retries=False,  # the client has repeated what can be repeated
        )


def _materialized(
    context: dg.AssetExecutionContext, store: "Warehouse", result: "ObjectResult"
) -> dg.MaterializeResult:
    if result.is_stale:
        context.log.warning("%s: %s; using the stored rows, %s", result.salesforce_object, result.error, age(result))
    counted = result.stored_rows
    rows = store.alive_count(crm_table(result.table)) if counted is None else counted
    return dg.MaterializeResult(
        asset_key=asset_key(result.table), metadata={"dagster/row_count": rows, **figures(result)}
    )


def _sync_results(
    context: dg.AssetExecutionContext, store: "Warehouse", company: CompanyResource
) -> "list[ObjectResult]":
    """The result of every object; where Salesforce cannot be reached at all, each with that error."""
    from salesinsight_assets.adapters.salesforce import SalesforceCallError, SalesforceClient
    from salesinsight_assets.adapters.warehouse.sync_store import SyncStore
    from salesinsight_assets.domain.crm.sync import sync_tables, unread

    lookback = timedelta(seconds=company.salesforce.lookback_seconds)
    sync_store, tables, policy = SyncStore(store), company.crm_tables, company.policies.sync
    try:
        with SalesforceClient(company.salesforce) as client:
            return sync_tables(client, sync_store, tables, lookback, policy, SyncTold(context.log))
    except SalesforceCallError as error:
        return unread(sync_store, tables, f"Salesforce cannot be read: {error}", company.now())


def _from_stored_rows(store: "Warehouse", because: str) -> Iterable[Delivered]:
    """The rows stored already. Raises dg.Failure if there are none."""
    if store.crm_origin() is None:
        raise _nothing_stored(because)
    yield from _stored(store, f"stored rows; {because}", without=set())
    yield from checks_without_a_sync()


def _nothing_stored(because: str) -> dg.Failure:
    return dg.Failure(
        f"{because} and no CRM rows are stored; set SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET, or run"
        " `salesinsight import-csv FILE`",
        allow_retries=False,
    )


def _stored(store: "Warehouse", source: str, without: set[str]) -> list[dg.MaterializeResult]:
    rows = {str(row["table_name"]): row for _, row in store.crm_status().iterrows()}
    return [
        dg.MaterializeResult(
            asset_key=asset_key(table.name),
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
        asset_key=asset_key("opportunities"),
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        description=str(refused),
        metadata={
            "refused": dg.MetadataValue.md(markdown_table(rows)),
            "places": refused.places,
            "message": str(refused),
        },
    )
