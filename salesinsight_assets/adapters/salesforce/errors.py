"""What can go wrong with Salesforce, in words a data engineer can act on. No message holds a secret."""

from typing import Any

from simple_salesforce.exceptions import SalesforceError

_ADVICE = {
    "INVALID_FIELD": "compare the field map in salesinsight.toml with the object's fields",
    "INVALID_TYPE": "compare the field map in salesinsight.toml with the org's objects",
    "REQUEST_LIMIT_EXCEEDED": "the org's API calls of 24 hours are used up; the next sync goes on from here",
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


def error_code(error: SalesforceError) -> str:
    """Salesforce's code of a refused call, such as `INVALID_FIELD`; empty where the answer was not Salesforce's own."""
    return str(_first(error).get("errorCode", ""))


def refusal(error: SalesforceError, asked: str) -> SalesforceCallError:
    """`error` as one line: what was asked, what came, what to do."""
    code = error_code(error) or f"HTTP {error.status}"
    message = " ".join(str(_first(error).get("message", "no message")).split())
    advice = _ADVICE.get(code, "look the code up in Salesforce's API documentation")
    return SalesforceCallError(f"{asked}: expected an answer, got {code} ({message}); {advice}", code)


def _first(error: SalesforceError) -> dict[str, Any]:
    content: Any = error.content
    first = content[0] if isinstance(content, list) and content else content
    return first if isinstance(first, dict) else {}
