"""Silences: whom, or what, nobody is told of for now, whoever asked for it: the rep, the calendar, the rep's own work hours."""

from collections.abc import Mapping, Sequence

import pandas as pd

from salesinsight_assets.domain.alerts.rules import HIGH

SILENCE_COLUMNS = ["owner_id", "opportunity_id", "rule", "spares_high", "because"]


def silences(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """SILENCE_COLUMNS, one row a silence.

    `owner_id` is who is not told; `opportunity_id` and `rule` of what, missing: of anything. `spares_high` where
    HIGH alerts are told all the same, in another channel. `because` is the reason in words.
    """
    frame = pd.DataFrame([*rows], columns=SILENCE_COLUMNS).astype(object)
    return frame.assign(spares_high=frame["spares_high"].fillna(False).astype(bool))


def silent_because(alerts: pd.DataFrame, asked: pd.DataFrame) -> pd.Series:
    """Why an alert falls under a silence, None where it does not; the first silence counts.

    Args:
        alerts: `owner_id`, `opportunity_id`, `rule`, `priority`.
        asked: see `silences`.
    """
    because = pd.Series([None] * len(alerts), index=alerts.index, dtype=object)
    for silence in asked.to_dict("records"):
        is_meant = alerts["owner_id"] == silence["owner_id"]
        for column in ("opportunity_id", "rule"):
            if pd.notna(silence[column]):
                is_meant &= alerts[column] == silence[column]
        if silence["spares_high"]:
            is_meant &= alerts["priority"] != HIGH
        because[is_meant & because.isna()] = silence["because"]
    return because
