"""The numbers of feedback."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FeedbackPolicy:
    """How long what people ask for lasts, in days.

    `snooze_days`: nothing of the deal. `wrong_days`: the rule that was called wrong, on that deal. `mute_deal_days`: nothing of
    the deal. `mute_rule_days`: the rule, on any of the rep's deals. `links_last_days`: how long the links of a message work.
    `counts_opens`: whether mails carry a picture that tells that they were opened.
    """

    snooze_days: int = 7
    wrong_days: int = 30
    mute_deal_days: int = 90
    mute_rule_days: int = 30
    links_last_days: int = 60
    counts_opens: bool = True
