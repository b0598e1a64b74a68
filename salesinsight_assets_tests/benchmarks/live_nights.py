"""Two hundred nights of a made-up company whose reps act on their alerts by a known rule. Run by `make nights`.

What the mail server and Slack accepted must be as promised: at most three deals a rep a day; no deal that is closed, another's or
silenced at the moment of sending; no episode repeated; nobody held out told; nobody written to outside of work time; nothing twice.
What alerts change is known exactly, and must lie in the interval of `alert_lift`; and, since that is one draw of a 95 % statement, in the
intervals of nearly all of many other draws of the holdout over the same deals.

The steps are those of the product but for three things (see `alerted_nights.nights`): the sync runs without Dagster, the assets without
their table checks, and the model is trained once. SALESINSIGHT_NIGHTS and SALESINSIGHT_NIGHTS_SEED change the run.
"""

import logging
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from salesinsight_assets.adapters.warehouse import Warehouse, embedded_postgres
from salesinsight_assets.adapters.warehouse.schema import ensure_database, upgrade
from salesinsight_assets.cli.runtime import WAREHOUSE_DATABASE
from salesinsight_assets.settings import environment
from salesinsight_assets_tests.alerted_nights.nights import AlertedNights
from salesinsight_assets_tests.alerted_nights.setting import Plan, alerted_company
from salesinsight_assets_tests.alerted_nights.truth import redraws, true_lift

REDRAWS = 1000
LEAST_COVERED = 0.95
_A_DAY = timedelta(days=1)


def main() -> int:
    """The nights, what they came to, and exit code 1 where anything was wrong."""
    nights = int(environment().get("SALESINSIGHT_NIGHTS", "200"))
    plan = replace(Plan(), seed=int(environment().get("SALESINSIGHT_NIGHTS_SEED", "7")))
    started = time.monotonic()
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # of the mail server's own library, at every login
    with tempfile.TemporaryDirectory(prefix="salesinsight-nights-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with (
            embedded_postgres(folder / "server") as server_url,
            closing(Warehouse(ensure_database(server_url, WAREHOUSE_DATABASE))) as store,
        ):
            upgrade(store.url)
            with alerted_company(folder, store, plan) as (lived, policies):
                for number in range(1, nights + 1):
                    _one_night(lived, number)
                lived.look(lived.company.last_day - _A_DAY)
                lived.judge_all(policies.holdout.label, policies.holdout.share)
                return _told(lived, policies.holdout.share, nights, time.monotonic() - started)


def _one_night(lived: AlertedNights, number: int) -> None:
    """A night, and a line about it."""
    started, n_told, n_wrong = time.monotonic(), len(lived.inboxes.told), len(lived.wrong)
    lived.night()
    told = len(lived.inboxes.told) - n_told
    print(f"{number:>4}  {lived.company.last_day - _A_DAY:%a %Y-%m-%d}  {told:>3} deals told  {time.monotonic() - started:4.1f} s",
          *lived.wrong[n_wrong:], sep="\n      ", flush=True)  # fmt: skip


def _told(lived: AlertedNights, share: float, nights: int, seconds: float) -> int:
    """The figures of the run."""
    told, counts = lived.inboxes.told, lived.counts
    deals = [drawn for drawn in lived.experiment.drawn.values() if drawn.known_on < lived.company.last_day]
    again = redraws(deals, [look.day for look in lived.experiment.looks], share, REDRAWS)
    arms = {name: [drawn.seen for drawn in deals if drawn.is_out == is_out] for name, is_out in (("alerted", False), ("held out", True))}  # fmt: skip
    last = lived.experiment.looks[-1]
    missed = [look.day.isoformat() for look in lived.experiment.looks if not look.holds]
    print(f"\n{nights} nights in {seconds / 60:.1f} minutes, {seconds / nights:.1f} s each")
    print(
        f"alerts: {counts['to_send']:,} to send, {counts['held_out']:,} held out, {counts['suppressed']:,} suppressed:"
    )
    for why, n in counts.most_common():
        if why.startswith("suppressed: "):
            print(f"  {n:>7,}  {why.removeprefix('suppressed: ')}")
    by_channel = Counter(one.channel for one in told)
    n_mails = sum(key.startswith("<") for key in lived.inboxes.message_ids)
    print(f"accepted: {n_mails:,} mails on {by_channel['email']:,} deals, {by_channel['slack']:,} Slack messages")
    print(f"between night and send: {counts['closed before the send']} deals closed, {counts['reassigned before the send']} handed over,"
          f" {counts['snoozed before the send']} snoozed")  # fmt: skip
    print("answers: " + ", ".join(f"{n} {name}" for name, n in Counter(lived.reps.answered).most_common()))
    print(f"taken up after an alert: {len(lived.experiment.taken_up)} deals")
    print(
        f"\n{len(deals)} deals of the experiment with a known outcome; by themselves {_rate([d.without for d in deals])} are acted on"
    )
    print("; ".join(f"{name} {_rate(seen)} (n = {len(seen)})" for name, seen in arms.items()))
    print(f"true lift {100 * true_lift(deals):+.1f} pp; {last.finding}")
    print(f"{len(lived.experiment.looks)} looks; the truth was outside at {', '.join(missed) or 'none'}")
    print(f"{again.n:,} other draws of the holdout: the truth inside at every look in {again.covered:.1%}, the lift known at some look"
          f" in {again.known:.1%}")  # fmt: skip
    wrong = [*lived.wrong, *(f"the truth was outside the interval on {day}" for day in missed)]
    if again.covered < LEAST_COVERED:
        wrong.append(f"the truth lay inside in {again.covered:.1%} of the other draws only")
    print(f"\n{len(wrong)} times something was not as promised", *wrong[:50], sep="\n  ")
    return 1 if wrong else 0


def _rate(flags: list[bool]) -> str:
    return f"{sum(flags) / len(flags):.0%}" if flags else "none"


if __name__ == "__main__":
    sys.exit(main())
