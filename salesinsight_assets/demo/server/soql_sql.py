"""From a SOQL query to SQLite: checks names and types as Salesforce does, and binds all values."""

from dataclasses import dataclass
from typing import Any

from salesinsight_assets.demo.ids import full_id
from salesinsight_assets.demo.objects import OBJECTS, SalesforceField, SalesforceObject
from salesinsight_assets.demo.server.answers import SalesforceError
from salesinsight_assets.demo.server.metadata import Metadata
from salesinsight_assets.demo.server.soql import (
    Comparison,
    Condition,
    Junction,
    MalformedQueryError,
    Not,
    Ordering,
    Query,
    parse,
)
from salesinsight_assets.demo.storage import stamp_text

_NUMBERS = frozenset({"currency", "percent", "double", "int"})
_ID_TYPES = frozenset({"id", "reference"})
_ORDERED_OPERATORS = frozenset({"<", "<=", ">", ">="})
_UNFILTERABLE_TYPES = frozenset({"textarea", "anyType", "address", "location"})


@dataclass(frozen=True)
class Selection:
    """A checked query: `rowids_sql` finds the rows in their order, `fields` is what is read of them.

    `is_ordered`: the query itself says in which order; otherwise the rows are found in any and put in the file's own.
    """

    object: SalesforceObject
    fields: tuple[SalesforceField, ...]
    is_count: bool
    is_ordered: bool
    rowids_sql: str
    parameters: tuple[Any, ...]

    @property
    def count_sql(self) -> str:
        """Counts the rows."""
        return f"SELECT count(*) FROM ({self.rowids_sql})"

    def rows_sql(self, columns: str) -> str:
        """Reads those columns of the rows whose numbers stand in a list in JSON, in the list's order."""
        # json_each has columns of its own, such as id and type.
        wanted = "(SELECT value AS wanted_row FROM json_each(?))"
        return f'SELECT {columns} FROM {wanted} CROSS JOIN "{self.object.table}" AS found ON found.rowid = wanted_row'


def selection(soql: str, metadata: Metadata, with_deleted: bool) -> Selection:
    """What a query selects.

    Raises:
        SalesforceError: MALFORMED_QUERY, INVALID_TYPE or INVALID_FIELD.
    """
    try:
        query = parse(soql)
    except MalformedQueryError as error:
        raise SalesforceError("MALFORMED_QUERY", str(error)) from error
    return _Translation(query, _object(metadata, query.object_name)).selection(with_deleted)


def _object(metadata: Metadata, name: str) -> SalesforceObject:
    try:
        return metadata.object(name)
    except KeyError as error:
        message = f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to "
        raise SalesforceError("INVALID_TYPE", message + "append the '__c' after the entity name.") from error


class _Translation:
    """One query on its way to SQL; collects the bound values."""

    def __init__(self, query: Query, known: SalesforceObject) -> None:
        self._query = query
        self._object = known
        self._visible = {field.name.lower(): field for field in known.fields}
        self._parameters: list[Any] = []

    def selection(self, with_deleted: bool) -> Selection:
        query = self._query
        fields = tuple(map(self._field, query.fields))
        self._refuse_duplicates(fields)
        conditions = [self._condition(query.where)] if query.where else []
        if not with_deleted:
            conditions += [f"{name} = 0" for name in ("IsDeleted", "IsArchived") if self._stores(name)]
        sql = f'SELECT rowid FROM "{self._object.table}"'
        sql += f" WHERE {' AND '.join(conditions)}" if conditions else ""
        is_cut = query.limit is not None or query.offset > 0
        if query.order or is_cut:
            sql += f" ORDER BY {', '.join([*map(self._ordering, query.order), 'rowid'])}"
        if is_cut:
            sql += f" LIMIT {-1 if query.limit is None else query.limit} OFFSET {query.offset}"
        return Selection(self._object, fields, query.is_count, bool(query.order), sql, tuple(self._parameters))

    def _stores(self, name: str) -> bool:
        """Whether the records have that field, be it hidden from the client or not."""
        return OBJECTS[self._object.table].has(name)

    def _field(self, name: str) -> SalesforceField:
        field = self._visible.get(name.lower())
        if field is not None:
            return field
        if "." in name:
            relationship = name.split(".", maxsplit=1)[0]
            raise SalesforceError("INVALID_FIELD", f"Didn't understand relationship '{relationship}' in field path.")
        raise SalesforceError(
            "INVALID_FIELD",
            f"No such column '{name}' on entity '{self._object.name}'. If you are attempting to use a custom field, be "
            "sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for "
            "the appropriate names.",
        )

    def _refuse_duplicates(self, fields: tuple[SalesforceField, ...]) -> None:
        names = [field.name for field in fields]
        for name in names:
            if names.count(name) > 1:
                raise SalesforceError("INVALID_FIELD", f"duplicate field selected: {name}")

    def _ordering(self, ordering: Ordering) -> str:
        direction = "DESC" if ordering.is_descending else "ASC"
        return f"{self._field(ordering.field).sql} {direction} NULLS {'LAST' if ordering.nulls_last else 'FIRST'}"

    def _condition(self, condition: Condition) -> str:
        match condition:
            case Junction():
                return "(" + f" {condition.word} ".join(map(self._condition, condition.conditions)) + ")"
            case Not():
                # What is unknown, because of a null, counts as false before it is turned round.
                return f"NOT coalesce({self._condition(condition.condition)}, 0)"
            case Comparison():
                return self._comparison(condition)

    def _comparison(self, comparison: Comparison) -> str:
        field, operator = self._field(comparison.field), comparison.operator
        if field.type in _UNFILTERABLE_TYPES:
            raise SalesforceError("INVALID_FIELD", f"field '{field.name}' can not be filtered in a query call")
        if operator in _ORDERED_OPERATORS and field.type in ("boolean", *_ID_TYPES - {"id"}):
            raise SalesforceError("INVALID_FIELD", f"invalid operator on {field.type} field: {field.name}")
        self._parameters.extend(self._bound(field, literal.kind, literal.value) for literal in comparison.values)
        # Text is compared without regard to letter case, as in Salesforce; Ids are not.
        column = field.sql + (" COLLATE NOCASE" if self._is_text(field) else "")
        marks = ", ".join("?" * len(comparison.values))
        # A null is unequal to every value and in no list.
        sql = {"=": f"{column} IS ?", "!=": f"{column} IS NOT ?", "in": f"{column} IN ({marks})"}.get(operator)
        if operator == "not in":
            sql = f"NOT coalesce({column} IN ({marks}), 0)"
        return sql or f"{column} {operator} ?"

    def _is_text(self, field: SalesforceField) -> bool:
        return field.type not in _NUMBERS | _ID_TYPES | {"boolean", "date", "datetime"}

    def _bound(self, field: SalesforceField, kind: str, value: Any) -> Any:
        expected = self._literal_kind(field)
        if kind not in (expected, "null"):
            quotes = "should be enclosed in quotes" if expected == "text" else "should not be enclosed in quotes"
            raise SalesforceError(
                "INVALID_FIELD",
                f"value of filter criterion for field '{field.name}' must be of type {field.type} and {quotes}",
            )
        if kind == "datetime":
            return stamp_text(value)
        if kind == "date":
            return value.isoformat()
        return full_id(value) if field.type in _ID_TYPES and kind == "text" and len(value) == 15 else value

    def _literal_kind(self, field: SalesforceField) -> str:
        if field.type in _NUMBERS:
            return "number"
        return field.type if field.type in ("boolean", "date", "datetime") else "text"
