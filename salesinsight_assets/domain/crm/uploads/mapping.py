"""Which column of a flat file of deals holds what: the product's own mappings and those of salesinsight.toml."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

LOOKED_UP = ("amount", "industry", "region", "lead_source", "manager", "email")
"""What a further file may give to a deal."""
_REQUIRED = ("id", "created", "closed", "owner", "outcome")
_LOOKUP_REQUIRED = ("column", "key", "values")


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
        account, product, region, industry, lead_source: columns, where the file has them.
        email: column with the rep's e-mail address, to which messages go.
        lookups: further files of the upload; `values` may fill what LOOKED_UP names.
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
    email: str | None = None
    lookups: tuple[Lookup, ...] = ()

    @classmethod
    def from_config(cls, name: str, entry: Any) -> "DealsMapping":
        """A mapping from its TOML table. Raises ValueError for an unknown, missing or wrong entry."""
        where = f"[mappings.{name}]"
        known = [f.name for f in fields(cls)]
        _check_entries(where, entry, known, _REQUIRED)
        given: dict[str, Any] = {**entry}
        for key, value in given.items():
            _expect(*_READ_AS.get(key, _TEXT), f"{where} {key}", value)
        lookups = tuple(_lookup(f"{where} lookups", lookup) for lookup in given.get("lookups", ()))
        stages = tuple(given.get("open_stages", ("Open",)))
        values: dict[str, Any] = {**given, "lookups": lookups, "open_stages": stages}
        mapping = cls(**values)
        _expect(
            _is_distinct,
            "won, lost and open_stages to differ",
            where,
            [mapping.won, mapping.lost, *mapping.open_stages],
        )
        return mapping

    @property
    def columns(self) -> list[str]:
        """The columns that the deals file must have."""
        named = (self.id, self.created, self.closed, self.owner, self.outcome, self.amount, self.final_amount,
                 self.account, self.product, self.region, self.industry, self.lead_source, self.email)  # fmt: skip
        return [column for column in named if column]


def mappings_from_config(config: Any) -> dict[str, DealsMapping]:
    """The mappings of the tables `[mappings.NAME]`. Raises ValueError for what cannot be one."""
    _expect(_is_table, "tables [mappings.NAME]", "mappings", config)
    return {name: DealsMapping.from_config(name, entry) for name, entry in config.items()}


def _lookup(where: str, entry: Any) -> Lookup:
    _check_entries(where, entry, [f.name for f in fields(Lookup)], _LOOKUP_REQUIRED)
    _expect(_is_text, "a column", f"{where} column", entry["column"])
    _expect(_is_text, "a column", f"{where} key", entry["key"])
    texts = 'a table such as {amount = "price"}'
    for key in ("values", "renamed"):
        _expect(_is_table_of_texts, texts, f"{where} {key}", entry.get(key, {}))
    for ours in entry["values"]:
        _expect(LOOKED_UP.__contains__, f"one of {', '.join(LOOKED_UP)}", f"{where} values", ours)
    return Lookup(**entry)


def _check_entries(where: str, entry: Any, known: list[str], required: tuple[str, ...]) -> None:
    """Raises ValueError unless `entry` is a table with the `required` entries and none that is not `known`."""
    _expect(_is_table, "a table with entries", where, entry)
    wrong = [key for key in entry if key not in known]
    missing = [key for key in required if key not in entry]
    if wrong or missing:
        found = f"unknown {', '.join(wrong)}" if wrong else f"no {', '.join(missing)}"
        raise ValueError(
            f"salesinsight.toml, {where}: expected entries among {', '.join(known)}, got {found}; correct it"
        )


def _expect(holds: Callable[[Any], bool], expected: str, where: str, value: Any) -> None:
    if not holds(value):
        raise ValueError(f"salesinsight.toml, {where}: expected {expected}, got {value!r}; correct it")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_text(one) for one in value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_table_of_texts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(_is_text(one) for one in value.values())


def _is_distinct(values: list[str]) -> bool:
    return len(set(values)) == len(values)


_TEXT = (_is_text, "the name of a column, as text")
_READ_AS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "won": (_is_text, "a value of the outcome column, as text"),
    "lost": (_is_text, "a value of the outcome column, as text"),
    "open_stages": (_is_list_of_texts, 'a list of stages such as ["Open"]'),
    "lookups": (_is_list, "a list of tables with the entries column, key and values"),
}
