"""The CRM's rows behind a deal, as they are now: the deal itself, its changes, activities and competitors."""

from collections.abc import Sequence
from datetime import date

from salesinsight_assets.adapters.dashboard.deal import SEEN
from salesinsight_assets.adapters.dashboard.rows import Row, Rows
from salesinsight_assets.adapters.warehouse.merge import ALIVE
from salesinsight_assets.domain.crm.tables import OPPORTUNITIES

_OPPORTUNITY = f"""{SEEN}
SELECT o.* FROM seen JOIN crm.opportunities AS o ON o.id = seen.opportunity_id AND o.valid_to IS NULL WHERE {{visible:seen}}
"""
_CHANGES = f"""{SEEN}
SELECT c.created_date, c.field, c.old_value, c.new_value, u.name AS by_whom
FROM seen JOIN (
  SELECT id, opportunity_id, created_date, field, old_value, new_value, created_by_id FROM crm.opportunity_field_history AS t
  WHERE {ALIVE} AND data_type IS DISTINCT FROM 'EntityId'
) AS c ON c.opportunity_id = seen.opportunity_id
LEFT JOIN crm.users AS u ON u.id = c.created_by_id AND u.valid_to IS NULL
WHERE {{visible:seen}} ORDER BY c.created_date DESC, c.id
"""
_STAGES = f"""{SEEN}
SELECT t.created_date, t.stage_name, t.amount, t.currency_iso_code, t.close_date, t.probability, u.name AS by_whom
FROM seen JOIN crm.opportunity_history AS t ON t.opportunity_id = seen.opportunity_id AND {ALIVE}
LEFT JOIN crm.users AS u ON u.id = t.created_by_id AND u.valid_to IS NULL
WHERE {{visible:seen}} ORDER BY t.created_date DESC, t.id
"""
_ACTIVITIES = f"""{SEEN}
SELECT c.created_date, c.kind, c.subject, c.status, c.activity_date, u.name AS by_whom, c.id
FROM seen JOIN (
  SELECT id, what_id, created_date, coalesce(task_subtype, 'Task') AS kind, subject, status, activity_date, owner_id
  FROM crm.tasks AS t WHERE {ALIVE}
  UNION ALL SELECT id, what_id, created_date, coalesce(event_subtype, 'Event'), subject, NULL, activity_date, owner_id
  FROM crm.events AS t WHERE {ALIVE}
) AS c ON c.what_id = seen.opportunity_id
LEFT JOIN crm.users AS u ON u.id = c.owner_id AND u.valid_to IS NULL
WHERE {{visible:seen}} ORDER BY c.created_date DESC, c.id
"""
_COMPETITORS = f"""{SEEN}
SELECT t.competitor_name, t.strengths, t.weaknesses, t.created_date
FROM seen JOIN crm.competitors AS t ON t.opportunity_id = seen.opportunity_id AND {ALIVE}
WHERE {{visible:seen}} ORDER BY t.created_date, t.id
"""


def fields(rows: Rows, day: date, opportunity_id: str) -> Sequence[Row]:
    """The deal's own row, one a field: `field` as Salesforce calls it, `value`; and when and from where it was read."""
    found = rows.row(_OPPORTUNITY, day=day, deal=opportunity_id)
    if found is None:
        return []
    own = [{"field": column.field, "value": found[column.name]} for column in OPPORTUNITIES.columns]
    return [*own, *({"field": name, "value": found[name]} for name in ("source", "synced_at"))]


def changes(rows: Rows, day: date, opportunity_id: str) -> Sequence[Row]:
    """Changes of fields, the latest first; of a change of owner the names."""
    return rows.rows(_CHANGES, day=day, deal=opportunity_id)


def stages(rows: Rows, day: date, opportunity_id: str) -> Sequence[Row]:
    """The stages, amounts and close dates that it had, the latest first."""
    return rows.rows(_STAGES, day=day, deal=opportunity_id)


def activities(rows: Rows, day: date, opportunity_id: str) -> Sequence[Row]:
    """Tasks and events, the latest first."""
    return rows.rows(_ACTIVITIES, day=day, deal=opportunity_id)


def competitors(rows: Rows, day: date, opportunity_id: str) -> Sequence[Row]:
    """Competitors recorded on the deal."""
    return rows.rows(_COMPETITORS, day=day, deal=opportunity_id)
