"""Values that calls of the API give, and how a long answer goes on: pages by a cursor, which says where the last one ended."""

import base64
import json
import re
from collections.abc import Sequence
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Query, Request
from pydantic import BeforeValidator

from salesinsight_assets.domain.crm.rows import long_id
from salesinsight_assets.domain.plain_text import one_line
from salesinsight_assets.web.problems import ProblemError, not_found

_NO_NUL = "^[^\\x00]*$"
"""PostgreSQL's texts hold no NUL."""


def _iso_day(value: Any) -> Any:
    """Pydantic would take a number of seconds too."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("expected a day such as 2024-03-01")
    return value


Day = Annotated[date, BeforeValidator(_iso_day)]
Text = Annotated[str, Query(max_length=255, pattern=_NO_NUL)]
OpportunityId = Annotated[
    str, Path(max_length=100, pattern="^[^\\x00/]+$", description="The deal's Salesforce Id, in 15 or 18 characters.")
]
Limit = Annotated[int, Query(ge=1, le=1000, description="Rows of a page.")]
CursorText = Annotated[
    str, Query(max_length=500, pattern=r"^[A-Za-z0-9_=-]*$", description="`next_cursor` of the page before.")
]


def cursor_of(places: Sequence[Any]) -> str:
    """Where a page ends.

    >>> read_cursor(cursor_of(["2024-03-01", "006A"]), 2)
    ['2024-03-01', '006A']
    """
    return base64.urlsafe_b64encode(json.dumps(places).encode()).decode()


def read_cursor(cursor: str, length: int) -> list[Any]:
    """What `cursor_of` wrote.

    Raises:
        ProblemError: 404, something else came.
    """
    try:
        places = json.loads(base64.urlsafe_b64decode(cursor))
    except ValueError:
        places = None
    if not isinstance(places, list) or len(places) != length or "\\u0000" in json.dumps(places):
        raise not_found("page", "Take `next_cursor` from the page before, or begin without one.")
    return places


def forms_of(opportunity_id: str) -> list[str]:
    """An Id as it came, and in 18 characters."""
    return [opportunity_id, long_id(opportunity_id)]


def check_parameters(request: Request) -> None:
    """A filter that is misspelt must not pass as none.

    Raises:
        ProblemError: 422, the operation has no parameter of a name that came.
    """
    known = sorted(_parameters(getattr(request.scope.get("route"), "dependant", None)))
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        expected = f"expected one of {', '.join(known)}" if known else "there are none"
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "There is no such parameter.", f"{one_line(unknown[0])}: {expected}."
        )


def _parameters(dependant: Any) -> set[str]:
    """The names of the parameters in the query, of an operation and of what it depends on."""
    if dependant is None:
        return set()
    own = {field.alias for field in dependant.query_params}
    return own.union(*(_parameters(within) for within in dependant.dependencies))
