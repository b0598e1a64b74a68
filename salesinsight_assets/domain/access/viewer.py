"""Someone who looks at pages or calls the API: who it is, as what, and whose deals may be shown."""

from dataclasses import dataclass
from typing import Literal

from salesinsight_assets.domain.access.hierarchy import Hierarchy
from salesinsight_assets.domain.access.policy import AccessPolicy

Role = Literal["rep", "manager", "leader", "engineer"]
ROLE_NAMES: dict[Role, str] = {
    "rep": "Sales rep",
    "manager": "Sales manager",
    "leader": "Sales leadership",
    "engineer": "Data engineer",
}


LOCAL_ENGINEER_ADDRESS = "engineer@localhost"
"""Who looks after the platform on their own machine; no address of a mail server's."""


@dataclass(frozen=True)
class Identity:
    """Who someone is, as the sign-in found out; `user_id` is None of a person whom the CRM does not know."""

    email: str
    name: str
    user_id: str | None = None


@dataclass(frozen=True)
class Viewer:
    """Someone who is signed in; `owner_ids` are the owners whose deals may be shown, None: all, also those without an owner."""

    identity: Identity
    role: Role
    owner_ids: frozenset[str] | None

    @property
    def sees_all(self) -> bool:
        """Whether every deal may be shown."""
        return self.owner_ids is None


def viewer_of(identity: Identity, hierarchy: Hierarchy, policy: AccessPolicy) -> Viewer | None:
    """What someone may see; None: nothing, as neither the CRM nor salesinsight.toml knows that address.

    A leader or engineer by salesinsight.toml stays one whatever the CRM says; who is above everyone in the CRM's hierarchy is a leader.
    """
    listed: dict[Role, tuple[str, ...]] = {"engineer": policy.engineers, "leader": policy.leaders}
    for role, addresses in listed.items():
        if identity.email.casefold() in {address.casefold() for address in addresses}:
            return Viewer(identity, role, None)
    if identity.email == LOCAL_ENGINEER_ADDRESS:
        return Viewer(identity, "engineer", None)
    if identity.user_id is None:
        return None
    below = hierarchy.below(identity.user_id)
    seen = below | {identity.user_id}
    if below and hierarchy.holds_all(seen):
        return Viewer(identity, "leader", None)
    return Viewer(identity, "manager" if below else "rep", seen)
