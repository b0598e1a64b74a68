"""Changes to the CRM made by hand, as a person in Salesforce would make them, with the stamps and histories they leave.

Each change takes one second of the org's clock, so that whoever reads up to the clock's time sees it. A change may be
stamped `at` an earlier moment, as by a transaction that began then and ends only now. What only an administrator does
belongs to `administration`.
"""

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from salesinsight_assets.demo.ids import salesforce_ids
from salesinsight_assets.demo.objects import SalesforceObject, salesforce_object
from salesinsight_assets.demo.simulation.traces import delete_softly
from salesinsight_assets.demo.storage import CHILD_OBJECTS, fact, org_clock, remember, stamp_text, stored_object

_TRACKED_FIELDS = {"Amount": "Currency", "CloseDate": "DateOnly", "OwnerId": "EntityId"}
_HISTORY_FIELDS = ("StageName", "Amount", "CloseDate", "Probability")


def insert(
    connection: sqlite3.Connection, object_name: str, fields: Mapping[str, Any], at: datetime | None = None
) -> str:
    """A new record; returns its Id."""
    known, stamp = stored_object(connection, object_name), next_stamp(connection, at)
    record = {"Id": fields.get("Id") or _new_id(connection, known)}
    record |= _defaults(known, stamp) | _implied(connection, known, fields) | dict(fields)
    _check_fields(known, record)
    names = ", ".join(f'"{name}"' for name in record)
    connection.execute(
        f'INSERT INTO "{known.name}" ({names}) VALUES ({", ".join("?" * len(record))})', list(record.values())
    )
    if known.name == "Opportunity":
        _write_history(connection, record["Id"], stamp)
    return record["Id"]


def update(
    connection: sqlite3.Connection,
    object_name: str,
    record_id: str,
    fields: Mapping[str, Any],
    at: datetime | None = None,
) -> None:
    """New values for one record."""
    known, stamp = stored_object(connection, object_name), next_stamp(connection, at)
    before = _record(connection, known, record_id)
    stamps = {name: stamp for name in ("SystemModstamp", "LastModifiedDate") if known.has(name)}
    changes = stamps | _implied(connection, known, fields) | dict(fields)
    _check_fields(known, changes)
    assignments = ", ".join(f'"{name}" = ?' for name in changes)
    connection.execute(f'UPDATE "{known.name}" SET {assignments} WHERE Id = ?', [*changes.values(), record_id])
    if known.name == "Opportunity":
        _write_field_history(connection, before, changes, stamp)
        if any(name in changes and changes[name] != before[name] for name in _HISTORY_FIELDS):
            _write_history(connection, record_id, stamp)


def delete(connection: sqlite3.Connection, object_name: str, record_id: str) -> None:
    """Into the recycle bin."""
    known = _deletable(connection, object_name, record_id)
    delete_softly(connection, known.name, record_id, next_stamp(connection))


def undelete(connection: sqlite3.Connection, object_name: str, record_id: str) -> None:
    """Back from the recycle bin, an opportunity with what was deleted along with it, and so last."""
    known, stamp = _deletable(connection, object_name, record_id), next_stamp(connection)
    # An account that was merged away is then one of its own again.
    master = ", MasterRecordId = NULL" if known.has("MasterRecordId") else ""
    sql = f'UPDATE "{known.name}" SET IsDeleted = 0, SystemModstamp = ?{master} WHERE Id = ?'
    connection.execute(sql, (stamp, record_id))
    for child, parent_field in CHILD_OBJECTS if known.name == "Opportunity" else ():
        among = f'FROM "{child}" WHERE "{parent_field}" = ?1 AND IsDeleted = 1'
        if salesforce_object(child).has("SystemModstamp"):
            last = f"SystemModstamp = (SELECT max(SystemModstamp) {among})"
            sql = f'UPDATE "{child}" SET IsDeleted = 0, SystemModstamp = ?2 WHERE Id IN (SELECT Id {among} AND {last})'
            connection.execute(sql, (record_id, stamp))
        else:
            connection.execute(f'UPDATE "{child}" SET IsDeleted = 0 WHERE Id IN (SELECT Id {among})', (record_id,))


def erase(connection: sqlite3.Connection, object_name: str, record_id: str) -> None:
    """Deleted for good, without a trace in any query, an opportunity with all that hangs on it."""
    known, stamp = _deletable(connection, object_name, record_id), next_stamp(connection)
    _erase_where(connection, known.name, "Id", record_id, stamp)
    for child, parent_field in CHILD_OBJECTS if known.name == "Opportunity" else ():
        _erase_where(connection, child, parent_field, record_id, stamp)


def _erase_where(connection: sqlite3.Connection, table: str, column: str, value: str, stamp: str) -> None:
    where = f'FROM "{table}" WHERE "{column}" = ?'
    connection.execute(f"INSERT INTO erased_records SELECT '{table}', Id, ? {where}", (stamp, value))
    connection.execute(f"DELETE {where}", (value,))


def next_stamp(connection: sqlite3.Connection, at: datetime | None = None) -> str:
    """The stamp of a change: `at` where given, else the org's present; moves the clock on by a second."""
    stamp = stamp_text(at or org_clock(connection))
    remember(connection, seconds_since_end_of_work=int(fact(connection, "seconds_since_end_of_work")) + 1)
    return stamp


def _new_id(connection: sqlite3.Connection, known: SalesforceObject) -> str:
    (number,) = connection.execute(
        "UPDATE id_sequences SET next_number = next_number + 1 WHERE object = ? RETURNING next_number - 1",
        (known.name,),
    ).fetchone()
    return str(salesforce_ids(known.key_prefix, [number])[0])


def _defaults(known: SalesforceObject, stamp: str) -> dict[str, Any]:
    stamps = {name: stamp for name in ("CreatedDate", "SystemModstamp", "LastModifiedDate") if known.has(name)}
    flags = {name: False for name in ("IsDeleted", "IsClosed", "IsWon") if known.has(name)}
    return stamps | flags


def _implied(connection: sqlite3.Connection, known: SalesforceObject, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What Salesforce sets along with an opportunity's stage and a person's names."""
    if known.name == "Account" and fields.get("IsPersonAccount"):
        return {"Name": f"{fields.get('FirstName') or ''} {fields.get('LastName') or ''}".strip()}
    if known.name != "Opportunity" or "StageName" not in fields:
        return {}
    row = connection.execute(
        "SELECT IsClosed, IsWon, DefaultProbability FROM OpportunityStage WHERE MasterLabel = ?", (fields["StageName"],)
    ).fetchone()
    return dict(zip(("IsClosed", "IsWon", "Probability"), row, strict=True)) if row else {}


def _check_fields(known: SalesforceObject, fields: Mapping[str, Any]) -> None:
    names = {field.name for field in known.fields if field.source is None}
    unknown = sorted(set(fields) - names)
    if unknown:
        raise KeyError(f"{known.name} has no field {', '.join(unknown)}; it has {', '.join(sorted(names))}")


def _record(connection: sqlite3.Connection, known: SalesforceObject, record_id: str) -> dict[str, Any]:
    cursor = connection.execute(f'SELECT * FROM "{known.name}" WHERE Id = ?', (record_id,))
    row = cursor.fetchone()
    if row is None:
        raise KeyError(f"expected the Id of a record of {known.name}, got {record_id!r}, which is not there")
    return dict(zip((column[0] for column in cursor.description), row, strict=True))


def _deletable(connection: sqlite3.Connection, object_name: str, record_id: str) -> SalesforceObject:
    known = salesforce_object(object_name)
    if not (known.has("IsDeleted") and known.has("SystemModstamp")):
        raise ValueError(f"expected an object that can be deleted, got {known.name}; set IsActive instead")
    _record(connection, known, record_id)
    return known


def _write_history(connection: sqlite3.Connection, opportunity_id: str, stamp: str) -> None:
    history = salesforce_object("OpportunityHistory")
    connection.execute(
        "INSERT INTO OpportunityHistory (Id, OpportunityId, StageName, Amount, CurrencyIsoCode, CloseDate, "
        "Probability, ForecastCategory, CreatedById, CreatedDate, SystemModstamp, IsDeleted) "
        "SELECT :id, Id, StageName, Amount, CurrencyIsoCode, CloseDate, Probability, ForecastCategoryName, OwnerId, "
        ":at, :at, 0 FROM Opportunity WHERE Id = :opportunity",
        {"id": _new_id(connection, history), "at": stamp, "opportunity": opportunity_id},
    )


def _write_field_history(
    connection: sqlite3.Connection, before: Mapping[str, Any], changes: Mapping[str, Any], stamp: str
) -> None:
    for name, data_type in _TRACKED_FIELDS.items():
        if name not in changes or changes[name] == before[name]:
            continue
        pairs = [(data_type, before[name], changes[name])]
        if name == "OwnerId":
            pairs.insert(0, ("Text", _user_name(connection, before[name]), _user_name(connection, changes[name])))
        for kind, old, new in pairs:
            connection.execute(
                "INSERT INTO OpportunityFieldHistory (Id, OpportunityId, Field, DataType, OldValue, NewValue, "
                "CreatedById, CreatedDate, IsDeleted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    _new_id(connection, salesforce_object("OpportunityFieldHistory")),
                    before["Id"],
                    name.removesuffix("Id"),
                    kind,
                    old,
                    new,
                    before["OwnerId"],
                    stamp,
                ),
            )


def _user_name(connection: sqlite3.Connection, user_id: str) -> str | None:
    row = connection.execute("SELECT Name FROM User WHERE Id = ?", (user_id,)).fetchone()
    return row[0] if row else None
