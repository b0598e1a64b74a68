"""The code location of one company of several: every name that Dagster shares between locations begins with the company's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from salesinsight_assets.cli.deployment import instance_of_companies, workspace_of_companies
from salesinsight_assets.companies import Company
from salesinsight_assets.definitions import defs
from salesinsight_assets.shared_names import RUN_TAGS, asset_key, asset_name, named, pool

ROOT = Path(__file__).parents[2]
NAMES = """
import dagster as dg
from salesinsight_assets.definitions import defs
from salesinsight_assets.shared_names import asset_key, asset_name, named
dg.Definitions.validate_loadable(defs)
graph = defs.resolve_asset_graph()
for key in graph.get_all_asset_keys():
    print("asset", key.to_user_string(), asset_name(key), asset_key(asset_name(key)) == key)
for key in graph.get_all_asset_keys():
    print("group", graph.get(key).group_name)
for job in (defs.resolve_job_def(job.name) for job in defs.jobs):
    print("selects", job.name, len(job.asset_layer.selected_asset_keys))
for sensor in defs.sensors:
    if isinstance(sensor, dg.AutomationConditionSensorDefinition):
        print("selects", sensor.name, len(sensor.asset_selection.resolve(graph)))
for key in graph.asset_check_keys:
    for asset in (key.asset_key, *graph.get(key).parent_entity_keys):
        print("asset", asset.to_user_string(), asset_name(asset), asset in graph.get_all_asset_keys())
for job in (defs.resolve_job_def(job.name) for job in defs.jobs):
    print("tags", job.run_tags.get("salesinsight/company"))
    for node in job.nodes:
        print(*(f"pool {name}" for name in node.definition.pools), sep="\\n")
for sensor in defs.sensors:
    if isinstance(sensor, dg.AutomationConditionSensorDefinition):
        print("tags", sensor.run_tags.get("salesinsight/company"))
print("said", named("a run failed"))
"""
NIGHT = """
from datetime import UTC, datetime, timedelta
import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from salesinsight_assets.definitions import defs
from salesinsight_assets.schedules import SELECTIONS, STEPS
from salesinsight_assets.shared_names import asset_key, asset_name
graph = defs.resolve_asset_graph()
crm = [asset_name(key) for key in graph.get_all_asset_keys() if graph.get(key).group_name == "globex_crm"]
midnight = datetime(2025, 4, 17, tzinfo=UTC)
with dg.DagsterInstance.ephemeral() as instance:
    cursor = None
    def asked(hour):
        global cursor
        found = dg.evaluate_automation_conditions(
            defs=defs, instance=instance, asset_selection=SELECTIONS["features"],
            evaluation_time=midnight + timedelta(hours=hour), cursor=cursor)
        cursor = found.cursor
        return sorted(k.to_user_string() for k in graph.get_all_asset_keys() if found.get_requested_partitions(k))
    def materialized(company):
        for name in crm:
            key = dg.AssetKey([company, name])
            instance.report_runless_asset_event(dg.AssetMaterialization(key))
            (latest,) = instance.fetch_materializations(key, limit=1).records
            target = AssetCheckEvaluationTargetMaterializationData(
                storage_id=latest.storage_id, run_id=latest.run_id, timestamp=latest.timestamp)
            for check in graph.get_check_keys_for_assets({asset_key(name)}):
                instance.report_runless_asset_event(
                    dg.AssetCheckEvaluation(key, check.name, True, {}, target, blocking=True))
    print(asked(2.01), end=" ")
    materialized("acme")
    print(asked(3.01), end=" ")
    materialized("globex")
    print(asked(3.02))
"""


def of_company(code: str, company: str = "globex") -> str:
    environment = {**os.environ, "SALESINSIGHT_COMPANY": company}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_every_asset_check_group_pool_and_run_carries_the_companys_name() -> None:
    lines = [line.split() for line in of_company(NAMES).splitlines() if line]
    plain = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assets = [words[1:] for words in lines if words[0] == "asset"]
    assert {name for _, name, _ in assets} == plain
    assert all(key == f"globex/{name}" and is_same == "True" for key, name, is_same in assets)
    assert all(words[1].startswith("globex_") for words in lines if words[0] == "group")
    alone = {tuple(line.split()) for line in of_company(NAMES, "").splitlines() if line.startswith("selects")}
    assert {tuple(words) for words in lines if words[0] == "selects"} == alone
    pools = {words[1] for words in lines if words[0] == "pool"}
    assert "globex_salesforce" in pools
    assert all(name.startswith("globex_") for name in pools)
    assert {words[1] for words in lines if words[0] == "tags"} == {"globex"}
    assert ["said", "globex:", "a", "run", "failed"] in lines


def test_what_another_company_materialized_starts_no_step() -> None:
    assert of_company(NIGHT).strip() == "[] [] ['globex/open_opportunities']"


def test_the_only_company_has_plain_names() -> None:
    assert asset_key("opportunities").path == ["opportunities"]
    assert asset_name(asset_key("salesforce/Account")) == "salesforce/Account"
    assert (pool("salesforce"), named("a run failed"), RUN_TAGS) == ("salesforce", "a run failed", {})


@pytest.mark.parametrize("count", [1, 3])
def test_each_company_may_have_as_many_runs_as_one_alone(count: int) -> None:
    alone = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    limit = alone["concurrency"]["runs"]["max_concurrent_runs"]
    together = instance_of_companies(alone, count)
    runs = together["concurrency"]["runs"]
    assert runs["max_concurrent_runs"] == limit * count
    mine = [entry for entry in runs["tag_concurrency_limits"] if entry["key"] == "salesinsight/company"]
    assert mine == [{"key": "salesinsight/company", "value": {"applyLimitPerUniqueValue": True}, "limit": limit}]
    assert together["storage"] == alone["storage"]
    assert together["concurrency"]["pools"] == alone["concurrency"]["pools"]
    assert together["sensors"]["use_threads"]


def test_the_workspace_names_the_socket_of_each_company(tmp_path: Path) -> None:
    (server,) = workspace_of_companies([Company("acme", tmp_path)])["load_from"]
    assert server == {"grpc_server": {"socket": f"{tmp_path}/code-server.sock", "location_name": "acme"}}
