"""Salesforce values as typed rows: the same table from REST JSON, a Bulk CSV and a CSV file, value by value.

Every value is brought to its text form first and read from there by the column's type, so the way a row travelled
cannot change what it says. What belongs elsewhere: which fields there are (tables), how rows are fetched (adapters).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute

from salesinsight_assets.domain.crm.tables import Column, ColumnType, CrmTable

pc: Any = pyarrow.compute  # its functions come about at run time, unseen by type checkers

Records = pa.Table | pd.DataFrame | Sequence[Mapping[str, Any]]

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
}
_EXPECTED: dict[ColumnType, str] = {
    "text": "text",
    "number": "a number such as 125000.0",
    "integer": "a whole number such as 42",
    "boolean": "true or false",
    "date": "a date such as 2025-03-31",
    "timestamp": "a time with its zone such as 2025-03-31T02:00:00.000Z",
}
_ID_SUFFIX_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def arrow_schema(table: CrmTable, columns: Sequence[Column] | None = None) -> pa.Schema:
    """The Arrow schema of `columns` (default: all) of `table`, under our column names."""
    return pa.schema([(column.name, ARROW_TYPES[column.type]) for column in columns or table.columns])


def typed_table(table: CrmTable, records: Records, columns: Sequence[Column] | None = None) -> pa.Table:
    """`records`, keyed by Salesforce field, as an Arrow table of exactly `arrow_schema(table, columns)`.

    A field that no record has becomes a column of nulls; an empty text is null, as it is in Salesforce; NUL, which
    PostgreSQL refuses, is taken out of text; 15-character Ids become 18 characters.

    Raises:
        ValueError: a value that its column's type cannot hold, by table, field and value.
    """
    chosen = columns or table.columns
    texts = _texts(records, [column.field for column in chosen])
    arrays = [_typed(table, column, texts[column.field]) for column in chosen]
    return pa.Table.from_arrays(arrays, schema=arrow_schema(table, chosen))


def typed_rows(table: CrmTable, records: Records, columns: Sequence[Column] | None = None) -> pd.DataFrame:
    """`typed_table` as a DataFrame.

    Text is str, number float64, integer Int64, boolean boolean, timestamp datetime64[us, UTC]; a date is a `datetime.date` object, which goes into an Arrow date32 without loss.
    """
    mapping: dict[pa.DataType, Any] = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    return typed_table(table, records, columns).to_pandas(date_as_object=True, types_mapper=mapping.get)


def _texts(records: Records, fields: Sequence[str]) -> dict[str, pa.Array]:
    """The text form of each field's values, null where the field is absent."""
    if isinstance(records, pa.Table):
        present = _present_texts(records, fields)
    elif isinstance(records, pd.DataFrame):
        present = {field: _text_array(_objects(records[field])) for field in fields if field in records.columns}
    else:
        present = {field: _text_array(record.get(field) for record in records) for field in fields}
    return {field: present.get(field, pa.nulls(len(records), pa.string())) for field in fields}


def _present_texts(records: pa.Table, fields: Sequence[str]) -> dict[str, pa.Array]:
    whole = records.combine_chunks()
    return {field: pc.cast(whole[field], pa.string()) for field in fields if field in whole.column_names}


def _objects(values: "pd.Series[Any]") -> list[Any]:
    return values.astype(object).where(values.notna(), None).tolist()


def _text_array(values: Iterable[Any]) -> pa.Array:
    return pa.array([value if value is None or type(value) is str else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    """How a Bulk CSV writes what JSON holds as a number or a boolean: any-type fields of history objects hold both."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _typed(table: CrmTable, column: Column, texts: pa.Array) -> pa.Array:
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    try:
        if column.type == "text":
            cleaned = pc.replace_substring(texts, "\x00", "")
            return _long_ids(cleaned) if _holds_ids(column) else cleaned
        return cast_texts(column.type, texts)
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"{table.salesforce_object}.{column.field}: expected {_EXPECTED[column.type]}, got {error}; "
            f"correct the value, or map {table.name}.{column.name} to a field of that type in salesinsight.toml"
        ) from error


def cast_texts(kind: ColumnType, texts: pa.Array) -> pa.Array:
    """Texts as values of a type other than text. Raises pa.ArrowInvalid for one that the type cannot hold."""
    if kind == "integer":  # Bulk writes 1200 as 1200.0 or 1.2E3; a fraction is still refused by the cast
        return texts.cast(pa.float64()).cast(pa.int64())
    return texts.cast(ARROW_TYPES[kind])


def _holds_ids(column: Column) -> bool:
    return column.field.endswith("Id")


def _long_ids(ids: pa.Array) -> pa.Array:
    """Ids with 18 characters. Salesforce sends these itself; its reports and exports give 15."""
    if not pc.any(pc.equal(pc.utf8_length(ids), 15)).as_py():
        return ids
    encoded = ids.dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        encoded.indices, pa.array([long_id(text) for text in encoded.dictionary.to_pylist()], pa.string())
    ).cast(pa.string())


def long_id(record_id: str) -> str:
    """The 18-character form of a 15-character Id: three letters say which of its characters are capitals.

    What a CSV file calls an Id may be any text; only letters and digits can be one of Salesforce's.

    >>> long_id("006D000000abCdE"), long_id("1C1I7A6R opened")
    ('006D000000abCdEIAU', '1C1I7A6R opened')
    """
    if len(record_id) != 15 or not (record_id.isascii() and record_id.isalnum()):
        return record_id
    bits = [
        sum(1 << place for place, char in enumerate(record_id[at : at + 5]) if "A" <= char <= "Z") for at in (0, 5, 10)
    ]
    return record_id + "".join(_ID_SUFFIX_ALPHABET[number] for number in bits)
