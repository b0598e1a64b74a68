"""What a test or the demo may change in a company by hand, each change whole or not at all.

What a change does to records stands in `editing` and `administration`.
"""

import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from salesinsight_assets.demo import administration, editing
from salesinsight_assets.demo.storage import end_of_work, fact, org_clock, remember


class ChangesByHand:
    """A company that can be changed. `at` stamps a change with an earlier moment: it is committed late."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection, None, None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def insert(self, object_name: str, fields: Mapping[str, Any], at: datetime | None = None) -> str:
        """A new record made by hand, stamped with the org's clock; returns its Id.

        A person account (`IsPersonAccount`) gets its Name from FirstName and LastName.
        """
        with self._transaction() as connection:
            return editing.insert(connection, object_name, fields, at)

    def update(self, object_name: str, record_id: str, fields: Mapping[str, Any], at: datetime | None = None) -> None:
        """New values by hand: moves the stamp, and for an opportunity writes the history Salesforce would write.

        A new StageName brings its IsClosed, IsWon and Probability with it unless they are given.
        """
        with self._transaction() as connection:
            editing.update(connection, object_name, record_id, fields, at)

    def delete(self, object_name: str, record_id: str) -> None:
        """Into the recycle bin: IsDeleted, with the activities and histories of an opportunity."""
        with self._transaction() as connection:
            editing.delete(connection, object_name, record_id)

    def undelete(self, object_name: str, record_id: str) -> None:
        """Back from the recycle bin."""
        with self._transaction() as connection:
            editing.undelete(connection, object_name, record_id)

    def erase(self, object_name: str, record_id: str) -> None:
        """Deleted for good: gone from queryAll too, known only to getDeleted."""
        with self._transaction() as connection:
            editing.erase(connection, object_name, record_id)

    def merge_accounts(self, master_id: str, loser_ids: Sequence[str]) -> None:
        """One account of several: the losers are deleted with MasterRecordId set, what hung on them is restamped.

        Reparented opportunities get a new SystemModstamp and keep their LastModifiedDate.
        """
        with self._transaction() as connection:
            administration.merge_accounts(connection, master_id, loser_ids)

    def archive(self, object_name: str, record_ids: Sequence[str]) -> None:
        """Tasks or events become archived: in queryAll, not in query. No stamp moves."""
        with self._transaction() as connection:
            administration.write_silently(connection, object_name, record_ids, {"IsArchived": True})

    def change_silently(self, object_name: str, fields: Mapping[str, Any], ids: Sequence[str] | None = None) -> None:
        """New values without a new stamp or history, as a formula's; of all records where no Ids are given."""
        with self._transaction() as connection:
            administration.write_silently(connection, object_name, ids, fields)

    def touch(self, object_name: str, record_ids: Sequence[str], at: datetime | None = None) -> str:
        """One and the same new stamp for all these records, whose values stay; returns it as Salesforce writes it."""
        with self._transaction() as connection:
            return administration.touch(connection, object_name, record_ids, at)

    def write_back(self, opportunity_id: str, fields: Mapping[str, Any]) -> None:
        """New values of an opportunity written by the integration user: both stamps and LastModifiedById move."""
        with self._transaction() as connection:
            administration.write_back(connection, opportunity_id, fields)

    def rename_stage(self, old: str, new: str, with_rows: bool = False, with_stamps: bool = False) -> None:
        """Another label for a stage: the label alone, or the rows as well, without or with new stamps.

        A company whose rows were renamed cannot `advance` any more: its people know the first names only.
        """
        with self._transaction() as connection:
            administration.rename_stage(connection, old, new, with_rows, with_stamps)

    def add_field(
        self, object_name: str, field_name: str, kind: str, value: Any = None, is_formula: bool = False
    ) -> None:
        """A new field of a Salesforce type such as `string` or `double`, with one value in all records."""
        with self._transaction() as connection:
            administration.add_field(connection, object_name, field_name, kind, value, is_formula)

    def add_custom_fields(self, object_name: str, count: int) -> list[str]:
        """So many text fields with long names, filled in all records; returns the names."""
        with self._transaction() as connection:
            return administration.add_custom_fields(connection, object_name, count)

    def hold_back(self, object_name: str, record_ids: Sequence[str]) -> None:
        """Records whose transaction has not ended; nobody sees them until `commit`."""
        with self._transaction() as connection:
            administration.hold_back(connection, object_name, record_ids)

    def commit(self, object_name: str, record_ids: Sequence[str]) -> None:
        """Records that were held back appear, with their old stamps."""
        with self._transaction() as connection:
            administration.commit(connection, object_name, record_ids)

    def set_clock(self, moment: datetime) -> None:
        """The org's clock from now on: to let time pass, or to set it apart from the worker's."""
        with self._transaction() as connection:
            seconds = int((moment - end_of_work(connection)).total_seconds())
            skew = int(fact(connection, "clock_skew_seconds", "0"))
            remember(connection, seconds_since_end_of_work=seconds - skew)

    def pass_time(self, by: timedelta) -> None:
        """The org's clock moves on; nothing else happens."""
        self.set_clock(org_clock(self._connection) + by)
