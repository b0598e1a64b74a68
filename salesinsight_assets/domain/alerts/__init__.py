"""Alerts: which open deals are worth a rep's attention today, and why each of the others is not.

`rules` says when a deal is in trouble, `episodes` when it was told already, `selection` ranks, caps and records the reason
of everything held back, `actions` what to recommend.
"""
