"""Long lists in pages: the place at which a page begins is in the address, beside what was chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query

from salesinsight_assets.adapters.dashboard.rows import EVERYTHING, PAGE, Row

AfterOf = Annotated[int, Query(ge=0, le=EVERYTHING)]
"""How many rows stand on the pages before."""


@dataclass(frozen=True)
class Pages:
    """Where a page stands in its list: rows `first` to `last` of `n_found`, and the addresses of its neighbours; None: there is none."""

    first: int
    last: int
    n_found: int
    before: str | None
    next: str | None


def pages_of(address: str, chosen: Mapping[str, str], found: Sequence[Row], after: int) -> Pages:
    """Of the rows of a page, each of which knows `n_found`.

    >>> pages_of("/reps", {"words": ""}, [{"n_found": 60}] * 25, 25)
    Pages(first=26, last=50, n_found=60, before='/reps?after=0', next='/reps?after=50')
    """
    n_found = found[0]["n_found"] if found else 0
    given = {name: value for name, value in chosen.items() if value}

    def at(place: int) -> str:
        return f"{address}?{urlencode({**given, 'after': max(place, 0)})}"

    return Pages(
        after + 1,
        after + len(found),
        n_found,
        at(after - PAGE) if after else None,
        at(after + PAGE) if after + PAGE < n_found else None,
    )
