"""The field map: an org that keeps a table under another object or a column under another field says so here.

    [crm.competitors]
    object = "Competitor__c"
    fields = {competitor_name = "Name"}

Our table and column names stay; only where they are read from changes. What belongs elsewhere: the tables themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from salesinsight_assets.domain.crm.tables import CrmTable

_ENTRIES = ("object", "fields")


def mapped_tables(tables: Sequence[CrmTable], field_map: Mapping[str, Any]) -> tuple[CrmTable, ...]:
    """`tables` read from the objects and fields that `field_map` (the `crm` table of salesinsight.toml) names.

    Raises:
        ValueError: an unknown table, entry or column, or a name that is not text.
    """
    known = [table.name for table in tables]
    for name, entry in field_map.items():
        if name not in known:
            raise _unexpected("[crm]", "the name of a table", name, known)
        if not isinstance(entry, Mapping):
            raise _unexpected(f"crm.{name}", "a table with entries", entry, _ENTRIES)
    return tuple(_mapped_table(table, field_map.get(table.name, {})) for table in tables)


def _mapped_table(table: CrmTable, entry: Mapping[str, Any]) -> CrmTable:
    where = f"[crm.{table.name}]"
    for name in entry:
        if name not in _ENTRIES:
            raise _unexpected(where, "an entry", name, _ENTRIES)
    fields = entry.get("fields", {})
    if not isinstance(fields, Mapping):
        raise _unexpected(f"{where} fields", 'a table such as {competitor_name = "Name"}', fields, table.column_names)
    for column, field in fields.items():
        if column not in table.column_names:
            raise _unexpected(f"{where} fields", "a column", column, table.column_names)
        _require_name(f"{where} fields.{column}", field)
    renamed = _renamed(table, fields)
    return replace(
        renamed, salesforce_object=_require_name(f"{where} object", entry.get("object", table.salesforce_object))
    )


def _renamed(table: CrmTable, fields: Mapping[str, str]) -> CrmTable:
    columns = [
        replace(column, field=fields[column.name], given_name=column.name) if column.name in fields else column
        for column in table.columns
    ]
    # The stamps are fields as well: a table filtered on SystemModstamp must follow where that column went.
    moved = {old.field: new.field for old, new in zip(table.columns, columns, strict=True)}
    return replace(
        table,
        columns=tuple(columns),
        cursor_field=table.cursor_field and moved[table.cursor_field],
        born_field=moved[table.born_field],
    )


def _require_name(where: str, value: Any) -> str:
    if isinstance(value, str) and value.isidentifier():
        return value
    raise ValueError(
        f"salesinsight.toml, {where}: expected the API name of a Salesforce object or field, such as Competitor__c, "
        f"got {value!r}; copy it from Setup > Object Manager"
    )


def _unexpected(where: str, expected: str, got: object, known: Sequence[str]) -> ValueError:
    return ValueError(
        f"salesinsight.toml, {where}: expected {expected}, got {got!r}; use one of {', '.join(known)} or delete it"
    )
