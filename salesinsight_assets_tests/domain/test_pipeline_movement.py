"""What moved in the pipeline: it adds up whatever happens, and each deal moves under the name that people give it."""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesinsight_assets.domain.reports.periods import month_of, quarter_of
from salesinsight_assets.domain.reports.pipeline_movement import Move, Pipeline, movement

BEFORE, NOW = date(2024, 3, 10), date(2024, 3, 17)
SINCE = datetime(2024, 3, 10, 23, 59, 59, tzinfo=UTC)
QUARTER = quarter_of(NOW)
OLD, FRESH = SINCE - timedelta(days=30), SINCE + timedelta(days=2)
IN_MARCH, IN_MAY, OVER = date(2024, 3, 28), date(2024, 5, 2), date(2024, 3, 12)
COLUMNS = ["amount", "company_amount", "currency_iso_code", "close_date", "created_date"]


def deal(amount=100.0, close=IN_MARCH, created=OLD, rate=1.0, currency="USD"):
    return {
        "amount": amount,
        "company_amount": None if amount is None else amount / rate,
        "currency_iso_code": currency,
        "close_date": close,
        "created_date": created,
    }


def deals(**rows):
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
    return frame.assign(
        amount=frame["amount"].astype("float64"),
        company_amount=frame["company_amount"].astype("float64"),
        close_date=pd.to_datetime(frame["close_date"]),
        created_date=pd.to_datetime(frame["created_date"], utc=True),
    )


def moved(was, now, period=QUARTER, **fates):
    return movement(deals(**was), deals(**now), pd.Series(fates, dtype=object), SINCE, (BEFORE, NOW), period)


@pytest.mark.parametrize(
    ("was", "now", "fate", "expected"),
    [
        (None, deal(created=FRESH), None, Move("new", 1, 100)),
        (None, deal(created=OLD), None, Move("returned", 1, 100)),
        (deal(close=IN_MAY), deal(), None, Move("pulled in", 1, 100)),
        (deal(close=None), deal(), None, Move("pulled in", 1, 100)),
        (deal(close=date(2024, 3, 4)), deal(), None, Move("dated again", 1, 100)),
        (deal(), deal(150.0), None, Move("amount up", 1, 50)),
        (deal(), deal(70.0), None, Move("amount down", 1, -30)),
        (deal(rate=1.0, currency="EUR"), deal(rate=0.5, currency="EUR"), None, Move("exchange rates", 1, 100)),
        (deal(), None, "won", Move("won", 1, -100)),
        (deal(), None, "lost", Move("lost", 1, -100)),
        (deal(), None, None, Move("removed", 1, -100)),
        (deal(), deal(120.0, close=IN_MAY), None, Move("slipped", 1, -100)),
        (deal(), deal(close=None), None, Move("slipped", 1, -100)),
        (deal(close=OVER), deal(close=OVER), None, Move("date passed", 1, -100)),
        (deal(), deal(close=NOW), None, Move("date passed", 1, -100)),
        (deal(), deal(101.0), None, Move("amount up", 1, 1)),
        (deal(), deal(100.6), None, Move("amount up", 1, 1)),
    ],
    ids=lambda value: value.name if isinstance(value, Move) else "",
)
def test_each_move_has_its_name(was, now, fate, expected):
    found = moved({"d": was} if was else {}, {"d": now} if now else {}, **({"d": fate} if fate else {}))
    assert found.moves == (expected,)


def test_a_deal_that_stays_as_it_is_does_not_move():
    found = moved({"d": deal()}, {"d": deal(close=date(2024, 3, 30))})
    assert (found.opening, found.moves, found.closing) == (Pipeline(1, 100), (), Pipeline(1, 100))


def test_without_a_period_dates_do_not_matter():
    found = moved({"d": deal()}, {"d": deal(close=IN_MAY)}, None)
    assert (found.moves, found.closing) == ((), Pipeline(1, 100))


def test_on_the_last_day_of_a_quarter_the_next_one_is_looked_at():
    assert quarter_of(date(2024, 3, 31) + timedelta(days=1)).name == "Q2 2024"
    assert month_of(date(2024, 12, 31)).before.name == "November"


def test_a_deal_without_an_amount_counts_and_adds_nothing():
    found = moved({}, {"d": deal(None, created=FRESH)})
    assert found.moves == (Move("new", 1, 0),)
    assert found.closing == Pipeline(1, 0)


AMOUNTS = st.one_of(st.none(), st.floats(0, 1e7, allow_nan=False))
DATES = st.one_of(st.none(), st.dates(date(2023, 12, 1), date(2024, 7, 31)))
DEALS = st.builds(
    deal, AMOUNTS, DATES, st.sampled_from([OLD, FRESH]), st.floats(0.3, 3), st.sampled_from(["USD", "EUR", None])
)
WORLDS = st.dictionaries(
    st.sampled_from("abcdefghijkl"),
    st.tuples(st.one_of(st.none(), DEALS), st.one_of(st.none(), DEALS), st.sampled_from(["won", "lost", None])),
)
IN = {"new", "returned", "pulled in", "dated again"}
OUT = {"won", "lost", "removed", "slipped", "date passed"}


@given(WORLDS, st.sampled_from([None, QUARTER, month_of(NOW), quarter_of(IN_MAY)]))
def test_what_was_and_what_moved_are_what_is_exactly(world, period):
    was, now = ({name: entry[side] for name, entry in world.items() if entry[side]} for side in (0, 1))
    fates = {name: entry[2] for name, entry in world.items() if entry[2]}
    found = moved(was, now, period, **fates)
    assert found.opening.amount + sum(move.amount for move in found.moves) == found.closing.amount
    entered, left = (sum(move.deals for move in found.moves if move.name in names) for names in (IN, OUT))
    assert found.opening.deals + entered - left == found.closing.deals
