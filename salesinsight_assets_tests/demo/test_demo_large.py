"""The large company, and the server in a process of its own."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import requests

from salesinsight_assets.demo.large_company import LargePlan, large_company
from salesinsight_assets.demo.objects import OBJECTS
from salesinsight_assets.demo.serve import served_apart
from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.settings import load_settings

LAST_DAY = date(2026, 6, 30)
PLAN = LargePlan(600, 1500, 500, 900, 301, size=0.2)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory):
    with large_company(tmp_path_factory.mktemp("large") / "company.sqlite", LAST_DAY, PLAN) as company:
        yield company


def test_a_large_company_has_as_many_rows_as_asked_for(large) -> None:
    names = ("Opportunity", "OpportunityHistory", "OpportunityFieldHistory", "Task", "Event")
    assert [len(large.rows(name)) for name in names] == [600, 1500, 500, 900, 301]
    deals = large.rows("Opportunity")
    assert deals["IsClosed"].nunique() == 2
    assert set(large.rows("Task")["WhatId"]) <= set(deals["Id"])


@pytest.mark.parametrize("table", CRM_TABLES, ids=lambda table: table.name)
def test_its_rows_are_filled_and_stamped_before_its_clock(large, table) -> None:
    rows = large.rows(table.salesforce_object)
    if table.name in ("campaign_members", "competitors"):  # nothing that grows with the deals
        return
    required = [column.field for column in table.columns if not column.is_nullable]
    assert not rows[required].isna().any().any()
    assert rows["Id"].is_unique
    for field in {"CreatedDate", "SystemModstamp"} & set(rows):
        assert pd.to_datetime(rows[field]).max() < pd.Timestamp(large.now)
    if {"CreatedDate", "SystemModstamp"} <= set(rows):
        assert (rows["CreatedDate"] <= rows["SystemModstamp"]).all()


def test_it_is_the_same_for_the_same_plan(large, tmp_path: Path) -> None:
    with large_company(tmp_path / "again.sqlite", LAST_DAY, PLAN) as again:
        for name in OBJECTS:
            pd.testing.assert_frame_equal(large.rows(name), again.rows(name), obj=name)


def test_it_can_be_changed_by_hand(large) -> None:
    deal_id = large.rows("Opportunity")["Id"].iloc[0]
    large.update("Opportunity", deal_id, {"Amount": 5.0})
    assert large.rows("OpportunityHistory")["OpportunityId"].iloc[-1] == deal_id
    with pytest.raises(FileExistsError, match="choose another path"):
        large_company(large.path, LAST_DAY, PLAN)


def test_the_server_runs_in_a_process_of_its_own(large, tmp_path: Path) -> None:
    with served_apart(large.path, tmp_path / "org") as environment, requests.Session() as session:
        salesforce = load_settings(environment).salesforce
        session.trust_env, session.verify = False, str(salesforce.ca_bundle)
        address = f"{salesforce.login_url}/services/oauth2/token"
        form = {"grant_type": "client_credentials", "client_id": salesforce.client_id}
        answer = session.post(address, data={**form, "client_secret": salesforce.client_secret}, timeout=10)
        assert answer.json()["access_token"]
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.post(address, timeout=10)


def test_a_server_that_does_not_start_says_so(tmp_path: Path, capfd) -> None:
    with pytest.raises(RuntimeError, match="see its errors"), served_apart(tmp_path / "missing.sqlite", tmp_path):
        pass
    assert "create it first" in capfd.readouterr().err
