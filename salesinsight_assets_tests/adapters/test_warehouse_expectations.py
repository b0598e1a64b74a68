"""Great Expectations run inside PostgreSQL, and every expectation that we ask of it."""

import pytest

from salesinsight_assets.adapters.expectations import SHOWN_ROWS, check_rows
from salesinsight_assets.adapters.warehouse import Warehouse, tables
from salesinsight_assets.domain.expectations import EXPECTATIONS, Expectation

NOT_NULL = Expectation("ExpectColumnValuesToNotBeNull", {"column": "name"})
UNIQUE = Expectation("ExpectColumnValuesToBeUnique", {"column": "id"})
POSITIVE = Expectation("ExpectColumnValuesToBeBetween", {"column": "amount", "min_value": 0}, "warning")
KNOWN = Expectation("ExpectColumnValuesToBeInSet", {"column": "name", "value_set": ["a", "b"]})
SOME = Expectation("ExpectTableRowCountToBeBetween", {"min_value": 3})
ALL = [NOT_NULL, UNIQUE, POSITIVE, KNOWN, SOME]


@pytest.fixture
def query(warehouse: Warehouse) -> str:
    warehouse.execute("CREATE TABLE deals (id text, name text, amount float8)")
    return "SELECT * FROM deals"


def fill(warehouse: Warehouse, *rows: tuple[str, str | None, float]) -> None:
    for row in rows:
        warehouse.execute("INSERT INTO deals VALUES ($1, $2, $3)", row)


def test_good_rows_pass_everything(warehouse: Warehouse, query: str) -> None:
    fill(warehouse, ("1", "a", 0.0), ("2", "b", 5.0), ("3", "a", 5.0))
    assert all(result.success for result in check_rows(warehouse.url, query, "id", ALL))


def test_each_failure_names_its_rows_in_the_order_asked(warehouse: Warehouse, query: str) -> None:
    fill(warehouse, ("1", None, 1.0), ("2", "z", -1.0), ("2", "a", 1.0), ("4", "b", 2.0))
    results = check_rows(warehouse.url, query, "id", ALL)
    assert [result.expectation for result in results] == ALL
    assert [result.success for result in results] == [False, False, False, False, True]
    assert [row["id"] for row in results[0].rows] == ["1"]
    assert {row["id"] for row in results[1].rows} == {"2"}
    assert results[2].rows == [{"id": "2", "amount": -1.0}]
    assert results[2].found == "1 of 4 rows"


def test_an_empty_table_is_too_short_and_otherwise_fine(warehouse: Warehouse, query: str) -> None:
    results = check_rows(warehouse.url, query, "id", ALL)
    assert [result.success for result in results] == [True, True, True, True, False]
    assert results[-1].found == "0"


def test_of_many_failing_rows_some_are_shown(warehouse: Warehouse, query: str) -> None:
    warehouse.execute("INSERT INTO deals SELECT n::text, NULL, n FROM generate_series(1, 50) AS n")
    (result,) = check_rows(warehouse.url, query, "id", [NOT_NULL])
    assert len(result.rows) == SHOWN_ROWS
    assert result.found == "50 of 50 rows"


def test_an_expectation_that_cannot_be_evaluated_is_an_error_not_a_pass(warehouse: Warehouse, query: str) -> None:
    fill(warehouse, ("1", "a", 1.0))
    missing = Expectation("ExpectColumnValuesToNotBeNull", {"column": "no_such_column"})
    with pytest.raises(RuntimeError, match="no_such_column"):
        check_rows(warehouse.url, query, "id", [missing])


@pytest.mark.parametrize("asset", EXPECTATIONS)
def test_every_expectation_of_ours_can_be_evaluated_on_its_table(warehouse: Warehouse, asset: str) -> None:
    table = (
        tables.outbox if asset == "messages" else tables.metadata.tables.get(f"insight.{asset}", tables.CRM.get(asset))
    )
    name = "insight.opportunity_scores" if table is None else table.fullname
    id_column = "opportunity_id" if table is None else list(table.primary_key.columns.keys())[-1]
    results = check_rows(warehouse.url, f"SELECT * FROM {name}", id_column, EXPECTATIONS[asset])
    assert [result.expectation for result in results if not result.success] == [
        e for e in EXPECTATIONS[asset] if e.kind == "ExpectTableRowCountToBeBetween"
    ]


def test_names_are_readable_and_differ_within_a_table() -> None:
    assert NOT_NULL.name == "name is never missing"
    for expectations in EXPECTATIONS.values():
        names = [e.name for e in expectations]
        assert len(names) == len(set(names))
