"""The one Dagster of several companies: its instance, its workspace, and the processes that it consists of."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from salesinsight_assets.cli.options import BadInputError
from salesinsight_assets.cli.services import Service
from salesinsight_assets.companies import COMPANY_TAG, MOST_SOCKET_CHARACTERS, Company
from salesinsight_assets.installed import installed_file

_WORKERS_OF_A_COMPANY = 8
"""Threads of the daemon that look at the sensors of a company: one whose server hangs keeps no other from being looked at."""


def instance_of_companies(one_company: Mapping[str, Any], count: int) -> dict[str, Any]:
    """`dagster.yaml` for several companies: as many runs each as one company may have, and none waits for another's."""
    runs = dict(one_company["concurrency"]["runs"])
    limit = runs["max_concurrent_runs"]
    limits = [*runs.get("tag_concurrency_limits", []),
              {"key": COMPANY_TAG, "value": {"applyLimitPerUniqueValue": True}, "limit": limit}]  # fmt: skip
    threads = {"use_threads": True, "num_workers": _WORKERS_OF_A_COMPANY * count}
    return {
        **one_company,
        "concurrency": {
            **one_company["concurrency"],
            "runs": {**runs, "max_concurrent_runs": limit * count, "tag_concurrency_limits": limits},
        },
        **{
            daemon: {**one_company.get(daemon, {}), **threads}
            for daemon in ("schedules", "sensors", "auto_materialize")
        },
    }


def workspace_of_companies(companies: Sequence[Company]) -> dict[str, Any]:
    """`workspace.yaml`: the code server of each company."""
    servers = [{"socket": str(company.socket), "location_name": company.name} for company in companies]
    return {"load_from": [{"grpc_server": server} for server in servers]}


def write_dagster_home(home: Path, companies: Sequence[Company]) -> Path:
    """DAGSTER_HOME of the daemon and the web server, with both files; they follow the package and the companies."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    one_company = yaml.safe_load(installed_file("dagster.yaml").read_text(encoding="utf-8"))
    files = {
        "dagster.yaml": instance_of_companies(one_company, len(companies)),
        "workspace.yaml": workspace_of_companies(companies),
    }
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return folder


def code_server(company: Company, url: str | None) -> Service:
    """The company's code server; `url` is the address of its embedded PostgreSQL, where it has one.

    Raises:
        BadInputError: the path of its socket is too long.
    """
    if len(str(company.socket)) > MOST_SOCKET_CHARACTERS:
        raise BadInputError(
            f"SALESINSIGHT_COMPANIES: expected a folder whose sockets have paths of {MOST_SOCKET_CHARACTERS} characters at"
            f" most, got {company.socket}; move it higher up"
        )
    command = [sys.executable, "-m", "salesinsight_assets.cli", "code-server", "--socket", str(company.socket)]
    variables = {**company.variables, **({"SALESINSIGHT_POSTGRES_URL": url} if url else {})}
    return Service(f"{company.name}'s code server", command, str(company.folder), variables)


def dagster_services(
    dagster_home: Path, host: str, port: int, log_level: str, companies: Sequence[Company]
) -> list[Service]:
    """Dagster's daemon and web server, once the code servers listen; neither knows any company's secret."""
    workspace = ["-w", str(dagster_home / "workspace.yaml"), "--log-level", log_level]
    daemon = [sys.executable, "-m", "dagster._daemon", "run", *workspace]
    web = [sys.executable, "-m", "dagster_webserver", "-h", host, "-p", str(port), *workspace]
    sockets = [str(company.socket) for company in companies]
    return [
        Service(name, arguments, str(dagster_home), {"DAGSTER_HOME": str(dagster_home)}, sockets)
        for name, arguments in (("Dagster's daemon", daemon), ("Dagster's web server", web))
    ]
