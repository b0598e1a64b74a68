"""What is wrong with a systemd unit of ours: a strict reading of the few sections and keys that they use."""

import re
import shlex
from collections import defaultdict
from pathlib import Path

import click

from salesinsight_assets.cli import COMMANDS, cli

BOTH = {"Documentation", "Description", "Wants", "After", "StartLimitIntervalSec"}
HARDENED = {
    "NoNewPrivileges": "true",
    "ProtectSystem": "strict",
    "ProtectHome": "true",
    "PrivateTmp": "true",
    "Restart": "always",
    "User": "salesinsight",
    "StateDirectory": "salesinsight",
    "CapabilityBoundingSet": "",
}
KNOWN = {
    "Unit": BOTH,
    "Service": {
        *HARDENED,
        *("Type", "Group", "ExecStart", "Environment", "EnvironmentFile", "WorkingDirectory", "StateDirectoryMode"),
        *("RuntimeDirectory", "RuntimeDirectoryMode", "KillMode", "TimeoutStopSec", "RestartSec", "UMask"),
        *("PrivateDevices", "ProtectClock", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs"),
        *("ProtectKernelModules", "ProtectKernelTunables", "RestrictAddressFamilies", "RestrictNamespaces"),
        *("RestrictRealtime", "RestrictSUIDSGID", "LockPersonality", "SystemCallArchitectures"),
    },
    "Install": {"WantedBy"},
}
PROGRAM = "/opt/salesinsight/bin/salesinsight"
Unit = dict[str, dict[str, list[str]]]


def read(text: str) -> tuple[Unit, list[str]]:
    """A unit by section and key, and what of it cannot be read."""
    unit: Unit = defaultdict(lambda: defaultdict(list))
    wrong, section = [], ""
    for number, line in enumerate(text.splitlines(), 1):
        if head := re.fullmatch(r"\[(\w+)]", line):
            section = head[1]
        elif entry := re.fullmatch(r"(\w+)=(.*)", line):
            unit[section][entry[1]].append(entry[2])
            if entry[1] not in KNOWN.get(section, set()):
                wrong.append(f"line {number}: no key {entry[1]} in [{section}]")
        elif line and not line.startswith("#"):
            wrong.append(f"line {number}: {line!r}")
    return unit, wrong


def wrong_with(text: str, settings: set[str]) -> list[str]:
    """Every rule that the unit breaks; `settings` are the variables that README documents."""
    unit, wrong = read(text)
    service = unit["Service"]
    wrong += [f"{key} is not {value!r}" for key, value in HARDENED.items() if service[key] != [value]]
    for start in service["ExecStart"] or [""]:
        program, *arguments = shlex.split(start) or [""]
        wrong += [] if program == PROGRAM else [f"ExecStart: {program!r} is not {PROGRAM}"]
        wrong += wrong_arguments(arguments)
    names = [assignment.partition("=")[0] for assignment in service["Environment"]]
    wrong += [f"no setting {name}" for name in names if name not in settings]
    wrong += [] if any("databases.env" in file for file in service["EnvironmentFile"]) else ["no databases.env"]
    wrong += [] if unit["Install"]["WantedBy"] == ["multi-user.target"] else ["not wanted by multi-user.target"]
    return wrong


def wrong_arguments(arguments: list[str]) -> list[str]:
    """What the command line would refuse: a command or an option that is not there."""
    name, *given = arguments or [""]
    if name not in COMMANDS:
        return [f"no command {name!r}"]
    command = cli.get_command(click.Context(cli), name)
    assert command
    try:
        command.make_context(name, list(given))
    except click.ClickException as error:
        return [f"{name}: {error.format_message()}"]
    return []


def values(files: list[Path], key: str) -> dict[str, list[str]]:
    """The values of a key of [Service], by unit."""
    return {file.stem: read(file.read_text())[0]["Service"][key] for file in files}
