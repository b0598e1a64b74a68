"""SOQL as text: what is understood, what is refused. What it selects is in `test_demo_salesforce`."""

from datetime import UTC, date, datetime

import pytest

from salesinsight_assets.demo.server.soql import Comparison, Junction, Literal, MalformedQueryError, Not, parse


def test_a_query_is_read_with_all_its_clauses() -> None:
    query = parse(
        "select Id, Name from Opportunity where Amount >= 1000 order by Name desc nulls last, Id limit 5 offset 2"
    )
    assert (query.fields, query.object_name) == (("Id", "Name"), "Opportunity")
    assert query.where == Comparison("Amount", ">=", (Literal("number", 1000.0),))
    assert [(term.field, term.is_descending, term.nulls_last) for term in query.order] == [
        ("Name", True, True),
        ("Id", False, False),
    ]
    assert (query.limit, query.offset) == (5, 2)


def test_and_binds_closer_than_or_and_not_closest() -> None:
    where = parse("SELECT Id FROM Task WHERE A = 1 OR NOT B = 2 AND C = 3").where
    assert isinstance(where, Junction)
    assert where.word == "or"
    inner = where.conditions[1]
    assert isinstance(inner, Junction)
    assert inner.word == "and"
    assert isinstance(inner.conditions[0], Not)


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        (r"'O\'Neill \\ \"Co\"'", Literal("text", 'O\'Neill \\ "Co"')),
        (r"'line\nbreak'", Literal("text", "line\nbreak")),
        ("'İstanbul 東京'", Literal("text", "İstanbul 東京")),
        ("-12.5", Literal("number", -12.5)),
        ("TRUE", Literal("boolean", True)),
        ("null", Literal("null", None)),
        ("2024-03-01", Literal("date", date(2024, 3, 1))),
        ("2024-03-01T12:34:56Z", Literal("datetime", datetime(2024, 3, 1, 12, 34, 56, tzinfo=UTC))),
        ("2024-03-01T12:34:56.789+0000", Literal("datetime", datetime(2024, 3, 1, 12, 34, 56, 789000, tzinfo=UTC))),
        ("2024-03-01T14:34:56+02:00", Literal("datetime", datetime(2024, 3, 1, 12, 34, 56, tzinfo=UTC))),
    ],
)
def test_values_are_read_as_what_they_are(text: str, literal: Literal) -> None:
    where = parse(f"SELECT Id FROM Task WHERE A = {text}").where
    assert where == Comparison("A", "=", (literal,))


def test_count_needs_no_field() -> None:
    assert parse("SELECT COUNT() FROM Task").is_count


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("SELECT Id FRM Task", "FRM"),
        ("SELECT FROM Task", "Task"),
        ("SELECT Id, FROM Task", "Task"),
        ("SELECT Id FROM Task WHERE", "<EOF>"),
        ("SELECT Id FROM Task WHERE A == 1", "="),
        ("SELECT Id FROM Task WHERE A = 2024-13-45", "2024-13-45"),
        ("SELECT Id FROM Task WHERE A = 'open", "'open"),
        ("SELECT Id FROM Task LIMIT many", "many"),
        ("SELECT Id FROM Task; DROP TABLE Task", ";"),
        ("", "<EOF>"),
    ],
)
def test_a_malformed_query_is_refused_with_the_token(text: str, token: str) -> None:
    with pytest.raises(MalformedQueryError) as refusal:
        parse(text)
    assert str(refusal.value) == f"unexpected token: '{token}'"
