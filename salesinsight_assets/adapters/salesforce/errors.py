"""What can go wrong with Salesforce, in words a data engineer can act on. No message holds a secret."""

import json
from typing import Any

from simple_salesforce.exceptions import SalesforceError

from salesinsight_assets.domain.crm.source import QuotaReachedError

QUOTA_CODE = "REQUEST_LIMIT_EXCEEDED"
_ADVICE = {
    "INVALID_FIELD": "compare the field map in salesinsight.toml with the object's fields",
    "INVALID_TYPE": "compare the field map in salesinsight.toml with the org's objects",
    QUOTA_CODE: "incomplete, because the org's API calls of 24 hours are used up; the next sync goes on from here",
    "INSUFFICIENT_ACCESS": "give the integration user read access",
}


class SalesforceCallError(Exception):
    """Salesforce refused a call, or was not reached within the retry budget; `code` is its own for the refusal."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class LoginError(SalesforceCallError):
    """Salesforce gave no usable session."""


class IncompleteReadError(SalesforceCallError):
    """A read ended with fewer or more rows than Salesforce announced, or did not end in time."""


class QuotaError(SalesforceCallError, QuotaReachedError):
    """The org's API calls of 24 hours are used up, or the share of them that this platform may see used."""


def error_code(error: SalesforceError) -> str:
    """Salesforce's code of a refused call, such as `INVALID_FIELD`; empty where the answer was not Salesforce's own."""
    return str(_first(error).get("errorCode", ""))


def error_message(error: SalesforceError) -> str:
    """Salesforce's own words for a refused call, on one line."""
    return " ".join(str(_first(error).get("message", "no message")).split())


def refusal(error: SalesforceError, asked: str) -> SalesforceCallError:
    """`error` as one line: what was asked, what came, what to do."""
    code = error_code(error) or f"HTTP {error.status}"
    kind = QuotaError if code == QUOTA_CODE else SalesforceCallError
    advice = _ADVICE.get(code, "look the code up in Salesforce's API documentation")
    return kind(f"{asked}: expected an answer, got {code} ({error_message(error)}); {advice}", code)


def hide(secret: str, error: SalesforceError) -> None:
    """Take `secret` out of what `error` quotes of the answer: a traceback prints that, however the error is wrapped."""
    quoted = json.dumps(error.content, default=str)
    if secret in quoted:
        error.content = json.loads(quoted.replace(secret, "***"))


def _first(error: SalesforceError) -> dict[str, Any]:
    content: Any = error.content
    first = content[0] if isinstance(content, list) and content else content
    return first if isinstance(first, dict) else {}
