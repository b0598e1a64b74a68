"""The reports that somebody may read: those of managers below and one's own, and those that are mailed to the address."""

from collections.abc import Sequence
from datetime import date

from salesinsight_assets.adapters.dashboard.rows import PAGE, Row, Rows

_READABLE = """
FROM (SELECT reports.*, reports.audience AS owner_id FROM insight.reports) AS r
LEFT JOIN crm.users AS u ON u.id = r.audience AND u.valid_to IS NULL
WHERE ({visible:r} OR r.audience = 'company' AND r.report = ANY(:mailed))
"""
"""A report's audience is its manager's Id, or `company`: only who sees every deal sees that, or who gets it by mail anyway."""
_LIST = f"""
SELECT r.as_of_date, r.report, r.audience, u.name AS audience_name, r.title, r.made_at,
  count(*) OVER () AS n_found {_READABLE}
AND (:name = '' OR r.report = :name) ORDER BY r.as_of_date DESC, r.report, u.name NULLS FIRST, r.audience
LIMIT :most OFFSET :after
"""
_ONE = f"""
SELECT r.as_of_date, r.report, r.audience, u.name AS audience_name, r.title, r.text, r.page, r.figures, r.made_at {_READABLE}
AND r.as_of_date = :day AND r.report = :name AND r.audience = :audience
"""


def report_list(rows: Rows, mailed: Sequence[str], name: str = "", after: int = 0, most: int = PAGE) -> Sequence[Row]:
    """Reports of one name or of all, the latest first, from a place on; `n_found` is how many there are.

    `mailed` are the names of those that the viewer gets by mail.
    """
    return rows.rows(_LIST, mailed=list(mailed), name=name, after=after, most=most)


def report(rows: Rows, mailed: Sequence[str], day: date, name: str, audience: str) -> Row | None:
    """One report; None: there is none, or it is not the viewer's to read."""
    return rows.row(_ONE, mailed=list(mailed), day=day, name=name, audience=audience)
