"""A small CRM for tests: things happen to it, and `rows()` gives the versions that the warehouse would hold of it.

Every change writes what Salesforce writes: the row itself with a new SystemModstamp, a row of OpportunityHistory when
stage, amount or close date changed, and two rows of OpportunityFieldHistory (Ids and names) when the owner did.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa

from salesinsight_assets.adapters.warehouse.arrow import to_pandas
from salesinsight_assets.domain.crm.rows import arrow_schema
from salesinsight_assets.domain.crm.tables import CRM_TABLES, CrmTable

START = datetime(2024, 1, 1, tzinfo=UTC)
BEFORE = START - timedelta(days=400)
STAGES = ("Prospecting", "Qualification", "Proposal", "Negotiation")
FIRST_START, LAST_END = date(1, 1, 1), date(9999, 12, 31)
"""Where the dated rates of a currency begin and end in Salesforce."""
WON, LOST = "Closed Won", "Closed Lost"

Row = dict[str, Any]


def at(days: float) -> datetime:
    """The moment `days` after the world's first day."""
    return START + timedelta(days=days)


class World:
    """A CRM to which things happen, each at its time, in the order of their times."""

    def __init__(self, *, tracks_owner: bool = True) -> None:
        self.tracks_owner = tracks_owner
        self.states: dict[str, dict[str, list[Row]]] = {table.name: {} for table in CRM_TABLES}
        self._without_history: set[str] = set()
        for place, name in enumerate(STAGES):
            self.stage(name, place + 1, BEFORE, default_probability=10.0 + 20 * place)
        self.stage(WON, 8, BEFORE, is_closed=True, is_won=True, default_probability=100.0)
        self.stage(LOST, 9, BEFORE, is_closed=True, default_probability=0.0)

    # --- what can happen ---

    def deal(self, deal: str, when: datetime, *, has_history: bool = True, **fields: Any) -> None:
        """A new opportunity."""
        usual = {"name": f"Deal {deal}", "owner_id": "rep 1", "stage_name": STAGES[0], "amount": 10_000.0}
        if not has_history:
            self._without_history.add(deal)
        self.write("opportunities", deal, when, **{**usual, **fields})
        self._record_state(deal, when)

    def change(self, deal: str, when: datetime, **fields: Any) -> None:
        """New values of an opportunity's fields."""
        before = self.current("opportunities", deal)
        self.write("opportunities", deal, when, **fields)
        after = self.current("opportunities", deal)
        if any(before.get(name) != after.get(name) for name in ("stage_name", "amount", "close_date")):
            self._record_state(deal, when)
        if before["owner_id"] != after["owner_id"] and self.tracks_owner:
            self._record_owner(deal, when, before["owner_id"], after["owner_id"])

    def close(self, deal: str, when: datetime, *, is_won: bool, **fields: Any) -> None:
        """The opportunity is won or lost."""
        self.change(deal, when, stage_name=WON if is_won else LOST, is_closed=True, is_won=is_won, **fields)

    def task(self, task: str, deal: str, when: datetime) -> None:
        """A task is recorded on the opportunity."""
        self.write("tasks", task, when, what_id=deal, subject="Call")

    def event(self, event: str, deal: str, when: datetime) -> None:
        """A meeting is recorded on the opportunity."""
        self.write("events", event, when, what_id=deal, subject="Meeting")

    def competitor(self, row: str, deal: str, when: datetime) -> None:
        """A competitor is recorded on the opportunity."""
        self.write("competitors", row, when, opportunity_id=deal, competitor_name=row)

    def response(self, row: str, account: str, when: datetime, *, has_responded: bool = True) -> None:
        """A contact of the account becomes a campaign's member."""
        self.write("campaign_members", row, when, account_id=account, campaign_id="c", has_responded=has_responded)

    def account(self, account: str, when: datetime, **fields: Any) -> None:
        """A new account, or new values of its fields."""
        self.write("accounts", account, when, **{"name": f"Account {account}", **fields})

    def user(self, user: str, when: datetime, name: str) -> None:
        """A new user, or another name."""
        self.write("users", user, when, name=name)

    def currency(self, code: str, rate: float, when: datetime) -> None:
        """A new currency, or another rate: units of it for one of the company's."""
        is_corporate = code == "USD"
        values = {"iso_code": code, "conversion_rate": rate, "is_corporate": is_corporate}
        self.write("currency_types", f"currency {code}", when, **values)

    def dated_rate(self, code: str, rate: float, start: date, when: datetime) -> None:
        """A rate from `start` on, new or corrected, entered at `when`; the rate before it ends there, as in Salesforce."""
        key, of_code = f"rate {code} {start}", [r for r in self.states["dated_conversion_rates"] if f" {code} " in r]
        rows = {r: self.current("dated_conversion_rates", r) for r in of_code if self.has("dated_conversion_rates", r)}
        later = min((r["start_date"] for r in rows.values() if r["start_date"] > start), default=LAST_END)
        before = max(
            (r for r in rows if rows[r]["start_date"] < start), key=lambda r: rows[r]["start_date"], default=None
        )
        if before:
            self.write("dated_conversion_rates", before, when, next_start_date=start)
        values = {"iso_code": code, "conversion_rate": rate, "start_date": start, "next_start_date": later}
        self.write("dated_conversion_rates", key, when, **{**values, "is_deleted": False})

    def stage(self, name: str, place: int, when: datetime, **fields: Any) -> None:
        """A new stage, or another meaning of one."""
        usual = {"master_label": name, "api_name": name, "is_closed": False, "is_won": False}
        self.write("opportunity_stages", f"stage {name}", when, **{**usual, **fields, "sort_order": place})

    def delete(self, table: str, row: str, when: datetime, *, is_deleted: bool = True) -> None:
        """A row is deleted, or taken out of the recycle bin; an opportunity takes its history rows with it."""
        self.write(table, row, when, is_deleted=is_deleted)
        if table == "opportunities":
            for states in self.states["opportunity_history"].values():
                if states[-1]["opportunity_id"] == row:
                    self.write("opportunity_history", states[-1]["id"], when, is_deleted=is_deleted)
            for states in self.states["opportunity_field_history"].values():
                if states[-1]["opportunity_id"] == row:
                    states[-1]["is_deleted"] = is_deleted  # its rows have no second stamp, so they change in place

    def current(self, table: str, row: str) -> Row:
        """A row as it is now."""
        return self.states[table][row][-1]

    def has(self, table: str, row: str) -> bool:
        """Whether there is such a row, and it is not deleted."""
        return row in self.states[table] and not self.current(table, row).get("is_deleted")

    def write(self, table: str, row: str, when: datetime, **fields: Any) -> None:
        """A row of any table takes new values."""
        states = self.states[table].setdefault(row, [])
        before = states[-1] if states else {"id": row, "created_date": when, "is_deleted": False}
        states.append({**before, **fields, "system_modstamp": when, "last_modified_date": when})

    def _record_state(self, deal: str, when: datetime) -> None:
        if deal not in self._without_history:
            row = self.current("opportunities", deal)
            copied = {name: row.get(name) for name in ("stage_name", "amount", "close_date", "currency_iso_code")}
            number = len(self.states["opportunity_history"])
            self.write("opportunity_history", f"history {number:05d}", when, opportunity_id=deal, **copied)

    def _record_owner(self, deal: str, when: datetime, old: str, new: str) -> None:
        for kind, old_value, new_value in (("EntityId", old, new), ("Text", f"name of {old}", f"name of {new}")):
            number = len(self.states["opportunity_field_history"])
            values = {"field": "Owner", "data_type": kind, "old_value": old_value, "new_value": new_value}
            self.write("opportunity_field_history", f"field {number:05d}", when, opportunity_id=deal, **values)

    # --- what the warehouse holds ---

    def rows(self, first_synced_at: datetime | None = None) -> dict[str, pd.DataFrame]:
        """The versions of every table, synced once at `first_synced_at` and after every change from then on.

        None: after every change from the beginning.
        """
        return {
            table.name: as_read(
                table, [v for states in self.states[table.name].values() for v in _versions(states, first_synced_at)]
            )
            for table in CRM_TABLES
        }


def as_read(table: CrmTable, versions: list[Row]) -> pd.DataFrame:
    """Versions of a table's rows as they are read from the warehouse; columns that are not given are missing."""
    extra = [] if "is_deleted" in table.column_names else [("is_deleted", pa.bool_())]
    stamps = [(name, pa.timestamp("us", "UTC")) for name in ("valid_from", "valid_to", "stamped_at")]
    schema = pa.schema([*arrow_schema(table), *(pa.field(*f) for f in (*extra, *stamps))])
    return to_pandas(pa.Table.from_pylist(versions, schema=schema))


def _versions(states: list[Row], first_synced_at: datetime | None) -> list[Row]:
    """The versions of one row (see adapters.warehouse.merge, which does the same in SQL)."""
    versions: list[Row] = []
    for row in _seen(states, first_synced_at):
        stamp, born = row["system_modstamp"], row["created_date"]
        if not versions:
            versions.append({**row, "valid_from": born, "valid_to": None, "stamped_at": stamp})
            if row["is_deleted"] and stamp > born:
                versions[0] |= {"is_deleted": False, "valid_to": stamp}
                versions.append({**row, "valid_from": stamp, "valid_to": None, "stamped_at": stamp})
        elif _content(row) == _content(versions[-1]) or stamp <= versions[-1]["valid_from"]:
            versions[-1] |= row
        else:
            versions[-1]["valid_to"] = stamp
            versions.append({**row, "valid_from": stamp, "valid_to": None, "stamped_at": stamp})
    return versions


def _seen(states: list[Row], first_synced_at: datetime | None) -> Iterator[Row]:
    """The states that a sync saw: of those by the first sync only the last."""
    early = [row for row in states if first_synced_at and row["system_modstamp"] <= first_synced_at]
    yield from early[-1:]
    yield from states[len(early) :]


def _content(row: Row) -> Row:
    stamps = ("system_modstamp", "last_modified_date", "created_date", "valid_from", "valid_to", "stamped_at")
    return {name: value for name, value in row.items() if name not in stamps}


def day(days: float) -> date:
    """The calendar day `days` after the world's first."""
    return at(days).date()
