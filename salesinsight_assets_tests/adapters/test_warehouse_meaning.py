"""What rows mean does not depend on the warehouse they lie in, nor on what we ourselves write into the CRM."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salesinsight_assets.adapters.csv_export import write_table
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.domain.crm.rows import arrow_schema
from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.domain.derived_tables import OPEN_OPPORTUNITIES, OPPORTUNITY_FEATURES
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid
from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets.domain.scores.policy import RiskPolicy
from salesinsight_assets.domain.scores.scoring import opportunity_scores
from salesinsight_assets_tests.conftest import execute
from salesinsight_assets_tests.domain.worlds import BEFORE, FIRST_START, World, at, day

TWINS = ("006000000000abcAAA", "006000000000ABCAAA")
"""Two Ids that differ in their letters' case only."""
FAR_DAYS = {date(1, 1, 1), date(9999, 12, 31)}


def lived() -> World:
    """A few deals, in euros at dated rates, with something of every kind; some stamps lie just before midnight."""
    world = World()
    world.currency("USD", 1.0, BEFORE)
    world.currency("EUR", 0.8, BEFORE)
    world.dated_rate("EUR", 0.9, FIRST_START, BEFORE)
    world.dated_rate("EUR", 0.5, day(3), at(2.9999))
    world.account("001", BEFORE, industry="SaaS")
    for number, deal in enumerate((*TWINS, "006won", "006lost")):
        world.deal(
            deal, at(number + 0.9999), amount=1_000.0 * (number + 1), currency_iso_code="EUR", close_date=day(3),
            account_id="001", owner_id=f"rep {number % 2}", name=f"Deal {number}", is_closed=False,
        )  # fmt: skip
    world.change(TWINS[1], at(5), stage_name="Proposal", close_date=day(30))
    world.task("00T", TWINS[0], at(6.02))
    world.event("00U", TWINS[1], at(6.9999))
    world.close("006won", at(7), is_won=True)
    world.close("006lost", at(8), is_won=False)
    return world


def deliver(warehouse: Warehouse, world: World, synced_at: datetime) -> None:
    """Every row of the CRM as it is now."""
    uploads: dict[Any, pa.Table] = {}
    for table in CRM_TABLES:
        rows = [states[-1] for states in world.states[table.name].values()]
        uploads[table] = pa.Table.from_pylist(rows, arrow_schema(table))
    warehouse.merge_all(uploads, source="salesforce", synced_at=synced_at)


def derived(warehouse: Warehouse, *days: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The open deals and their features as of the end of days."""
    crm = warehouse.crm_rows(BEFORE, BEFORE)
    rows, features = features_as_of(opportunity_history(crm), Grid(at(d) for d in days), FeaturePolicy())
    return rows.frame, features


def scores(deals: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    return opportunity_scores(deals, features, None, features, RiskPolicy())


@pytest.mark.salesforce(29)
def test_a_write_back_of_ours_changes_no_deal_feature_or_score(warehouse: Warehouse) -> None:
    world = lived()
    deliver(warehouse, world, at(9))
    before, versions = derived(warehouse, 10), crm_versions(warehouse)
    night_before = derived(warehouse, 9)
    for deal in TWINS:
        world.write("opportunities", deal, at(9.5))  # a row with new stamps, and the same in every field that we read
    deliver(warehouse, world, at(10))
    after = (*derived(warehouse, 10), *derived(warehouse, 9))
    for earlier, later in zip((*before, *night_before), after, strict=True):
        pd.testing.assert_frame_equal(earlier, later)
    pd.testing.assert_frame_equal(scores(*before), scores(*derived(warehouse, 10)))
    pd.testing.assert_frame_equal(versions, crm_versions(warehouse))


def crm_versions(warehouse: Warehouse) -> pd.DataFrame:
    """Every version of the deals, but for the stamps that a row takes over."""
    rows = warehouse.crm_rows(BEFORE, BEFORE)["opportunities"]
    return rows.drop(columns=["system_modstamp", "last_modified_date"]).sort_values(["id", "valid_from"])


@pytest.mark.salesforce(29)
def test_a_change_after_a_write_back_counts_from_its_own_stamp(warehouse: Warehouse) -> None:
    world = lived()
    deliver(warehouse, world, at(9))
    world.write("opportunities", TWINS[0], at(9.5))
    deliver(warehouse, world, at(9.6))
    world.change(TWINS[0], at(9.8), next_step="Call")
    deliver(warehouse, world, at(10))
    stamps = crm_versions(warehouse).query("id == @TWINS[0]")["stamped_at"].tolist()
    assert stamps == [at(0.9999), at(9.8)]
    assert derived(warehouse, 9.7, 9.9)[0].query("opportunity_id == @TWINS[0]")["next_step"].fillna(
        "none"
    ).tolist() == ["none", "Call"]


@pytest.mark.salesforce(32)
def test_rows_features_and_exports_are_the_same_whatever_the_sessions_time_zone(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    found: dict[str, dict[str, Any]] = {}
    for zone in ("UTC", "Pacific/Auckland", "America/Los_Angeles"):
        execute(
            warehouse.url,
            f"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = %L', current_database(), '{zone}'); END $$",
        )
        execute(warehouse.url, f"TRUNCATE {', '.join(f'crm.{table.name}' for table in CRM_TABLES)}")
        store = Warehouse(warehouse.url)
        assert store.read("SELECT current_setting('timezone') AS zone")["zone"].tolist() == [zone]
        found[zone] = outcome(store, tmp_path)
        store.close()
    expected = found.pop("UTC")
    for outcomes in found.values():
        assert outcomes == expected
    assert {*expected["rates of the Parquet file"]} >= FAR_DAYS
    assert all(str(far) in expected["dated_conversion_rates.csv"] for far in FAR_DAYS)


def outcome(warehouse: Warehouse, folder: Path) -> dict[str, Any]:
    """All that comes out of a warehouse, as plain values."""
    deliver(warehouse, lived(), at(9))
    frames = {
        name: rows.sort_values(["id", "valid_from"]) for name, rows in warehouse.crm_rows(at(7.5), at(7.5)).items()
    }
    deals, features = derived(warehouse, 9)
    for table, rows in ((OPEN_OPPORTUNITIES, deals), (OPPORTUNITY_FEATURES, features)):
        warehouse.replace_partition(table, {"as_of_date": day(9)}, rows.drop(columns="as_of"))
        frames[f"{table.name} as stored"] = warehouse.partition(table.name, day(9))
    texts: dict[str, Any] = {name: rows.to_csv(index=False) for name, rows in frames.items()}
    for name in ("opportunities", "tasks", "dated_conversion_rates", "open_opportunities"):
        write_table(warehouse.exported(name, None), folder / f"{name}.csv")
        texts[f"{name}.csv"] = (folder / f"{name}.csv").read_text(encoding="utf-8")
    write_table(warehouse.exported("dated_conversion_rates", None), folder / "rates.parquet")
    rates = pq.read_table(folder / "rates.parquet").to_pandas(date_as_object=False)
    days = [*rates["start_date"], *rates["next_start_date"]]
    return {**texts, "rates of the Parquet file": [found.date() for found in days]}


@pytest.mark.salesforce(33)
def test_ids_that_differ_in_case_alone_are_two_records_all_the_way(warehouse: Warehouse) -> None:
    world = lived()
    deliver(warehouse, world, at(9))
    world.change(TWINS[0], at(9.5), name="Only this one", amount=7_000.0)
    deliver(warehouse, world, at(10))
    deals, features = derived(warehouse, 10)
    shown = deals.set_index("opportunity_id")
    assert shown.loc[list(TWINS), "name"].tolist() == ["Only this one", "Deal 1"]
    assert shown.loc[list(TWINS), "company_amount"].tolist() == [14_000.0, 4_000.0]
    assert features.set_index("opportunity_id").loc[list(TWINS), "meetings_30_days"].tolist() == [0, 1]
    for table, rows in ((OPEN_OPPORTUNITIES, deals), (OPPORTUNITY_FEATURES, features)):
        warehouse.replace_partition(table, {"as_of_date": day(10)}, rows.drop(columns="as_of"))
    stored = [warehouse.partition(table, day(10)) for table in ("open_opportunities", "opportunity_features")]
    by_id = {row["opportunity_id"]: row["amount"] for row in scores(*stored).to_dict("records")}
    assert [by_id[deal] for deal in TWINS] == [14_000.0, 4_000.0]
    exported = warehouse.exported("opportunities", None).set_index("id")
    assert exported.loc[list(TWINS), "name"].tolist() == ["Only this one", "Deal 1"]
    assert exported.index.is_unique
