"""The expectations are plain data that Great Expectations understands."""

import ast
import importlib.util
from functools import cache
from pathlib import Path

import pytest

from salesinsight_assets.domain.alerts.policy import AlertPolicy
from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.domain.expectations import (
    EXPECTATIONS,
    Expectation,
    most_alerts_of_one_rep,
    tables_that_stop_a_night,
)
from salesinsight_assets.domain.features import FEATURE_NAMES

INHERITED = {"column", "column_A", "column_B", "column_list", "ignore_row_if"}
"""Arguments that the classes take from those above them."""
ALL = [(table, expectation) for table, expectations in EXPECTATIONS.items() for expectation in expectations]


@cache
def known_kinds() -> dict[str, set[str]]:
    """The expectations that the installed package has and their arguments, from its source: importing it takes seconds."""
    spec = importlib.util.find_spec("great_expectations")
    assert spec
    assert spec.origin
    folder = Path(spec.origin).parent / "expectations" / "core"
    classes = [
        node
        for path in folder.glob("expect_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    ]
    return {
        node.name: {n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
        for node in classes
    }


@pytest.mark.parametrize(("table", "expectation"), ALL, ids=lambda value: getattr(value, "name", value))
def test_an_expectation_is_one_of_great_expectations_with_its_arguments(table, expectation):
    assert expectation.kind in known_kinds(), f"of {table}"
    assert set(expectation.arguments) <= known_kinds()[expectation.kind] | INHERITED


def test_every_crm_table_is_expected_to_have_ids_and_what_every_row_holds():
    for table in CRM_TABLES:
        expected = {(e.kind, e.arguments.get("column")) for e in EXPECTATIONS[table.name]}
        assert ("ExpectColumnValuesToBeUnique", "id") in expected
        for column in table.columns:
            if not column.is_nullable:
                assert ("ExpectColumnValuesToNotBeNull", column.name) in expected


def test_crm_expectations_name_columns_that_there_are():
    for table in CRM_TABLES:
        named = {e.arguments["column"] for e in EXPECTATIONS[table.name] if "column" in e.arguments}
        assert named <= set(table.column_names)


def test_feature_expectations_name_features_that_there_are():
    named = {e.arguments["column"] for e in EXPECTATIONS["opportunity_features"]}
    assert named <= {*FEATURE_NAMES, "opportunity_id"}


def test_an_expectation_has_a_name_for_people():
    between = Expectation("ExpectColumnValuesToBeBetween", {"column": "amount", "min_value": 0})
    assert between.name == "amount is at least 0"
    assert Expectation("ExpectTableRowCountToBeBetween", {"min_value": 1}).name == "the table has at least 1 rows"
    assert len({(table, e.name) for table, e in ALL}) == len(ALL)


@pytest.mark.parametrize(
    ("owners", "most", "is_allowed"), [([], 0, True), (["a", "b", "a", "a"], 3, True), (["a"] * 4, 4, False)]
)
def test_the_most_alerts_of_one_rep_are_within_the_limit(owners, most, is_allowed):
    assert most_alerts_of_one_rep(owners, AlertPolicy()) == (most, is_allowed)


def test_a_task_on_a_lead_is_not_about_an_opportunity():
    for name in ("tasks", "events"):
        assert Expectation("ExpectColumnValuesToNotBeNull", {"column": "what_id"}) not in EXPECTATIONS[name]


def test_a_night_lacks_the_tables_that_have_fewer_rows_than_it_asks_for():
    needed = {"opportunities": 1, "opportunity_history": 1, "opportunity_stages": 2, "users": 1}
    assert tables_that_stop_a_night({}) == list(needed)
    assert tables_that_stop_a_night(needed) == []
    assert tables_that_stop_a_night({**needed, "opportunity_stages": 1}) == ["opportunity_stages"]
