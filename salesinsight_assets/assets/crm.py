"""Stage crm: what Salesforce, or a CSV upload, delivers, as versioned tables."""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from salesinsight_assets import sync_progress
from salesinsight_assets.domain.crm.tables import CRM_TABLES, crm_table
from salesinsight_assets.metadata import OWNERS, markdown_table, table_metadata
from salesinsight_assets.resources import CompanyResource, WarehouseResource
from salesinsight_assets.sending import OLDEST_ROWS

if TYPE_CHECKING:
    import pyarrow as pa

    from salesinsight_assets.adapters.warehouse import Warehouse
    from salesinsight_assets.domain.crm.sync import ObjectResult
    from salesinsight_assets.domain.crm.uploads.raw import UploadRefusedError

GROUP = "crm"
SYNC_CHECKS = {
    "fresh": "The last sync read this object, or its rows are of an upload.",
    "as_many_rows_as_the_crm": "As many rows are stored, without deleted ones, as Salesforce's own COUNT() finds.",
    "fields_unchanged": "The fields are those of the last sync, and of their types.",
}
_OLDEST_HOURS = OLDEST_ROWS.total_seconds() / 3600
_TELL_EVERY_SECONDS = 60.0
Delivered = dg.MaterializeResult | dg.AssetCheckResult | dg.AssetObservation

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
        ),
        *(
            dg.AssetCheckSpec(name, asset=table.name, description=description)
            for table in CRM_TABLES
            for name, description in SYNC_CHECKS.items()
        ),
    ],
    pool="salesforce",
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
        yield from _checks_without_a_sync()
    else:
        yield dg.AssetCheckResult(check_name="upload_accepted", asset_key="opportunities", passed=True)


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
    yield from _checks_without_a_sync()


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
    if all(result.is_stale or result.status == "skipped" for result in results) and store.crm_synced_at() is None:
        raise _nothing_stored(str(results[0].error))
    status = store.crm_status().set_index("table_name")
    rows, is_uploaded = status["row_count"], status.at["opportunities", "source"] == "csv"
    too_old: list[str] = []
    for result in results:
        figures = _figures(result)
        yield from _sync_checks(result)
        # whoever uploads deals while Salesforce is away vouches for what hangs on them, old as it may be
        is_vouched = is_uploaded and result.table != "opportunities" and result.age_seconds is not None
        if result.is_stale and _is_too_old(result) and not is_vouched:
            # not by log_event: what is logged after the last yield is lost where the step then fails
            yield dg.AssetObservation(result.table, metadata=figures)
            too_old.append(f"{result.salesforce_object}: {result.error} ({_age(result)})")
        else:
            if result.is_stale:
                context.log.warning(
                    "%s: %s; using the stored rows, %s", result.salesforce_object, result.error, _age(result)
                )
            yield dg.MaterializeResult(
                asset_key=result.table, metadata={"dagster/row_count": int(rows[result.table]), **figures}
            )
    if too_old:
        raise dg.Failure(
            f"{len(too_old)} of {len(results)} objects are stale, older than {_OLDEST_HOURS:.0f} h or never read: repair the"
            f" access and run the sync again, or import a CSV: {'; '.join(too_old)}"
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
            return sync_tables(client, sync_store, tables, lookback, policy, _Told(context.log))
    except SalesforceCallError as error:
        return unread(sync_store, tables, f"Salesforce cannot be read: {error}", company.now())


class _Told:
    """Tells the run's log how far a sync is: each object at its end, a large one each minute."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._told_at: dict[str, float] = {}

    def rows(self, table: str, read: int, expected: int | None) -> None:
        """A line for what takes long."""
        sync_progress.note(table, read, expected)
        now = time.monotonic()
        if now - self._told_at.setdefault(table, now) >= _TELL_EVERY_SECONDS:
            self._told_at[table] = now
            self._log.info(
                "%s: %s of %s rows read", table, f"{read:,}", "unknown" if expected is None else f"{expected:,}"
            )

    def done(self, result: "ObjectResult") -> None:
        """A line for the object."""
        sync_progress.done(result.table)
        self._log.info(
            "%s: %s, %d rows read in %.1f s%s", result.salesforce_object, result.status, result.rows_read, result.seconds,
            f"; {result.error}" if result.error else "",
        )  # fmt: skip


def _figures(result: "ObjectResult") -> dict[str, Any]:
    """What an object's sync did, as metadata: the figures to follow over time, and all of it as JSON."""
    names = ("rows_read", "rows_inserted", "rows_updated", "rows_deleted", "api_calls", "retries", "seconds")
    told = {name: getattr(result, name) for name in ("status", *names)}
    source = f"stored rows; {result.error} ({_age(result)})" if result.is_stale else "salesforce"
    changed = {"missing_columns": ", ".join(result.missing_columns), "new_columns": ", ".join(result.new_columns)}
    shown = {name: text for name, text in changed.items() if text}
    return {"source": source, **told, **shown, "result": dg.MetadataValue.json(result.as_plain())}


def _is_too_old(result: "ObjectResult") -> bool:
    return result.age_seconds is None or result.age_seconds > OLDEST_ROWS.total_seconds()


def _age(result: "ObjectResult") -> str:
    return "never read" if result.age_seconds is None else f"{result.age_seconds / 3600:.1f} h old"


def _sync_checks(result: "ObjectResult") -> Iterator[dg.AssetCheckResult]:
    """Whether the table is of now, has as many rows as the CRM counts, and its fields are those of last time."""
    hours = None if result.age_seconds is None else result.age_seconds / 3600
    yield _check(result.table, "fresh", not result.is_stale, hours=hours, error=result.error)
    counted = result.crm_rows is not None and result.stored_rows is not None
    yield _check(
        result.table,
        "as_many_rows_as_the_crm",
        not counted or result.crm_rows == result.stored_rows,
        crm_rows=result.crm_rows,
        stored_rows=result.stored_rows,
        compared=None if counted else "not counted in this sync",
    )
    yield _check(
        result.table,
        "fields_unchanged",
        not (result.missing_columns or result.new_columns or result.type_changes),
        missing=", ".join(result.missing_columns),
        new=", ".join(result.new_columns),
        type_changes="; ".join(f"{name}: {change}" for name, change in result.type_changes.items()),
    )


def _checks_without_a_sync() -> Iterator[dg.AssetCheckResult]:
    """The checks of a sync where rows come from elsewhere: there is nothing to compare them with."""
    for table in CRM_TABLES:
        for name in SYNC_CHECKS:
            yield _check(table.name, name, True, compared="no: these rows are not of a sync")


def _check(table: str, name: str, passed: bool, **metadata: Any) -> dg.AssetCheckResult:
    shown = {key: value for key, value in metadata.items() if value not in (None, "")}
    return dg.AssetCheckResult(
        asset_key=table, check_name=name, passed=passed, severity=dg.AssetCheckSeverity.WARN, metadata=shown
    )


def _from_stored_rows(store: "Warehouse", because: str) -> Iterable[Delivered]:
    """The rows stored already. Raises dg.Failure if there are none."""
    if store.crm_synced_at() is None:
        raise _nothing_stored(because)
    yield from _stored(store, f"stored rows; {because}", without=set())
    yield from _checks_without_a_sync()


def _nothing_stored(because: str) -> dg.Failure:
    return dg.Failure(
        f"{because} and no CRM rows are stored; set SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET, or run"
        " `salesinsight import-csv FILE`"
    )


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
