"""What becomes of a message that was tried: sent, tried again later, given up, or not known.

A message is claimed (`sending`) before the provider is contacted, so a crash leaves a trace. What the provider may have taken
without our knowing is `unknown`: it is never simply sent again, because nothing may reach anyone twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Status = Literal["pending", "sending", "sent", "unknown", "failed", "cancelled"]
Result = Literal["taken", "refused", "busy", "unclear"]
CLAIM_LASTS = timedelta(minutes=10)
"""A claim that is older is of a process that was killed: an attempt takes two minutes at most."""


@dataclass(frozen=True)
class Attempt:
    """What a provider did with a message.

    `taken`: it is the provider's now, under the id `reference`. `refused`: for good, such as a recipient who does not exist.
    `busy`: not taken, and trying again may help. `unclear`: the answer was lost after the message had gone out.
    """

    result: Result
    detail: str | None = None
    reference: str | None = None


@dataclass(frozen=True)
class DeliveryPolicy:
    """How often and how long apart a message is tried; the wait doubles from `first_wait_minutes` to `longest_wait_minutes`."""

    most_attempts: int = 12
    first_wait_minutes: float = 1.0
    longest_wait_minutes: float = 60.0


@dataclass(frozen=True)
class Next:
    """The state of a message after an attempt; `retry_at` where it is tried again."""

    status: Status
    retry_at: datetime | None = None
    error: str | None = None


def after_attempt(attempt: Attempt, attempts: int, at: datetime, policy: DeliveryPolicy) -> Next:
    """What becomes of a message after its attempt number `attempts` (1: the first)."""
    if attempt.result == "taken":
        return Next("sent")
    if attempt.result == "unclear":
        return Next("unknown", error=attempt.detail)
    if attempt.result == "refused":
        return Next("failed", error=attempt.detail)
    if attempts >= policy.most_attempts:
        return Next("failed", error=f"given up after {attempts} attempts: {attempt.detail}")
    return Next("pending", at + _wait(attempts, policy), attempt.detail)


def look_again_at(since: datetime, at: datetime, policy: DeliveryPolicy) -> datetime:
    """When a message of `since` is looked up again, if it could not be asked at the moment `at` whether it arrived.

    The wait is as long as it has lasted already, so that it doubles, within the policy's waits.
    """
    least, most = timedelta(minutes=policy.first_wait_minutes), timedelta(minutes=policy.longest_wait_minutes)
    return at + min(max(at - since, least), most)


def too_late(because: str, attempts: int, error: str | None) -> Next:
    """What becomes of a message whose time is over at its attempt number `attempts`.

    One that was tried before was to reach somebody and did not: it failed, for `because` and for the last `error`.
    """
    if attempts == 1:
        return Next("cancelled", error=because)
    return Next("failed", error=f"{because}; it was tried before: {error}")


def _wait(attempts: int, policy: DeliveryPolicy) -> timedelta:
    minutes = policy.first_wait_minutes * 2 ** (attempts - 1)
    return timedelta(minutes=min(minutes, policy.longest_wait_minutes))
