"""Which column of a flat file of deals holds what: the product's own mappings and those of salesinsight.toml."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Lookup:
    """A second file: rows with `key` equal to the deal's `column` give the columns in `values` (ours: theirs)."""

    column: str
    key: str
    values: Mapping[str, str]
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class DealsMapping:
    """Which column of a deals file holds what.

    Attributes:
        id, created, closed, owner: columns; `created` and `closed` hold days. An open deal has no closing day.
        outcome: column that tells won from lost, by the values `won` and `lost`; other values mean open.
        open_stages: names of open stages in order; an open deal's `outcome` value is one of them, a closed deal was in
            the last of them.
        amount: column with the amount, known from creation; `final_amount`: known once closed.
        account, product, region, industry, lead_source, name: columns, where the file has them.
        lookups: further files of the upload; `values` may fill `amount`, `industry`, `manager`, `region`.
    """

    id: str
    created: str
    closed: str
    owner: str
    outcome: str
    won: str = "Won"
    lost: str = "Lost"
    open_stages: tuple[str, ...] = ("Open",)
    amount: str | None = None
    final_amount: str | None = None
    account: str | None = None
    product: str | None = None
    region: str | None = None
    industry: str | None = None
    lead_source: str | None = None
    lookups: tuple[Lookup, ...] = ()

    @classmethod
    def from_config(cls, name: str, entry: Mapping[str, Any]) -> "DealsMapping":
        """A mapping from its TOML table. Raises ValueError for an unknown or missing entry."""
        known = [f.name for f in fields(cls)]
        wrong = [key for key in entry if key not in known]
        missing = [key for key in ("id", "created", "closed", "owner", "outcome") if key not in entry]
        if wrong or missing:
            found = f"unknown {', '.join(wrong)}" if wrong else f"no {', '.join(missing)}"
            raise ValueError(f"[mappings.{name}]: expected entries among {', '.join(known)}, got {found}; correct it")
        lookups = tuple(Lookup(**lookup) for lookup in entry.get("lookups", ()))
        stages = tuple(entry.get("open_stages", ("Open",)))
        values: dict[str, Any] = {**entry, "lookups": lookups, "open_stages": stages}
        return cls(**values)

    @property
    def columns(self) -> list[str]:
        """The columns that the deals file must have."""
        named = (self.id, self.created, self.closed, self.owner, self.outcome, self.amount, self.final_amount,
                 self.account, self.product, self.region, self.industry, self.lead_source)  # fmt: skip
        return [column for column in named if column]
