"""What people asked for, as silences of the alerts: the same for the night's selection and for the last look before sending."""

from datetime import datetime

import pandas as pd

from salesinsight_assets.domain.alerts.silences import silences

_ASKED = {
    "snooze": "snoozed",
    "wrong": "called wrong",
    "mute_deal": "muted",
    "mute_rule": "muted",
    "unsubscribe": "unsubscribed from e-mails",
}


def asked_silences(stored: pd.DataFrame, at: datetime) -> pd.DataFrame:
    """The silences that hold at a moment (see `alerts.silences`).

    Args:
        stored: `kind`, `owner_id`, `opportunity_id`, `rule`, `channel`, `since`, `until`, `withdrawn_at`.
        at: the moment.
    """
    moment = pd.Timestamp(at)
    is_begun = stored["since"] <= moment
    is_over = (stored["until"] <= moment) | (stored["withdrawn_at"] <= moment)
    rows = stored[is_begun & ~is_over].to_dict("records")
    return silences(
        [
            {
                "owner_id": row["owner_id"],
                "opportunity_id": row["opportunity_id"],
                "rule": row["rule"],
                "spares_high": row["channel"] == "email",
                "because": _because(str(row["kind"]), row["since"], row["until"]),
            }
            for row in rows
        ]
    )


def _because(kind: str, since: pd.Timestamp, until: pd.Timestamp) -> str:
    said = f"{_ASKED[kind]} by the rep on {since:%Y-%m-%d}"
    return said if pd.isna(until) else f"{said}, until {until:%Y-%m-%d}"
