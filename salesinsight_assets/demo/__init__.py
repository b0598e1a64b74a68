"""A made-up sales company and its Salesforce server, used by `salesinsight demo` and by the tests.

The company (`company.DemoCompany`) holds a true signal of known strength, so that a test can say how much of it a model
finds. The server (`salesforce_server.DemoSalesforce`) speaks Salesforce's own API over TLS, so that the real client is
what gets tested. Nothing here knows the platform beyond its list of CRM tables.
"""
