"""What a feature says of itself: the catalogue's entry, and how its values are written for people."""

from dataclasses import dataclass
from typing import Literal

Family = Literal["deal", "history", "velocity", "interaction", "activity"]
Unit = Literal["days", "share", "count", "ratio", "log amount", "amount", "score", "flag"]


@dataclass(frozen=True)
class Feature:
    """One number known about an open opportunity as of a moment.

    Attributes:
        name: column name.
        family: the catalogue's family.
        unit: unit of the value; a flag is 0 or 1.
        sentence: what it measures, for the data engineer.
        reason: the fact it belongs to; features of one reason are told to a rep as one.
        above, below: what a rep reads when the value lies above or below the norm, or when a flag is 1 or 0. Any feature
            can be named in braces; `{norm}` is the norm's value, `{over}` the distance to the norm in percent,
            `{stage_name}` the stage.
        norm: the feature that holds what is usual for this deal; "one": 1; None: the median of the open deals, or, for a
            flag, the share of them that have it.
        default: the value where nothing is known; None: the norm.
    """

    name: str
    family: Family
    unit: Unit
    sentence: str
    reason: str
    above: str
    below: str
    norm: str | None = None
    default: float | None = 0.0


def in_words(value: float, unit: Unit) -> str:
    """A value as a rep reads it.

    >>> in_words(0.236, "share"), in_words(21.4, "days"), in_words(1.5, "ratio"), in_words(125000, "amount")
    ('24%', '21', '1.5', '125,000')
    """
    if unit in ("share", "flag"):
        return f"{value:.0%}"
    if unit in ("days", "count", "amount"):
        return f"{value:,.0f}"
    return f"{value:.1f}"
