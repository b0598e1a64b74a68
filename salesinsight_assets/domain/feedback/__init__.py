"""Feedback: what people say of an alert, what they ask for, and the signed links by which they say it.

`answers` says what each answer means, `links` signs and reads it, `asked` turns what was asked for into silences.
"""
