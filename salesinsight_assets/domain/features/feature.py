"""What a feature says of itself: the catalogue's entry, and how its values are written for people."""

from dataclasses import dataclass
from typing import Literal

Family = Literal["deal", "history", "velocity", "interaction", "activity"]
Unit = Literal["days", "share", "count", "times", "ratio", "log amount", "amount", "score", "flag"]
Side = Literal["above", "below"]


_TIMES = {0: "never", 1: "once", 2: "twice"}


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
            can be named in braces, with its noun for one and for more, as in `{age_days:day|days}`; `{norm}` is the
            norm's value, `{over}` the distance to the norm in percent, `{stage_name}` the stage.
        norm: the feature that holds what is usual for this deal; "one": 1; "at its age": what the median rate of the open
            deals gives in this deal's time; None: the median of the open deals, or, for a
            flag, the share of them that have it.
        default: the value where nothing is known; None: the norm.
        good: the side of the norm that anyone takes for a good sign; None: either, it depends on the deal. A reason whose
            words would argue against what it is a reason for is not told.
        zero: what a rep reads when the value is 0, where that is said in other words.
        negative: what a rep reads when the value is below 0; it speaks against the deal, or is not told.
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
    good: Side | None = None
    zero: str | None = None
    negative: str | None = None


def in_words(value: float, unit: Unit) -> str:
    """A value as a rep reads it.

    >>> in_words(0.236, "share"), in_words(21.4, "days"), in_words(1.5, "ratio"), in_words(2, "times")
    ('24%', '21', '1.5', 'twice')
    """
    if unit in ("share", "flag"):
        return f"{value:.0%}"
    if unit in ("days", "count", "amount"):
        return f"{value:,.0f}"
    if unit == "times":
        return _TIMES.get(round(value), f"{value:,.0f} times")
    return f"{value:.1f}"
