"""Episodes of alarms: each is told once, when it begins, and once more when all is well again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from salesinsight_assets.domain.plain_text import one_line


@dataclass(frozen=True)
class Told:
    """What was told last: the day of the check, and the alarms that were on then, each by its name."""

    day: str = ""
    alarms: frozenset[str] = field(default_factory=frozenset[str])

    @classmethod
    def from_text(cls, text: str | None) -> "Told":
        """What `to_text` wrote; nothing was told where there is none.

        >>> Told.from_text(Told("2025-03-28", frozenset(["log_amount, new"])).to_text()).day
        '2025-03-28'
        """
        kept = json.loads(text) if text else {}
        return cls(kept.get("day", ""), frozenset(kept.get("alarms", ())))

    def to_text(self) -> str:
        """As text that a sensor can keep."""
        return json.dumps({"day": self.day, "alarms": sorted(self.alarms)})


def alarms_of(checks: pd.DataFrame, keys: list[str]) -> dict[str, str]:
    """The alarms among the rows of a check: the finding of each, by a name made of its key columns."""
    alarms = checks[checks["is_alarm"].astype(bool)]
    return {", ".join(str(row[key]) for key in keys): str(row["finding"]) for _, row in alarms.iterrows()}


def news(told: Told, alarms: Mapping[str, str], title: str) -> str | None:
    """The message on a new check: the alarms that are new, or that all is well again; None: nothing is new."""
    began = [name for name in alarms if name not in told.alarms]
    if began:
        return "\n".join([f"⚠️ {title}", *(one_line(f"• {name}: {alarms[name]}") for name in began)])
    return f"✅ {title}: all is well again" if told.alarms and not alarms else None
