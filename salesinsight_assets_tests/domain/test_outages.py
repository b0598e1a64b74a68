"""What is seen from outside Dagster: each outage begins once, lasts, and ends."""

from datetime import UTC, datetime, timedelta

from salesinsight_assets.domain.monitoring.outages import Outside, Seen, after
from salesinsight_assets.domain.monitoring.watch_policy import WatchPolicy

THREE = datetime(2025, 4, 1, 3, 0, tzinfo=UTC)
POLICY = WatchPolicy(database_after_seconds=60, sensors_after_seconds=300, least_disk_share=0.05)


def at(seconds: float) -> datetime:
    return THREE + timedelta(seconds=seconds)


class Watcher:
    """Looks from outside, again and again."""

    def __init__(self) -> None:
        self.state = Outside(THREE)

    def sees(
        self, seconds: float, error: str | None = None, looked: float | None = None, free: float = 0.5
    ) -> dict[str, str]:
        """What is out after a look, and whether it lasts; the sensors looked just now unless told otherwise."""
        looked_at = None if error else at(seconds if looked is None else looked)
        self.state = after(self.state, Seen(at(seconds), error, looked_at, free), POLICY)
        return {key: "over" if incident.over_at else "out" for key, incident in self.state.out.items()}

    def sees_full(self, seconds: float, error: str | None = None) -> dict[str, str]:
        """What is out after a look on which the disk is full."""
        self.state = after(self.state, Seen(at(seconds), error, None, 0.001, is_full=True), POLICY)
        return {key: "over" if incident.over_at else "out" for key, incident in self.state.out.items()}


def test_while_all_answers_nothing_is_out() -> None:
    watcher = Watcher()
    assert [watcher.sees(seconds) for seconds in (0, 20, 4000)] == [{}, {}, {}]


def test_a_silent_database_is_out_after_a_minute_since_it_fell_silent() -> None:
    watcher = Watcher()
    assert watcher.sees(20, "refused") == {}
    assert watcher.sees(60, "refused") == {}
    assert watcher.sees(80, "refused") == {"database": "out"}
    assert watcher.state.out["database"].began_at == at(20)
    assert watcher.state.out["database"].details == ("refused",)
    assert watcher.sees(100, "refused again") == {"database": "out"}
    assert watcher.state.out["database"].details == ("refused",)


def test_a_database_that_restarts_within_a_minute_is_not_out() -> None:
    watcher = Watcher()
    watcher.sees(20, "refused")
    assert watcher.sees(50) == {}
    watcher.sees(70, "refused")
    assert watcher.sees(100, "refused") == {}


def test_it_is_over_once_it_answers_and_may_begin_again() -> None:
    watcher = Watcher()
    watcher.sees(0, "refused")
    watcher.sees(60, "refused")
    assert watcher.sees(80) == {"database": "over"}
    assert watcher.sees(100) == {}
    watcher.sees(200, "refused")
    assert watcher.sees(260, "refused") == {"database": "out"}
    assert watcher.state.out["database"].began_at == at(200)


def test_sensors_that_do_not_look_are_out_after_five_minutes() -> None:
    watcher = Watcher()
    assert watcher.sees(250, looked=0) == {}
    assert watcher.sees(300, looked=0) == {"sensors": "out"}
    assert watcher.sees(320, looked=310) == {"sensors": "over"}


def test_sensors_that_never_looked_are_out_after_five_minutes_of_watching() -> None:
    watcher = Watcher()
    never = Seen(at(300), None, None, 0.5)
    assert after(watcher.state, Seen(at(299), None, None, 0.5), POLICY).out == {}
    assert list(after(watcher.state, never, POLICY).out) == ["sensors"]


def test_what_a_watch_finds_old_at_its_start_has_five_minutes_to_come() -> None:
    watcher = Watcher()
    assert watcher.sees(10, looked=-50_000) == {}
    assert watcher.sees(300, looked=-50_000) == {"sensors": "out"}


def test_after_an_outage_of_the_database_the_sensors_have_five_minutes_to_look() -> None:
    watcher = Watcher()
    watcher.sees(0, "refused")
    watcher.sees(1000, "refused")
    assert watcher.sees(1010, looked=-20) == {"database": "over"}
    assert watcher.sees(1300, looked=-20) == {}
    assert watcher.sees(1310, looked=-20) == {"sensors": "out"}


def test_sensors_that_are_out_stay_so_while_the_database_cannot_be_asked() -> None:
    watcher = Watcher()
    watcher.sees(300, looked=0)
    assert watcher.sees(320, "refused") == {"sensors": "out"}
    assert watcher.sees(400, "refused") == {"database": "out", "sensors": "out"}
    assert watcher.sees(420, looked=410) == {"database": "over", "sensors": "over"}


def test_a_disk_is_told_of_before_it_is_full() -> None:
    watcher = Watcher()
    assert watcher.sees(0, free=0.05) == {}
    assert watcher.sees(20, free=0.049) == {"disk": "out"}
    assert watcher.sees(40, free=0.2) == {"disk": "over"}


def test_on_a_full_disk_what_cannot_be_written_is_not_told_of() -> None:
    watcher = Watcher()
    assert watcher.sees_full(0) == {"disk": "out"}
    assert watcher.sees_full(1000, "No space left on device") == {"disk": "out"}
    assert watcher.sees(1020, "refused") == {"disk": "over"}
    assert watcher.sees(1060, "refused") == {}
    assert watcher.sees(1080, "refused") == {"database": "out"}


def test_once_there_is_room_the_sensors_have_five_minutes_to_look() -> None:
    watcher = Watcher()
    watcher.sees_full(1000)
    assert watcher.sees(1290, looked=0) == {"disk": "over"}
    assert watcher.sees(1300, looked=0) == {"sensors": "out"}


def test_what_is_out_before_the_disk_is_full_stays_out_meanwhile() -> None:
    watcher = Watcher()
    watcher.sees(0, "refused")
    watcher.sees(60, "refused")
    assert watcher.sees_full(80, "refused") == {"database": "out", "disk": "out"}
    assert watcher.sees(1000, "refused") == {"database": "out", "disk": "over"}
    assert watcher.state.out["database"].began_at == at(0)


def test_a_disk_that_is_full_at_once_is_so_since_the_look_before() -> None:
    watcher = Watcher()
    watcher.sees(100)
    watcher.sees_full(120)
    assert watcher.state.out["disk"].began_at == at(100)
    watcher.sees_full(140)
    assert watcher.state.out["disk"].began_at == at(100)
