"""The frame that every page of the dashboard stands in, and the page that an error gets."""

import hashlib
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from salesinsight_assets.domain.access.viewer import ROLE_NAMES, Role
from salesinsight_assets.web.formats import FILTERS, amount, moment_in_words
from salesinsight_assets.web.kept import keep
from salesinsight_assets.web.problems import problem, wants_json

if TYPE_CHECKING:
    from salesinsight_assets.web.visits import Visit

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Place:
    """A page in the menu, and for whom it is there: by role, or, `is_mailed`, as one who gets by mail what it shows."""

    address: str
    name: str
    roles: tuple[Role, ...] = ("rep", "manager", "leader", "engineer")
    is_mailed: bool = False

    def is_there_for(self, visit: "Visit") -> bool:
        """Whether somebody has this page at all."""
        return visit.viewer.role in self.roles or (self.is_mailed and bool(visit.mailed))


REPORTS = Place("/reports", "Reports", ("manager", "leader", "engineer"), is_mailed=True)
PLACES = (
    Place("/today", "Today", ("rep", "manager")),
    Place("/pipeline", "Pipeline"),
    Place("/deals", "Deals"),
    Place("/reps", "Reps"),
    Place("/model", "Model"),
    REPORTS,
    Place("/adoption", "Adoption", ("manager", "leader", "engineer")),
)
HOME: dict[Role, str] = {"rep": "/today", "manager": "/deals", "leader": "/pipeline", "engineer": "/model"}


def page(visit: "Visit", template: str, status: int = HTTPStatus.OK, **values: Any) -> HTMLResponse:
    """A page for somebody who is signed in."""
    keep(visit.request)
    places = [place for place in PLACES if place.is_there_for(visit)]
    here = next((place.address for place in places if visit.request.url.path.startswith(place.address)), "")
    content = (
        _templates()
        .get_template(template)
        .render(
            **values,
            static=static,
            visit=visit,
            viewer=visit.viewer,
            role_name=ROLE_NAMES[visit.viewer.role],
            banner=visit.banner,
            places=places,
            here=here,
            moment=lambda at: moment_in_words(at, visit.site.settings.zone),
            money=lambda value: amount(value, visit.site.currency()),
        )
    )
    return HTMLResponse(content, status)


def bare_page(template: str, status: int = HTTPStatus.OK, **values: Any) -> HTMLResponse:
    """A page for somebody whom we do not know: to sign in, or of an error."""
    content = (
        _templates()
        .get_template(template)
        .render(**values, static=static, viewer=None, banner=None, places=[], here="")
    )
    return HTMLResponse(content, status)


def error_page(request: Request, status: HTTPStatus, told: str, then: str) -> Response:
    """What is said where there is no page, in the form that the one who asked can read.

    htmx puts the page of an error in place of what it was to replace, so an error it is told of is short.
    """
    if wants_json(request):
        return problem(status, told, then)
    template = "error_part.html.jinja" if request.headers.get("hx-request") else "error.html.jinja"
    return bare_page(template, status, told=told, then=then)


def static(name: str) -> str:
    """The address of a file of ours; it changes with its content, so that browsers may keep it for good.

    >>> static("app.css").startswith("/static/app.css?v=")
    True
    """
    return f"/static/{name}?v={_version(name)}"


@cache
def _version(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


class _Templates(Environment):
    """Looks for `row.name` in a row first: Jinja asks for an attribute, fails, and only then looks, for each cell of a table."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


@cache
def _templates() -> Environment:
    made = _Templates(
        loader=PackageLoader("salesinsight_assets.web", "templates"),
        autoescape=True,  # names of deals and people come from outside
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= FILTERS
    return made
