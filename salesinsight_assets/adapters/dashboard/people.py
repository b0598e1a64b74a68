"""The people of the CRM, and who is above whom, as of the last sync."""

from salesinsight_assets.adapters.dashboard.rows import Database
from salesinsight_assets.adapters.warehouse.merge import ALIVE
from salesinsight_assets.domain.access.hierarchy import Hierarchy, Person
from salesinsight_assets.domain.access.policy import AccessPolicy
from salesinsight_assets.domain.access.viewer import LOCAL_ENGINEER_ADDRESS, Identity

ACTIVE = f"{ALIVE} AND coalesce(t.is_active, true)"
"""Of a row `t` of crm.users: it is of somebody who may log in to the CRM."""


def hierarchy(database: Database) -> Hierarchy:
    """Everyone who may log in to the CRM, and those who left: their deals are still their manager's to see."""
    people = database.rows(f"SELECT id, manager_id, user_role_id FROM crm.users AS t WHERE {ALIVE}")
    roles = database.rows(f"SELECT id, parent_role_id FROM crm.user_roles AS t WHERE {ALIVE}")
    return Hierarchy(
        tuple(Person(row["id"], row["manager_id"], row["user_role_id"]) for row in people),
        {row["id"]: row["parent_role_id"] for row in roles},
    )


def person_with_address(database: Database, email: str) -> Identity | None:
    """The active user with an e-mail address, whatever its capitals; None where there is none, or more than one."""
    found = database.rows(
        f"SELECT id, name, email FROM crm.users AS t WHERE lower(email) = lower(:email) AND {ACTIVE}", email=email
    )
    if len(found) != 1:
        return None
    return Identity(found[0]["email"], found[0]["name"], found[0]["id"])


def identity_of(database: Database, email: str, policy: AccessPolicy) -> Identity | None:
    """Whose an address is that somebody has proved to be theirs: an active user's of the CRM, else one of salesinsight.toml.

    None: nobody's; so is the one that stands for whoever sits at this machine, which no mail can reach.
    """
    email = email.strip()
    if email.casefold() == LOCAL_ENGINEER_ADDRESS or not email.isprintable():
        return None
    listed = {address.casefold(): address for address in (*policy.leaders, *policy.engineers)}
    address = listed.get(email.casefold())
    return person_with_address(database, email) or (Identity(address, address) if address else None)


def active_people(database: Database) -> list[Identity]:
    """Everyone who may log in to the CRM and has an e-mail address, by name."""
    rows = database.rows(
        f"SELECT id, name, email FROM crm.users AS t WHERE email IS NOT NULL AND {ACTIVE} ORDER BY name, id"
    )
    return [Identity(row["email"], row["name"], row["id"]) for row in rows]
