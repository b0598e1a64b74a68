"""Feedback: what people say of an alert, what they ask for, what they did after it, and what follows for the rules.

`answers` says what each answer means, `links` signs and reads it, `asked` turns what was asked for into silences. `acted_on` reads
what was done from the CRM, `outcomes` puts it beside the alert and its verdict, `rates` counts, `thresholds` proposes.
"""
