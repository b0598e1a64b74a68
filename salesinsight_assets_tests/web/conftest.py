"""The dashboard on a real server, over the night of the small company; people sign in as on their own machine."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import requests

from salesinsight_assets.adapters.dashboard.api_tokens import ApiTokens
from salesinsight_assets.adapters.dashboard.rows import Database
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.domain.access.viewer import LOCAL_ENGINEER_ADDRESS, Role
from salesinsight_assets.domain.derived_tables import OPEN_OPPORTUNITIES
from salesinsight_assets.domain.history.grid import Grid, end_of_day
from salesinsight_assets.domain.history.snapshots import opportunity_history, snapshots
from salesinsight_assets.policies import Policies, load_policies
from salesinsight_assets.settings import load_settings
from salesinsight_assets.web.app import create_app
from salesinsight_assets_tests.conftest import LAST_DAY, MORNING_AFTER
from salesinsight_assets_tests.served_pages import served

WEEK_BEFORE = LAST_DAY - timedelta(days=7)
BREAKFAST = MORNING_AFTER + timedelta(hours=6)
FROM_HERE = {"Sec-Fetch-Site": "same-origin"}
"""What a browser says of a form on one of our pages."""


@dataclass
class Dashboard:
    """A dashboard that answers at `url`; `now` is what its clock says. `people` are e-mail addresses by role: the rep is the manager's."""

    url: str
    warehouse: Warehouse
    people: dict[Role, str]
    now: datetime = BREAKFAST

    def browser(self, role: Role) -> requests.Session:
        """A browser in which somebody of that role is signed in."""
        return self.browser_of(self.people[role])

    def browser_of(self, email: str) -> requests.Session:
        """A browser in which the owner of an address is signed in."""
        made = Browser(self.url)
        answer = made.post("/sign-in/here", data={"email": email}, allow_redirects=False)
        assert answer.status_code == 303, answer.text
        return made

    def program(self, role: Role, *scopes: str) -> requests.Session:
        """A program that calls the API with a token of somebody of that role, for scores unless `scopes` say otherwise."""
        database = Database(self.warehouse.url)
        token, _ = ApiTokens(database).create("of a test", self.people[role], scopes or ["scores:read"], self.now, 30)
        database.close()
        made = Browser(self.url)
        made.headers["Authorization"] = f"Bearer {token}"
        return made

    def stranger(self) -> requests.Session:
        """A browser in which nobody is signed in."""
        return Browser(self.url)

    def user_id(self, role: Role) -> str:
        """The Salesforce Id of the person of a role."""
        rows = self.warehouse.read(
            "SELECT id FROM crm.users WHERE valid_to IS NULL AND email = $1", (self.people[role],)
        )
        return str(rows["id"][0])

    def owner_of_another_team(self) -> str:
        """The Salesforce Id of a rep with open deals whom the manager does not see."""
        rows = self.warehouse.read(
            "SELECT DISTINCT s.owner_id FROM insight.opportunity_scores AS s JOIN crm.users AS u ON u.id = s.owner_id"
            " AND u.valid_to IS NULL WHERE s.as_of_date = $1::text::date AND u.manager_id <> $2 ORDER BY 1",
            (LAST_DAY.isoformat(), self.user_id("manager")),
        )
        return str(rows["owner_id"][0])

    def deals_of(self, owner_id: str) -> list[str]:
        """The open deals of an owner."""
        rows = self.warehouse.read(
            "SELECT opportunity_id FROM insight.opportunity_scores WHERE as_of_date = $1::text::date AND owner_id = $2 ORDER BY 1",
            (LAST_DAY.isoformat(), owner_id),
        )
        return rows["opportunity_id"].tolist()


class Browser(requests.Session):
    """A session on one server, by paths; it says where its forms are from, as browsers do."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.headers.update(FROM_HERE)
        self._url = url

    def request(self, method, url, *arguments, **named):
        named.setdefault("timeout", 30)
        return super().request(method, f"{self._url}{url}" if url.startswith("/") else url, *arguments, **named)


@contextmanager
def dashboard_on(
    warehouse: Warehouse, toml: dict | None = None, *, keeps_answers: bool = False, **settings: str
) -> Iterator[Dashboard]:
    """A dashboard of a warehouse, with entries of salesinsight.toml and environment variables."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        env = {"SALESINSIGHT_BASE_URL": url, "SALESINSIGHT_SECRET_KEY": "k" * 32, **settings}
        made = Dashboard(url, warehouse, _people(warehouse))
        policies = load_policies(toml) if toml else Policies()
        app = create_app(
            warehouse,
            load_settings(env),
            policies,
            lambda: made.now,
            signs_in_locally=True,
            keeps_answers=keeps_answers,
        )
        with served(app, listening):
            yield made


def _people(warehouse: Warehouse) -> dict[Role, str]:
    """The manager with the most open deals below, that manager's rep with the most, the head of sales, and the engineer."""
    rows = warehouse.read(
        "SELECT u.email AS rep, m.email AS manager, h.email AS leader FROM insight.opportunity_scores AS s"
        " JOIN crm.users AS u ON u.id = s.owner_id AND u.valid_to IS NULL AND u.is_active"
        " JOIN crm.users AS m ON m.id = u.manager_id AND m.valid_to IS NULL JOIN crm.users AS h ON h.id = m.manager_id"
        " AND h.valid_to IS NULL WHERE s.as_of_date = $1::text::date GROUP BY 1, 2, 3 ORDER BY count(*) DESC, 1",
        (LAST_DAY.isoformat(),),
    )
    engineer: dict[Role, str] = {"engineer": LOCAL_ENGINEER_ADDRESS}
    return engineer if rows.empty else {**rows.iloc[0].to_dict(), **engineer}


@pytest.fixture
def dashboard(new_database, night_database) -> Iterator[Dashboard]:
    """The dashboard of the small company, in two teams, on the morning after its last night."""
    warehouse = new_database(night_database)
    split_the_team(warehouse)
    with dashboard_on(warehouse) as made:
        yield made


def split_the_team(warehouse: Warehouse) -> None:
    """The small company has one team: the two reps with the fewest open deals get another manager, one who was a rep."""
    warehouse.execute(
        "WITH reps AS (SELECT u.id, u.manager_id, count(s.opportunity_id) AS n FROM crm.users AS u"
        " LEFT JOIN insight.opportunity_scores AS s ON s.owner_id = u.id AND s.as_of_date = $1::text::date"
        " WHERE u.valid_to IS NULL AND u.title = 'Account Executive' GROUP BY 1, 2),"
        " lead AS (SELECT r.id, m.manager_id AS head FROM reps AS r JOIN crm.users AS m ON m.id = r.manager_id AND m.valid_to IS NULL"
        " WHERE r.n = 0 ORDER BY r.id LIMIT 1),"
        " moved AS (SELECT id FROM reps WHERE n > 0 ORDER BY n, id LIMIT 2)"
        " UPDATE crm.users AS u SET user_role_id = NULL, is_active = true,"
        " manager_id = CASE WHEN u.id = lead.id THEN lead.head ELSE lead.id END"
        " FROM lead WHERE u.valid_to IS NULL AND (u.id = lead.id OR u.id IN (SELECT id FROM moved))",
        (LAST_DAY.isoformat(),),
    )


@pytest.fixture(scope="session")
def shown_dashboard(kept_database, night_database) -> Iterator[Dashboard]:
    """The same for tests that only look: with the open deals of the week before, two of which had other owners then.

    Of the rep's deals one was another team's then, and one of that team's was the rep's.
    """
    warehouse = Warehouse(kept_database("looked_at", night_database))
    split_the_team(warehouse)
    with dashboard_on(warehouse) as made:
        _store_week_before(made)
        yield made
    warehouse.close()


def _store_week_before(dashboard: Dashboard) -> None:
    as_of = end_of_day(WEEK_BEFORE, UTC)
    found = snapshots(opportunity_history(dashboard.warehouse.crm_rows(as_of, as_of)), Grid([as_of]))
    frame = found.frame.drop(columns="as_of").set_index("opportunity_id", drop=False)
    rep, foreign = dashboard.user_id("rep"), dashboard.owner_of_another_team()
    taken, handed = (
        next(deal for deal in dashboard.deals_of(owner) if deal in frame.index) for owner in (rep, foreign)
    )
    frame.loc[taken, "owner_id"], frame.loc[handed, "owner_id"] = foreign, rep
    dashboard.warehouse.replace_partition(OPEN_OPPORTUNITIES, {"as_of_date": WEEK_BEFORE}, frame)


@pytest.fixture
def empty_dashboard(warehouse) -> Iterator[Dashboard]:
    """The dashboard of a platform that has not lived a night."""
    with dashboard_on(warehouse) as made:
        yield made
