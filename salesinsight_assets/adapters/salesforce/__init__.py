"""Salesforce, the outside system: login, REST pages and Bulk queries, as a source of typed CRM rows.

`client` is the entrance. `login` gets a token, `transport` carries every call, `retry` decides what is asked again,
`session` ties these three to simple_salesforce, `soql` writes the queries, `rest` and `bulk` are the two ways to read.
"""

from salesinsight_assets.adapters.salesforce.client import SalesforceClient
from salesinsight_assets.adapters.salesforce.errors import IncompleteReadError, LoginError, SalesforceCallError

__all__ = ["IncompleteReadError", "LoginError", "SalesforceCallError", "SalesforceClient"]
