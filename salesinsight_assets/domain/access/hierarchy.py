"""The people whose deals a person may see: those in the roles below, and those who report to them, directly or not.

Salesforce opens records to the users in roles above the owner's (*Role Hierarchy*, `UserRole.ParentRoleId`); two users of one role do
not see each other's. Where an org keeps no roles, `User.ManagerId` says the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Person:
    """A user of the CRM, as far as the hierarchy goes."""

    user_id: str
    manager_id: str | None = None
    role_id: str | None = None


@dataclass(frozen=True)
class Hierarchy:
    """Everyone, and the role above each role (None: it is at the top)."""

    people: tuple[Person, ...]
    role_above: Mapping[str, str | None]

    def below(self, user_id: str) -> frozenset[str]:
        """The users below a user, without that one; a circle of managers ends where it began."""
        found = _reached(user_id, self._reports) | self._in_roles_below(user_id)
        return frozenset(found - {user_id})

    def holds_all(self, user_ids: frozenset[str]) -> bool:
        """Whether everyone who has a place in the hierarchy is among these users; of two tops none has all below."""
        return self._placed <= user_ids

    @cached_property
    def _placed(self) -> frozenset[str]:
        return frozenset(person.user_id for person in self.people if person.manager_id or person.role_id)

    @cached_property
    def _reports(self) -> Mapping[str, set[str]]:
        return _grouped((person.manager_id, person.user_id) for person in self.people)

    @cached_property
    def _in_role(self) -> Mapping[str, set[str]]:
        return _grouped((person.role_id, person.user_id) for person in self.people)

    @cached_property
    def _role_of(self) -> Mapping[str, str | None]:
        return {person.user_id: person.role_id for person in self.people}

    @cached_property
    def _roles_below(self) -> Mapping[str, set[str]]:
        return _grouped((above, below) for below, above in self.role_above.items())

    def _in_roles_below(self, user_id: str) -> set[str]:
        role = self._role_of.get(user_id)
        if role is None:
            return set()
        below = _reached(role, self._roles_below) - {role}
        return {user for role in below for user in self._in_role.get(role, ())}


def _grouped(pairs: Iterable[tuple[str | None, str]]) -> Mapping[str, set[str]]:
    found = defaultdict[str, set[str]](set)
    for above, below in pairs:
        if above is not None:
            found[above].add(below)
    return found


def _reached(start: str, steps: Mapping[str, set[str]]) -> set[str]:
    """All that can be reached from a start, the start too."""
    found, waiting = {start}, [start]
    while waiting:
        new = steps.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found
