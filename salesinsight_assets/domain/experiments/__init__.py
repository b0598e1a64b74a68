"""Experiments: whether alerts help.

`holdout` draws the alerts that are not sent, `sequences` is the interval that may be looked at every week, `lift` compares
what was done, and what was won, with and without an alert.
"""
