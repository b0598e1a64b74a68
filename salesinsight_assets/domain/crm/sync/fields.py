"""Which columns can be filled: what describe() shows against what the table wants and what was read last time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from salesinsight_assets.domain.crm.source import ObjectDescription
from salesinsight_assets.domain.crm.sync.store import FilledFrom
from salesinsight_assets.domain.crm.tables import Column, ColumnType, CrmTable

_COMPOUND_TYPES = frozenset({"address", "location", "base64", "complexvalue"})
_PICKLIST_TYPES = frozenset({"picklist", "multipicklist"})
_NUMBER_TYPES = frozenset({"currency", "double", "percent", "int", "long"})
_OWN_TYPES: dict[ColumnType, frozenset[str]] = {
    "number": _NUMBER_TYPES,
    "integer": _NUMBER_TYPES,
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date"}),
    "timestamp": frozenset({"datetime"}),
}
_KNOWN_TYPES = _COMPOUND_TYPES.union(
    *_OWN_TYPES.values(),
    _PICKLIST_TYPES,
    ("string", "combobox", "textarea", "email", "phone", "url", "reference", "id"),
    ("anyType", "encryptedstring", "time"),
)


class MissingFieldsError(ValueError):
    """An object, or a field that every row needs, cannot be read."""


@dataclass(frozen=True)
class ReadableFields:
    """What can be read of a table now.

    Attributes:
        columns: those that can be filled; none where an optional object is absent.
        missing: columns whose old values stay, because their field is hidden, gone or of a type that does not fit.
        new: columns that could not be filled last time, or were filled from another field.
        type_changes: Salesforce's old and new type, by column.
        silent: columns whose values can change without moving the row's stamp: formulas, and picklists, of which an
            administrator renames the values.
        tells_deletions: whether the org can be asked what was deleted.
        filled_from: the origin of each column.
    """

    columns: tuple[Column, ...] = ()
    missing: tuple[str, ...] = ()
    new: tuple[Column, ...] = ()
    type_changes: Mapping[str, str] = field(default_factory=dict[str, str])
    silent: tuple[Column, ...] = ()
    tells_deletions: bool = True
    filled_from: Mapping[str, FilledFrom] = field(default_factory=dict[str, FilledFrom])


def readable_fields(
    table: CrmTable, described: ObjectDescription | None, last_time: Mapping[str, FilledFrom]
) -> ReadableFields:
    """What of `table` can be read, and how that differs from `last_time` (empty: there was none).

    Raises:
        MissingFieldsError: a required object or column cannot be read, by name.
    """
    if described is None and table.is_optional:
        return ReadableFields()
    types = described.types if described else {}
    columns = tuple(column for column in table.columns if _is_readable(column, types))
    _require(table, columns, described)
    assert described is not None  # noqa: S101 - Id is required of every table
    filled_from = {c.name: FilledFrom(c.field, types[c.field]) for c in columns}
    return ReadableFields(
        columns=columns,
        missing=tuple(c.name for c in table.columns if c not in columns),
        new=tuple(c for c in columns if last_time and _is_new(filled_from[c.name], last_time.get(c.name))),
        type_changes=_type_changes(table, types, last_time),
        silent=tuple(c for c in columns if c.field in described.formulas or types[c.field] in _PICKLIST_TYPES),
        tells_deletions=described.tells_deletions,
        filled_from=filled_from,
    )


def _is_readable(column: Column, types: Mapping[str, str]) -> bool:
    """Whether the field is there and of a type that fits; a type that Salesforce does not know is given a try."""
    kind = types.get(column.field)
    if kind is None or kind in _COMPOUND_TYPES:
        return False
    fitting = _OWN_TYPES.get(column.type, _KNOWN_TYPES)
    return kind in fitting or kind not in _KNOWN_TYPES


def _require(table: CrmTable, columns: tuple[Column, ...], described: ObjectDescription | None) -> None:
    lost = [column for column in table.columns if column.is_required and column not in columns]
    if not lost:
        return
    names = ", ".join(column.field for column in lost)
    found = "no such object" if described is None else _found(lost, described.types)
    raise MissingFieldsError(
        f"{table.name}: expected to read {names} of {table.salesforce_object}, got {found}; let the "
        f"integration user read them, or name their new place under [crm.{table.name}] in salesinsight.toml"
    )


def _found(lost: list[Column], types: Mapping[str, str]) -> str:
    return ", ".join(
        f"{column.field} of type {types[column.field]}" if column.field in types else f"no {column.field}"
        for column in lost
    )


def _is_new(now: FilledFrom, before: FilledFrom | None) -> bool:
    return before is None or before.field != now.field


def _type_changes(table: CrmTable, types: Mapping[str, str], last_time: Mapping[str, FilledFrom]) -> Mapping[str, str]:
    changes: dict[str, str] = {}
    for column in table.columns:
        before, kind = last_time.get(column.name), types.get(column.field)
        if before and kind and before.field == column.field and before.type != kind:
            changes[column.name] = f"{before.type} is now {kind}"
    return changes
