"""What a day may bring to an open deal, with which probability, and what that says about its outcome.

Every probability is known, so the posterior of an observer who sees the whole CRM is exact: the log-odds at creation
plus the log-likelihood ratio of each day. Pure numpy; what a day's events look like as CRM rows belongs to `days`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from salesinsight_assets.demo.simulation.strengths import Pace, Strengths

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

STAYS, CLOSES, ADVANCES, REGRESSES = range(4)
_TYPICAL_AMOUNT = 28_000.0


@dataclass(frozen=True)
class Sight:
    """What the CRM shows of each open deal and its daily chances depend on."""

    stage: IntArray
    corporate_amount: FloatArray
    days_to_close: IntArray


@dataclass(frozen=True)
class Chances:
    """The probabilities of one day's events, and the expected counts of activities."""

    close: FloatArray
    advance: FloatArray
    regress: FloatArray
    push: FloatArray
    tasks: FloatArray
    events: FloatArray


@dataclass(frozen=True)
class Happenings:
    """What the day brought. A deal that closes is not pushed."""

    move: IntArray
    is_pushed: BoolArray
    tasks: IntArray
    events: IntArray

    @property
    def closes(self) -> BoolArray:
        """Which deals were closed."""
        return self.move == CLOSES


def amount_log_ratio(corporate_amount: FloatArray) -> FloatArray:
    """How far an amount is from the typical one, on the log scale."""
    return np.log(np.maximum(corporate_amount, 1.0) / _TYPICAL_AMOUNT)


def daily_chances(strengths: Strengths, pace: Pace, sight: Sight, will_win: bool | BoolArray) -> Chances:
    """The chances of each deal, were its outcome `will_win`."""
    half = strengths.signal * (np.asarray(will_win, dtype=np.float64) - 0.5)
    speed = np.exp(pace.amount_exponent * amount_log_ratio(sight.corporate_amount))
    is_near = sight.days_to_close <= pace.near_days
    return Chances(
        close=_capped(_by_stage(pace.close, sight) * np.exp(half * _by_stage(strengths.close_tilts, sight))),
        advance=_capped(_by_stage(pace.advance, sight) * speed * np.exp(half * strengths.advance_tilt)),
        regress=_capped(_by_stage(pace.regress, sight) * np.exp(half * strengths.regress_tilt)),
        push=_capped(np.where(is_near, pace.push_when_near, pace.push_when_far) * np.exp(half * strengths.push_tilt)),
        tasks=_by_stage(pace.tasks, sight) * np.exp(half * strengths.task_tilt),
        events=_by_stage(pace.events, sight) * np.exp(half * strengths.event_tilt),
    )


def _by_stage(numbers: tuple[float, ...], sight: Sight) -> FloatArray:
    return np.asarray(numbers)[sight.stage]


def _capped(probability: FloatArray) -> FloatArray:
    # Three exclusive moves share one day; a third each keeps their sum below one whatever the strengths.
    return np.minimum(probability, 0.33)


def drawn_day(rng: np.random.Generator, chances: Chances) -> Happenings:
    """One day, drawn from its chances."""
    count = len(chances.close)
    draw = rng.random(count)
    bounds = np.cumsum([chances.close, chances.advance, chances.regress], axis=0)
    move = np.select(list(draw < bounds), [CLOSES, ADVANCES, REGRESSES], STAYS)
    is_pushed = (rng.random(count) < chances.push) & (move != CLOSES)
    return Happenings(move, is_pushed, rng.poisson(chances.tasks), rng.poisson(chances.events))


def log_likelihood(happenings: Happenings, chances: Chances) -> FloatArray:
    """The logarithm of the probability of what happened to each deal that is still open.

    Terms that are the same for every outcome (the factorials of the counts) are left out.
    """
    stays = 1.0 - chances.close - chances.advance - chances.regress
    move = np.choose(happenings.move, [stays, chances.close, chances.advance, chances.regress])
    push = np.where(happenings.is_pushed, chances.push, 1.0 - chances.push)
    activity = happenings.tasks * np.log(chances.tasks) - chances.tasks
    activity += happenings.events * np.log(chances.events) - chances.events
    return np.log(move) + np.log(push) + activity


def evidence(strengths: Strengths, pace: Pace, sight: Sight, happenings: Happenings) -> FloatArray:
    """By how much the day moves the log-odds of winning of an observer who sees the whole CRM."""
    if_won = log_likelihood(happenings, daily_chances(strengths, pace, sight, True))
    if_lost = log_likelihood(happenings, daily_chances(strengths, pace, sight, False))
    return if_won - if_lost
