"""Materializing a partition twice leaves every table as once: one test over every asset."""

import dagster as dg
import pytest

from salesinsight_assets.definitions import defs
from salesinsight_assets_tests.conftest import NOT_SENT

ASSETS = [asset for asset in defs.assets or [] if isinstance(asset, dg.AssetsDefinition)]
FILLED_BY_PEOPLE = {
    f"engagement.{name}"
    for name in (
        "verdicts",
        "silences",
        "message_events",
        "sessions",
        "sign_in_links",
        "api_tokens",
        "visits",
        "audit_log",
    )
}
FILLED_BY_THE_WATCH = {"insight.incidents"}
"""What no asset makes: of a night in which nothing is wrong it has no rows."""
BY_NAME = {asset.node_def.name: asset for asset in ASSETS}
READ_BY_THE_WAY = {
    "crm_tables": {spec.key for spec in defs.resolve_all_asset_specs() if spec.group_name == "salesforce"},
}
"""What a step materializes beside its own assets: the objects of Salesforce that it read whole."""


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_materializing_a_partition_twice_leaves_the_tables_as_once(platform_after_a_night, salesforce, name) -> None:
    platform, asset = platform_after_a_night, BY_NAME[name]
    platform.connect(salesforce)
    before = platform.tables()
    platform.set_time(
        platform.morning_after.replace(hour=5)
    )  # a later moment, or a stamp that is written would not show
    monthly = isinstance(asset.partitions_def, dg.MonthlyPartitionsDefinition)
    partition = platform.model_month if monthly else platform.last_day
    names = [key.to_user_string() for key in asset.keys]
    for _ in range(2):
        tags = NOT_SENT if name == "rep_performance" else None  # as in the night that is compared with
        result = platform.materialize(*names, partition=partition if asset.partitions_def else None, tags=tags)
        made = {event.asset_key for event in result.get_asset_materialization_events()}
        assert made == asset.keys | READ_BY_THE_WAY.get(name, set())
        after = platform.tables()
        for table in before:
            assert after[table] == before[table], table


def test_every_asset_left_something_to_compare(platform_after_a_night) -> None:
    for table, content in platform_after_a_night.tables().items():
        if table in FILLED_BY_PEOPLE | FILLED_BY_THE_WATCH:
            continue
        assert content.count("\n") > 1, f"{table} is empty: the property would hold of it for no reason"
