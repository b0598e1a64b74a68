"""One org, logged in: every call to it goes through here, so that login, repeats and renewal happen in one place.

What belongs elsewhere: what is asked (`rest`, `bulk`, `client`), how often a call is repeated (`retry`).
"""

from collections.abc import Callable
from typing import TypeVar

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError, SalesforceExpiredSession

from salesinsight_assets.adapters.salesforce import login
from salesinsight_assets.adapters.salesforce.errors import LoginError, SalesforceCallError, refusal
from salesinsight_assets.adapters.salesforce.retry import Repeater
from salesinsight_assets.adapters.salesforce.transport import Transport, http_session
from salesinsight_assets.settings import SalesforceSettings

_Answer = TypeVar("_Answer")


class OrgSession:
    """Logs in when first asked, repeats what fails in passing, and renews a session that has expired."""

    def __init__(self, settings: SalesforceSettings) -> None:
        self._settings = settings
        self.transport = Transport(settings.timeout_seconds, settings.ca_bundle)
        self._http = http_session(self.transport)
        self._repeated = Repeater(self.transport, settings.retry_budget_seconds)
        self._salesforce: Salesforce | None = None
        self._refused: LoginError | None = None

    @property
    def retries(self) -> int:
        """Calls repeated so far."""
        return self._repeated.retries

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
            self._salesforce = None
        try:
            return self.ask_in_session(asked, call)
        except SalesforceExpiredSession as error:
            raise self._refuse(error) from error

    def ask_in_session(self, asked: str, call: Callable[[Salesforce], _Answer]) -> _Answer:
        """Like `ask`, for what only the present session can answer.

        Raises:
            SalesforceExpiredSession: the session is over, and with it whatever was being read in it.
        """
        salesforce = self._logged_in()
        try:
            return self._repeated(lambda: call(salesforce))
        except SalesforceExpiredSession:
            raise
        except SalesforceError as error:
            raise refusal(error, asked) from error
        except requests.RequestException as error:
            raise _unreached(error, asked) from error

    def _logged_in(self) -> Salesforce:
        if self._refused:  # a refused login is not tried again: Salesforce locks users out
            raise self._refused
        if self._salesforce is None:
            self._salesforce = self._login()
        return self._salesforce

    def _login(self) -> Salesforce:
        try:
            token = self._repeated(lambda: login.token(self._settings, self._http))
        except LoginError as error:
            self._refused = error
            raise
        except requests.RequestException as error:
            raise _unreached(error, "Salesforce login") from error
        return Salesforce(
            instance_url=token.instance_url,
            session_id=token.access_token,
            version=self._settings.api_version,
            session=self._http,
            parse_float=str,  # a number stays as it was written, which is how a Bulk CSV has it
        )

    def _refuse(self, error: SalesforceExpiredSession) -> LoginError:
        self._refused = LoginError(
            f"{error.url.partition('?')[0]}: expected the new session to be accepted, got HTTP 401 again; "
            "check the policies of the connected app and of its user"
        )
        return self._refused


def _unreached(error: requests.RequestException, asked: str) -> SalesforceCallError:
    told = " ".join(str(error).split())
    return SalesforceCallError(
        f"{asked}: expected an answer from Salesforce, got {type(error).__name__} ({told}); "
        "check SALESFORCE_LOGIN_URL, SALESFORCE_CA_BUNDLE and the network, or wait until Salesforce is back"
    )
