"""Nights of a made-up company whose reps act on their alerts by a known rule, so that what alerts change is known exactly.

`company` is where it happens, `reps` the rule, `nights` lets the product live through night after night, `accepted` reads what the
mail server and Slack have taken, `invariants` judges it by the company's own truth, `truth` keeps both outcomes of each deal.
"""
