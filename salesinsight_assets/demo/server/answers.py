"""Answers in Salesforce's form: errors as lists of code and message, records with their attributes, values by type."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse

from salesinsight_assets.demo.objects import SalesforceField

API_VERSION = "62.0"
DATA_PATH = f"/services/data/v{API_VERSION}"


class SalesforceError(Exception):
    """An error as Salesforce reports it; `status` is the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    def response(self) -> JSONResponse:
        """What the client is sent."""
        return JSONResponse([{"message": self.message, "errorCode": self.code}], self.status)


def json_record(object_name: str, fields: Sequence[SalesforceField], row: Sequence[Any]) -> dict[str, Any]:
    """One record as REST writes it."""
    url = ""
    values: dict[str, Any] = {}
    for field, value in zip(fields, row, strict=True):
        values[field.name] = bool(value) if field.type == "boolean" and value is not None else value
        if field.type == "id":
            url = f"{DATA_PATH}/sobjects/{object_name}/{value}"
    return {"attributes": {"type": object_name, **({"url": url} if url else {})}, **values}


def csv_lines(fields: Sequence[SalesforceField], rows: Iterable[Sequence[Any]]) -> Iterable[str]:
    """Rows as Bulk API 2.0 writes them: everything quoted, null as nothing, no NUL."""
    types = [field.type for field in fields]
    for row in rows:
        yield ",".join(csv_value(kind, value) for kind, value in zip(types, row, strict=True)) + "\n"


def csv_value(kind: str, value: Any) -> str:
    """One value of a Bulk API 2.0 result, quoted.

    >>> csv_value("datetime", "2024-03-01T12:34:56.000+0000"), csv_value("boolean", 1), csv_value("string", None)
    ('"2024-03-01T12:34:56.000Z"', '"true"', '""')
    """
    if value is None:
        return '""'
    if kind == "boolean":
        return '"true"' if value else '"false"'
    text = str(value)
    if kind == "datetime":
        text = text.replace("+0000", "Z")
    return '"' + text.replace("\x00", "").replace('"', '""') + '"'


def field_description(field: SalesforceField) -> Mapping[str, Any]:
    """A field as describe shows it."""
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "custom": field.is_custom,
        "nillable": field.is_nullable,
        "queryable": True,
        "filterable": field.type not in ("textarea", "anyType"),
        "sortable": field.type not in ("textarea", "anyType"),
        "createable": field.type not in ("id", "datetime"),
        "updateable": field.type not in ("id", "datetime"),
        "calculated": False,
        "compoundFieldName": None,
        "length": 18 if field.type in ("id", "reference") else 255,
        "precision": 18 if field.type in ("currency", "double", "percent") else 0,
        "scale": 2 if field.type in ("currency", "double", "percent") else 0,
    }
