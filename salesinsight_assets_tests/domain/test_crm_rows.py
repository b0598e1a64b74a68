"""Rows say the same whether they came as REST JSON, as a Bulk CSV or as a DataFrame."""

import io
from datetime import UTC, date, datetime

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from salesinsight_assets.domain.crm.rows import arrow_schema, long_id, typed_rows, typed_table
from salesinsight_assets.domain.crm.tables import ACCOUNTS, CRM_TABLES, OPPORTUNITIES, OPPORTUNITY_FIELD_HISTORY

ID = "006D000000abCdEIAU"
JSON_ROWS = [
    {
        "attributes": {"type": "Opportunity"},
        "Id": ID,
        "Name": 'Acme "Big", Ltd\r\n第二',
        "Amount": 1.25e7,
        "Probability": 40,
        "CloseDate": "2025-03-31",
        "IsClosed": False,
        "SystemModstamp": "2025-01-02T03:04:05.678+0000",
        "NextStep": None,
    },
    {"Id": "006D000000abCdeIAE", "Name": "Plain", "Amount": None, "IsClosed": True, "CloseDate": None},
]
BULK_CSV = (
    '"Id","Name","Amount","Probability","CloseDate","IsClosed","SystemModstamp","NextStep"\n'
    f'"{ID}","Acme ""Big"", Ltd\r\n第二","1.25E7","40.0","2025-03-31","false","2025-01-02T03:04:05.678Z",""\n'
    '"006D000000abCdeIAE","Plain","","","","true","",""\n'
).encode()
FIELDS = ("Id", "Name", "Amount", "Probability", "CloseDate", "IsClosed", "SystemModstamp", "NextStep")
COLUMNS = [column for column in OPPORTUNITIES.columns if column.field in FIELDS]


def bulk_texts() -> pa.Table:
    options = pa_csv.ConvertOptions(column_types={field: pa.string() for field in FIELDS})
    parse = pa_csv.ParseOptions(newlines_in_values=True)
    return pa_csv.read_csv(io.BytesIO(BULK_CSV), parse_options=parse, convert_options=options)


def one_value(field: str, value: object, table=OPPORTUNITIES):
    return typed_table(table, [{field: value}], [next(c for c in table.columns if c.field == field)])[0][0].as_py()


@pytest.mark.salesforce(7)
def test_rest_and_bulk_give_the_same_table_value_by_value():
    from_rest = typed_table(OPPORTUNITIES, JSON_ROWS, COLUMNS)
    assert from_rest.equals(typed_table(OPPORTUNITIES, bulk_texts(), COLUMNS))
    assert from_rest.to_pylist()[0] == {
        "id": ID,
        "name": 'Acme "Big", Ltd\r\n第二',
        "amount": 12_500_000.0,
        "probability": 40.0,
        "close_date": date(2025, 3, 31),
        "is_closed": False,
        "system_modstamp": datetime(2025, 1, 2, 3, 4, 5, 678000, UTC),
        "next_step": None,
    }


def test_a_data_frame_gives_the_same_table_as_json():
    frame = pd.DataFrame(JSON_ROWS)
    assert typed_table(OPPORTUNITIES, frame, COLUMNS).equals(typed_table(OPPORTUNITIES, JSON_ROWS, COLUMNS))


@pytest.mark.parametrize("table", CRM_TABLES, ids=lambda table: table.name)
def test_fields_that_nobody_sent_become_columns_of_nulls(table):
    rows = typed_table(table, [{"Id": ID}, {"Id": ID}])
    assert rows.schema == arrow_schema(table)
    assert all(rows[name].null_count == 2 for name in table.column_names if name != "id")


def test_no_rows_still_have_every_column_with_its_type():
    assert typed_table(ACCOUNTS, []).schema == arrow_schema(ACCOUNTS)
    assert typed_table(ACCOUNTS, bulk_texts().slice(0, 0)).schema == arrow_schema(ACCOUNTS)


def test_the_frame_has_the_stated_types():
    frame = typed_rows(ACCOUNTS, [{"Id": "001", "NumberOfEmployees": 7, "CreatedDate": "2025-01-01T00:00:00.000Z"}])
    assert str(frame["number_of_employees"].dtype) == "Int64"
    assert str(frame["is_deleted"].dtype) == "boolean"
    assert str(frame["annual_revenue"].dtype) == "float64"
    assert str(frame["created_date"].dtype) == "datetime64[us, UTC]"
    assert typed_rows(OPPORTUNITIES, JSON_ROWS, COLUMNS)["close_date"][0] == date(2025, 3, 31)


@pytest.mark.salesforce(30)
def test_nul_is_taken_out_of_text_because_postgresql_refuses_it():
    assert one_value("Name", "A\x00B") == "AB"


def test_an_empty_text_is_null_but_the_word_null_is_a_text():
    assert one_value("Name", "") is None
    assert [one_value("Name", word) for word in ("NULL", "nan", "N/A")] == ["NULL", "nan", "N/A"]


@pytest.mark.salesforce(33)
def test_fifteen_character_ids_become_eighteen_and_others_stay():
    assert one_value("OwnerId", "006D000000abCdE") == ID
    assert one_value("OwnerId", ID) == ID
    assert one_value("Name", "fifteen letters") == "fifteen letters"
    assert long_id("006D000000abCde") != long_id("006D000000abCdE")


def test_history_values_of_any_type_are_text_as_bulk_writes_them():
    values = [125000.0, "Proposal", True, 3]
    texts = [one_value("NewValue", value, OPPORTUNITY_FIELD_HISTORY) for value in values]
    assert texts == ["125000.0", "Proposal", "true", "3"]


def test_an_offset_other_than_utc_is_brought_to_utc():
    assert one_value("CreatedDate", "2025-01-01T01:30:00.000+0200") == datetime(2024, 12, 31, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "value", "table"),
    [
        ("Amount", "12,5", OPPORTUNITIES),
        ("CloseDate", "2025-02-30", OPPORTUNITIES),
        ("IsClosed", "maybe", OPPORTUNITIES),
        ("CreatedDate", "2025-01-01T00:00:00", OPPORTUNITIES),
        ("NumberOfEmployees", "1.5", ACCOUNTS),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_field_and_value(field, value, table):
    with pytest.raises(ValueError, match=rf"{table.salesforce_object}\.{field}: expected .*{value}.*; correct"):
        one_value(field, value, table)
