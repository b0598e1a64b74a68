"""Feedback: what owners did after an alert, what they said of it, and what follows for the rules.

`acted_on` reads what was done from the CRM, `outcomes` puts it beside the alert and its verdict, `rates` counts, `thresholds`
proposes.
"""
