"""One deal: what it is, its chance day by day, and the features of the night.

Who sees a deal is decided by its owner in the latest night, as in the list of deals; of one that was not open then, by its owner
in the CRM.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from salesinsight_assets.adapters.dashboard.rows import Row, Rows
from salesinsight_assets.domain.features import CATALOGUE

SEEN = """
WITH seen AS (
  SELECT o.id AS opportunity_id, CASE WHEN s.opportunity_id IS NULL THEN o.owner_id ELSE s.owner_id END AS owner_id
  FROM crm.opportunities AS o
  LEFT JOIN insight.opportunity_scores AS s ON s.as_of_date = :day AND s.opportunity_id = o.id
  WHERE o.id = :deal AND o.valid_to IS NULL AND (s.opportunity_id IS NOT NULL OR NOT coalesce(o.is_deleted, false))
)
"""
"""The deal and who owns it, or nothing; a query on anything of a deal joins it and asks `{visible:seen}`."""
_DEAL = f"""{SEEN}
SELECT seen.opportunity_id, seen.owner_id, u.name AS owner_name, a.name AS account_name,
  coalesce(n.name, o.name) AS name, coalesce(n.stage_name, o.stage_name) AS stage_name,
  CASE WHEN n.opportunity_id IS NULL THEN o.close_date ELSE n.close_date END AS close_date,
  CASE WHEN n.opportunity_id IS NULL THEN o.amount ELSE n.amount END AS own_amount,
  CASE WHEN n.opportunity_id IS NULL THEN o.currency_iso_code ELSE n.currency_iso_code END AS currency_iso_code,
  s.opportunity_id IS NOT NULL AS is_scored, s.amount, s.win_probability, s.win_probability_7d_ago, s.risk_level, s.reasons,
  s.model_id, s.is_fallback, s.scored_at, f.days_in_stage, f.expected_stage_days, f.age_days, f.expected_cycle_days,
  f.days_since_last_activity, 'days_since_last_activity' = ANY(f.defaulted_features) AS is_activity_unknown,
  o.is_closed, o.is_won, o.is_deleted, o.stage_name AS stage_now, o.owner_id AS owner_id_now, w.name AS owner_now,
  o.amount AS amount_now, o.close_date AS close_date_now, n.opportunity_id IS NOT NULL AS was_open
FROM seen JOIN crm.opportunities AS o ON o.id = seen.opportunity_id AND o.valid_to IS NULL
LEFT JOIN crm.users AS u ON u.id = seen.owner_id AND u.valid_to IS NULL
LEFT JOIN crm.users AS w ON w.id = o.owner_id AND w.valid_to IS NULL
LEFT JOIN crm.accounts AS a ON a.id = o.account_id AND a.valid_to IS NULL
LEFT JOIN insight.open_opportunities AS n ON n.as_of_date = :day AND n.opportunity_id = seen.opportunity_id
LEFT JOIN insight.opportunity_scores AS s ON s.as_of_date = :day AND s.opportunity_id = seen.opportunity_id
LEFT JOIN insight.opportunity_features AS f ON f.as_of_date = :day AND f.opportunity_id = seen.opportunity_id
WHERE {{visible:seen}}
"""
_SCORES = f"""{SEEN}
SELECT s.as_of_date, s.win_probability, s.risk_level, s.amount, s.model_id, s.is_fallback, u.name AS owner_name,
  EXISTS (SELECT FROM insight.rep_alerts AS a WHERE a.as_of_date = s.as_of_date AND a.opportunity_id = s.opportunity_id
    AND a.status = 'to_send') AS is_told
FROM seen JOIN insight.opportunity_scores AS s ON s.opportunity_id = seen.opportunity_id
LEFT JOIN crm.users AS u ON u.id = s.owner_id AND u.valid_to IS NULL
WHERE {{visible:seen}} ORDER BY s.as_of_date
"""
_FEATURES = f"""{SEEN}
SELECT f.* FROM seen JOIN insight.opportunity_features AS f ON f.as_of_date = :day AND f.opportunity_id = seen.opportunity_id
WHERE {{visible:seen}}
"""
_NOW = {
    "stage_name": "stage_now",
    "owner_id": "owner_id_now",
    "own_amount": "amount_now",
    "close_date": "close_date_now",
}
"""What of a deal is shown as of the night, and what the CRM says of it now."""


def deal(rows: Rows, day: date, opportunity_id: str) -> Row | None:
    """The deal as of the night, with what the CRM says since; None: there is none, or it is not the viewer's to see."""
    return rows.row(_DEAL, day=day, deal=opportunity_id)


def changed_since(found: Row) -> Mapping[str, object]:
    """What of an open deal changed in the CRM since the night, with what it is now; `is_deleted` where it is gone."""
    if not found["was_open"]:
        return {}
    changed = {name: found[now] for name, now in _NOW.items() if found[name] != found[now]}
    return changed | ({"is_deleted": True} if found["is_deleted"] else {})


def scores(rows: Rows, day: date, opportunity_id: str) -> Sequence[Row]:
    """The chance that people were shown, one row a day, the oldest first; `is_told` where an alert was to be sent."""
    return rows.rows(_SCORES, day=day, deal=opportunity_id)


def features(rows: Rows, day: date, opportunity_id: str) -> Sequence[Row]:
    """What the score was worked out from: `feature`, `value`, `unit`, `measures`, `is_default`; nothing of a closed deal."""
    found = rows.row(_FEATURES, day=day, deal=opportunity_id)
    if found is None:
        return []
    return [
        {
            "feature": feature.name,
            "value": found[feature.name],
            "unit": feature.unit,
            "measures": feature.sentence,
            "is_default": feature.name in found["defaulted_features"],
        }
        for feature in CATALOGUE
    ]
