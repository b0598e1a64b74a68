"""The registry of models in the warehouse: every model ever trained, and the decisions on who serves from which day on."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import pandas as pd

from salesinsight_assets.adapters.warehouse import tables
from salesinsight_assets.adapters.warehouse.warehouse import Warehouse, fresh_rows, lock
from salesinsight_assets.domain.model.fallback import BASE_RATE
from salesinsight_assets.domain.model.policy import PromotionPolicy
from salesinsight_assets.domain.model.promotion import DecidedBy, Decision, Serving, champion_before, serving
from salesinsight_assets.domain.model.win_model import WinModel
from salesinsight_assets.domain.scores.scoring import ServingModels

_HAD_TOO_FEW = "m.artifact IS NULL AND m.trained_at < (SELECT max(synced_at) FROM crm.opportunities)"
"""Of a model: there were too few deals to train one, and the CRM has brought more since."""
PREVIOUS = "previous"
_PAIRS = """
WITH nights AS (
    SELECT DISTINCT ON (as_of_date) as_of_date, run_id FROM insight.scoring_runs
    WHERE as_of_date <= $1 ORDER BY as_of_date, scored_at DESC, run_id
), told AS (
    SELECT l.as_of_date, l.opportunity_id, l.model_id, l.win_probability
    FROM insight.prediction_ledger AS l JOIN nights USING (as_of_date, run_id)
), decided AS (
    SELECT id, is_won FROM crm.opportunities
    WHERE valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2) AND is_closed AND NOT coalesce(is_deleted, false)
)
SELECT a.opportunity_id, a.win_probability AS champion, b.win_probability AS challenger, d.is_won
FROM told AS a JOIN told AS b USING (as_of_date, opportunity_id) JOIN decided AS d ON d.id = a.opportunity_id
WHERE a.model_id = $3 AND b.model_id = $4
"""


class ModelRegistry:
    """The models of one warehouse. None is ever removed; who serves is told by the decisions (see `promotion`)."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def register(self, month: date, rows: pd.DataFrame) -> None:
        """Note the models of a month's training. The same model again keeps its time, unless it had too few deals before."""
        names = ", ".join(column.name for column in tables.models.columns)
        with self._warehouse.transaction() as sql:
            lock(sql, "models")
            with fresh_rows(sql, tables.models, rows.assign(model_month=month)):
                sql.execute(
                    f"INSERT INTO insight.models AS m ({names}) SELECT {names} FROM fresh ON CONFLICT (model_id) DO UPDATE"
                    " SET reason = excluded.reason, metrics = excluded.metrics, trained_at ="
                    f" CASE WHEN {_HAD_TOO_FEW} THEN excluded.trained_at ELSE m.trained_at END"
                )

    def is_due(self, month: date) -> bool:
        """Whether a month has no model yet, or had too few deals for one and the CRM has brought more since."""
        latest = self._warehouse.read(
            f"SELECT {_HAD_TOO_FEW} AS is_due FROM insight.models AS m"
            " WHERE model_month = $1 AND kind = 'lightgbm' ORDER BY trained_at DESC LIMIT 1",
            (month,),
        )
        return latest.empty or bool(latest["is_due"][0])

    def decide(
        self, effective_on: date, decided_by: DecidedBy, decisions: Sequence[Decision], decided_at: datetime
    ) -> None:
        """What one side decides for a day; it replaces what the same side had decided for that day, unless it is the same."""
        with self._warehouse.transaction() as sql:
            lock(sql, "models")
            sql.execute(
                "SELECT role, model_id FROM insight.model_decisions WHERE effective_on = $1 AND decided_by = $2",
                (effective_on, decided_by),
            )
            before = sql.fetch_arrow_table().to_pylist()
            if {(row["role"], row["model_id"]) for row in before} != {(d.role, d.model_id) for d in decisions}:
                sql.execute(
                    "DELETE FROM insight.model_decisions WHERE effective_on = $1 AND decided_by = $2",
                    (effective_on, decided_by),
                )
                for decision in decisions:
                    sql.execute(
                        "INSERT INTO insight.model_decisions (effective_on, decided_by, role, model_id, reason, decided_at)"
                        " VALUES ($1, $2, $3, $4, $5, $6)",
                        (effective_on, decided_by, decision.role, decision.model_id, decision.reason, decided_at),
                    )
            now = serving(_decisions(sql), date.max)
            sql.execute(
                "UPDATE insight.models AS m SET status = CASE WHEN model_id = $1 THEN 'champion' WHEN model_id = $2 THEN"
                " 'challenger' WHEN kind = 'base_rate' OR EXISTS (SELECT FROM insight.model_decisions AS d"
                " WHERE d.model_id = m.model_id AND d.role = 'champion') THEN 'retired' ELSE 'rejected' END",
                (now.champion or "", now.challenger or ""),
            )

    def serving(self, day: date) -> Serving:
        """The models of a day."""
        with self._warehouse.transaction() as sql:
            return serving(_decisions(sql), day)

    def serving_models(self, day: date, policy: PromotionPolicy) -> ServingModels:
        """The registered models that score a day."""
        now = self.serving(day)
        share = policy.canary_share if now.canary_since else 0.0
        return ServingModels(self.model(now.champion), self.model(now.challenger), share)

    def choose(self, model_id: str, day: date, because: str, decided_at: datetime) -> str:
        """Show a model from `day` on, whatever the gate says; `previous` is the champion before the present one.

        Returns:
            Its id.

        Raises:
            ValueError: there is no such model, or it has nothing to score with.
        """
        wanted = self.champion_before(day) if model_id == PREVIOUS else model_id
        if wanted is None:
            raise ValueError("expected a model that was shown before the present one, there was none; name one")
        found = self.model(wanted)
        if found is None or pd.isna(found["artifact"]):
            known = ", ".join(self.listed()["model_id"]) or "none is trained yet"
            raise ValueError(f"expected a model to show, got {model_id!r}; there are: {known}")
        self.decide(day, "person", [Decision(str(wanted), "champion", because)], decided_at)
        return str(wanted)

    def shown_model(self, day: date) -> WinModel | None:
        """The trained model that is shown on a day; None where the base rate or the rules are."""
        found = self.model(self.serving(day).champion)
        return None if found is None or found["kind"] == BASE_RATE else WinModel.from_text(found["artifact"])

    def champion_before(self, day: date) -> str | None:
        """The champion that was shown before the one of `day`; None where there was no other."""
        with self._warehouse.transaction() as sql:
            return champion_before(_decisions(sql), day)

    def listed(self) -> pd.DataFrame:
        """Every model without its artifact, the latest first."""
        return self._warehouse.read(
            "SELECT model_id, kind, trained_on, status, reason, metrics::text AS metrics FROM insight.models"
            " ORDER BY trained_on DESC, kind DESC, model_id"
        )

    def model(self, model_id: str | None) -> dict[str, Any] | None:
        """A model's row: `model_id`, `kind`, `trained_on`, `reason`, `artifact`, `longest_decided_days` (see `examples`).

        None where there is no such model.
        """
        rows = self._warehouse.read(
            "SELECT model_id, kind, trained_on, reason, artifact,"
            " (metrics->>'longest_decided_days')::float8 AS longest_decided_days"
            " FROM insight.models WHERE model_id = $1",
            (model_id or "",),
        )
        return None if rows.empty else {str(name): rows[name].iloc[0] for name in rows}

    def pairs(self, champion_id: str, challenger_id: str, day: date, end_of_day: datetime) -> pd.DataFrame:
        """What both models said of deals that were decided by the end of `day` (see `comparison.compare`)."""
        return self._warehouse.read(_PAIRS, (day, end_of_day, champion_id, challenger_id))


def _decisions(sql: Any) -> pd.DataFrame:
    sql.execute("SELECT effective_on, decided_at, model_id, role FROM insight.model_decisions")
    return sql.fetch_arrow_table().to_pandas()
