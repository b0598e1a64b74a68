"""Rows that nobody needs any more, as the retention policy says: counted, or removed."""

from datetime import datetime
from typing import NamedTuple

from salesinsight_assets.adapters.warehouse.warehouse import Warehouse
from salesinsight_assets.domain.monitoring.retention import RetentionPolicy


class _Kind(NamedTuple):
    """What is removed under an entry of the policy: a table, and the condition on its rows with $1 as the moment."""

    entry: str
    name: str
    table: str
    condition: str


KINDS = (
    _Kind("sign_in_days", "sessions that are over", "engagement.sessions", "expires_at < $1"),
    _Kind("sign_in_days", "sign-in links that are over", "engagement.sign_in_links", "expires_at < $1"),
    _Kind(
        "shadow_score_days",
        "unseen scores of challengers",
        "insight.prediction_ledger",
        "NOT is_shown AND scored_at < $1",
    ),
    _Kind("message_event_days", "opened mails and links", "engagement.message_events", "happened_at < $1"),
    _Kind("visit_days", "visits of the dashboard", "engagement.visits", "day < $1"),
    _Kind("audit_days", "entries of the audit log", "engagement.audit_log", "happened_at < $1"),
)


def prune_rows(warehouse: Warehouse, policy: RetentionPolicy, now: datetime, *, dry_run: bool) -> dict[str, int]:
    """How many rows of each kind were removed, each kind in a transaction of its own, or would be."""
    counts: dict[str, int] = {}
    for kind in KINDS:
        before = policy.ends_before(kind.entry, now)
        if before is not None:
            counts[kind.name] = _pruned(warehouse, kind, before, dry_run=dry_run)
    return counts


def _pruned(warehouse: Warehouse, kind: _Kind, before: datetime, *, dry_run: bool) -> int:
    rows = f"SELECT 1 FROM {kind.table} WHERE {kind.condition}"
    if not dry_run:
        rows = f"DELETE FROM {kind.table} WHERE {kind.condition} RETURNING 1"
    return int(warehouse.read(f"WITH found AS ({rows}) SELECT count(*) AS n FROM found", (before,))["n"][0])
