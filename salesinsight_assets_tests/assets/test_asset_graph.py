"""The asset graph: what Dagster's UI shows of it, and a readable snapshot of its shape in asset_graph.txt.

Run as a script it prints the snapshot.
"""

import subprocess
import sys
import warnings
from pathlib import Path

import dagster as dg
import pytest

from salesinsight_assets.assets import STAGES
from salesinsight_assets.definitions import STAGE_MODULES, defs
from salesinsight_assets.steps import REPORTS

SNAPSHOT = Path(__file__).with_name("asset_graph.txt")
HEAVY = ("lightgbm", "shap", "great_expectations", "sklearn", "altair", "matplotlib", "scipy", "numba", "vl_convert")
SPECS = {spec.key.to_user_string(): spec for spec in sorted(defs.resolve_all_asset_specs(), key=lambda spec: spec.key)}
OURS = {name: spec for name, spec in SPECS.items() if spec.group_name != "salesforce"}
KEPT = {name: spec for name, spec in OURS.items() if name not in ("replay_report", "data_docs")}
"""Those that fill a table; a replay is only shown, and the Data Docs are files."""
GRAPH = defs.resolve_asset_graph()


def asset_graph() -> str:
    """Group by group each asset with its partitions, its time, what it is made from, and its checks."""
    groups = ["salesforce", *STAGES]
    return "\n".join(line for group in groups for line in [f"{group}", *_assets(group), ""])


def _assets(group: str) -> list[str]:
    names = sorted(name for name, spec in SPECS.items() if spec.group_name == group)
    return [line for name in names for line in _asset(name)]


def _asset(name: str) -> list[str]:
    spec = SPECS[name]
    deps = sorted(dep.asset_key.to_user_string() for dep in spec.deps)
    checks = sorted((c.name, c.blocking) for c in _checks() if c.asset_key == spec.key)
    return [
        f"  {name}{_partitions(spec)}{_step(spec)}",
        *([f"    from {', '.join(deps)}"] if deps else []),
        *(f"    check {check}{', blocking' if is_blocking else ''}" for check, is_blocking in checks),
    ]


def _partitions(spec: dg.AssetSpec) -> str:
    kinds = {dg.DailyPartitionsDefinition: " by day", dg.MonthlyPartitionsDefinition: " by month"}
    return kinds.get(type(spec.partitions_def), "")


def _step(spec: dg.AssetSpec) -> str:
    condition = spec.automation_condition
    return f", {condition.get_label()}" if condition else ""


def _checks() -> list[dg.AssetCheckSpec]:
    return [GRAPH.get_check_spec(key) for key in GRAPH.asset_check_keys]


def test_the_graph_is_the_one_in_the_snapshot() -> None:
    command = f"python {Path(__file__).name} > {SNAPSHOT.name}"
    assert asset_graph() == SNAPSHOT.read_text(), f"if that is meant, run in {SNAPSHOT.parent}: {command}"


def test_the_definitions_load_without_a_warning() -> None:
    code = (
        "import warnings, pydantic; warnings.simplefilter('error')\n"
        "warnings.simplefilter('ignore', pydantic.PydanticDeprecationWarning)\n"  # Dagster's own use of it
        "import dagster as dg\n"
        "from salesinsight_assets.definitions import defs\n"
        "dg.Definitions.validate_loadable(defs)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_definitions_import_no_heavy_library() -> None:
    code = f"import salesinsight_assets.definitions, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_stage_is_a_module_and_a_group_of_the_same_name() -> None:
    modules = [module.__name__.rpartition(".")[2] for module in STAGE_MODULES]
    assert modules == list(STAGES)
    assert {spec.group_name for spec in OURS.values()} == set(STAGES)


@pytest.mark.parametrize("name", SPECS)
def test_every_asset_says_who_owns_it_what_it_is_where_it_belongs_and_what_it_holds(name: str) -> None:
    spec = SPECS[name]
    assert spec.owners
    assert len(spec.description or "") > 30
    assert spec.kinds
    assert spec.group_name in ("salesforce", *STAGES)
    schema = spec.metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    assert len(schema.columns) > 3
    assert all(column.type and column.description for column in schema.columns)


@pytest.mark.parametrize("name", SPECS)
def test_every_asset_is_checked(name: str) -> None:
    assert [check.name for check in _checks() if check.asset_key == SPECS[name].key]


@pytest.mark.parametrize("name", KEPT)
def test_every_asset_of_rows_shows_its_table(name: str) -> None:
    assert KEPT[name].metadata["table"].partition(".")[0] in ("crm", "insight", "engagement")


def test_an_object_of_salesforce_shows_the_fields_that_are_asked_for() -> None:
    columns = {c.name: c.description for c in SPECS["salesforce/Opportunity"].metadata["dagster/column_schema"].columns}
    assert columns["StageName"] == "opportunities.stage_name"
    assert columns["Product__c"] == "opportunities.product"


def test_lineage_is_unbroken_from_salesforce_to_the_deliveries() -> None:
    above: set[dg.AssetKey] = set()
    waiting = [dg.AssetKey("deliveries")]
    while waiting:
        key = waiting.pop()
        above.add(key)
        waiting += [parent for parent in GRAPH.get(key).parent_keys if parent not in above]
    missing = {key.to_user_string() for key in GRAPH.get_all_asset_keys()} - {key.to_user_string() for key in above}
    made_for_people = {"model_calibration", "model_comparison", "champion"}
    looking_back = {"feature_drift", "feature_defaults", "model_checks", "alert_outcomes", "alert_rates", "alert_lift"}
    looking_back |= {"volume_checks", "data_docs"}
    who_sees_what = {"user_roles", "salesforce/UserRole"}
    assert missing == made_for_people | looking_back | who_sees_what | {"replay_report", "coaching_cards", *REPORTS}
    assert dg.AssetKey(["salesforce", "Opportunity"]) in above


def test_only_salesforces_own_objects_are_made_elsewhere() -> None:
    roots = {key.to_user_string() for key in GRAPH.get_all_asset_keys() if not GRAPH.get(key).is_executable}
    assert roots == set(SPECS) - set(OURS)
    assert len(roots) == 13


def test_every_asset_with_rows_of_its_own_is_checked_by_expectations_that_block() -> None:
    checked = {c.asset_key.to_user_string() for c in _checks() if c.name == "expectations" and c.blocking}
    assert set(KEPT) - checked == {"champion"}


def test_every_check_says_what_it_promises() -> None:
    for check in _checks():
        assert check.description, check.key


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.stdout.write(asset_graph())
