"""What a token of the API may be used for; whose deals it shows is said by the person it acts as."""

SCOPES = {
    "scores:read": "read scores, their history and their reasons",
    "alerts:read": "read alerts, also those that were not sent, and why",
    "feedback:write": "answer alerts of one's own: verdict, snooze, mute, undo",
    "metrics:read": "read the success measures of the whole company; leaders and engineers only",
}
"""Each scope, and what it lets a token do."""


def unknown_scopes(given: tuple[str, ...]) -> list[str]:
    """Those that do not exist.

    >>> unknown_scopes(("scores:read", "everything"))
    ['everything']
    """
    return [scope for scope in given if scope not in SCOPES]
