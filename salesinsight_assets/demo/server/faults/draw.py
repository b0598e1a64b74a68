"""A few faults at random, all of which pass: for a long run that shows what a client survives."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from salesinsight_assets.demo.server.faults import catalogue
from salesinsight_assets.demo.server.faults.switchboard import ActiveFault, Fault, Faults

_MOST_AT_ONCE = 3
Maker = Callable[[], Fault]


@contextmanager
def random_faults(
    faults: Faults,
    rng: np.random.Generator,
    server: catalogue.Outage,
    usage: catalogue.Quota,
    change: Callable[[], object] | None = None,
) -> Generator[list[ActiveFault], None, None]:
    """One to three faults that pass, switched on while the context lasts; `ActiveFault.name` tells each.

    `change`, where given, may be called between pages to change the company.
    """
    makers = _makers(faults, server, usage, change)
    places = rng.choice(len(makers), rng.integers(1, _MOST_AT_ONCE + 1), replace=False)
    drawn = [faults.inject(makers[place](), **_limits(rng)) for place in places]
    try:
        yield drawn
    finally:
        for active in drawn:
            faults.remove(active)


def _limits(rng: np.random.Generator) -> dict[str, Any]:
    return {"calls": int(rng.integers(1, 3)), "after": int(rng.integers(0, 25))}


def _makers(
    faults: Faults, server: catalogue.Outage, usage: catalogue.Quota, change: Callable[[], object] | None
) -> Sequence[Maker]:
    makers: list[Maker] = [
        lambda: catalogue.session_end(faults),
        lambda: catalogue.outage(server, 0.3),
        lambda: catalogue.quota_used_up(usage),
        lambda: catalogue.slow(0.3),
        lambda: catalogue.truncated_csv(in_mid_line=True),
        lambda: catalogue.truncated_csv(in_mid_line=False),
        catalogue.too_many_requests,
        catalogue.unavailable,
        catalogue.unavailable_page,
        catalogue.maintenance_page,
        catalogue.row_lock,
        catalogue.query_timeout,
        catalogue.failing_description,
        catalogue.failing_deletions,
        catalogue.dropped,
        catalogue.dropped_in_body,
        catalogue.lacking_part,
        catalogue.stuck_job,
        catalogue.failed_job,
        catalogue.lost_results,
        catalogue.dead_locators,
        catalogue.repeated_borders,
    ]
    return [*makers, lambda: catalogue.between_pages(change)] if change else makers
