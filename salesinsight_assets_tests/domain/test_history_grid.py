"""The one technique behind everything as-of: moments on a grid, events in buckets."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesinsight_assets.domain.history.grid import Grid, end_of_day, first_after, latest_before, take
from salesinsight_assets_tests.domain.worlds import at

BERLIN, LOS_ANGELES = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Los_Angeles")
GRID = Grid([at(10), at(20), at(30)])
FAST = settings(max_examples=200, deadline=None, derandomize=True, database=None)
EVENTS = st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 8), st.integers(0, 9)), max_size=25)


def times(*days: float | None) -> np.ndarray:
    stamps = [None if day is None else at(day).replace(tzinfo=None) for day in days]
    return np.array(stamps, dtype="datetime64[us]")


def numbers(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_an_event_is_known_from_the_moment_it_happens():
    assert GRID.bucket(times(9, 10, 10.001, 30, 30.001, None)).tolist() == [0, 0, 1, 2, 3, 3]


@pytest.mark.parametrize("moments", [[], [at(2), at(1)]])
def test_a_grid_refuses_moments_that_are_none_or_out_of_order(moments):
    with pytest.raises(ValueError, match="at least one moment, in ascending order"):
        Grid(moments)


def test_a_sum_counts_an_event_from_its_start_up_to_its_end():
    keys, start, end = numbers(0, 0, 1, -1, 0), numbers(0, 1, 1, 0, 3), numbers(3, 2, 3, 3, 3)
    weights = np.array([1.0, 10.0, 5.0, 99.0, 99.0])
    assert GRID.sums(keys, start, end, 3, weights).tolist() == [[1, 11, 1], [0, 5, 5], [0, 0, 0]]
    assert GRID.sums(keys, start, end, 2).tolist() == [[1, 2, 1], [0, 1, 1]]


def test_an_event_that_ends_before_it_starts_never_counts():
    assert GRID.sums(numbers(0, 0), numbers(1, 2), numbers(1, 1), 1).tolist() == [[0, 0, 0]]


def test_sums_of_no_events_are_zero_and_floats():
    none = numbers()
    assert GRID.sums(none, none, none, 2).tolist() == [[0.0] * 3] * 2
    assert GRID.sums(none, none, none, 0).shape == (0, 3)
    assert GRID.sums(none, none, none, 2).dtype == "float64"


def test_the_latest_event_is_the_last_one_that_has_not_ended():
    keys, start, end = numbers(0, 0, 0, 1), numbers(0, 0, 1, 2), numbers(3, 3, 2, 3)
    assert GRID.latest(keys, start, end, 3).tolist() == [[1, 2, 1], [-1, -1, 3], [-1, -1, -1]]


@FAST
@given(EVENTS)
def test_sums_and_latest_equal_a_loop_over_all_events(events):
    grid = Grid(at(day) for day in range(7))
    keys, start, end = (numbers(*column) for column in ([e[n] for e in events] for n in range(3)))
    start, end = np.minimum(start, 7), np.minimum(end, 7)
    sums, latest = grid.sums(keys, start, end, 4), grid.latest(keys, start, end, 4)
    for key in range(4):
        for moment in range(7):
            found = [n for n, (k, s, e) in enumerate(events) if k == key and s <= moment < e]
            found += [n for n, (k, s, e) in enumerate(events) if k == key and s <= moment and e >= 7 and n not in found]
            assert sums[key, moment] == len(found)
            assert latest[key, moment] == max(found, default=-1)


@FAST
@given(EVENTS, st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 9)), max_size=10))
def test_off_the_grid_the_latest_and_the_first_equal_a_loop(events, asked):
    keys, when = numbers(*(e[0] for e in events)), times(*(None if e[1] == 8 else e[1] for e in events))
    at_keys, at_times = numbers(*(a[0] for a in asked)), times(*(a[1] for a in asked))
    before, after = latest_before(keys, when, at_keys, at_times), first_after(keys, when, at_keys, at_times)
    for place, (key, moment) in enumerate(asked):
        known = [(e[1], n) for n, e in enumerate(events) if e[0] == key >= 0 and e[1] != 8]
        assert before[place] == max((e for e in known if e[0] <= moment), default=(0, -1))[1]
        first = min((e[0] for e in known if e[0] > moment), default=None)
        found = int(after[place])
        assert (found == -1) if first is None else (events[found][:2] == (key, first))


def test_taking_gives_the_missing_value_where_there_is_no_row():
    assert take(np.array([1.5, 2.5]), numbers(1, -1), np.nan).tolist()[0] == 2.5
    assert np.isnan(take(np.array([1.5, 2.5]), numbers(1, -1), np.nan)[1])
    assert take(np.array([], dtype=object), numbers(-1, -1), None).tolist() == [None, None]


@pytest.mark.parametrize(
    ("zone", "day", "ends_at"),
    [
        (UTC, date(2024, 2, 29), datetime(2024, 3, 1, tzinfo=UTC)),
        (BERLIN, date(2024, 3, 30), datetime(2024, 3, 30, 23, tzinfo=UTC)),
        (BERLIN, date(2024, 3, 31), datetime(2024, 3, 31, 22, tzinfo=UTC)),  # 23 hours long
        (BERLIN, date(2024, 10, 27), datetime(2024, 10, 27, 23, tzinfo=UTC)),  # 25 hours long
        (LOS_ANGELES, date(2024, 3, 10), datetime(2024, 3, 11, 7, tzinfo=UTC)),
    ],
)
def test_a_day_ends_a_microsecond_before_the_next_one_begins_in_the_companys_time_zone(zone, day, ends_at):
    assert end_of_day(day, zone) == ends_at - timedelta(microseconds=1)
    assert end_of_day(day, zone).date() == day


def test_weeks_before_the_end_of_a_day_are_ends_of_days_across_the_change_of_clocks():
    last = end_of_day(date(2024, 4, 3), BERLIN)
    assert last - timedelta(weeks=1) == end_of_day(date(2024, 3, 27), BERLIN)


def test_a_grid_knows_the_calendar_days_of_its_moments_in_their_own_time_zone():
    grid = Grid([end_of_day(date(2024, 3, 1), BERLIN), end_of_day(date(2024, 3, 1), LOS_ANGELES)])
    assert grid.days.astype(str).tolist() == ["2024-03-01", "2024-03-01"]
    assert grid.moments.astype("datetime64[D]").astype(str).tolist() == ["2024-03-01", "2024-03-02"]
