"""Each opportunity as it was at any moment, by the CRM's own stamps.

`grid` holds the one technique that everything as-of is built on; `snapshots` applies it to opportunities.
What a state means for the chance to win belongs to `features`.
"""
