"""The documents name everything that the code offers."""

import importlib.util
from dataclasses import fields
from pathlib import Path

import pytest

from salesinsight_assets.cli import COMMANDS
from salesinsight_assets.domain.alerts.rules import RULES
from salesinsight_assets.settings import Policies, SalesforceSettings

ROOT = Path(__file__).parents[1]


def reference_docs():
    spec = importlib.util.spec_from_file_location("reference_docs", Path(__file__).with_name("reference_docs.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["features.md", "checks.md"])
def test_the_lists_of_features_and_checks_are_up_to_date(page):
    expected = reference_docs().PAGES[page]()
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == expected, "run `make docs`"


def test_the_readme_names_every_command():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"`salesinsight {name}" not in readme] == []


def test_the_readme_names_every_setting():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    own = ["SALESINSIGHT_HOME", "SALESINSIGHT_POSTGRES_URL", "SALESINSIGHT_TIMEZONE", "SALESINSIGHT_CONFIG"]
    salesforce = [f"SALESFORCE_{field.name.upper()}" for field in fields(SalesforceSettings)]
    assert [name for name in own + salesforce if f"`{name}`" not in readme] == []


def test_the_rules_page_names_every_rule_and_every_number_with_its_default():
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert [rule.name for rule in RULES if f"`{rule.name}`" not in page] == []
    for table in fields(Policies):
        assert f"[{table.name}]" in page
        missing = [entry.name for entry in fields(table.default_factory()) if f"`{entry.name}`" not in page]
        assert missing == [], f"[{table.name}]"
