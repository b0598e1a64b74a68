"""The documents name everything that the code offers."""

import importlib.util
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from salesinsight_assets.adapters.warehouse.warehouse import exported_names
from salesinsight_assets.cli import COMMANDS, export
from salesinsight_assets.domain.alerts.rules import RULES
from salesinsight_assets.domain.model.policy import ModelPolicy, RulePolicy
from salesinsight_assets.policies import Policies
from salesinsight_assets.settings import SalesforceSettings

ROOT = Path(__file__).parents[1]
UNPROVED = [36, 37, 38]
"""Lines of the list of a trusted sync that wait for the write-back."""


def reference_docs():
    spec = importlib.util.spec_from_file_location("reference_docs", Path(__file__).with_name("reference_docs.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["features.md", "checks.md", "salesforce.md"])
def test_the_lists_of_features_checks_and_proofs_of_the_sync_are_up_to_date(page):
    expected = reference_docs().PAGES[page]()
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == expected, "run `make docs`"


def test_every_line_of_the_sync_but_those_of_the_write_back_is_shown_by_a_test():
    docs = reference_docs()
    proofs = docs.salesforce_proofs()
    assert set(proofs) <= set(docs.SALESFORCE_LINES)
    assert sorted(set(docs.SALESFORCE_LINES) - set(proofs)) == UNPROVED


def test_the_readme_names_every_command():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"`salesinsight {name}" not in readme] == []


def test_the_readme_and_the_help_name_every_table_that_can_be_exported():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    said = CliRunner().invoke(export.command, ["--help"]).output
    names = [name for kind in exported_names().values() for name in kind]
    assert [name for name in names if f"`{name}`" not in readme] == []
    assert [name for name in names if not re.search(rf"\b{name}\b", said)] == []


def test_the_readme_tells_the_rule_based_score_and_the_gate_with_their_numbers():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rules, model = RulePolicy(), ModelPolicy()
    rows = [
        (f"age above {rules.slow_cycle_ratio:g} times", rules.slow_step),
        (f"more than {rules.quiet_days:g} days since", rules.quiet_step),
        (f"close date pushed back {rules.pushes:g} times", rules.pushes_step),
        (f"stage at {rules.late_stage:g} of the way", rules.late_stage_step),
    ]
    told = [line for line in readme.splitlines() if line.startswith("|")]
    assert len(rows) == len([field for field in fields(rules) if field.name.endswith("_step")])
    for fact, step in rows:
        assert any(fact in line and line.endswith(f"| {step:+g} |") for line in told), fact
    assert f"{model.least_won} won and\n{model.least_lost} lost deals" in readme
    assert model.held_out_share == 0.25, "the README says: the last quarter of the weeks"


def test_the_readme_names_every_setting():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    own = [
        *("SALESINSIGHT_HOME", "SALESINSIGHT_POSTGRES_URL", "SALESINSIGHT_TIMEZONE", "SALESINSIGHT_CONFIG"),
        *("SALESINSIGHT_BASE_URL", "SALESINSIGHT_SECRET_KEY", "SLACK_SIGNING_SECRET"),
        *("SALESINSIGHT_DAGSTER_POSTGRES_URL", "SALESINSIGHT_COMPANY", "SALESINSIGHT_COMPANIES", "SALESINSIGHT_FOLDER"),
        *("SALESINSIGHT_SHARED_HOME", "SALESINSIGHT_ADMIN_POSTGRES_URL"),
        *("SALESINSIGHT_METRICS_TOKEN", "SALESINSIGHT_LOG_FORMAT"),
        *("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"),
    ]
    salesforce = [
        f"SALESFORCE_{field.name.upper()}" for field in fields(SalesforceSettings) if field.name != "state_directory"
    ]
    assert [name for name in own + salesforce if f"`{name}`" not in readme] == []


def test_the_rules_page_names_every_rule_and_every_number_with_its_default():
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert [rule.name for rule in RULES if f"`{rule.name}`" not in page] == []
    for table in fields(Policies):
        assert f"[{table.name}]" in page
        missing = [entry.name for entry in fields(table.default_factory()) if f"`{entry.name}`" not in page]
        assert missing == [], f"[{table.name}]"


def test_an_installation_says_what_it_does_and_how_long_it_takes(tmp_path):
    planned = subprocess.run(
        ["make", "-n", "install", f"VENV={tmp_path / 'new'}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    told = [line for line in planned.stdout.splitlines() if line.startswith("echo")]
    assert "about two minutes" in told[0]
    assert [f"{step} of 3" in line for step, line in enumerate(told[1:4], 1)] == [True] * 3
