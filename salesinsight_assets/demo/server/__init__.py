"""The endpoints of the demo's Salesforce org, and what may be broken there; `salesforce_server` starts them."""
