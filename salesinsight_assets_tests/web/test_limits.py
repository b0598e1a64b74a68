"""How often is too often."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.requests import Request

from salesinsight_assets.web import limits
from salesinsight_assets.web.limits import RateLimit, network_of

AT = datetime(2024, 3, 16, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def allowed(limit: RateLimit, key: str, at: datetime, times: int = 20) -> int:
    return sum(limit.wait(key, at) is None for _ in range(times))


def test_so_many_may_come_at_once_and_then_as_many_as_time_allows() -> None:
    limit = RateLimit(6, 60 * MINUTE)
    assert allowed(limit, "ann", AT) == 6
    assert limit.wait("ann", AT) == 10 * MINUTE
    assert limit.wait("ann", AT + 9 * MINUTE) == MINUTE
    assert allowed(limit, "ann", AT + 10 * MINUTE) == 1
    assert allowed(limit, "ann", AT + 30 * MINUTE) == 2
    assert allowed(limit, "ann", AT + 500 * MINUTE) == 6


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    limit = RateLimit(6, 60 * MINUTE)
    assert allowed(limit, "ann", AT + timedelta(days=1)) == 6
    assert allowed(limit, "ann", AT) == 6


def test_each_key_has_its_own() -> None:
    limit = RateLimit(1, MINUTE)
    assert [limit.wait(key, AT) for key in ("ann", "ben")] == [None, None]
    assert limit.wait("ann", AT) == MINUTE


def test_a_flood_of_keys_is_forgotten_before_it_fills_the_memory(monkeypatch) -> None:
    monkeypatch.setattr(limits, "_MOST_KEYS", 100)
    limit = RateLimit(1, MINUTE)
    for key in range(1000):
        limit.wait(str(key), AT)
    assert len(limit._over_at) <= 100
    assert limit.wait("999", AT) == MINUTE, "the last ones are remembered"


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("a-socket", "a-socket"),
    ],
)
def test_who_has_an_address_of_ipv6_has_all_of_its_network(host, network) -> None:
    assert network_of(Request({"type": "http", "client": (host, 1), "headers": []})) == network
