"""What a client may see of the org's objects and fields: rights, and what was renamed, removed, or is a formula.

The records stay as they are in the company's file; only what is shown of them changes.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from salesinsight_assets.demo.objects import OBJECTS, SalesforceField, SalesforceObject
from salesinsight_assets.demo.storage import connect, stored_object

_SQL_OF_TYPES = {"currency": "REAL", "double": "REAL", "percent": "REAL", "int": "INTEGER", "boolean": "INTEGER"}
FieldKey = tuple[str, str]


class Metadata:
    """One org's objects as clients meet them. Fields are named by object and the name they have in the file."""

    def __init__(self, company_path: Path) -> None:
        self._path = company_path
        self._hidden_fields: set[FieldKey] = set()
        self._field_names: dict[FieldKey, str] = {}
        self._field_types: dict[FieldKey, str] = {}
        self._formulas: set[FieldKey] = set()
        self._object_names: dict[str, str | None] = {}

    def hide_field(self, object_name: str, field_name: str) -> None:
        """Take the right to read a field, or the field itself, away: no describe shows it, no query may name it."""
        self._hidden_fields.add((object_name, field_name))

    def show_field(self, object_name: str, field_name: str) -> None:
        """Give the right, or the field, back."""
        self._hidden_fields.discard((object_name, field_name))

    def rename_field(self, object_name: str, field_name: str, new_name: str) -> None:
        """Another API name for a field; its own name again undoes it."""
        self._field_names[object_name, field_name] = new_name

    def retype_field(self, object_name: str, field_name: str, kind: str) -> None:
        """Another Salesforce type for a field, to which its values are converted."""
        self._field_types[object_name, field_name] = kind

    def restore_type(self, object_name: str, field_name: str) -> None:
        """Give a field its own type back."""
        self._field_types.pop((object_name, field_name), None)

    def make_formula(self, object_name: str, field_name: str) -> None:
        """Declare a field a formula; `DemoCompany.change_silently` gives it new values."""
        self._formulas.add((object_name, field_name))

    def hide_object(self, object_name: str) -> None:
        """Take an object away from the client."""
        self._object_names[object_name] = None

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Another API name for an object."""
        self._object_names[object_name] = new_name

    def show_object(self, object_name: str) -> None:
        """Give an object back, under its own name."""
        self._object_names.pop(object_name, None)

    @contextmanager
    def hidden(self, object_name: str, field_name: str) -> Generator[None, None, None]:
        """A field that cannot be read while the context lasts."""
        self.hide_field(object_name, field_name)
        try:
            yield
        finally:
            self.show_field(object_name, field_name)

    def objects(self) -> list[SalesforceObject]:
        """All objects that the client may see."""
        connection = connect(self._path)
        try:
            stored = [stored_object(connection, name) for name in OBJECTS]
        finally:
            connection.close()
        seen = ((known, self._object_names.get(known.name, known.name)) for known in stored)
        return [self._seen(known, name) for known, name in seen if name is not None]

    def object(self, name: str) -> SalesforceObject:
        """The object of that name in any letter case; KeyError where the client sees none."""
        for known in self.objects():
            if known.name.lower() == name.lower():
                return known
        raise KeyError(f"expected an object of the org, got {name!r}")

    def _seen(self, known: SalesforceObject, name: str) -> SalesforceObject:
        keys = [((known.name, field.name), field) for field in known.fields]
        fields = tuple(self._seen_field(key, field) for key, field in keys if key not in self._hidden_fields)
        return replace(known, name=name, stored_as=known.name, fields=fields)

    def _seen_field(self, key: FieldKey, field: SalesforceField) -> SalesforceField:
        kind, source = self._field_types.get(key, field.type), field.source
        if kind != field.type:
            source = f"CAST({field.sql} AS {_SQL_OF_TYPES.get(kind, 'TEXT')})"
        if key in self._field_names:
            source = source or field.sql
        name = self._field_names.get(key, field.name)
        return replace(field, name=name, type=kind, source=source, is_formula=field.is_formula or key in self._formulas)
