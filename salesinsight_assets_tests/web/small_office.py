"""A handful of people in an otherwise empty warehouse: enough to sign in, and much quicker to make than a night."""

from salesinsight_assets.adapters.warehouse import Warehouse

REP, MANAGER, HEAD, LEFT = "rep@example.com", "manager@example.com", "head@example.com", "left@example.com"
LEADER, ENGINEER = "vp@example.com", "data@example.com"
ACCESS = {"access": {"leaders": [LEADER], "engineers": [ENGINEER]}}
"""The two whom the CRM does not know, as salesinsight.toml names them."""
_PEOPLE = (
    ("005REP", "Rita Rep", REP, "005MAN", True),
    ("005MAN", "Max Manager", MANAGER, "005HEAD", True),
    ("005HEAD", "Hanna Head", HEAD, None, True),
    ("005LEFT", "Lou Left", LEFT, "005MAN", False),
    ("005TWIN", "Tina Twin", "twin@example.com", "005MAN", True),
    ("005TWO", "Tom Twin", "twin@example.com", "005MAN", True),
    ("005LOCAL", "Lara Local", "engineer@localhost", "005MAN", True),
)


def add_people(warehouse: Warehouse) -> None:
    """Seven users: one has left, two share an address, one has that of the engineer of one's own machine."""
    for user_id, name, email, manager_id, is_active in _PEOPLE:
        warehouse.execute(
            "INSERT INTO crm.users (id, name, email, manager_id, is_active, valid_from, stamped_at, synced_at, source)"
            " VALUES ($1, $2, $3, $4::text, $5, '2024-01-01Z', '2024-01-01Z', '2024-01-01Z', 'test')",
            (user_id, name, email, manager_id, is_active),
        )
