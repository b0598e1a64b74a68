"""What is wrong with the Containerfile and compose.yaml of ours."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

from salesinsight_assets_tests.deploy.systemd_units import wrong_arguments

INSTRUCTIONS = {"FROM", "RUN", "COPY", "ENV", "VOLUME", "WORKDIR", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
Instructions = list[tuple[str, str]]


def instructions(text: str) -> Instructions:
    """Each instruction and its arguments, lines that go on joined."""
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in plain.splitlines() if line]


def wrong_with_containerfile(text: str, root: Path) -> list[str]:
    """Every rule that it breaks."""
    found = instructions(text)
    last = dict(found)
    wrong = [f"unknown instruction {name}" for name, _ in found if name not in INSTRUCTIONS]
    for arguments in (rest for name, rest in found if name == "COPY" and not rest.startswith("--from")):
        wrong += [f"COPY: no {source}" for source in shlex.split(arguments)[:-1] if not (root / source).exists()]
    wrong += [] if "slim" in last["FROM"] else ["not a slim image"]
    wrong += [] if last.get("USER", "root").split(":")[0] not in ("root", "0") else ["the user is root"]
    wrong += [] if "--constraint requirements.lock" in text else ["not installed from the lock"]
    wrong += wrong_arguments(json.loads(last["CMD"]))
    port = option(json.loads(last["CMD"]), "--port")
    wrong += [] if port in last.get("EXPOSE", "").split() else [f"EXPOSE does not name {port}"]
    health = last.get("HEALTHCHECK", "")
    wrong += [] if f":{port}/healthz" in health else [f"HEALTHCHECK does not ask /healthz on {port}"]
    return wrong


def option(arguments: list[str], name: str) -> str | None:
    """What stands behind an option."""
    return arguments[arguments.index(name) + 1] if name in arguments else None


def wrong_with_compose(content: dict[str, Any], settings: set[str]) -> list[str]:
    """Every rule that it breaks."""
    wrong = [] if set(content["services"]) == SERVICES else [f"services are {sorted(content['services'])}"]
    for name, service in content["services"].items():
        wrong += [f"{name}: {fault}" for fault in _wrong_with_service(name, service, content, settings)]
    return wrong


SERVICES = {"postgres", "code-server", "daemon", "webserver", "serve", "watch"}


def _wrong_with_service(name: str, service: dict[str, Any], content: dict[str, Any], settings: set[str]) -> list[str]:
    wrong = [f"no {key}" for key in ("healthcheck", "restart", "volumes") if key not in service]
    mounts = [mount.partition(":")[0] for mount in service.get("volumes", [])]
    wrong += [f"volume {mount} is not declared" for mount in mounts if mount not in content["volumes"]]
    if name == "postgres":
        return wrong
    needs = service.get("depends_on", {})
    wrong += [f"depends on no service {other}" for other in needs if other not in content["services"]]
    wrong += [] if "postgres" in needs else ["does not depend on postgres"]
    wrong += [f"no setting {one}" for one in service.get("environment", {}) if one not in settings]
    wrong += [] if "SALESINSIGHT_POSTGRES_URL" in service.get("environment", {}) else ["no SALESINSIGHT_POSTGRES_URL"]
    wrong += [] if service.get("cap_drop") == ["ALL"] and service.get("read_only") else ["not hardened"]
    return wrong + wrong_arguments(service["command"]) + _wrong_ports(service)


def _wrong_ports(service: dict[str, Any]) -> list[str]:
    port = option(service["command"], "--port")
    asked = re.findall(r"127\.0\.0\.1:(\d+)|--port (\d+)", " ".join(service.get("healthcheck", {}).get("test", [])))
    wrong = [f"healthcheck asks port {a or b}, not {port}" for a, b in asked if port not in (a, b)]
    for published in service.get("ports", []):
        host, _, inside = published.rsplit(":", 2)
        wrong += [] if inside == port else [f"publishes {inside}, listens on {port}"]
        wrong += [] if host == "127.0.0.1" else [f"published on {host}"]
    return wrong
