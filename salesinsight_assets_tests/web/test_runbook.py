"""The runbook: an entry for each page that can arrive, readable when nothing else is."""

import re
from pathlib import Path
from typing import get_args

import requests

from salesinsight_assets.domain.monitoring.incidents import Incident, Symptom
from salesinsight_assets.domain.monitoring.pages import (
    CRM_STEP,
    DATABASE,
    DISK,
    RUNBOOK_ENTRIES,
    SENSORS,
    runbook_entry,
)
from salesinsight_assets_tests.web.conftest import BREAKFAST

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"


def entries() -> list[str]:
    return re.findall(r"^## (.+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_runbook_has_exactly_the_entries_that_pages_point_to() -> None:
    assert sorted(entries()) == sorted(RUNBOOK_ENTRIES)


def test_every_incident_has_an_entry() -> None:
    outages = [Incident(key, "outage", BREAKFAST) for key in (DATABASE, SENSORS, DISK)]
    others = [Incident(key, symptom, BREAKFAST) for key in (CRM_STEP, "features") for symptom in get_args(Symptom)[1:]]
    found = {runbook_entry(incident) for incident in [*outages, *others]}
    assert found == {DATABASE, SENSORS, DISK, "salesforce", "failed", "lost", "slow", "late"}


def test_the_alarms_point_to_entries() -> None:
    source = (RUNBOOK.parents[1] / "salesinsight_assets" / "alarms.py").read_text(encoding="utf-8")
    assert [
        entry for entry in ("drift", "defaults", "volume", "predictions", "messages") if f'"{entry}"' not in source
    ] == []


def test_anyone_with_the_link_reads_an_entry_also_while_the_database_is_down(empty_dashboard) -> None:
    empty_dashboard.warehouse.execute("ALTER TABLE engagement.sessions RENAME TO gone")
    shown = requests.get(f"{empty_dashboard.url}/runbook", timeout=30)
    assert shown.status_code == 200
    for entry in RUNBOOK_ENTRIES:
        assert f'<h2 id="{entry}">{entry}</h2>' in shown.text
    assert 'href="#database"' in shown.text
    assert "operations.md" in shown.text
    assert 'href="operations.md"' not in shown.text
