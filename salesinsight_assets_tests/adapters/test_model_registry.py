"""The registry: models are kept, decisions say who serves from which day on, and the same again changes nothing."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from salesinsight_assets.adapters.warehouse import Warehouse, tables
from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry
from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.model.policy import PromotionPolicy
from salesinsight_assets.domain.model.promotion import Decision, Role, Serving

AT = datetime(2026, 3, 2, 4, tzinfo=UTC)
JANUARY, FEBRUARY, MARCH = (date(2026, month, 1) for month in (1, 2, 3))


@pytest.fixture
def registry(warehouse: Warehouse) -> ModelRegistry:
    return ModelRegistry(warehouse)


def model(model_id: str, trained_on: date = FEBRUARY, kind: str = "lightgbm", artifact: str | None = "{}",
          minutes: int = 0) -> pd.DataFrame:  # fmt: skip
    row = {
        "model_id": model_id, "trained_on": trained_on, "trained_at": AT + timedelta(minutes=minutes), "kind": kind,
        "status": "rejected", "reason": None, "metrics": "{}", "feature_names": FEATURE_NAMES, "artifact": artifact,
    }  # fmt: skip
    return pd.DataFrame([row])


def decide(registry: ModelRegistry, day: date, *roles: tuple[str, Role], minutes: int = 0) -> None:
    found = [Decision(model_id, role, "because") for model_id, role in roles]
    registry.decide(day, "training", found, AT + timedelta(minutes=minutes))


def statuses(warehouse: Warehouse) -> dict[str, str]:
    rows = warehouse.read("SELECT model_id, status FROM insight.models")
    return dict(zip(rows["model_id"], rows["status"], strict=True))


def registered(registry: ModelRegistry, *model_ids: str) -> None:
    for model_id in model_ids:
        kind = "base_rate" if model_id.startswith("base") else "lightgbm"
        registry.register(JANUARY, model(model_id, kind=kind))


def test_the_status_of_each_model_follows_from_the_decisions(registry, warehouse) -> None:
    registered(registry, "a", "b", "c", "d", "base")
    decide(registry, FEBRUARY, ("a", "champion"), ("d", "rejected"))
    decide(registry, MARCH, ("b", "champion"))
    decide(registry, date(2026, 4, 1), ("c", "challenger"))
    assert statuses(warehouse) == {
        "a": "retired", "b": "champion", "c": "challenger", "d": "rejected", "base": "retired",
    }  # fmt: skip
    assert [registry.serving(day).champion for day in (JANUARY, FEBRUARY, date(2026, 2, 28), MARCH)] == [
        None, "a", "a", "b",
    ]  # fmt: skip


def test_an_earlier_month_trained_later_does_not_become_champion_of_the_present(registry, warehouse) -> None:
    registered(registry, "a", "b")
    decide(registry, MARCH, ("b", "champion"))
    decide(registry, FEBRUARY, ("a", "champion"), minutes=9)
    assert statuses(warehouse) == {"a": "retired", "b": "champion"}


def test_the_same_models_and_decisions_again_leave_all_as_it_was(registry, warehouse) -> None:
    def again(minutes: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        registry.register(JANUARY, model("a", minutes=minutes))
        decide(registry, FEBRUARY, ("a", "champion"), minutes=minutes)
        return warehouse.exported("models", None), warehouse.exported("model_decisions", None)

    for before, after in zip(again(0), again(30), strict=True):
        pd.testing.assert_frame_equal(after, before)


def test_a_month_trained_again_replaces_what_its_training_decided_and_keeps_both_models(registry, warehouse) -> None:
    registered(registry, "a", "b")
    decide(registry, FEBRUARY, ("a", "champion"))
    registry.decide(FEBRUARY, "comparison", [Decision("x", "rejected", "worse")], AT)
    decide(registry, FEBRUARY, ("b", "champion"), minutes=5)
    assert statuses(warehouse) == {"a": "rejected", "b": "champion"}
    assert len(warehouse.exported("model_decisions", None)) == 2


def test_a_person_chooses_a_model_by_its_id_or_the_previous_one(registry) -> None:
    registered(registry, "a", "b", "c")
    decide(registry, FEBRUARY, ("a", "champion"))
    decide(registry, MARCH, ("b", "champion"))
    tomorrow = date(2026, 3, 10)
    assert registry.choose("previous", tomorrow, "b told nonsense", AT) == "a"
    assert [registry.serving(day) for day in (date(2026, 3, 9), tomorrow)] == [Serving("b"), Serving("a")]
    assert registry.choose("c", tomorrow, "a trial", AT) == "c"
    assert registry.serving(tomorrow) == Serving("c")


@pytest.mark.parametrize("wanted", ["nobody", "none-2026-02-01"])
def test_a_model_that_cannot_be_shown_is_refused_with_those_that_there_are(registry, wanted) -> None:
    registered(registry, "a")
    registry.register(JANUARY, model("none-2026-02-01", artifact=None))
    decide(registry, FEBRUARY, ("a", "champion"))
    with pytest.raises(ValueError, match=f"expected a model to show, got '{wanted}'; there are: .*a"):
        registry.choose(wanted, MARCH, "why not", AT)
    assert registry.serving(MARCH) == Serving("a")


def test_those_who_decide_at_once_wait_for_each_other(registry, warehouse, wait_for) -> None:
    registered(registry, "a")
    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor(1) as pool:
        with warehouse.transaction() as sql:
            sql.execute("SELECT pg_advisory_xact_lock(hashtext('models'))")
            other = pool.submit(decide, ModelRegistry(Warehouse(warehouse.url)), FEBRUARY, ("a", "champion"))
            wait_for(lambda: other.done() or len(warehouse.read(waiting)) > 0, 30)
            assert not other.done()
        other.result(30)
    assert statuses(warehouse) == {"a": "champion"}


def test_the_models_of_a_day_come_with_what_they_need_to_score_and_the_canary_with_its_share(registry) -> None:
    registered(registry, "a", "b")
    decide(registry, FEBRUARY, ("a", "champion"))
    decide(registry, MARCH, ("b", "canary"))
    before, after = (registry.serving_models(day, PromotionPolicy()) for day in (FEBRUARY, MARCH))
    assert before.champion
    assert (before.champion["model_id"], before.champion["kind"], before.champion["artifact"]) == (
        "a",
        "lightgbm",
        "{}",
    )
    assert (before.challenger, before.canary_share) == (None, 0.0)
    assert after.challenger
    assert (after.challenger["model_id"], after.canary_share) == ("b", 0.1)


def test_a_model_is_due_where_there_is_none_or_more_deals_came_since_there_were_too_few(registry, warehouse) -> None:
    assert registry.is_due(JANUARY)
    registry.register(JANUARY, model("none", artifact=None))
    registry.register(JANUARY, model("base", kind="base_rate"))
    assert not registry.is_due(JANUARY)
    add_deal(warehouse, "006A", synced_at=AT + timedelta(hours=1))
    assert registry.is_due(JANUARY)
    registry.register(JANUARY, model("none", artifact=None, minutes=90))
    assert not registry.is_due(JANUARY)


def add_deal(warehouse: Warehouse, deal: str, **changes: object) -> None:
    row = {"id": deal, "valid_from": AT, "stamped_at": AT, "synced_at": AT, "source": "csv", **changes}
    marks = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    warehouse.execute(f"INSERT INTO crm.opportunities ({', '.join(row)}) VALUES ({marks})", list(row.values()))


def append(warehouse: Warehouse, day: date, said: Sequence[tuple[str, str, float]], run: str, minutes: int = 0) -> None:
    """Deal, model and probability of a run; the first model's are shown."""
    frame = pd.DataFrame(
        {
            "opportunity_id": [deal for deal, _, _ in said], "model_id": [model_id for _, model_id, _ in said],
            "win_probability": [chance for _, _, chance in said], "owner_id": "005A", "amount": 1.0,
            "win_probability_7d_ago": None, "risk_level": "LOW", "reasons": "[]", "is_fallback": False,
            "is_shown": [model_id == said[0][1] for _, model_id, _ in said],
        }
    )  # fmt: skip
    warehouse.append_scores(day, frame.astype({"win_probability_7d_ago": float}), said[0][1], run, AT + timedelta(minutes=minutes))  # fmt: skip


def test_the_models_are_compared_on_deals_decided_by_the_day_by_what_the_latest_run_of_each_night_said(
    registry, warehouse
) -> None:
    add_deal(warehouse, "won", is_closed=True, is_won=True, is_deleted=False)
    add_deal(warehouse, "lost later", is_closed=True, is_won=False, valid_from=AT + timedelta(days=9))
    add_deal(warehouse, "open", is_closed=False)
    add_deal(warehouse, "deleted", is_closed=True, is_won=False, is_deleted=True)
    day = AT.date()
    both = [(deal, model_id, chance) for model_id, chance in (("a", 0.5), ("b", 0.8))
            for deal in ("won", "lost later", "open", "deleted")]  # fmt: skip
    append(warehouse, day, [("won", "a", 0.1), ("won", "b", 0.1)], "first")
    append(warehouse, day, both, "second", minutes=5)
    append(warehouse, day + timedelta(days=1), both, "next day", minutes=9)
    found = registry.pairs("a", "b", day, AT + timedelta(hours=1))
    assert found.to_dict("records") == [{"opportunity_id": "won", "champion": 0.5, "challenger": 0.8, "is_won": True}]
    later = registry.pairs("a", "b", day + timedelta(days=1), AT + timedelta(days=10))
    assert sorted(later["opportunity_id"]) == ["lost later", "lost later", "won", "won"]
    assert list(warehouse.partition("opportunity_scores", day)["model_id"]) == ["a"] * 4


def test_every_table_of_the_registry_can_be_exported(warehouse) -> None:
    assert {tables.DAY_COLUMNS[name] for name in ("model_decisions", "model_comparison")} == {
        "effective_on", "as_of_date",
    }  # fmt: skip


def test_there_is_no_way_back_before_the_first_model(registry) -> None:
    with pytest.raises(ValueError, match="expected a model that was shown before the present one, there was none"):
        registry.choose("previous", MARCH, "why not", AT)
