"""What becomes of a message that was tried."""

from datetime import UTC, datetime, timedelta

import pytest

from salesinsight_assets.domain.delivery.attempts import (
    Attempt,
    DeliveryPolicy,
    Next,
    after_attempt,
    look_again_at,
    too_late,
)

NOW = datetime(2024, 3, 16, 5, 30, tzinfo=UTC)
POLICY = DeliveryPolicy(most_attempts=4, first_wait_minutes=2, longest_wait_minutes=5)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("taken", Next("sent")),
        ("refused", Next("failed", error="why")),
        ("unclear", Next("unknown", error="why")),
        ("busy", Next("pending", NOW + timedelta(minutes=2), "why")),
    ],
)
def test_each_answer_has_its_state(result, expected):
    assert after_attempt(Attempt(result, "why"), 1, NOW, POLICY) == expected


def test_the_wait_doubles_up_to_the_longest():
    waits = [after_attempt(Attempt("busy", "why"), n, NOW, POLICY).retry_at for n in (1, 2, 3)]
    assert waits == [NOW + timedelta(minutes=minutes) for minutes in (2, 4, 5)]


def test_after_the_last_attempt_a_message_is_given_up_with_the_last_answer():
    assert after_attempt(Attempt("busy", "421 later"), 4, NOW, POLICY) == Next(
        "failed", error="given up after 4 attempts: 421 later"
    )


def test_what_may_have_arrived_is_never_tried_again_by_itself():
    assert [after_attempt(Attempt("unclear"), n, NOW, POLICY).retry_at for n in range(1, 9)] == [None] * 8


def test_a_message_that_cannot_be_looked_up_is_looked_up_again_after_as_long_again():
    waits = [look_again_at(NOW - timedelta(minutes=n), NOW, POLICY) - NOW for n in (0, 3, 60)]
    assert waits == [timedelta(minutes=minutes) for minutes in (2, 3, 5)]


def test_a_message_that_was_tried_in_vain_until_its_day_was_over_has_failed():
    assert too_late("it is over", 1, "waits for the rep's work time") == Next("cancelled", error="it is over")
    assert too_late("it is over", 3, "421 later") == Next("failed", error="it is over; it was tried before: 421 later")
