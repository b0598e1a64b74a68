"""Answers in Salesforce's form: errors as lists of code and message, records with their attributes, descriptions."""

import json
from collections.abc import Mapping, Sequence
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
        values[field.name] = _json_value(field, value)
        if field.type == "id":
            url = f"{DATA_PATH}/sobjects/{object_name}/{value}"
    return {"attributes": {"type": object_name, **({"url": url} if url else {})}, **values}


def _json_value(field: SalesforceField, value: Any) -> Any:
    if value is None:
        return None
    if field.type == "boolean":
        return bool(value)
    return json.loads(value) if field.is_compound else value


def field_description(field: SalesforceField) -> Mapping[str, Any]:
    """A field as describe shows it."""
    is_set_by_users = field.type not in ("id", "datetime") and not field.is_formula and not field.is_compound
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "custom": field.is_custom,
        "nillable": field.is_nullable,
        "queryable": True,
        "filterable": field.type not in ("textarea", "anyType", "address"),
        "sortable": field.type not in ("textarea", "anyType", "address"),
        "createable": is_set_by_users,
        "updateable": is_set_by_users,
        "calculated": field.is_formula,
        "compoundFieldName": field.compound,
        "length": 18 if field.type in ("id", "reference") else 255,
        "precision": 18 if field.type in ("currency", "double", "percent") else 0,
        "scale": 2 if field.type in ("currency", "double", "percent") else 0,
    }
