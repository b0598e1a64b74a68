"""What every page says of the age of what it shows, and that pages need nothing but the warehouse."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import requests

from salesinsight_assets.adapters.dashboard.rows import Database
from salesinsight_assets.adapters.dashboard.sessions import Sessions
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.domain.access.viewer import LOCAL_ENGINEER_ADDRESS, Identity
from salesinsight_assets_tests.conftest import LAST_DAY
from salesinsight_assets_tests.served_pages import serving
from salesinsight_assets_tests.web.conftest import BREAKFAST, dashboard_on

pytestmark = pytest.mark.slow
PAGES = ("/today", "/pipeline", "/deals", "/reps", "/model", "/reports", "/adoption")
NUMBERS = f"These numbers are of {LAST_DAY:%a} {LAST_DAY.day} {LAST_DAY:%B}"


@contextmanager
def pages_of(store: Warehouse, read_at: datetime) -> Iterator[Callable[[datetime, str], str]]:
    """A function that opens a page at a moment, with Salesforce read at another one."""
    store.execute("UPDATE crm.sync_cursors SET synced_at = $1, source = 'salesforce'", (read_at,))
    with dashboard_on(store) as dashboard:

        def opened(at: datetime, page: str) -> str:
            dashboard.now = at
            return dashboard.browser("leader").get(page).text

        yield opened


@pytest.fixture(scope="module")
def opened(kept_database, night_database) -> Iterator[Callable[[datetime, str], str]]:
    store = Warehouse(kept_database("mornings", night_database))
    with pages_of(store, BREAKFAST - timedelta(hours=4)) as made:
        yield made
    store.close()


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_said_of_what_is_fresh(opened, page) -> None:
    assert 'class="banner' not in opened(BREAKFAST, page)


@pytest.mark.parametrize("page", PAGES)
def test_rows_older_than_a_day_are_said_to_withhold_alerts(opened, page) -> None:
    shown = opened(BREAKFAST + timedelta(hours=21), page)
    assert 'class="banner red" role="status"' in shown
    assert "Alerts are withheld: Salesforce was last read at" in shown
    assert NUMBERS in shown


def test_a_night_that_is_missing_is_said_though_the_rows_are_fresh(new_database, night_database) -> None:
    two_days_on = BREAKFAST + timedelta(days=2)
    with pages_of(new_database(night_database), two_days_on - timedelta(hours=4)) as opened:
        shown = opened(two_days_on, "/deals")
    assert 'class="banner amber" role="status"' in shown
    assert f"{NUMBERS}: no night has been worked out since." in shown


def test_it_starts_and_says_of_which_day_it_is_while_dagster_is_down(new_database, night_database) -> None:
    store = new_database(night_database)
    database = Database(store.url)
    engineer = Identity(LOCAL_ENGINEER_ADDRESS, "Engineer")
    token = Sessions(database).begin(engineer, "local", datetime.now(UTC), 1)
    database.close()
    with serving(store) as (url, server):
        assert not [child.name() for child in server.children(recursive=True) if "dagster" in " ".join(child.cmdline())]
        for page in PAGES:
            answer = requests.get(url + page, cookies={"salesinsight": token}, timeout=60)
            assert answer.status_code == 200
            assert "Alerts are withheld" in answer.text
            assert NUMBERS in answer.text
