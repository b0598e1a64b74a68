"""One login for all clients of an org: whoever first sees that the session is over renews it, the others follow.

What belongs elsewhere: how a login is asked for (login), which calls are made in it (session).
"""

import threading
from collections.abc import Callable

import requests

from salesinsight_assets.adapters.salesforce import login
from salesinsight_assets.adapters.salesforce.errors import LoginError
from salesinsight_assets.adapters.salesforce.login import Token
from salesinsight_assets.adapters.salesforce.refresh_tokens import RefreshTokens
from salesinsight_assets.settings import SalesforceSettings

Repeated = Callable[[Callable[[], Token]], Token]


class SharedLogin:
    """The present token of one org, safe to be asked for by several threads."""

    def __init__(self, settings: SalesforceSettings) -> None:
        self._settings = settings
        self._refresh_tokens = RefreshTokens(settings)
        self._lock = threading.Lock()
        self._present: Token | None = None
        self._refused: str | None = None

    def token(self, http: requests.Session, repeated: Repeated) -> Token:
        """The present token, a new one by way of `http` where there is none.

        Raises:
            LoginError: refused, now or before: a refused login is not tried again, since Salesforce locks users out.
            requests.RequestException: Salesforce was not reached.
        """
        with self._lock:
            if self._refused:
                raise LoginError(self._refused)
            if self._present is None:
                self._present = self._new(http, repeated)
            return self._present

    def discard(self, dead: Token) -> None:
        """Forget a token whose session is over, unless it was renewed already."""
        with self._lock:
            if self._present is not None and self._present.access_token == dead.access_token:
                self._present = None

    def refuse(self, error: LoginError) -> LoginError:
        """Let nobody log in any more, for the reason given, which is handed back."""
        self._refused = str(error)
        return error

    def _new(self, http: requests.Session, repeated: Repeated) -> Token:
        try:
            return repeated(lambda: login.token(self._settings, http, self._refresh_tokens))
        except LoginError as error:
            self.refuse(error)
            raise
