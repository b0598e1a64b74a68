"""The installed command, run in a folder of its own as a person would."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("salesinsight"))


@pytest.fixture
def start(work_folder: Path) -> Callable[..., subprocess.Popen[str]]:
    """A function that starts `salesinsight ARGUMENTS` in the test's folder, with `environment` beside the machine's."""

    def started(*arguments: object, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            cwd=work_folder,
            env={**os.environ, "COLUMNS": "200", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return started


@pytest.fixture
def salesinsight(start) -> Callable[..., tuple[int, str]]:
    """A function that runs `salesinsight ARGUMENTS` to its end; gives its exit code and what it said."""

    def run(*arguments: object, **environment: str) -> tuple[int, str]:
        process = start(*arguments, **environment)
        output, _ = process.communicate(timeout=280)
        return process.returncode, output

    return run
