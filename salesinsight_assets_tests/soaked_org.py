"""Many nights of a company whose Salesforce fails, changes its fields and is left in the middle of a sync by kill -9.

Each night a child process syncs; what it said is held against what is stored. Used by `make soak` with the real command, and by
a short test with a lean script.
"""

import json
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np

from salesinsight_assets.domain.crm.tables import (
    CRM_TABLES,
    OPPORTUNITIES,
    OPPORTUNITY_HISTORY,
    TASKS,
    Column,
    CrmTable,
)
from salesinsight_assets.settings import child_environment
from salesinsight_assets_tests.adapters.synced_org import LOOKBACK, SyncedOrg

LOGINS = ("client_credentials", "jwt", "refresh_token", "password")
PATIENCE = {"SALESFORCE_RETRY_BUDGET_SECONDS": "6", "SALESFORCE_TIMEOUT_SECONDS": "5"}
QUIETEST_NIGHT_CALLS = 40
LONGEST_NIGHT_SECONDS = 240.0
MOST_SKEW_SECONDS = 300
A_WEEK = timedelta(days=7)
_ALWAYS_SHOWN = ("id", "is_deleted", "system_modstamp", "last_modified_date", "created_date")


@dataclass
class Night:
    """What a night suffered, and what it said: the status of each object, and the names of the stale ones."""

    number: int
    login: str
    changes: list[str] = field(default_factory=list[str])
    faults: list[str] = field(default_factory=list[str])
    exit_code: int = 0
    seconds: float = 0.0
    statuses: dict[str, str] = field(default_factory=dict[str, str])
    compared: list[str] = field(default_factory=list[str])
    output: str = ""

    @property
    def is_killed(self) -> bool:
        """Whether it ended by kill -9."""
        return self.exit_code == -9

    @property
    def stale(self) -> list[str]:
        """The tables that it said are stale."""
        return [name for name, status in self.statuses.items() if status in ("incomplete", "failed")]

    def told(self) -> str:
        """One line."""
        said = "killed" if self.is_killed else f"stale: {', '.join(self.stale)}" if self.stale else "complete"
        faults, changes = "; ".join(self.faults) or "nothing", ", ".join(self.changes)
        return f"{self.number:>3}  {self.login:<18} {self.seconds:5.1f} s  {said}\n     {faults}\n     {changes}"


class SoakedOrg:
    """`org` under faults drawn by `seed`; `command`, which takes `--json FILE`, is one sync. Files go to `folder`."""

    def __init__(self, org: SyncedOrg, command: Sequence[str], folder: Path, env: Mapping[str, str], seed: int) -> None:
        self.org, self.folder = org, folder
        self.nights: list[Night] = []
        self._command, self._env = list(command), dict(env)
        self._rng = np.random.default_rng(seed)
        self._hidden: list[tuple[CrmTable, Column]] = []
        self._renamed: set[CrmTable] = set()
        self._deleted: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)

    # --- nights ---

    def night(self, kill: bool) -> Night:
        """A day passes, the org changes and fails, a sync runs; then what it said must be true of what is stored."""
        night = self._next_night()
        skew = timedelta(seconds=int(self._rng.integers(-MOST_SKEW_SECONDS, MOST_SKEW_SECONDS)))
        with self.org.server.clock_skewed(skew):
            self._live_through(night, kill)
        return night

    def _live_through(self, night: Night, kill: bool) -> None:
        self.org.company.advance(self.org.company.last_day + timedelta(days=1))
        night.changes = [self._change() for _ in range(self._rng.integers(3, 7))]
        # a refresh token that is changed while its owner is killed is lost for good, which no client can help
        self.org.server.sessions.rotates_refresh_tokens = not kill
        kill_at = int(self._rng.integers(1, QUIETEST_NIGHT_CALLS)) if kill else None
        with self.org.server.random_faults(self._rng, self._changed_in_mid_sync) as active:
            self._run(night, kill_at)
            night.faults = [fault.fault.name for fault in active if fault.hits]
        self._check(night)

    def clean_night(self) -> Night:
        """A week later everything is shown again and nothing fails: after one sync every table equals the CRM."""
        self._show_fields()
        self.org.company.pass_time(A_WEEK)
        night = self._next_night()
        self._run(night, None)
        assert night.exit_code == 0, night.output
        self.org.assert_equal()
        return night

    def _next_night(self) -> Night:
        night = Night(len(self.nights) + 1, LOGINS[len(self.nights) % len(LOGINS)])
        self.nights.append(night)
        return night

    def _run(self, night: Night, kill_at: int | None) -> None:
        """One sync; killed once the org was called `kill_at` times."""
        json_file = self.folder / f"night-{night.number}.json"
        env = {**child_environment(), **self._env, **PATIENCE, **self._settings(night)}
        started, calls = time.monotonic(), self.org.server.usage.used
        with (self.folder / f"night-{night.number}.txt").open("w+", encoding="utf-8") as output:
            command = [*self._command, "--json", str(json_file)]
            with subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT) as process:
                while kill_at and process.poll() is None and self.org.server.usage.used < calls + kill_at:
                    time.sleep(0.001)
                if kill_at:
                    process.kill()
                night.exit_code = process.wait(LONGEST_NIGHT_SECONDS)
            output.seek(0)
            night.output = output.read()
        night.seconds = time.monotonic() - started
        objects = json.loads(json_file.read_text())["objects"] if json_file.exists() else {}
        night.statuses = {name: told.get("status", "failed") for name, told in objects.items()}
        night.compared = [name for name, told in objects.items() if told.get("is_compared")]

    def _settings(self, night: Night) -> dict[str, str]:
        """Pages and jobs so small that several are needed, every other night by Bulk."""
        by_size = {"SALESFORCE_BULK_THRESHOLD": str(50 if night.number % 2 else 2000), "SALESFORCE_PAGE_SIZE": "200"}
        return {**self.org.server.environment(night.login), **by_size}

    # --- what a night must not do ---

    def _check(self, night: Night) -> None:
        self._renamed = {table for table in self._renamed if table.name not in night.compared}
        for table in CRM_TABLES:
            self._assert_cursor_passes_no_unstored_row(table)
        if night.is_killed:
            return
        assert set(night.statuses) == {table.name for table in CRM_TABLES}, night.output
        assert (night.exit_code == 0) == (not night.stale), night.output
        assert all(name in night.output for name in night.stale) or night.statuses, night.output
        if not any("the company changes" in fault for fault in night.faults):
            for table in CRM_TABLES:
                if night.statuses[table.name] == "complete":
                    self._assert_equal(table, night)

    def _assert_equal(self, table: CrmTable, night: Night) -> None:
        """Complete means: as in the CRM, but for columns that are hidden or have changed without a stamp."""
        columns = self._to_compare(table, table.column_names)
        alive = {key: row for key, row in self.org.expected(table).items() if not row.get("is_deleted")}
        stored = self.org.stored(table)
        assert stored.keys() == alive.keys(), f"night {night.number}, {table.name}"
        for key, row in alive.items():
            assert [stored[key][c] for c in columns] == [row[c] for c in columns], f"night {night.number}, {table.name}"

    def _assert_cursor_passes_no_unstored_row(self, table: CrmTable) -> None:
        """Every row with a stamp before the cursor is stored as it is, in the columns that are said to be filled.

        A row that is committed late, and so within the look-back, may still be missing.
        """
        memory = self.org.store.memory(table.name)
        if memory.cursor is None or table.cursor_field is None:
            return
        columns = [c for c in table.column_names if c in memory.fields and c != "is_deleted"]
        columns = self._to_compare(table, columns)
        rows = self.org.warehouse.read(
            f"SELECT id, {table.stamp_column} AS at FROM crm.{table.name} WHERE valid_to IS NULL"
        )
        stamps = dict(zip(rows["id"], rows["at"], strict=True))
        stored = self.org.stored(table)
        for key, row in self.org.expected(table).items():
            if row[table.stamp_column] >= memory.cursor - LOOKBACK:
                continue
            found, expected = stamps.get(key), row[table.stamp_column]
            assert found == expected, (
                f"{table.name} {key} of {expected}, before {memory.cursor}, is stored as of {found}"
            )
            if key in stored:
                assert [stored[key][c] for c in columns] == [row[c] for c in columns], f"{table.name} {key}"

    def _to_compare(self, table: CrmTable, columns: Iterable[str]) -> list[str]:
        """Those of `columns` that are shown, and whose changes have stamps or were compared since."""
        silent = "stage_name" if table in self._renamed else None
        return [c for c in columns if c != silent and (table, table.column(c)) not in self._hidden]

    # --- what happens in the org ---

    def _change(self) -> str:
        changes = (
            self._update_deal, self._delete_deal, self._undelete_deal, self._erase_deal, self._erase_task, self._delete_task,
            self._merge_accounts, self._commit_late, self._hide_field, self._rename_field, self._show_fields,
            self._retype_field, self._rename_stage,
        )  # fmt: skip
        return changes[self._rng.integers(len(changes))]()

    def _update_deal(self) -> str:
        fields = {"Amount": float(self._rng.integers(1, 10**6)), "NextStep": 'He said "yes",\nthen 第二'}
        self.org.company.update("Opportunity", self._some_deal(), fields)
        return "a deal changed"

    def _delete_deal(self) -> str:
        self._deleted.append(self._some_deal())
        self.org.company.delete("Opportunity", self._deleted[-1])
        return "a deal deleted"

    def _undelete_deal(self) -> str:
        if not self._deleted:
            return self._update_deal()
        self.org.company.undelete("Opportunity", self._deleted.pop(0))
        return "a deal restored"

    def _erase_deal(self) -> str:
        self.org.company.erase("Opportunity", self._some_deal())
        return "a deal erased"

    def _erase_task(self) -> str:
        self.org.company.erase("Task", self._some_alive(TASKS))
        return "a task erased"

    def _delete_task(self) -> str:
        self.org.company.delete("Task", self._some_alive(TASKS))
        return "a task deleted"

    def _merge_accounts(self) -> str:
        accounts = self.org.company.rows("Account")
        master, loser = self._rng.choice(accounts.loc[accounts["IsDeleted"] != 1, "Id"].to_numpy(), 2, replace=False)
        self.org.company.merge_accounts(str(master), [str(loser)])
        return "accounts merged"

    def _commit_late(self) -> str:
        cursor = self.org.store.memory("accounts").cursor
        at = cursor - LOOKBACK / 2 if cursor else None
        self.org.company.insert("Account", {"Name": "An account committed late"}, at)
        return "an account committed late"

    def _hide_field(self) -> str:
        table, column = self._some_field()
        self.org.server.metadata.hide_field(table.salesforce_object, column.field)
        self._hidden.append((table, column))
        return f"{table.salesforce_object}.{column.field} hidden"

    def _rename_field(self) -> str:
        table, column = self._some_field()
        self.org.server.metadata.rename_field(table.salesforce_object, column.field, f"New_{column.field}")
        self._hidden.append((table, column))
        return f"{table.salesforce_object}.{column.field} renamed"

    def _retype_field(self) -> str:
        table, column = self._some_field("number")
        kind = str(self._rng.choice(["string", "percent"]))
        self.org.server.metadata.retype_field(table.salesforce_object, column.field, kind)
        self._hidden.append((table, column))
        return f"{table.salesforce_object}.{column.field} is now {kind}"

    def _rename_stage(self) -> str:
        stages = self.org.company.rows("OpportunityStage")
        old = str(self._rng.choice(stages.loc[~stages["IsClosed"].astype(bool), "MasterLabel"].to_numpy()))
        new, with_rows = f"{old.partition(' (')[0]} ({len(self.nights)})", bool(self._rng.integers(2))
        self.org.company.rename_stage(old, new, with_rows=with_rows)
        if with_rows:
            self._renamed |= {OPPORTUNITIES, OPPORTUNITY_HISTORY}
        return f"{old} is now {new}{', also in rows' if with_rows else ''}"

    def _show_fields(self) -> str:
        metadata = self.org.server.metadata
        for table, column in self._hidden:
            metadata.show_field(table.salesforce_object, column.field)
            metadata.rename_field(table.salesforce_object, column.field, column.field)
            metadata.restore_type(table.salesforce_object, column.field)
        self._hidden.clear()
        return "all fields shown"

    def _changed_in_mid_sync(self) -> None:
        self.org.company.insert("Account", {"Name": "An account of the night"})

    def _some_deal(self) -> str:
        return self._some_alive(OPPORTUNITIES)

    def _some_alive(self, table: CrmTable) -> str:
        rows = self.org.company.rows(table.salesforce_object)
        return str(self._rng.choice(rows.loc[rows["IsDeleted"] != 1, "Id"].to_numpy()))

    def _some_field(self, kind: str | None = None) -> tuple[CrmTable, Column]:
        """One that nobody needs, of a type if given."""
        found = [
            (table, column)
            for table in CRM_TABLES
            for column in table.columns
            if kind in (None, column.type)
            and not column.is_required
            and column.name not in _ALWAYS_SHOWN
            and (table, column) not in self._hidden
        ]
        return found[self._rng.integers(len(found))]
