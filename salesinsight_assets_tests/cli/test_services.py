"""The commands of a production's services, up to the point where Dagster starts."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from salesinsight_assets.adapters.warehouse.schema import database_url
from salesinsight_assets.cli import cli
from salesinsight_assets.cli.dagster_service import service_environment
from salesinsight_assets.settings import SettingsError
from salesinsight_assets_tests.conftest import execute

NOWHERE = "postgresql://nobody:hush@127.0.0.1:1/dagster"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "arguments", [["daemon"], ["webserver"], ["watch"], ["serve", "--no-embedded"], ["code-server", "--port", "4000"]]
)
def test_a_service_without_an_address_says_so_and_starts_no_postgresql(folder: Path, arguments: list[str]) -> None:
    told = CliRunner().invoke(cli, arguments).exception
    assert isinstance(told, SettingsError)
    assert str(told).startswith("SALESINSIGHT_POSTGRES_URL: expected the address of a PostgreSQL, got nothing")
    assert not (folder / ".salesinsight").exists()


def test_dagster_has_a_database_beside_the_warehouse_unless_one_is_named(folder: Path, empty_database: str) -> None:
    os.environ["SALESINSIGHT_POSTGRES_URL"] = empty_database
    beside = service_environment(loads_code=True)
    assert "/dagster" in beside["SALESINSIGHT_DAGSTER_POSTGRES_URL"]
    execute(database_url(empty_database, "dagster"), "SELECT 1")
    assert (folder / ".salesinsight" / "dagster" / "dagster.yaml").is_file()
    assert [file.name for file in (folder / ".salesinsight" / "dagster").iterdir()] == ["dagster.yaml"]


def test_with_code_servers_the_address_of_dagsters_database_is_enough(empty_database: str) -> None:
    os.environ["SALESINSIGHT_DAGSTER_POSTGRES_URL"] = empty_database
    environment = service_environment(loads_code=False)
    name = empty_database.partition("?")[0].rpartition("/")[2]
    assert name in environment["SALESINSIGHT_DAGSTER_POSTGRES_URL"]
    assert "SALESINSIGHT_POSTGRES_URL" not in environment
    with pytest.raises(SettingsError, match="SALESINSIGHT_POSTGRES_URL: expected the address"):
        service_environment(loads_code=True)


def test_a_database_of_dagster_that_does_not_answer_is_named_without_its_password() -> None:
    os.environ["SALESINSIGHT_DAGSTER_POSTGRES_URL"] = NOWHERE
    with pytest.raises(SettingsError, match="SALESINSIGHT_DAGSTER_POSTGRES_URL: expected a PostgreSQL") as told:
        service_environment(loads_code=False)
    assert "hush" not in str(told.value)


def test_a_code_server_ends_where_dagsters_database_does_not_answer_for_its_code_would_never_load(
    folder: Path, empty_database: str
) -> None:
    os.environ |= {"SALESINSIGHT_POSTGRES_URL": empty_database, "SALESINSIGHT_DAGSTER_POSTGRES_URL": NOWHERE}
    told = CliRunner().invoke(cli, ["code-server", "--socket", str(folder / "server.sock")]).exception
    assert isinstance(told, SettingsError)
    assert str(told).startswith("SALESINSIGHT_DAGSTER_POSTGRES_URL: expected a PostgreSQL that lets us in")


def test_a_workspace_that_is_not_there_is_refused() -> None:
    result = CliRunner().invoke(cli, ["daemon", "--workspace", "nowhere.yaml"])
    assert (result.exit_code, "--workspace: expected a file, got nowhere.yaml" in result.output) == (2, True)
