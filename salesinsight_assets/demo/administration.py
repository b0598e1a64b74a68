"""Changes to the CRM that an administrator or Salesforce itself makes: merges, archiving, formulas, new fields, stages.

Many of them leave a stamp as it is, which is what makes them hard to notice.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from salesinsight_assets.demo.editing import insert, next_stamp, update
from salesinsight_assets.demo.objects import OBJECTS, SalesforceField
from salesinsight_assets.demo.storage import column_sql, stored_object

_AMONG_IDS = "IN (SELECT value FROM json_each(?))"
_INTEGRATION_USER = "Integration User"


def write_silently(
    connection: sqlite3.Connection, object_name: str, record_ids: Sequence[str] | None, fields: Mapping[str, Any]
) -> None:
    """New values, of all records where no Ids are given, without a new stamp or any history."""
    known = stored_object(connection, object_name)
    assignments = ", ".join(f'"{name}" = ?' for name in fields)
    where, ids = ("", []) if record_ids is None else (f" WHERE Id {_AMONG_IDS}", [json.dumps(list(record_ids))])
    connection.execute(f'UPDATE "{known.name}" SET {assignments}{where}', [*fields.values(), *ids])


def touch(
    connection: sqlite3.Connection, object_name: str, record_ids: Sequence[str], at: datetime | None = None
) -> str:
    """One new stamp for all these records, whose values stay; returns it."""
    known, stamp = stored_object(connection, object_name), next_stamp(connection, at)
    stamps = {name: stamp for name in ("SystemModstamp", "LastModifiedDate") if known.has(name)}
    write_silently(connection, known.name, record_ids, stamps)
    return stamp


def merge_accounts(connection: sqlite3.Connection, master_id: str, loser_ids: Sequence[str]) -> None:
    """The losers go into the recycle bin; what hung on them hangs on the master, with a new SystemModstamp alone."""
    stamp, losers = next_stamp(connection), json.dumps(list(loser_ids))
    for known in OBJECTS.values():
        for name in ("AccountId", "ParentId", "WhatId"):
            if known.has(name):
                sql = f'UPDATE "{known.name}" SET "{name}" = ?, SystemModstamp = ? WHERE "{name}" {_AMONG_IDS}'
                connection.execute(sql, (master_id, stamp, losers))
    deleted = {"IsDeleted": True, "MasterRecordId": master_id, "SystemModstamp": stamp}
    write_silently(connection, "Account", loser_ids, deleted)


def write_back(connection: sqlite3.Connection, record_id: str, fields: Mapping[str, Any]) -> None:
    """New values of an opportunity, written by the integration user."""
    update(connection, "Opportunity", record_id, {**fields, "LastModifiedById": _integration_user_id(connection)})


def _integration_user_id(connection: sqlite3.Connection) -> str:
    row = connection.execute("SELECT Id FROM User WHERE Name = ?", (_INTEGRATION_USER,)).fetchone()
    return row[0] if row else insert(connection, "User", {"Name": _INTEGRATION_USER, "IsActive": True})


def rename_stage(
    connection: sqlite3.Connection, old: str, new: str, with_rows: bool = False, with_stamps: bool = False
) -> None:
    """Another label for a stage; `with_rows` also in opportunities and their history, `with_stamps` stamped anew."""
    stamp = next_stamp(connection)
    columns = ("MasterLabel", "ApiName") if with_rows else ("MasterLabel",)
    for column in columns:
        sql = f"UPDATE OpportunityStage SET {column} = ?, SystemModstamp = ? WHERE {column} = ?"
        connection.execute(sql, (new, stamp, old))
    for name in ("Opportunity", "OpportunityHistory") if with_rows else ():
        stamped = ", SystemModstamp = :stamp" if with_stamps else ""
        sql = f'UPDATE "{name}" SET StageName = :new{stamped} WHERE StageName = :old'
        connection.execute(sql, {"new": new, "old": old, "stamp": stamp})


def add_field(
    connection: sqlite3.Connection,
    object_name: str,
    field_name: str,
    kind: str,
    value: Any = None,
    is_formula: bool = False,
) -> None:
    """A new field of that Salesforce type, holding `value` in every record; no stamp moves."""
    known = stored_object(connection, object_name)
    if known.has(field_name):
        raise ValueError(f"expected a field that {known.name} does not have, got {field_name}; choose another name")
    field = SalesforceField(field_name, kind, is_formula=is_formula)
    connection.execute(f'ALTER TABLE "{known.name}" ADD COLUMN {column_sql(field)}')
    connection.execute("INSERT INTO added_fields VALUES (?, ?, ?, ?)", (known.name, field_name, kind, is_formula))
    write_silently(connection, known.name, None, {field_name: value})


def add_custom_fields(connection: sqlite3.Connection, object_name: str, count: int) -> list[str]:
    """Text fields with long names and a short value each, differing between records; returns the names."""
    known = stored_object(connection, object_name)
    names = [f"Custom_Field_Of_A_Department_Number_{number:03}__c" for number in range(1, count + 1)]
    for name in names:
        field = SalesforceField(name, "string")
        connection.execute(f'ALTER TABLE "{known.name}" ADD COLUMN {column_sql(field)}')
        connection.execute("INSERT INTO added_fields VALUES (?, ?, ?, 0)", (known.name, name, field.type))
    assignments = ", ".join(f"\"{name}\" = '{number}-' || rowid" for number, name in enumerate(names, 1))
    connection.execute(f'UPDATE "{known.name}" SET {assignments}')
    return names


def hold_back(connection: sqlite3.Connection, object_name: str, record_ids: Sequence[str]) -> None:
    """Records written by a transaction that has not ended: nobody sees them until they are committed."""
    name = stored_object(connection, object_name).name
    connection.execute(f'CREATE TABLE IF NOT EXISTS "held_{name}" AS SELECT * FROM "{name}" WHERE 0')
    _move(connection, name, f"held_{name}", record_ids)


def commit(connection: sqlite3.Connection, object_name: str, record_ids: Sequence[str]) -> None:
    """Records that were held back appear, with the stamps that they have had since."""
    name = stored_object(connection, object_name).name
    _move(connection, f"held_{name}", name, record_ids)


def _move(connection: sqlite3.Connection, source: str, target: str, record_ids: Sequence[str]) -> None:
    ids = json.dumps(list(record_ids))
    columns = ", ".join(f'"{row[1]}"' for row in connection.execute(f'PRAGMA table_info("{source}")'))
    sql = f'INSERT INTO "{target}" ({columns}) SELECT {columns} FROM "{source}" WHERE Id {_AMONG_IDS}'
    connection.execute(sql, (ids,))
    connection.execute(f'DELETE FROM "{source}" WHERE Id {_AMONG_IDS}', (ids,))
