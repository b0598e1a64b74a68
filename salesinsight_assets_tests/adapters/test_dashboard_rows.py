"""The connections that pages are read by: one that the server has closed is noticed when it is used."""

from collections.abc import Iterator

import pytest
from sqlalchemy.exc import ProgrammingError

from salesinsight_assets.adapters.dashboard.rows import Database

pytestmark = pytest.mark.slow


@pytest.fixture
def database(warehouse) -> Iterator[Database]:
    made = Database(warehouse.url)
    yield made
    made.close()


def close_all_but_ours(warehouse) -> None:
    """As a server that is started anew does."""
    warehouse.read(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def test_a_page_is_read_and_a_change_made_also_after_the_server_was_started_anew(warehouse, database) -> None:
    assert database.row("SELECT 1 AS one") == {"one": 1}
    close_all_but_ours(warehouse)
    assert database.row("SELECT 1 AS one") == {"one": 1}
    close_all_but_ours(warehouse)
    database.write("INSERT INTO engagement.visits (day, email) VALUES ('2026-01-01', 'a@example.com')")
    assert database.rows("SELECT email FROM engagement.visits") == [{"email": "a@example.com"}]


def test_a_statement_that_cannot_be_done_is_not_tried_again(database) -> None:
    database.write("CREATE SEQUENCE insight.tries")
    with pytest.raises(ProgrammingError):
        database.row("SELECT nextval('insight.tries'), nothing FROM insight.tries")
    with pytest.raises(Exception, match="division by zero"):
        database.row("SELECT 1 / (nextval('insight.tries')::int - nextval('insight.tries')::int + 1)")
    assert database.row("SELECT last_value FROM insight.tries") == {"last_value": 2}
