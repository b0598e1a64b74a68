"""The systemd units, the Containerfile and compose.yaml can be what they say; each rule of the lint finds what it is for."""

import copy
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from salesinsight_assets_tests.deploy.container_files import option, wrong_with_compose, wrong_with_containerfile
from salesinsight_assets_tests.deploy.systemd_units import PROGRAM, values, wrong_with

ROOT = Path(__file__).parents[2]
SYSTEMD, CONTAINER = ROOT / "deploy" / "systemd", ROOT / "deploy" / "container"
UNITS = sorted(SYSTEMD.glob("*.service"))
SETTINGS = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", (ROOT / "README.md").read_text(encoding="utf-8")))
SECRET = {"salesinsight-code-server", "salesinsight-serve", "salesinsight-watch"}
CODE_SERVER = next(unit for unit in UNITS if "code-server" in unit.name)
COMPOSE = yaml.safe_load((CONTAINER / "compose.yaml").read_text(encoding="utf-8"))
CONTAINERFILE = (CONTAINER / "Containerfile").read_text(encoding="utf-8")


def test_there_is_a_unit_for_each_service_and_for_the_one_that_the_runbook_names() -> None:
    names = {unit.stem for unit in UNITS}
    assert names == {*SECRET, "salesinsight-dagster-daemon", "salesinsight-dagster-webserver"}
    named = re.findall(r"systemctl status (salesinsight[\w-]+)", (ROOT / "docs" / "runbook.md").read_text("utf-8"))
    assert named
    assert set(named) <= names


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_has_no_fault(unit: Path) -> None:
    assert wrong_with(unit.read_text(encoding="utf-8"), SETTINGS) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("[Service]", "[Servic]", "no key Type in [Servic]"),
        ("Restart=always", "Restarts=always", "no key Restarts"),
        ("Restart=always", "Restart=no", "Restart is not 'always'"),
        ("PrivateTmp=true\n", "", "PrivateTmp is not 'true'"),
        ("User=salesinsight", "User=root", "User is not 'salesinsight'"),
        ("salesinsight code-server", "salesinsight code-servers", "no command 'code-servers'"),
        ("--socket", "--sockets", "code-server: No such option"),
        (PROGRAM, "/usr/bin/salesinsight", "is not /opt"),
        ("SALESINSIGHT_HOME", "SALESINSIGHT_HOMES", "no setting SALESINSIGHT_HOMES"),
        ("databases.env", "database.env", "no databases.env"),
        ("multi-user.target", "basic.target", "not wanted"),
        ("Type=exec", "Type exec", "'Type exec'"),
    ],
)
def test_each_fault_of_a_unit_is_found(old: str, new: str, fault: str) -> None:
    text = CODE_SERVER.read_text(encoding="utf-8")
    assert old in text
    assert any(fault in found for found in wrong_with(text.replace(old, new, 1), SETTINGS))


def test_only_services_that_need_secrets_read_them() -> None:
    reads = values(UNITS, "EnvironmentFile")
    assert {unit for unit, files in reads.items() if any("secrets.env" in file for file in files)} == SECRET


def test_daemon_and_web_server_find_the_code_server() -> None:
    """By the socket, in the folder that systemd makes, and under the name that the code server has."""
    (server,) = yaml.safe_load((SYSTEMD / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    starts = {unit: start.split() for unit, (start,) in values(UNITS, "ExecStart").items()}
    assert server["grpc_server"] == {
        "socket": option(starts["salesinsight-code-server"], "--socket"),
        "location_name": "salesinsight",
    }
    assert Path(server["grpc_server"]["socket"]).parent == Path("/run/salesinsight")
    assert values(UNITS, "RuntimeDirectory")["salesinsight-code-server"] == ["salesinsight"]
    for unit in ("salesinsight-dagster-daemon", "salesinsight-dagster-webserver"):
        assert option(starts[unit], "--workspace") == "/etc/salesinsight/workspace.yaml"
        assert "After=network-online.target postgresql.service salesinsight-code-server.service" in (
            SYSTEMD / f"{unit}.service"
        ).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["databases.env.example", "secrets.env.example"])
def test_the_examples_name_settings_that_exist(name: str) -> None:
    names = re.findall(r"^([A-Z_]+)=", (SYSTEMD / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert names
    assert set(names) <= SETTINGS


def test_systemd_itself_finds_no_fault_where_it_is_there(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        return  # what is above has looked
    for unit in UNITS:  # their program is not installed here
        (tmp_path / unit.name).write_text(unit.read_text(encoding="utf-8").replace(PROGRAM, "/bin/true"))
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, [line for line in told.stderr.splitlines() if "salesinsight" in line]) == (0, [])


def test_the_containerfile_has_no_fault() -> None:
    assert wrong_with_containerfile(CONTAINERFILE, ROOT) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("COPY docs/runbook.md", "COPY docs/runbooks.md", "COPY: no docs/runbooks.md"),
        ("USER 10001", "USER root", "the user is root"),
        ("USER 10001\n", "", "the user is root"),
        ("EXPOSE 8000", "EXPOSE 80", "EXPOSE does not name 8000"),
        ("8000/healthz", "8001/healthz", "HEALTHCHECK does not ask"),
        ('"serve"', '"serves"', "no command 'serves'"),
        ("--no-embedded", "--embedded", "serve: No such option"),
        ("--constraint requirements.lock", "", "not installed from the lock"),
        ("3.11-slim\n#", "3.11\n#", "not a slim image"),
        ("VOLUME", "VOLUMES", "unknown instruction VOLUMES"),
    ],
)
def test_each_fault_of_the_containerfile_is_found(old: str, new: str, fault: str) -> None:
    assert old in CONTAINERFILE
    found = wrong_with_containerfile(CONTAINERFILE.replace(old, new, 1), ROOT)
    assert any(fault in one for one in found), found


def test_what_is_copied_into_the_image_is_not_ignored() -> None:
    kept = (ROOT / ".containerignore").read_text(encoding="utf-8")
    assert (ROOT / ".dockerignore").read_text(encoding="utf-8") == kept
    copied = [line.split()[1:-1] for line in CONTAINERFILE.splitlines() if re.match(r"COPY (?!--from)", line)]
    assert [source for sources in copied for source in sources if f"!{source}\n" not in kept] == []


def test_compose_has_no_fault_and_its_workspace_leads_to_the_code_server() -> None:
    assert wrong_with_compose(COMPOSE, SETTINGS) == []
    (server,) = yaml.safe_load((CONTAINER / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    port = int(option(COMPOSE["services"]["code-server"]["command"], "--port") or 0)
    assert server["grpc_server"] == {"host": "code-server", "port": port, "location_name": "salesinsight"}
    secret = {name for name, service in COMPOSE["services"].items() if "env_file" in service}
    assert secret == {"code-server", "serve", "watch"}


@pytest.mark.parametrize(
    ("service", "key", "value", "fault"),
    [
        ("serve", "healthcheck", None, "serve: no healthcheck"),
        ("serve", "restart", None, "serve: no restart"),
        ("daemon", "depends_on", {}, "daemon: does not depend on postgres"),
        ("daemon", "depends_on", {"postgres": {}, "code": {}}, "daemon: depends on no service code"),
        ("watch", "volumes", ["other:/x"], "watch: volume other is not declared"),
        ("watch", "command", ["watches"], "watch: no command 'watches'"),
        ("watch", "environment", {"SALESINSIGHT_HOMES": "/x"}, "watch: no setting SALESINSIGHT_HOMES"),
        ("watch", "environment", {}, "watch: no SALESINSIGHT_POSTGRES_URL"),
        ("serve", "ports", ["127.0.0.1:8000:80"], "serve: publishes 80, listens on 8000"),
        ("serve", "ports", ["0.0.0.0:8000:8000"], "serve: published on 0.0.0.0"),
        ("webserver", "healthcheck", {"test": ["x", "127.0.0.1:80"]}, "webserver: healthcheck asks port 80"),
        ("serve", "cap_drop", [], "serve: not hardened"),
    ],
)
def test_each_fault_of_compose_is_found(service: str, key: str, value: object, fault: str) -> None:
    broken = copy.deepcopy(COMPOSE)
    if value is None:
        del broken["services"][service][key]
    else:
        broken["services"][service][key] = value
    assert any(fault in found for found in wrong_with_compose(broken, SETTINGS))


def test_compose_without_one_of_its_services_is_found() -> None:
    broken = copy.deepcopy(COMPOSE)
    del broken["services"]["watch"]
    assert any("services are" in found for found in wrong_with_compose(broken, SETTINGS))
