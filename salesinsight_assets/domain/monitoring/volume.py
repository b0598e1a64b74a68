"""Volume: whether as many rows came, deals are open and people are told as is usual, of every source and every owner.

What is rare is judged over seven days as well: a table of three rows a day that is cut off shows within the week only.
"""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.grid import Floats
from salesinsight_assets.domain.monitoring.bands import Band, count_band, level_band, share_band
from salesinsight_assets.domain.monitoring.multiplicity import q_values
from salesinsight_assets.domain.monitoring.volume_policy import VolumePolicy

SOURCE, PIPELINE, OWNER = "source", "pipeline", "owner"
ACTIVITIES, WORK = "activities", "work on deals"
VOLUME_COLUMNS = [
    "kind", "subject", "measure", "days", "value", "usual", "low", "high", "p_value", "q_value", "is_alarm", "finding",
]  # fmt: skip
KEYS = ["kind", "subject", "measure", "days"]
"""What names a figure within a day."""
Scale = Literal["count", "level", "share"]
SCALES: dict[str, Scale] = {"open deals": "level", "defaulted share": "share", "fallback share": "share"}
"""Measures that are no counts of what happened on a day."""


class Figure(NamedTuple):
    """One figure of the day beside its band (None: not yet known), and whether it is far off enough to matter."""

    kind: str
    subject: str
    measure: str
    days: int
    value: float
    band: Band | None
    is_large: bool
    finding: str


def volume_checks(values: pd.DataFrame, day: date, policy: VolumePolicy) -> pd.DataFrame:
    """The volumes of `day` against those of the weeks before.

    Args:
        values: one row a figure and day of `policy.days(day)`: `kind`, `subject`, `measure`, `day`, `value` (NaN: not known).
        day: the day that is judged.
        policy: windows and thresholds.

    Returns:
        `VOLUME_COLUMNS`, one row a figure; without `usual` and `p_value` where it is not yet known.
    """
    days = pd.DatetimeIndex(policy.days(day))
    wide = values.assign(day=pd.to_datetime(values["day"]).dt.tz_localize(None)).pivot_table(
        index=["kind", "subject", "measure"], columns="day", values="value", aggfunc="sum", min_count=1, dropna=False
    )
    wide = wide.reindex(columns=days).astype("float64")
    wide.loc[:, [policy.is_holiday(moment.date()) for moment in days]] = np.nan
    series = {key: wide.loc[key].to_numpy().reshape(-1, 7) for key in wide.index if not np.isnan(wide.loc[key]).all()}
    figures = [figure for key, weeks in series.items() for figure in _figures(key, weeks, series, policy)]
    return _judged(figures, policy)


def list_finding(now: int, before: int, policy: VolumePolicy) -> str | None:
    """What is wrong with a short list, such as of the stages, that had `before` entries a week ago; None: nothing.

    >>> list_finding(4, 7, VolumePolicy())
    '4 entries, a week ago 7'
    """
    return f"{now} entries, a week ago {before}" if now <= (1 - policy.large_fall) * before and now < before else None


def _figures(
    key: tuple[str, str, str], weeks: Floats, series: dict[tuple[str, str, str], Floats], policy: VolumePolicy
) -> Iterator[Figure]:
    kind, subject, measure = key
    if kind == OWNER:
        if measure == ACTIVITIES:
            yield _of_owner(subject, weeks, series.get((OWNER, subject, WORK)), policy)
        return
    scale = SCALES.get(measure, "count")
    for days in (1, 7) if scale == "count" else (1,):
        value = _sum(weeks[-1]) if days > 1 else float(weeks[-1, -1])
        band = _BANDS[scale](weeks, days, policy.least_weeks)
        yield Figure(*key, days, value, band, _is_large(scale, value, band, policy), _words(scale, value, days, band))


_BANDS: dict[str, Callable[[Floats, int, int], Band | None]] = {
    "count": count_band,
    "level": lambda weeks, _, least: level_band(weeks, least),
    "share": lambda weeks, _, least: share_band(weeks, least),
}


def _is_large(scale: Scale, value: float, band: Band | None, policy: VolumePolicy) -> bool:
    if band is None:
        return False
    off = value - band.usual
    if scale == "share":
        return abs(off) >= policy.large_gap
    if scale == "level":
        return abs(off) >= max(policy.large_move * band.usual, policy.least_rows)
    return abs(off) >= policy.least_rows and not -policy.large_fall < off / max(band.usual, 1.0) < policy.large_rise


def _words(scale: Scale, value: float, days: int, band: Band | None) -> str:
    if band is None:
        return "not yet known: the day is a holiday, was not read whole, or has too few weeks before it"
    if scale == "share":
        return f"{value:.1%}, usual {band.usual:.1%} ({band.low:.1%} to {band.high:.1%})"
    return (
        f"{value:,.0f}{' in 7 days' if days > 1 else ''}, usual {band.usual:,.0f} ({band.low:,.0f} to {band.high:,.0f})"
    )


def _of_owner(owner: str, weeks: Floats, work: Floats | None, policy: VolumePolicy) -> Figure:
    """An owner's activities of seven days; one who did nothing else either is away, and not judged."""
    value, band = _sum(weeks[-1]), count_band(weeks, 7, policy.least_weeks)
    words = _words("count", value, 7, band)
    has_fallen = band is not None and value <= (1 - policy.owner_fall) * band.usual
    if band is None or band.usual < policy.least_activities:
        return Figure(OWNER, owner, ACTIVITIES, 7, value, None, False, f"{words}; too few to judge")
    if has_fallen and not _is_at_work(work, policy):
        return Figure(OWNER, owner, ACTIVITIES, 7, value, None, False, f"{words}; no work on deals either: away")
    return Figure(OWNER, owner, ACTIVITIES, 7, value, band, has_fallen, words + ("; still at work" * has_fallen))


def _is_at_work(work: Floats | None, policy: VolumePolicy) -> bool:
    """Whether an owner still changes deals as usual; where that is not known, nobody is suspected."""
    if work is None or not np.isfinite(work[-1]).any():
        return False
    usual = float(np.nanmedian([_sum(week) for week in work[:-1]]))
    return usual > 0 and _sum(work[-1]) >= max(policy.owner_at_work * usual, 1)


def _sum(week: Floats) -> float:
    return float(np.nansum(week)) if np.isfinite(week).any() else np.nan


def _judged(figures: list[Figure], policy: VolumePolicy) -> pd.DataFrame:
    """Rows with `q_value`, within each kind, and `is_alarm`: beyond chance, and large."""
    blank = Band(np.nan, np.nan, np.nan, np.nan)
    rows: list[dict[str, Any]] = [{**f._asdict(), **(f.band or blank)._asdict()} for f in figures]
    table = pd.DataFrame(rows, columns=[*Figure._fields, *Band._fields]).reset_index(drop=True)
    table["q_value"] = np.nan
    for _, part in table[table["p_value"].notna()].groupby("kind"):
        table.loc[part.index, "q_value"] = q_values(part["p_value"])
    table["is_alarm"] = table["is_large"].astype(bool) & (table["q_value"] <= policy.false_alarm_rate)
    return table[VOLUME_COLUMNS]
