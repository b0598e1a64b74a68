"""Delivery: what a rep reads, and the messages that wait in the outbox.

`texts` words an alert, `messages` groups them into one digest a rep and a Slack message for each HIGH, with their keys.
"""
