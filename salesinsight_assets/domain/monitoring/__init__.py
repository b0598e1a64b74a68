"""Watching: whether the deals still look like those before, and whether what was said still comes true.

`drift` compares features and scores, `defaults` how often a feature had to take its default, `performance` predictions with
outcomes. Each gives one row a figure and week; what is told of it belongs to Dagster's checks and alarms.
"""
