"""Who asks for a page: the viewer, the rows that viewer may see, and how fresh they are."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Depends, Request

from salesinsight_assets.adapters.dashboard.rows import Rows
from salesinsight_assets.domain.access.viewer import Viewer
from salesinsight_assets.domain.monitoring.freshness import Banner, Freshness
from salesinsight_assets.web.site import Site, site_of

COOKIE = "salesinsight"


class SignInNeededError(Exception):
    """Nobody is signed in, or not any more."""


@dataclass(frozen=True)
class Visit:
    """One request of somebody who is signed in; `day` is the latest day with scores, None where there are none yet."""

    request: Request
    site: Site
    viewer: Viewer
    rows: Rows
    freshness: Freshness
    banner: Banner | None

    @property
    def day(self) -> date | None:
        """The latest day with scores."""
        return self.freshness.day

    @property
    def mailed(self) -> tuple[str, ...]:
        """The reports of the company that are mailed to the viewer's address."""
        return self.site.policies.reports.mailed_to(self.viewer.identity.email)


def visit_of(request: Request) -> Visit:
    """The visit of whoever is signed in.

    Raises:
        SignInNeededError: nobody is.
    """
    site = site_of(request)
    identity = site.sessions.identity(request.cookies.get(COOKIE, ""), site.clock())
    viewer = site.viewer(identity) if identity else None
    if viewer is None:
        raise SignInNeededError
    site.note_visit(viewer)
    return Visit(request, site, viewer, Rows(site.database, viewer), site.freshness(), site.banner())


VisitOf = Annotated[Visit, Depends(visit_of)]
