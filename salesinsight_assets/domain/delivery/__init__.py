"""Delivery: what a rep reads, and the messages that wait in the outbox.

`texts` words an alert, `digest_html` lays the words out for mail programs, `messages` groups alerts into one digest a rep and
a Slack message for each HIGH, with their keys.
"""
