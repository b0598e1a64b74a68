"""Whose deals somebody may see."""

import pytest

from salesinsight_assets.domain.access.hierarchy import Hierarchy, Person
from salesinsight_assets.domain.access.policy import AccessPolicy
from salesinsight_assets.domain.access.viewer import Identity, viewer_of

BY_MANAGER = Hierarchy(
    (
        Person("head"),
        Person("north", "head"),
        Person("south", "head"),
        Person("anna", "north"),
        Person("bob", "north"),
        Person("carl", "south"),
        Person("integration"),
    ),
    {},
)


def seen_by(hierarchy: Hierarchy, user_id: str) -> tuple[str, set[str] | None]:
    viewer = viewer_of(Identity(f"{user_id}@example.com", user_id, user_id), hierarchy, AccessPolicy())
    assert viewer
    return viewer.role, None if viewer.owner_ids is None else set(viewer.owner_ids)


def test_a_rep_sees_own_deals_a_manager_the_team_and_who_is_above_all_everything() -> None:
    assert seen_by(BY_MANAGER, "anna") == ("rep", {"anna"})
    assert seen_by(BY_MANAGER, "north") == ("manager", {"north", "anna", "bob"})
    assert seen_by(BY_MANAGER, "head") == ("leader", None)
    assert seen_by(BY_MANAGER, "integration") == ("rep", {"integration"})


def test_of_two_heads_none_sees_the_other_s_deals() -> None:
    people = (*BY_MANAGER.people, Person("other head"), Person("dora", "other head"))
    assert seen_by(Hierarchy(people, {}), "head") == ("manager", {"head", "north", "south", "anna", "bob", "carl"})
    assert seen_by(Hierarchy(people, {}), "other head") == ("manager", {"other head", "dora"})


def test_roles_open_what_is_below_them_and_nothing_beside_them() -> None:
    roles = {"sales": None, "north": "sales", "south": "sales", "inside north": "north"}
    people = (
        Person("head", role_id="sales"),
        Person("n1", role_id="north"),
        Person("n2", role_id="north"),
        Person("inside", role_id="inside north"),
        Person("s1", role_id="south"),
    )
    hierarchy = Hierarchy(people, roles)
    assert seen_by(hierarchy, "n1") == ("manager", {"n1", "inside"})
    assert seen_by(hierarchy, "s1") == ("rep", {"s1"})
    assert seen_by(hierarchy, "head") == ("leader", None)


def test_managers_in_a_circle_end_the_search() -> None:
    circle = Hierarchy((Person("a", "b"), Person("b", "a"), Person("c", "d"), Person("d")), {})
    assert seen_by(circle, "a") == ("manager", {"a", "b"})


def test_addresses_of_the_configuration_see_all_whatever_their_capitals() -> None:
    policy = AccessPolicy(leaders=("Vera@Example.com",), engineers=("dan@example.com",))
    assert viewer_of(Identity("vera@example.com", "Vera"), BY_MANAGER, policy).role == "leader"
    assert viewer_of(Identity("DAN@example.com", "Dan"), BY_MANAGER, policy).role == "engineer"
    assert viewer_of(Identity("nobody@example.com", "Nobody"), BY_MANAGER, policy) is None


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"leaders": ("vera",)}, "leaders"),
        ({"session_hours": 0}, "session_hours"),
        ({"link_minutes": -1}, "link_minutes"),
        ({"links_per_hour": 0}, "links_per_hour"),
        ({"links_per_hour_of_network": 0}, "links_per_hour_of_network"),
        ({"api_calls_per_minute": 0}, "api_calls_per_minute"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(given, named) -> None:
    with pytest.raises(ValueError, match=named):
        AccessPolicy(**given)
