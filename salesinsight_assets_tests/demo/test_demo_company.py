"""The made-up company: its shape, its time, changes by hand. What can be known of its deals is in `test_demo_truth`."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.ids import full_id
from salesinsight_assets.demo.objects import OBJECTS, SalesforceObject
from salesinsight_assets.domain.crm.tables import CRM_TABLES

LAST_DAY = date(2026, 6, 30)


def open_deal(company: DemoCompany) -> dict[str, Any]:
    deals = company.rows("Opportunity")
    return deals[(deals["IsClosed"] == 0) & (deals["IsDeleted"] == 0)].iloc[0].to_dict()


def record(company: DemoCompany, object_name: str, record_id: str) -> dict[str, Any]:
    rows = company.rows(object_name)
    return rows[rows["Id"] == record_id].iloc[0].to_dict()


def children(company: DemoCompany, object_name: str, deal_id: str) -> pd.DataFrame:
    rows = company.rows(object_name)
    return rows[rows["WhatId" if object_name in ("Task", "Event") else "OpportunityId"] == deal_id]


def assert_equal_companies(left: DemoCompany, right: DemoCompany) -> None:
    for name in OBJECTS:
        pd.testing.assert_frame_equal(left.rows(name), right.rows(name), obj=name)
    pd.testing.assert_frame_equal(left.true_win_probabilities(), right.true_win_probabilities())


def test_two_years_hold_about_five_thousand_closed_and_a_thousand_open_deals(full_company: DemoCompany) -> None:
    deals = full_company.rows("Opportunity").query("IsDeleted == 0")
    closed = deals[deals["IsClosed"] == 1]
    assert 4500 < len(closed) < 5500
    assert 850 < len(deals) - len(closed) < 1150
    assert 0.35 < closed["IsWon"].mean() < 0.45
    assert deals["Amount"].between(2500, 500_000).all()
    assert full_company.rows("Opportunity")["IsDeleted"].sum() > 20


def test_people_form_one_hierarchy_under_the_head_of_sales(full_company: DemoCompany) -> None:
    users = full_company.rows("User").set_index("Id")
    heads = users[users["ManagerId"].isna()]
    managers = users[users["Title"] == "Sales Manager"]
    reps = users[users["Title"] == "Account Executive"]
    assert len(heads) == 1
    assert len(managers) == 3
    assert set(managers["ManagerId"]) == set(heads.index)
    assert set(reps["ManagerId"]) == set(managers.index)
    assert reps["IsActive"].sum() == 25
    assert not reps["IsActive"].all()


def test_no_open_deal_belongs_to_a_rep_who_left(full_company: DemoCompany) -> None:
    users = full_company.rows("User")
    gone = users[users["IsActive"] == 0]["Id"]
    open_deals = full_company.rows("Opportunity").query("IsClosed == 0 and IsDeleted == 0")
    assert not open_deals["OwnerId"].isin(gone).any()


@pytest.mark.parametrize("table", CRM_TABLES, ids=lambda table: table.name)
def test_every_required_column_of_every_table_is_filled(full_company: DemoCompany, table: Any) -> None:
    rows = full_company.rows(table.salesforce_object)
    assert len(rows)
    required = [column.field for column in table.columns if column.is_required]
    assert not rows[required].isna().any().any()


@pytest.mark.parametrize("known", OBJECTS.values(), ids=lambda known: known.name)
def test_ids_are_unique_and_carry_a_true_suffix(full_company: DemoCompany, known: SalesforceObject) -> None:
    ids = full_company.rows(known.name)["Id"]
    assert ids.is_unique
    assert ids.str.startswith(known.key_prefix).all()
    assert all(full_id(value[:15]) == value for value in ids.head(500))


def test_the_suffix_is_the_one_salesforce_gives() -> None:
    assert full_id("001D000000IqhSL") == "001D000000IqhSLIAZ"


@pytest.mark.parametrize("name", ["Opportunity", "OpportunityHistory", "Task", "Event", "Account"])
def test_stamps_fall_into_working_hours_and_never_run_backwards(full_company: DemoCompany, name: str) -> None:
    rows = full_company.rows(name)
    for field in ("CreatedDate", "SystemModstamp"):
        stamps = pd.to_datetime(rows[field])
        assert stamps.dt.hour.between(8, 17).all()
        assert (stamps.dt.day_of_week < 5).all()
    assert (rows["CreatedDate"] <= rows["SystemModstamp"]).all()
    assert pd.to_datetime(rows["SystemModstamp"]).max() < pd.Timestamp(full_company.now)


def test_the_last_history_row_of_a_deal_is_its_present(full_company: DemoCompany) -> None:
    fields = ["StageName", "Amount", "CloseDate", "Probability"]
    history = full_company.rows("OpportunityHistory").sort_values(["CreatedDate", "Id"])
    last = history.groupby("OpportunityId")[fields].last()
    present = full_company.rows("Opportunity").set_index("Id")[fields]
    pd.testing.assert_frame_equal(last, present.loc[last.index], check_names=False)
    assert len(last) == len(present)


def test_field_history_joins_without_a_gap(full_company: DemoCompany) -> None:
    history = full_company.rows("OpportunityFieldHistory")
    for _, changes in history.groupby(["Field", "DataType"]):
        previous = changes.groupby("OpportunityId")["NewValue"].shift()
        assert (previous.isna() | (previous == changes["OldValue"])).all()
    amounts = history[history["Field"] == "Amount"]
    assert amounts["NewValue"].map(type).eq(float).all()


def test_a_change_of_owner_is_kept_with_names_and_with_ids(full_company: DemoCompany) -> None:
    owners = full_company.rows("OpportunityFieldHistory").query("Field == 'Owner'")
    names = full_company.rows("User").set_index("Id")["Name"]
    by_id = owners[owners["DataType"] == "EntityId"].set_index(["OpportunityId", "CreatedDate"])
    by_name = owners[owners["DataType"] == "Text"].set_index(["OpportunityId", "CreatedDate"])
    assert len(by_id) > 50
    assert (by_id["NewValue"].map(names) == by_name["NewValue"]).all()


def test_moving_on_day_by_day_equals_moving_at_once(copy_of_company: Callable[[str], DemoCompany]) -> None:
    at_once, by_day = copy_of_company("at-once.sqlite"), copy_of_company("by-day.sqlite")
    days = [LAST_DAY + timedelta(days=count) for count in range(1, 76)]
    at_once.advance(days[-1])
    for day in days:
        with DemoCompany.open(by_day.path) as reopened:
            reopened.advance(day)
    assert at_once.rows("Opportunity")["IsDeleted"].sum() > 0
    assert at_once.last_day == by_day.last_day == days[-1]
    assert_equal_companies(at_once, by_day)


def test_equal_seeds_give_equal_companies_and_others_do_not(tmp_path: Path) -> None:
    companies = [
        DemoCompany.create(tmp_path / f"{name}.sqlite", LAST_DAY, years=0.2, size=0.1, seed=seed)
        for name, seed in (("one", 1), ("same", 1), ("other", 2))
    ]
    assert_equal_companies(companies[0], companies[1])
    one, other = (set(company.rows("Opportunity")["CreatedDate"]) for company in (companies[0], companies[2]))
    assert len(one & other) < len(one) / 10
    for company in companies:
        company.close()


def test_progress_is_told_of_every_day_and_past_days_do_not_pass_again(company: DemoCompany) -> None:
    days: list[date] = []
    company.advance(LAST_DAY + timedelta(days=3), days.append)
    company.advance(LAST_DAY, days.append)
    assert days == [LAST_DAY + timedelta(days=count) for count in (1, 2, 3)]


def test_a_change_by_hand_moves_the_stamp_and_writes_history(company: DemoCompany) -> None:
    deal, now = open_deal(company), company.now
    company.update("Opportunity", deal["Id"], {"StageName": "Closed Won", "CloseDate": "2026-06-30", "Amount": 777.0})
    after = record(company, "Opportunity", deal["Id"])
    assert (after["IsClosed"], after["IsWon"], after["Probability"]) == (1, 1, 100)
    assert pd.Timestamp(after["SystemModstamp"]) == pd.Timestamp(now)
    assert company.now > now
    last = children(company, "OpportunityHistory", deal["Id"]).iloc[-1]
    assert (last["StageName"], last["Amount"], last["CreatedDate"]) == ("Closed Won", 777.0, after["SystemModstamp"])
    changes = children(company, "OpportunityFieldHistory", deal["Id"]).query("CreatedDate == @after['SystemModstamp']")
    assert set(changes["Field"]) == {"Amount", "CloseDate"}


def test_what_was_changed_by_hand_lives_on(company: DemoCompany) -> None:
    deals = company.rows("Opportunity").query("IsClosed == 0 and IsDeleted == 0")["Id"].tolist()
    company.update("Opportunity", deals[0], {"StageName": "Closed Lost"})
    company.delete("Opportunity", deals[1])
    company.update("Opportunity", deals[2], {"Amount": 123_000.0})
    stopped = [record(company, "Opportunity", deal) for deal in deals[:2]]
    company.advance(LAST_DAY + timedelta(days=5))
    assert [record(company, "Opportunity", deal) for deal in deals[:2]] == stopped
    history = children(company, "OpportunityHistory", deals[2])
    assert 123_000.0 in history["Amount"].tolist()
    assert record(company, "Opportunity", deals[2])["Amount"] == history["Amount"].iloc[-1]


def test_a_deleted_deal_takes_its_children_along_and_brings_them_back(company: DemoCompany) -> None:
    tasks = company.rows("Task").query("IsDeleted == 0")
    deal_id = tasks["WhatId"].iloc[0]
    company.delete("Opportunity", deal_id)
    deleted = children(company, "Task", deal_id)
    assert deleted["IsDeleted"].all()
    assert record(company, "Opportunity", deal_id)["IsDeleted"] == 1
    company.undelete("Opportunity", deal_id)
    restored = children(company, "Task", deal_id)
    assert not restored["IsDeleted"].any()
    assert (restored["SystemModstamp"].values > deleted["SystemModstamp"].values).all()


def test_what_was_deleted_before_its_deal_stays_deleted_when_the_deal_comes_back(company: DemoCompany) -> None:
    tasks = company.rows("Task").query("IsDeleted == 0")
    deal_id = tasks["WhatId"].value_counts().index[0]
    first, *others = tasks.loc[tasks["WhatId"] == deal_id, "Id"]
    company.delete("Task", first)
    company.delete("Opportunity", deal_id)
    company.undelete("Opportunity", deal_id)
    restored = children(company, "Task", deal_id).set_index("Id")["IsDeleted"]
    assert (restored[first], set(restored[others])) == (1, {0})


def test_what_was_planned_for_a_deleted_deal_is_not_done(full_company: DemoCompany) -> None:
    tasks = full_company.rows("Task").query("IsDeleted == 1")
    is_due_later = tasks["ActivityDate"] > tasks["SystemModstamp"].str[:10]
    assert is_due_later.sum() > 10
    assert tasks[is_due_later]["Status"].eq("Not Started").all()
    assert tasks[~is_due_later]["Status"].eq("Completed").all()


def test_an_erased_deal_leaves_no_row_behind(company: DemoCompany) -> None:
    deal_id = company.rows("Task")["WhatId"].iloc[0]
    company.erase("Opportunity", deal_id)
    assert deal_id not in set(company.rows("Opportunity")["Id"])
    assert children(company, "Task", deal_id).empty


def test_a_record_made_by_hand_gets_a_new_id_and_stamps(company: DemoCompany) -> None:
    account_id = company.insert("Account", {"Name": "Übermut & Söhne"})
    account = record(company, "Account", account_id)
    assert account["IsDeleted"] == 0
    assert account["CreatedDate"] == account["SystemModstamp"]
    assert full_id(account_id[:15]) == account_id


def test_mistakes_are_answered_with_what_was_expected(company: DemoCompany, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="expected no file"):
        DemoCompany.create(company.path, LAST_DAY)
    with pytest.raises(FileNotFoundError, match="create it first"):
        DemoCompany.open(tmp_path / "missing.sqlite")
    with pytest.raises(KeyError, match="has no field Colour"):
        company.update("Opportunity", open_deal(company)["Id"], {"Colour": "red"})
    with pytest.raises(KeyError, match="expected one of Opportunity"):
        company.rows("Lead")
    with pytest.raises(ValueError, match="can be deleted"):
        company.delete("User", company.rows("User")["Id"].iloc[0])


def test_a_task_that_comes_back_after_it_was_due_gets_no_earlier_stamp(company: DemoCompany) -> None:
    tasks = company.rows("Task").query("Status == 'Not Started' and IsDeleted == 0")
    task = str(tasks.sort_values("ActivityDate")["Id"].iloc[0])
    company.delete("Task", task)
    company.advance(company.last_day + timedelta(days=15))
    company.undelete("Task", task)
    back = record(company, "Task", task)["SystemModstamp"]
    company.advance(company.last_day + timedelta(days=1))
    done = record(company, "Task", task)
    assert done["Status"] == "Completed"
    assert done["SystemModstamp"] > back


def test_a_company_that_was_not_finished_leaves_no_file(tmp_path: Path) -> None:
    def interrupt(day: date) -> None:
        raise InterruptedError(f"on {day}")

    with pytest.raises(InterruptedError):
        DemoCompany.create(tmp_path / "company.sqlite", LAST_DAY, years=0.1, size=0.1, progress=interrupt)
    assert not list(tmp_path.iterdir())
