"""One org, logged in: every call to it goes through here, so that login, repeats and renewal happen in one place.

What belongs elsewhere: what is asked (`rest`, `bulk`, `client`), how often a call is repeated (`retry`), the token that
several clients share (`shared_login`).
"""

import re
from collections.abc import Callable
from typing import TypeVar

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError, SalesforceExpiredSession

from salesinsight_assets.adapters.salesforce.errors import LoginError, SalesforceCallError, hide, refusal
from salesinsight_assets.adapters.salesforce.login import Token
from salesinsight_assets.adapters.salesforce.quota import ApiQuota
from salesinsight_assets.adapters.salesforce.retry import Repeater, RetryBudget
from salesinsight_assets.adapters.salesforce.shared_login import SharedLogin
from salesinsight_assets.adapters.salesforce.transport import Transport, http_session
from salesinsight_assets.settings import SalesforceSettings

_Answer = TypeVar("_Answer")


class OrgAccess:
    """What all clients of one org share: its login, the retry budget, its API quota, and what it cannot do by Bulk."""

    def __init__(self, settings: SalesforceSettings) -> None:
        self.login = SharedLogin(settings)
        self.budget = RetryBudget(settings.retry_budget_seconds)
        self.quota = ApiQuota(settings.api_share)
        self.objects_without_bulk: set[str] = set()


class OrgSession:
    """Logs in when first asked, repeats what fails in passing, and renews a session that has expired.

    Used by one thread at a time; another thread takes a session of its own on the same `access`.
    """

    def __init__(self, settings: SalesforceSettings, access: OrgAccess | None = None) -> None:
        self._settings = settings
        self.access = access or OrgAccess(settings)
        self.transport = Transport(settings.timeout_seconds, settings.ca_bundle, self.access.quota)
        self._http = http_session(self.transport)
        self._repeated = Repeater(self.transport, self.access.budget)
        self._token: Token | None = None
        self._salesforce: Salesforce | None = None

    @property
    def retries(self) -> int:
        """Calls repeated so far."""
        return self._repeated.retries

    @property
    def base_url(self) -> str:
        """Where the org's REST API is, with a slash at the end. Raises like `ask`."""
        return self._logged_in()[0].base_url

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(self, asked: str, call: Callable[[Salesforce], _Answer]) -> _Answer:
        """The answer of `call`, made once more on a new session where the old one has expired.

        Raises:
            SalesforceCallError: Salesforce refused (`asked` says what, for the message) or was not reached.
        """
        try:
            return self.ask_in_session(asked, call)
        except SalesforceExpiredSession:
            pass  # the next call logs in, or takes what another client has renewed
        try:
            return self.ask_in_session(asked, call)
        except SalesforceExpiredSession as error:
            raise self.access.login.refuse(_refused_again(error)) from error

    def ask_in_session(self, asked: str, call: Callable[[Salesforce], _Answer]) -> _Answer:
        """Like `ask`, for what only the present session can answer.

        Raises:
            SalesforceExpiredSession: the session is over, and with it whatever was being read in it.
        """
        salesforce, token = self._logged_in()
        try:
            return self._repeated(lambda: self._within_quota(asked, call, salesforce))
        except SalesforceError as error:
            hide(token.access_token, error)
            if isinstance(error, SalesforceExpiredSession):
                self.access.login.discard(token)
                raise
            raise refusal(error, asked) from error
        except requests.RequestException as error:
            raise _unreached(error, asked) from error

    def _within_quota(self, asked: str, call: Callable[[Salesforce], _Answer], salesforce: Salesforce) -> _Answer:
        self.access.quota.check(asked)
        return call(salesforce)

    def _logged_in(self) -> tuple[Salesforce, Token]:
        try:
            token = self.access.login.token(self._http, self._repeated)
        except requests.RequestException as error:
            raise _unreached(error, "Salesforce login") from error
        if self._salesforce is None or token != self._token:
            self._token, self._salesforce = token, self._opened(token)
        return self._salesforce, token

    def _opened(self, token: Token) -> Salesforce:
        return Salesforce(
            instance_url=token.instance_url,
            session_id=token.access_token,
            version=self._settings.api_version,
            session=self._http,
            parse_float=str,  # a number stays as it was written, which is how a Bulk CSV has it
        )


def _refused_again(error: SalesforceExpiredSession) -> LoginError:
    return LoginError(
        f"{error.url.partition('?')[0]}: expected the new session to be accepted, got HTTP 401 again; "
        "check the policies of the connected app and of its user"
    )


def _unreached(error: requests.RequestException, asked: str) -> SalesforceCallError:
    error.request = error.response = None  # they hold the token or the secret
    told = re.sub(r"\?\S*", "", " ".join(str(error).split()))  # a query may be as long as an address can be
    return SalesforceCallError(
        f"{asked}: expected an answer from Salesforce, got {type(error).__name__} ({told}); "
        "check SALESFORCE_LOGIN_URL, SALESFORCE_CA_BUNDLE and the network, or wait until Salesforce is back"
    )
