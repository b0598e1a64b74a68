"""Salesforce, the outside system: login, REST pages and Bulk queries, as a source of typed CRM rows.

`client` is the entrance. `login` gets a token, which `shared_login` shares among threads and `refresh_tokens` lets outlive
the process; `transport` carries every call, `quota` stops before the org's calls are used up, `retry` decides what is asked
again; `session` ties these to simple_salesforce. `soql` writes the queries, `rest` and `bulk` are the two ways to read rows,
`answers` reads what else is told of an object.
"""

from salesinsight_assets.adapters.salesforce.client import SalesforceClient
from salesinsight_assets.adapters.salesforce.errors import (
    IncompleteReadError,
    LoginError,
    QuotaError,
    SalesforceCallError,
)

__all__ = ["IncompleteReadError", "LoginError", "QuotaError", "SalesforceCallError", "SalesforceClient"]
