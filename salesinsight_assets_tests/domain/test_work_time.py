"""Work time: people are written to on their work days and outside of their quiet hours, by their own clocks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from salesinsight_assets.domain.alerts.work_time import WorkTimePolicy, without_work_time, zone_of

POLICY = WorkTimePolicy(holidays={"*": "US", "Europe/Berlin": "DE-BE"}, days_off=("2026-12-24",))
BERLIN, TOKYO, NEW_YORK = (ZoneInfo(name) for name in ("Europe/Berlin", "Asia/Tokyo", "America/New_York"))


def local(zone: ZoneInfo, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("zone", "at", "begins"),
    [
        (BERLIN, "2026-11-30T05:30", "2026-11-30T05:30"),
        (BERLIN, "2026-11-30T05:29", "2026-11-30T05:30"),
        (BERLIN, "2026-11-30T19:59", "2026-11-30T19:59"),
        (BERLIN, "2026-11-30T20:00", "2026-12-01T05:30"),
        (BERLIN, "2026-12-04T20:00", None),  # a Friday evening: Monday is more than two days off
        (BERLIN, "2026-12-06T10:00", "2026-12-07T05:30"),
        (BERLIN, "2026-12-23T21:00", None),  # a day off and two days of Christmas
        (BERLIN, "2026-03-09T08:00", "2026-03-09T08:00"),
        (NEW_YORK, "2026-11-26T08:00", "2026-11-27T05:30"),  # Thanksgiving
    ],
)
def test_work_time_begins_on_the_next_work_day_after_the_quiet_hours(zone, at, begins):
    found = POLICY.next_work_time(local(zone, at).astimezone(UTC), zone)
    assert found == (begins and local(zone, begins))


def test_quiet_hours_may_lie_within_a_day_or_be_none():
    noon = WorkTimePolicy(quiet_from="12:00", quiet_until="14:00")
    assert noon.next_work_time(local(TOKYO, "2026-12-01T13:00"), TOKYO) == local(TOKYO, "2026-12-01T14:00")
    assert noon.next_work_time(local(TOKYO, "2026-12-01T03:00"), TOKYO) == local(TOKYO, "2026-12-01T03:00")
    never = WorkTimePolicy(quiet_from="00:00", quiet_until="00:00")
    assert never.next_work_time(local(TOKYO, "2026-12-01T03:00"), TOKYO) == local(TOKYO, "2026-12-01T03:00")


def test_it_says_why_nobody_works():
    assert POLICY.no_work_because(date(2026, 11, 28), BERLIN) == "Saturday is no work day"
    assert POLICY.no_work_because(date(2026, 12, 24), BERLIN) == "2026-12-24 is a day off"
    assert POLICY.no_work_because(date(2026, 12, 25), BERLIN) == "2026-12-25 is a holiday: Christmas Day"
    assert POLICY.no_work_because(date(2026, 7, 3), TOKYO) == "2026-07-03 is a holiday: Independence Day (observed)"
    assert POLICY.no_work_because(date(2026, 7, 3), BERLIN) is None


def test_whoever_has_no_work_time_before_the_next_night_is_told_nothing():
    told_at, over_at = datetime(2026, 11, 27, 5, 30, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC)
    zones = {"berlin": BERLIN, "tokyo": TOKYO, "new york": NEW_YORK}
    assert without_work_time(zones, told_at, over_at, POLICY).empty
    weekend = without_work_time(zones, over_at.replace(hour=5), over_at.replace(day=29), POLICY)
    assert dict(zip(weekend["owner_id"], weekend["because"], strict=True)) == {
        "berlin": "Saturday is no work day in Europe/Berlin",
        "tokyo": "Saturday is no work day in Asia/Tokyo",
        "new york": "Saturday is no work day in America/New_York",
    }
    late = without_work_time({"tokyo": TOKYO}, told_at.replace(hour=12), over_at, POLICY)
    assert late["because"].tolist() == ["no work hours left on 2026-11-27 in Asia/Tokyo"]


def test_nobody_is_told_of_two_days_on_one_date_of_the_own_calendar():
    """When Monday begins in Tokyo, it is Sunday for the company; in Honolulu Monday ends when it is Tuesday."""
    zones = {"tokyo": TOKYO, "honolulu": ZoneInfo("Pacific/Honolulu"), "berlin": BERLIN}
    policy, told = WorkTimePolicy(), dict[str, list[date]]()
    for number in range(14):
        told_at = datetime(2026, 11, 27, 5, 30, tzinfo=UTC) + timedelta(days=number)
        over_at = told_at.replace(hour=0, minute=0) + timedelta(days=1)
        idle = set(without_work_time(zones, told_at, over_at, policy)["owner_id"])
        for owner in zones.keys() - idle:
            begins = policy.next_work_time(told_at, zones[owner])
            told.setdefault(owner, []).append(begins.astimezone(zones[owner]).date())
    for owner, dates in told.items():
        assert sorted(set(dates)) == dates, f"{owner}: each date once"
        assert len(dates) == 10, f"{owner}: each work day"
    sunday = datetime(2026, 11, 29, 5, 30, tzinfo=UTC)
    because = without_work_time({"tokyo": TOKYO}, sunday, sunday.replace(day=30, hour=0), policy)["because"]
    assert because.tolist() == ["the next day's messages reach Asia/Tokyo on 2026-11-30 as well"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"work_days": ["Monday"]}, "work_days: expected days of Mon"),
        ({"quiet_from": "8pm"}, "quiet_from: expected HH:MM"),
        ({"quiet_until": "25:00"}, "quiet_until: expected HH:MM"),
        ({"days_off": ["24.12."]}, "days_off: expected dates"),
        ({"holidays": {"*": "ZZ"}}, "holidays: expected countries"),
        ({"holidays": {"*": "DE-QQ"}}, "holidays: expected countries"),
    ],
)
def test_an_entry_that_cannot_be_is_refused_by_its_name(given, named):
    with pytest.raises(ValueError, match=named):
        WorkTimePolicy(**given)


def test_an_unknown_time_zone_is_the_companys():
    assert zone_of("Nowhere/Land", BERLIN) is BERLIN
    assert zone_of("../etc/passwd", BERLIN) is BERLIN
