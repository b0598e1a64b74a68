"""The search for secrets finds one wherever it was put."""

import zlib
from pathlib import Path

import pytest

from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets_tests.leaked_secrets import leaks_in_database, leaks_in_files

SECRET = "00Dx!a-token"


@pytest.mark.salesforce(39)
def test_a_secret_in_a_column_or_a_file_is_found(warehouse: Warehouse, tmp_path: Path) -> None:
    packed = zlib.compress(f"a run with {SECRET}".encode()).hex()
    assert not list(leaks_in_database(warehouse.url, [SECRET]))
    warehouse.execute(f"CREATE TABLE crm.noted AS SELECT 1 AS id, 'Bearer {SECRET}' AS text")
    warehouse.execute(f"CREATE TABLE insight.packed AS SELECT decode('{packed}', 'hex') AS body")
    assert sorted(leaks_in_database(warehouse.url, [SECRET])) == ["table crm.noted", "table insight.packed"]
    for name in ("a.log", "excused.json"):
        (tmp_path / name).write_text(SECRET)
    assert list(leaks_in_files(tmp_path, [SECRET], ["excused.json"])) == [str(tmp_path / "a.log")]
