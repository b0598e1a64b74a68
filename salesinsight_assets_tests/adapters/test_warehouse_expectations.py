"""Great Expectations run inside PostgreSQL, and every expectation that we ask of it."""

import pytest

from salesinsight_assets.adapters.expectations import SHOWN_ROWS, check_rows, validated
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


PAIR = Expectation(
    "ExpectColumnPairValuesAToBeGreaterThanB",
    {"column_A": "amount", "column_B": "least", "or_equal": True, "ignore_row_if": "either_value_is_missing"},
)
FILLED = Expectation("ExpectColumnValuesToNotBeNull", {"column": "amount"}, where={"name": "a"})
ONCE = Expectation("ExpectCompoundColumnsToBeUnique", {"column_list": ["id", "name"]})


def test_pairs_conditions_and_compound_keys_look_at_the_rows_they_are_about(warehouse: Warehouse) -> None:
    rows = "SELECT * FROM (VALUES {}) AS t(id, name, amount, least)"
    good = rows.format("('1', 'a', 2.0, 2.0), ('2', 'b', NULL, 1.0), ('1', 'b', 3.0, NULL)")
    found = validated(warehouse.url, good, "id", [PAIR, FILLED, ONCE], "rows")
    assert [result.success for result in found.results] == [True] * 3
    bad = rows.format("('1', 'a', NULL, 2.0), ('2', 'b', 1.0, 2.0), ('2', 'b', 3.0, NULL)")
    found = validated(warehouse.url, bad, "id", [PAIR, FILLED, ONCE], "rows")
    assert [result.unexpected for result in found.results] == [1, 1, 2]
    assert found.row_count == 3
    assert found.results[1].rows[0]["id"] == "1"


def test_each_result_has_a_number_to_follow(warehouse: Warehouse, query: str) -> None:
    fill(warehouse, ("1", "a", 0.0), ("2", None, 5.0))
    found = validated(warehouse.url, query, "id", [NOT_NULL, SOME], "rows")
    assert [(result.unexpected, result.observed) for result in found.results] == [(1, None), (None, 2.0)]
    assert found.row_count == 2


def test_an_expectation_that_cannot_be_evaluated_is_an_error_not_a_pass(warehouse: Warehouse, query: str) -> None:
    fill(warehouse, ("1", "a", 1.0))
    missing = Expectation("ExpectColumnValuesToNotBeNull", {"column": "no_such_column"})
    with pytest.raises(RuntimeError, match="no_such_column"):
        check_rows(warehouse.url, query, "id", [missing])


@pytest.mark.parametrize("asset", EXPECTATIONS)
def test_every_expectation_of_ours_can_be_evaluated_on_its_table(warehouse: Warehouse, asset: str) -> None:
    full_names = {
        "messages": "engagement.outbox",
        "deliveries": "engagement.outbox",
        "win_probability_model": "insight.models",
    }
    full_names |= dict.fromkeys(
        ("pipeline_health", "rep_performance", "model_check", "business_review"), "insight.reports"
    )
    named = full_names.get(asset, f"insight.{asset}")
    table = tables.metadata.tables.get(named, tables.CRM.get(asset))
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
