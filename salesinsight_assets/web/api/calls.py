"""Who calls the API: a token, which acts as a person; whose rights are looked up at each call, narrowed by the token's scopes."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from salesinsight_assets.adapters.dashboard.api_tokens import ApiToken
from salesinsight_assets.adapters.dashboard.rows import Rows
from salesinsight_assets.domain.access.viewer import Viewer
from salesinsight_assets.web.api.values import check_parameters
from salesinsight_assets.web.limits import network_of, retry_after
from salesinsight_assets.web.problems import ProblemError
from salesinsight_assets.web.site import Site, SiteOf
from salesinsight_assets.web.visits import Visit

_REALM = 'Bearer realm="SalesInsight"'
_bearer = HTTPBearer(
    auto_error=False, scheme_name="token", description="A token that `salesinsight tokens create` made: `si_…`"
)


@dataclass(frozen=True)
class Call(Visit):
    """One call of the API: a visit of the person whom a token acts as."""

    token: ApiToken

    def note_export(self, what: str) -> None:
        """That rows were taken along."""
        about = f"API, token {self.token.label}: {what}"
        self.site.audit.note("took rows along", self.site.clock(), email=self.token.email, about=about)


def call_of(
    request: Request,
    site: SiteOf,
    needed: SecurityScopes,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Call:
    """The call of whoever shows a token with the scopes that are needed.

    Raises:
        ProblemError: 401 without a token that works, 403 without a scope, 429 for too many calls, 422 for a parameter that
            the operation does not have.
    """
    at = site.clock()
    token, viewer = _caller(request, site, given.credentials if given else None)
    if (wait := site.limits.calls.wait(token.token_id, at)) is not None:
        raise retry_after(wait)
    missing = [scope for scope in needed.scopes if scope not in token.scopes]
    if missing:
        raise _lacks(site, request, token, missing[0])
    check_parameters(request)
    site.tokens.note_use(token, at)
    return Call(request, site, viewer, Rows(site.database, viewer), site.freshness(), site.banner(), token)


def _caller(request: Request, site: Site, shown: str | None) -> tuple[ApiToken, Viewer]:
    """The token that is shown, and what its person may see now."""
    if shown is None:
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED, "This needs a token.", "Send it as: Authorization: Bearer si_…", _challenge()
        )
    token = site.tokens.find(shown)
    if token is None:
        raise _refused(request, site, None, "is none of ours")
    if (state := token.state(site.clock())) != "valid":
        raise _refused(request, site, token, f"is {state}")
    identity = site.identity_of(token.email)
    viewer = site.viewer(identity) if identity else None
    if viewer is None:
        raise _refused(request, site, token, "acts as somebody who may not sign in any more")
    return token, viewer


def _refused(request: Request, site: Site, token: ApiToken | None, why: str) -> ProblemError:
    """A token that does not work: noted, unless whoever shows it does so too often."""
    at, network = site.clock(), network_of(request)
    if (wait := site.limits.wrong_tokens.wait(network, at)) is not None:
        return retry_after(wait)
    about = f"API: the token {token.label if token else ''} {why}".replace("  ", " ")
    site.audit.note("refused", at, email=token.email if token else None, about=about, address=network)
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        "This token does not work.",
        f"The token {why}. `salesinsight tokens create` makes a new one.",
        _challenge('error="invalid_token"'),
    )


def _lacks(site: Site, request: Request, token: ApiToken, scope: str) -> ProblemError:
    about = f"API: the token {token.label} lacks the scope {scope}"
    site.audit.note("refused", site.clock(), email=token.email, about=about, address=network_of(request))
    return ProblemError(
        HTTPStatus.FORBIDDEN,
        "This token is not for that.",
        f"It lacks the scope {scope}; create one that has it.",
        _challenge('error="insufficient_scope"', f'scope="{scope}"'),
    )


def _challenge(*more: str) -> dict[str, str]:
    """How to say who calls (RFC 6750, 3)."""
    return {"WWW-Authenticate": ", ".join((_REALM, *more))}


ScoresCall = Annotated[Call, Security(call_of, scopes=["scores:read"])]
AlertsCall = Annotated[Call, Security(call_of, scopes=["alerts:read"])]
FeedbackCall = Annotated[Call, Security(call_of, scopes=["feedback:write"])]
MetricsCall = Annotated[Call, Security(call_of, scopes=["metrics:read"])]
