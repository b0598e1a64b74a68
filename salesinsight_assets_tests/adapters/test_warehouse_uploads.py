"""Uploads of deals one after the other: what a later one changes counts from its day, and the days before stay."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from salesinsight_assets.adapters.csv_export import read_csv_file
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.stored_rows import stored_rows
from salesinsight_assets.domain.crm.tables import crm_table
from salesinsight_assets.domain.crm.uploads import UploadRefusedError, upload_mappings, upload_tables
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid, end_of_day
from salesinsight_assets.domain.history.snapshots import opportunity_history

UTC_ZONE = ZoneInfo("UTC")
NOW = datetime(2024, 6, 1, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MAPPING = {
    "id": "deal", "created": "created", "closed": "closed", "owner": "rep", "outcome": "status", "amount": "amount",
    "open_stages": ["Open", "Late"],
}  # fmt: skip
HEADER = "deal,created,closed,rep,status,amount"
FIRST = (
    "open,2024-01-05,,Ann,Open,200",
    "won,2024-01-01,2024-02-10,Ann,Won,100",
    "lost,2024-01-07,2024-03-01,Bob,Lost,300",
)
BEFORE, AFTER = date(2024, 3, 9), date(2024, 3, 10)
"""The day before that of the second upload, and that day."""
Import = Callable[..., dict[str, tuple[int, int]]]


@pytest.fixture
def imported(warehouse: Warehouse, tmp_path: Path) -> Import:
    """A function that imports rows of deals as of a day; gives how many rows were new and changed by table."""

    def run(
        *rows: str, as_of: date | None = None, zone: ZoneInfo = UTC_ZONE, **mapping: str
    ) -> dict[str, tuple[int, int]]:
        path = tmp_path / "deals.csv"
        path.write_text("\n".join([mapping.pop("header", HEADER), *rows]) + "\n")
        mappings = upload_mappings({"mine": {**MAPPING, **mapping}})
        upload = upload_tables([read_csv_file(path)], "mine", mappings, as_of, zone, NOW, stored_rows(warehouse))
        counts = warehouse.merge_all({crm_table(n): rows for n, rows in upload.items()}, source="csv", synced_at=NOW)
        return {name: (found.inserted, found.updated) for name, found in counts.items()}

    return run


def known(warehouse: Warehouse, day: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The open deals as of a day, and their features."""
    history = opportunity_history(warehouse.crm_rows(LONG_AGO, LONG_AGO))
    rows, features = features_as_of(history, Grid([end_of_day(day, UTC_ZONE)]), FeaturePolicy())
    return rows.frame.set_index("opportunity_id"), features


def days_before(warehouse: Warehouse) -> list[pd.DataFrame]:
    """All that is known of several days up to the one before the second upload."""
    days = (date(2024, 1, 6), date(2024, 2, 9), date(2024, 2, 20), date(2024, 3, 5), BEFORE)
    return [frame for day in days for frame in known(warehouse, day)]


def assert_same(found: list[pd.DataFrame], before: list[pd.DataFrame]) -> None:
    for one, other in zip(found, before, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def current(warehouse: Warehouse, deal: str) -> pd.Series:
    rows = warehouse.exported("opportunities", None).set_index("id")
    return rows.loc[deal]


def test_the_same_file_again_changes_nothing(warehouse: Warehouse, imported: Import) -> None:
    imported(*FIRST)
    before = warehouse.read("SELECT * FROM crm.opportunity_history ORDER BY id")
    assert set(imported(*FIRST).values()) == {(0, 0)}
    pd.testing.assert_frame_equal(warehouse.read("SELECT * FROM crm.opportunity_history ORDER BY id"), before)


def test_a_new_amount_of_an_open_deal_counts_from_the_day_of_its_upload(warehouse: Warehouse, imported: Import) -> None:
    imported(*FIRST, as_of=date(2024, 3, 2))
    before = days_before(warehouse)
    imported(FIRST[0].replace("200", "900"), *FIRST[1:], as_of=AFTER)
    assert_same(days_before(warehouse), before)
    assert known(warehouse, BEFORE)[0].at["open", "amount"] == 200
    assert known(warehouse, AFTER)[0].at["open", "amount"] == 900
    assert current(warehouse, "open")["amount"] == 900


def test_a_new_stage_of_an_open_deal_counts_from_the_day_of_its_upload(warehouse: Warehouse, imported: Import) -> None:
    imported(*FIRST, as_of=date(2024, 3, 2))
    before = days_before(warehouse)
    imported(FIRST[0].replace("Open", "Late"), *FIRST[1:], as_of=AFTER)
    assert_same(days_before(warehouse), before)
    assert known(warehouse, AFTER)[0].at["open", "stage_name"] == "Late"


@pytest.mark.parametrize("corrected", ["2024-01-20", "2024-02-25"])
def test_a_corrected_closing_day_takes_effect_from_the_day_of_its_upload(
    warehouse: Warehouse, imported: Import, corrected: str
) -> None:
    imported(*FIRST, as_of=date(2024, 3, 2))
    before = days_before(warehouse)
    counts = imported(FIRST[0], FIRST[1].replace("2024-02-10", corrected), FIRST[2], as_of=AFTER)
    assert (counts["opportunities"], counts["opportunity_history"]) == ((0, 1), (1, 0))
    assert_same(days_before(warehouse), before)
    assert current(warehouse, "won")["close_date"] == pd.Timestamp(corrected)
    latest = opportunity_history(warehouse.crm_rows(LONG_AGO, LONG_AGO)).states.groupby("opportunity_id").last()
    assert latest.at["won", "close_date"] == pd.Timestamp(corrected)


def test_a_corrected_last_closing_day_takes_effect_without_an_as_of_day(warehouse: Warehouse, imported: Import) -> None:
    """The file then mentions no day as late as the stored rows do."""
    imported(*FIRST)
    imported(*FIRST[:2], FIRST[2].replace("2024-03-01", "2024-01-31"))
    assert current(warehouse, "lost")["close_date"] == pd.Timestamp(2024, 1, 31)
    assert "lost" in known(warehouse, date(2024, 2, 29))[0].index
    assert "lost" not in known(warehouse, date(2024, 3, 1))[0].index


def test_a_corrected_outcome_and_a_reopened_deal_count_from_the_day_of_their_upload(
    warehouse: Warehouse, imported: Import
) -> None:
    imported(*FIRST, as_of=date(2024, 3, 2))
    before = days_before(warehouse)
    imported(
        FIRST[0], FIRST[1].replace("Won", "Lost"), FIRST[2].replace("2024-03-01,Bob,Lost", ",Bob,Open"), as_of=AFTER
    )
    assert_same(days_before(warehouse), before)
    assert list(known(warehouse, AFTER)[0].index) == ["open", "lost"]
    assert current(warehouse, "won")["stage_name"] == "Lost"


@pytest.mark.parametrize(("closed", "open_until"), [("2024-03-06", date(2024, 3, 5)), ("2024-02-15", BEFORE)])
def test_a_deal_closes_on_its_day_unless_an_upload_had_told_otherwise_of_that_day(
    warehouse: Warehouse, imported: Import, closed: str, open_until: date
) -> None:
    imported(*FIRST, as_of=date(2024, 3, 4))
    imported(FIRST[0].replace(",,Ann,Open", f",{closed},Ann,Won"), *FIRST[1:], as_of=AFTER)
    assert "open" in known(warehouse, open_until)[0].index
    assert "open" not in known(warehouse, open_until + pd.Timedelta(days=1))[0].index
    assert current(warehouse, "open")["close_date"] == pd.Timestamp(closed)


def test_an_upload_of_an_earlier_day_is_refused(warehouse: Warehouse, imported: Import) -> None:
    imported(*FIRST, as_of=AFTER)
    with pytest.raises(UploadRefusedError, match=r"--as-of: expected a day from 2024-03-10 on, .* got 2024-03-09"):
        imported(FIRST[0].replace("200", "900"), *FIRST[1:], as_of=BEFORE)
    assert current(warehouse, "open")["amount"] == 200


def test_an_upload_counts_after_what_was_stored_of_its_day(warehouse: Warehouse, imported: Import) -> None:
    imported(*FIRST, as_of=date(2024, 3, 2))
    noon = datetime(2024, 3, 10, 14, tzinfo=UTC)
    warehouse.execute("UPDATE crm.opportunities SET system_modstamp = $1::timestamptz WHERE id = 'open'", (noon,))
    assert imported(FIRST[0].replace("200", "900"), *FIRST[1:], as_of=AFTER)["opportunities"] == (0, 1)
    assert current(warehouse, "open")["amount"] == 900
    assert known(warehouse, BEFORE)[0].at["open", "amount"] == 200


def test_a_blank_address_leaves_the_stored_one(warehouse: Warehouse, imported: Import) -> None:
    rows = [f"{row},{mail}" for row, mail in zip(FIRST, ("a@example.com", "", "b@example.com"), strict=True)]
    imported(*rows, header=f"{HEADER},mail", email="mail")
    imported(*[row.replace("b@example.com", "") for row in rows], header=f"{HEADER},mail", email="mail")
    users = warehouse.exported("users", None).set_index("id")["email"]
    assert users.to_dict() == {"Ann": "a@example.com", "Bob": "b@example.com"}


def test_a_deal_keeps_the_day_it_was_created(warehouse: Warehouse, imported: Import) -> None:
    """One that came without a day was created, as far as is known, on the day of its first upload."""
    imported(*FIRST, "late,,,Bob,Open,5", as_of=date(2024, 3, 2))
    imported(*FIRST, "late,2024-02-01,,Bob,Late,5", as_of=AFTER)
    assert current(warehouse, "late")["created_date"] == pd.Timestamp("2024-03-02", tz="UTC")
    assert known(warehouse, BEFORE)[0].at["late", "stage_name"] == "Open"
    assert known(warehouse, AFTER)[0].at["late", "stage_name"] == "Late"


def test_days_of_a_later_upload_begin_in_the_companys_time_zone(warehouse: Warehouse, imported: Import) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    imported(*FIRST, as_of=date(2024, 3, 2), zone=berlin)
    imported(FIRST[0].replace("200", "900"), *FIRST[1:], zone=berlin, as_of=AFTER)
    told = warehouse.read("SELECT created_date FROM crm.opportunity_history WHERE id LIKE '% told %'")
    assert list(told["created_date"]) == [pd.Timestamp("2024-03-09 23:00", tz="UTC")]


def test_what_a_further_file_gave_stays_where_a_later_upload_comes_without_it(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    deals, prices, team = (tmp_path / f"{name}.csv" for name in ("deals", "prices", "team"))
    deals.write_text("deal,created,closed,rep,status,product\nd,2024-01-05,,Ann,Open,P\n")
    prices.write_text("name,price\nP,70\n")
    team.write_text("member,boss,mail\nAnn,Zoe,ann@example.com\n")
    lookups = [
        {"column": "product", "key": "name", "values": {"amount": "price"}},
        {"column": "rep", "key": "member", "values": {"manager": "boss", "email": "mail"}},
    ]
    entry = {name: column for name, column in MAPPING.items() if name != "amount"} | {"product": "product"}
    mappings = upload_mappings({"mine": {**entry, "lookups": lookups}})
    changes: list[int] = []
    for paths in ([deals, prices, team], [deals]):
        files, stored = [read_csv_file(path) for path in paths], stored_rows(warehouse)
        upload = upload_tables(files, "mine", mappings, None, UTC_ZONE, NOW, stored)
        counts = warehouse.merge_all({crm_table(n): rows for n, rows in upload.items()}, source="csv", synced_at=NOW)
        changes.append(sum(found.updated for found in counts.values()))
    assert changes == [0, 0]
    assert current(warehouse, "d")["amount"] == 70
    users = warehouse.exported("users", None).set_index("id")
    assert (users.at["Ann", "manager_id"], users.at["Ann", "email"]) == ("Zoe", "ann@example.com")


def test_a_reps_address_comes_from_the_mapping_and_stays_where_a_file_has_none(
    warehouse: Warehouse, imported: Import
) -> None:
    rows = [f"{row},{row.split(',')[3].lower()}@example.com" for row in FIRST]
    imported(*rows, header=f"{HEADER},mail", email="mail")
    imported(*FIRST)
    users = warehouse.exported("users", None).set_index("id")["email"]
    assert users.to_dict() == {"Ann": "ann@example.com", "Bob": "bob@example.com"}
