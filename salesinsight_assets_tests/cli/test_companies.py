"""The commands for several companies, up to the point where Dagster starts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from salesinsight_assets.cli import cli
from salesinsight_assets.cli.services import Service, supervising
from salesinsight_assets.companies import all_companies, enter_company
from salesinsight_assets.settings import SettingsError, load_settings


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["companies", *arguments])


def test_a_new_company_gets_a_folder_that_its_owner_alone_may_read(deployment: Path) -> None:
    result = run("add", "acme")
    assert result.exit_code == 0, result.output
    file = deployment / "companies" / "acme" / ".env"
    assert file.read_text().splitlines()[0] == "SALESINSIGHT_COMPANY=acme"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [company.name for company in all_companies()] == ["acme"]
    assert "acme" in run("list").output


@pytest.mark.parametrize("name", ["Acme", "2acme", "a-b", "../x", ""])
def test_a_name_that_no_asset_key_can_have_is_refused(deployment: Path, name: str) -> None:
    result = run("add", name)
    assert isinstance(result.exception, SettingsError)
    assert f"got {name!r}" in str(result.exception)
    assert not (deployment / "companies").exists()


def test_a_company_that_is_there_is_left_as_it_is(deployment: Path) -> None:
    run("add", "acme")
    before = (deployment / "companies" / "acme" / ".env").read_text()
    result = run("add", "acme")
    assert (result.exit_code, "expected a new company, got acme" in result.output) == (2, True)
    assert (deployment / "companies" / "acme" / ".env").read_text() == before


def test_without_a_company_the_commands_say_how_to_add_one(deployment: Path) -> None:
    for command in ("list", "check", "start"):
        result = run(command)
        assert (result.exit_code, "run `salesinsight companies add NAME`" in result.output) == (2, True), command


def test_a_company_has_its_own_settings_and_none_of_the_shells(deployment: Path) -> None:
    run("add", "acme")
    folder = deployment / "companies" / "acme"
    with (folder / ".env").open("a") as file:
        file.write(
            "SALESFORCE_CLIENT_ID=of-acme\nSALESFORCE_PRIVATE_KEY_FILE=app.pem\nSALESINSIGHT_TIMEZONE=Asia/Tokyo\n"
        )
    (folder / "salesinsight.toml").write_text("")
    (deployment / ".env").write_text("SLACK_BOT_TOKEN=of-the-deployment\n")
    os.environ.update({"SALESFORCE_CLIENT_ID": "of-the-shell", "SLACK_OPS_CHANNEL": "#of-the-shell", "PATH": "/bin"})
    enter_company("acme")
    settings = load_settings()
    assert (settings.company, settings.timezone, settings.salesforce.client_id) == ("acme", "Asia/Tokyo", "of-acme")
    assert (settings.slack.bot_token, settings.slack.ops_channel) == (None, None)
    assert (settings.home, settings.config_file) == (folder / ".salesinsight", folder / "salesinsight.toml")
    assert settings.salesforce.private_key_file == str(folder / "app.pem")
    assert settings.shared_home == deployment / ".salesinsight"
    assert os.environ["PATH"] == "/bin"


def test_the_address_of_the_shared_dagster_is_that_of_the_deployment(deployment: Path) -> None:
    run("add", "acme")
    (deployment / ".env").write_text("SALESINSIGHT_DAGSTER_POSTGRES_URL=postgresql://d:x@db/dagster\n")
    enter_company("acme")
    settings = load_settings()
    assert (settings.dagster_postgres_url, settings.shared_home) == ("postgresql://d:x@db/dagster", None)


def test_a_company_that_is_not_there_is_refused_with_those_that_are(deployment: Path) -> None:
    run("add", "acme")
    with pytest.raises(SettingsError, match="expected one of acme, got 'globex'"):
        enter_company("globex")


def test_one_company_of_several_has_no_dagster_of_its_own(deployment: Path) -> None:
    run("add", "acme")
    result = CliRunner().invoke(cli, ["--company", "acme", "dev"])
    assert (result.exit_code, "`salesinsight companies start`" in result.output) == (2, True)


def test_a_service_that_waits_for_a_file_is_started_once_it_is_there(deployment: Path, wait_for) -> None:
    first, second, again = deployment / "first", deployment / "second", deployment / "again"
    write = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
    ends = (
        "import pathlib, sys; p = pathlib.Path(sys.argv[1]); p.write_text((p.read_text() if p.exists() else '') + 'x')"
    )
    here = str(deployment)
    services = [
        Service("later", [sys.executable, "-c", write, str(second)], here, waits_for=[str(first)]),
        Service("ending", [sys.executable, "-c", ends, str(again)], here),
    ]
    process = subprocess.Popen(supervising(services), stderr=subprocess.PIPE, text=True)
    try:
        wait_for(again.exists)
        assert not second.exists()
        first.touch()
        wait_for(second.exists)
        wait_for(lambda: again.read_text() == "xx")
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert "ending ended with exit code 0; it is started again" in said
