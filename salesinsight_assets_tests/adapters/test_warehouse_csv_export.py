"""CSV files in and out: what is exported comes back the same, and what cannot be read is refused by its place."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.adapters.csv_export import read_csv_file, write_table
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.sync_store import SyncStore
from salesinsight_assets.domain.crm.rows import typed_table
from salesinsight_assets.domain.crm.sync import Ending, MergeCounts, TableMemory
from salesinsight_assets.domain.crm.tables import OPPORTUNITIES, crm_table
from salesinsight_assets.domain.crm.uploads import UploadRefusedError, upload_tables

RECORDS = [
    {
        "Id": f"00600000000000{number}AAA",
        "Name": name,
        "OwnerId": "005000000000001AAA",
        "StageName": "Proposal",
        "Amount": amount,
        "CloseDate": closing,
        "IsClosed": is_closed,
        "IsDeleted": number == 3,
        "CreatedDate": "2026-01-05T09:30:15.123Z",
        "SystemModstamp": f"2026-02-0{number}T23:59:59.999Z",
    }
    for number, (name, amount, closing, is_closed) in enumerate(
        [
            ('Acme, "the" company\nsecond line', 0.30000000000000004, "2026-06-30", True),
            ("Ünïcode 第二 🔴", None, None, False),
            ("deleted", -5.0, "1999-12-31", None),
        ],
        1,
    )
]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_export_holds_the_current_rows(warehouse: Warehouse, tmp_path: Path, ending: str) -> None:
    _store(warehouse)
    path = tmp_path / f"opportunities.{ending}"
    write_table(warehouse.exported("opportunities", None), path)
    found = pd.read_csv(path) if ending == "csv" else pd.read_parquet(path)
    assert list(found["name"]) == [record["Name"] for record in RECORDS]
    assert list(found["is_deleted"]) == [False, False, True]
    assert found["amount"][0] == 0.30000000000000004


def test_an_export_that_is_imported_again_changes_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    _store(warehouse)
    before = warehouse.read("SELECT * FROM crm.opportunities ORDER BY id, valid_from")
    path = tmp_path / "opportunities.csv"
    write_table(warehouse.exported("opportunities", None), path)
    upload = upload_tables([read_csv_file(path)], None, {}, None, ZoneInfo("UTC"), datetime(2026, 4, 1, tzinfo=UTC))
    uploads = {crm_table(name): rows for name, rows in upload.items()}
    synced_at = datetime(2026, 4, 1, tzinfo=UTC)
    assert warehouse.merge_all(uploads, source="csv", synced_at=synced_at) == {"opportunities": MergeCounts(0, 0, 0)}
    pd.testing.assert_frame_equal(warehouse.read("SELECT * FROM crm.opportunities ORDER BY id, valid_from"), before)


def _store(warehouse: Warehouse) -> None:
    synced_at = datetime(2026, 3, 1, tzinfo=UTC)
    rows = typed_table(OPPORTUNITIES, RECORDS)
    memory = TableMemory(cursor=synced_at, synced_at=synced_at)
    SyncStore(warehouse).merge(OPPORTUNITIES, [rows], synced_at=synced_at, ending=lambda: Ending(memory))


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--to: expected a file ending in \.csv or \.parquet, got a\.xlsx"):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"\n\n", "an empty file"),
        (b"id,name\n", "no rows below the header"),
        (b"id,name\n\n", "no rows below the header"),
        (b"id;name\n1;a\n", "line 1: expected columns separated by commas"),
        (b"id,name\n1,\xe4\n", "users.csv, line 2, column name: expected text in UTF-8, got byte 0xe4"),
        (b'\xef\xbb\xbfid,name\r\n1,"two\r\n\r\nlines \xe4"\r\n', "line 4, column name: expected text in UTF-8"),
        (b"id,na\xefve\n1,a\n", "users.csv, line 1: expected text in UTF-8, got byte 0xef"),
        (b"\xff\xfei\x00d\x00", "users.csv, line 1: expected text in UTF-8, got byte 0xff"),
        (b"id,id\n1,2\n", "line 1, column id: expected a column name once, got twice"),
        (b"id,name\n1,a\n2\n", "line 3: expected 2 columns as in the header, got 1"),
        (b"id,name\n1,a,b\n", "line 2: expected 2 columns as in the header, got 3"),
        (b'id,name\n1,"two\nlines"\n2\n', "line 4: expected 2 columns"),
        (b'id,name\n1,"never closed\n2,b\n', "line 2: expected CSV with closed quotes"),
        (b'id,name\n1,"two\nlines"\n2,"never closed\n', "line 4: expected CSV with closed quotes"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_place(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "users.csv"
    path.write_bytes(content)
    with pytest.raises(UploadRefusedError, match=message):
        read_csv_file(path)


def test_a_file_that_is_not_there_is_refused_by_its_path_with_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    for wrong, there in ((path, "has no .csv file"), (tmp_path / "none" / "users.csv", "none has no .csv file")):
        with pytest.raises(UploadRefusedError, match=f"{wrong}: expected a CSV file, got no such file .*{there}"):
            read_csv_file(wrong)
    (tmp_path / "accounts.csv").touch()
    for wrong in (path, tmp_path):
        with pytest.raises(
            UploadRefusedError, match=r"\(.* has accounts.csv\); nothing was imported, correct the path"
        ):
            read_csv_file(wrong)


def test_a_spreadsheets_byte_order_mark_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_bytes(b'\xef\xbb\xbfid,name\r\n\r\n1,"a\r\nb"\r\n2,\r\n')
    file = read_csv_file(path)
    assert list(file.frame.columns) == ["id", "name"]
    assert list(file.lines) == [3, 5]
    assert file.frame["name"].isna().tolist() == [False, True]


def test_days_and_moments_are_written_as_such(warehouse: Warehouse, tmp_path: Path) -> None:
    _store(warehouse)
    path = tmp_path / "opportunities.csv"
    write_table(warehouse.exported("opportunities", None), path)
    rows = pd.read_csv(path, dtype=str)
    assert rows["close_date"][0] == date(2026, 6, 30).isoformat()
    assert pd.Timestamp(rows["created_date"][0]) == pd.Timestamp("2026-01-05T09:30:15.123Z")


def test_a_list_is_written_as_json_and_a_missing_one_as_nothing(tmp_path: Path) -> None:
    path = tmp_path / "models.csv"
    names = [np.array(["age_days", 'a "b"'], dtype=object), None, np.array([], dtype=object)]
    write_table(pd.DataFrame({"model_id": ["a", "b", "c"], "feature_names": pd.Series(names, dtype=object)}), path)
    written = pd.read_csv(path)["feature_names"]
    assert [json.loads(text) for text in written.dropna()] == [["age_days", 'a "b"'], []]
    assert pd.isna(written[1])
