"""How rows delivered by a CRM become versions: the SQL of one table's merge.

A row that is new counts from its CreatedDate; one that changed closes the current version and opens the next from its
own stamp; one whose content is unchanged only takes over the new stamps; one that is older than what is stored is left.
A row first seen deleted gets two versions, alive and deleted. Columns that were not delivered keep their values.
`stamped_at` keeps the stamp that a version came with: before it, the version's content is only taken for true.
A content that differs although its stamp does not was so since that stamp, or, where the merge is told so, has changed
unseen and counts from then on.
"""

from dataclasses import dataclass

from salesinsight_assets.domain.crm.tables import CrmTable

STAMPS = ("system_modstamp", "last_modified_date", "created_date")
ALIVE = "t.valid_to IS NULL AND NOT coalesce(t.is_deleted, false)"
"""Of a stored row `t`: it is the current version, and not deleted."""


@dataclass(frozen=True)
class MergeStatements:
    """SQL that merges `pg_temp.incoming` into one CRM table.

    $1 is the source, $2 the time of the sync; in `find_changes` $1 is the time of the sync and $2 that of silent changes.
    """

    find_changes: str
    count_changes: str
    statements: tuple[str, ...]


def merge_statements(table: CrmTable, delivered: list[str]) -> MergeStatements:
    """The statements for `table` when `incoming` has the columns `delivered` (`id` among them).

    They expect a temporary table `incoming` with those columns and run in one transaction, in order: `find_changes`
    (makes the temporary table `changes`), then `statements`; `count_changes` gives (inserted, updated, deleted).
    """
    target = f"crm.{table.name}"
    content = [c for c in delivered if c not in STAMPS and c != "id"]
    stored = _stored_columns(table)
    return MergeStatements(
        _find_changes(target, table, delivered, content),
        "SELECT count(*) FILTER (WHERE action = 'insert'), count(*) FILTER (WHERE action <> 'insert'),"
        " count(*) FILTER (WHERE is_gone) FROM changes WHERE action IS NOT NULL",
        (
            _insert_new(target, stored, delivered),
            _insert_deletion(target, stored),
            _close_current(target),
            _insert_version(target, stored, delivered),
            _update_in_place(target, delivered),
        ),
    )


def _stored_columns(table: CrmTable) -> list[str]:
    """The table's columns, and the flag that every table has."""
    return [*table.column_names] + ([] if "is_deleted" in table.column_names else ["is_deleted"])


def _as_deleted(stored: list[str]) -> str:
    """The values of a stored row `t`, but deleted."""
    return ", ".join("true" if c == "is_deleted" else f"t.{c}" for c in stored)


def _find_changes(target: str, table: CrmTable, delivered: list[str], content: list[str]) -> str:
    stamp = f"i.{table.stamp_column}" if table.stamp_column in delivered else "NULL"
    born = "i.created_date" if "created_date" in delivered else "NULL"
    is_deleted = "coalesce(i.is_deleted, false)" if "is_deleted" in delivered else "false"
    pairs = [(_value("i", c), f"c.{c}") for c in content]
    differs = " OR ".join(f"{new} IS DISTINCT FROM {old}" for new, old in pairs) or "false"
    restamped = " OR ".join(f"i.{c} IS DISTINCT FROM c.{c}" for c in delivered if c in STAMPS) or "false"
    stored_stamp = f"coalesce(c.{table.stamp_column}, c.valid_from)"
    order = f"{table.stamp_column} DESC NULLS LAST, ctid DESC" if table.stamp_column in delivered else "ctid DESC"
    is_silent = f"$2::timestamptz IS NOT NULL AND c.id IS NOT NULL AND {stamp} <= {stored_stamp} AND ({differs})"
    return f"""
    CREATE TEMP TABLE changes AS
    SELECT i.*, CASE WHEN {is_silent} THEN $2 ELSE coalesce({stamp}, $1) END AS changed_at,
        coalesce({born}, {stamp}, $1) AS born_at,
        {is_deleted} AND NOT coalesce(c.is_deleted, false) AS is_gone,
        CASE WHEN c.id IS NULL THEN 'insert'
             WHEN {is_silent} AND $2 > c.valid_from THEN 'version'
             WHEN {stamp} < {stored_stamp} AND $2::timestamptz IS NULL THEN NULL
             WHEN ({differs}) AND coalesce({stamp}, $1) > c.valid_from THEN 'version'
             WHEN ({differs}) OR ({restamped}) THEN 'update' END AS action
    FROM (SELECT DISTINCT ON (id) * FROM incoming ORDER BY id, {order}) AS i
    LEFT JOIN {target} AS c ON c.id = i.id AND c.valid_to IS NULL
    """


def _value(alias: str, column: str) -> str:
    return f"coalesce({alias}.is_deleted, false)" if column == "is_deleted" else f"{alias}.{column}"


def _insert_new(target: str, stored: list[str], delivered: list[str]) -> str:
    """New rows from the moment they were created, alive, whatever became of them since."""
    values = [
        "(is_gone AND changed_at <= born_at)" if c == "is_deleted" else c if c in delivered else "NULL" for c in stored
    ]
    until = "CASE WHEN is_gone AND changed_at > born_at THEN changed_at END"
    return f"""
    INSERT INTO {target} ({", ".join(stored)}, valid_from, valid_to, stamped_at, synced_at, source)
    SELECT {", ".join(values)}, born_at, {until}, greatest(changed_at, born_at), $2, $1 FROM changes WHERE action = 'insert'
    """


def _insert_deletion(target: str, stored: list[str]) -> str:
    """The deleted version of rows that were first seen deleted."""
    return f"""
    INSERT INTO {target} ({", ".join(stored)}, valid_from, stamped_at, synced_at, source)
    SELECT {_as_deleted(stored)}, c.changed_at, c.changed_at, $2, $1
    FROM changes AS c JOIN {target} AS t ON t.id = c.id
    WHERE c.action = 'insert' AND c.is_gone AND c.changed_at > c.born_at
    """


def _close_current(target: str) -> str:
    return f"""
    UPDATE {target} AS t SET valid_to = c.changed_at FROM changes AS c
    WHERE c.action = 'version' AND t.id = c.id AND t.valid_to IS NULL
    """


def _insert_version(target: str, stored: list[str], delivered: list[str]) -> str:
    values = [_value("c", c) if c in delivered else f"t.{c}" for c in stored]
    return f"""
    INSERT INTO {target} ({", ".join(stored)}, valid_from, stamped_at, synced_at, source)
    SELECT {", ".join(values)}, c.changed_at, c.changed_at, $2, $1
    FROM changes AS c JOIN {target} AS t ON t.id = c.id AND t.valid_to = c.changed_at
    WHERE c.action = 'version'
    """


def _update_in_place(target: str, delivered: list[str]) -> str:
    updates = ", ".join(f"{c} = {_value('c', c)}" for c in delivered if c != "id")
    return f"""
    UPDATE {target} AS t SET {updates}, synced_at = $2, source = $1 FROM changes AS c
    WHERE c.action = 'update' AND t.id = c.id AND t.valid_to IS NULL
    """


def gone_statements(table: CrmTable) -> tuple[str, ...]:
    """SQL that marks the rows of the temporary table `gone` (id, gone_at) as deleted from those moments on.

    $1 is the source, $2 the time of the sync. A row whose present version began later has always been deleted in it.
    """
    target = f"crm.{table.name}"
    stored = _stored_columns(table)
    return (
        f"""
    UPDATE {target} AS t SET is_deleted = true, synced_at = $2, source = $1 FROM gone AS g
    WHERE t.id = g.id AND {ALIVE} AND g.gone_at <= t.valid_from
    """,
        f"UPDATE {target} AS t SET valid_to = g.gone_at FROM gone AS g WHERE t.id = g.id AND {ALIVE}",
        f"""
    INSERT INTO {target} ({", ".join(stored)}, valid_from, stamped_at, synced_at, source)
    SELECT {_as_deleted(stored)}, g.gone_at, g.gone_at, $2, $1
    FROM gone AS g JOIN {target} AS t ON t.id = g.id AND t.valid_to = g.gone_at
    WHERE NOT EXISTS (SELECT FROM {target} AS c WHERE c.id = g.id AND c.valid_to IS NULL)
    """,
    )


def restatement(table: CrmTable, delivered: list[str]) -> str:
    """SQL that fills columns of stored rows from `incoming` where Id and stamp are the same, and counts them.

    $1 is the time of the sync.
    """
    stamp = table.stamp_column
    filled = [c for c in delivered if c not in ("id", "is_deleted", *STAMPS)]
    updates = ", ".join(f"{c} = i.{c}" for c in filled)
    differs = " OR ".join(f"i.{c} IS DISTINCT FROM t.{c}" for c in filled)
    return f"""
    WITH filled AS (
        UPDATE crm.{table.name} AS t SET {updates}, synced_at = $1 FROM incoming AS i
        WHERE t.id = i.id AND t.valid_to IS NULL AND t.{stamp} = i.{stamp} AND ({differs}) RETURNING t.id
    )
    SELECT count(*) FROM filled
    """


def absent_ids(table: CrmTable) -> str:
    """SQL for the stored, undeleted Ids that are not in `incoming`."""
    return (
        f"SELECT t.id FROM crm.{table.name} AS t WHERE {ALIVE}"
        " AND NOT EXISTS (SELECT FROM incoming AS i WHERE i.id = t.id)"
    )


def differing_ids(table: CrmTable, delivered: list[str]) -> str:
    """SQL for the Ids in `incoming` that are not stored, or stored with another content of its columns."""
    pairs = [(_value("i", c), f"t.{c}") for c in delivered if c != "id"]
    differs = " OR ".join(f"{new} IS DISTINCT FROM {old}" for new, old in pairs) or "false"
    return (
        f"SELECT DISTINCT i.id FROM incoming AS i LEFT JOIN crm.{table.name} AS t ON t.id = i.id AND t.valid_to IS NULL"
        f" WHERE t.id IS NULL OR {differs}"
    )
