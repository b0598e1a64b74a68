"""What a sync did to an object, as Dagster shows it: metadata of its table, and checks."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from salesinsight_assets.domain.crm.tables import CRM_TABLES, crm_table
from salesinsight_assets.domain.monitoring.freshness import OLDEST_ROWS
from salesinsight_assets.shared_names import asset_key

if TYPE_CHECKING:
    from salesinsight_assets.domain.crm.sync import ObjectResult

OLDEST_HOURS = OLDEST_ROWS.total_seconds() / 3600
SYNC_CHECKS = {
    "fresh": "The last sync read this object, or its rows are of an upload.",
    "as_many_rows_as_the_crm": "As many rows are stored, without deleted ones, as Salesforce's own COUNT() finds.",
    "fields_unchanged": "The fields are those of the last sync, and of their types.",
}


def figures(result: "ObjectResult") -> dict[str, Any]:
    """What an object's sync did, as metadata: the figures to follow over time, and all of it as JSON."""
    names = ("rows_read", "rows_inserted", "rows_updated", "rows_deleted", "api_calls", "retries", "seconds")
    told = {name: getattr(result, name) for name in ("status", *names)}
    source = f"stored rows; {result.error} ({age(result)})" if result.is_stale else "salesforce"
    changed = {"missing_columns": ", ".join(result.missing_columns), "new_columns": ", ".join(result.new_columns)}
    shown = {name: text for name, text in changed.items() if text}
    return {"source": source, **told, **shown, "result": dg.MetadataValue.json(result.as_plain())}


def object_read(result: "ObjectResult") -> Iterator[dg.AssetMaterialization]:
    """That Salesforce's object was read whole, so that its own freshness is that of the last time that it was."""
    if result.status == "complete":
        counted = {} if result.crm_rows is None else {"rows_in_salesforce": result.crm_rows}
        until = {"last_change": dg.MetadataValue.timestamp(result.cursor_after)} if result.cursor_after else {}
        yield dg.AssetMaterialization(
            asset_key(f"salesforce/{crm_table(result.table).salesforce_object}"),
            metadata={"rows_read": result.rows_read, **counted, **until},
        )


def is_too_old(result: "ObjectResult") -> bool:
    """Whether the stored rows of an object are too old to be used."""
    return result.age_seconds is None or result.age_seconds > OLDEST_ROWS.total_seconds()


def age(result: "ObjectResult") -> str:
    """How old the stored rows of an object are, in words."""
    return "never read" if result.age_seconds is None else f"{result.age_seconds / 3600:.1f} h old"


def sync_checks(result: "ObjectResult") -> Iterator[dg.AssetCheckResult]:
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


def checks_without_a_sync() -> Iterator[dg.AssetCheckResult]:
    """The checks of a sync where rows come from elsewhere: there is nothing to compare them with."""
    for table in CRM_TABLES:
        for name in SYNC_CHECKS:
            yield _check(table.name, name, True, compared="no: these rows are not of a sync")


def _check(table: str, name: str, passed: bool, **metadata: Any) -> dg.AssetCheckResult:
    shown = {key: value for key, value in metadata.items() if value not in (None, "")}
    return dg.AssetCheckResult(
        asset_key=asset_key(table), check_name=name, passed=passed, severity=dg.AssetCheckSeverity.WARN, metadata=shown
    )
