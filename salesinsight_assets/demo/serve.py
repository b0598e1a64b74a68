"""The demo's Salesforce in a process of its own, so that a client's memory and speed are measured without the server's.

    python -m salesinsight_assets.demo.serve --company FILE --directory DIR [--port N]

prints the settings that lead to it as one line of JSON and serves until SIGTERM or SIGINT.
"""

import argparse
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from salesinsight_assets.demo.salesforce_server import DemoSalesforce

_END_SECONDS = 30


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="The demo's Salesforce in a process of its own.")
    parser.add_argument("--company", type=Path, required=True, help="the company's file")
    parser.add_argument("--directory", type=Path, required=True, help="where the certificates are written")
    parser.add_argument("--port", type=int, default=0, help="any free port where none is given")
    parser.add_argument("--auth", default="client_credentials", help="how the printed settings log in")
    given = parser.parse_args(arguments)
    is_over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_over.set())
    with DemoSalesforce(given.company, given.directory, given.port) as server:
        sys.stdout.write(json.dumps(server.environment(given.auth)) + "\n")
        sys.stdout.flush()
        is_over.wait()


@contextmanager
def served_apart(company_path: Path, directory: Path) -> Generator[dict[str, str], None, None]:
    """The settings that lead to the company's org, served by another process while the context lasts.

    Raises:
        RuntimeError: the process ended before it served.
    """
    command = [
        sys.executable,
        "-m",
        "salesinsight_assets.demo.serve",
        "--company",
        str(company_path),
        "--directory",
        str(directory),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own module
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RuntimeError(
                    f"expected the demo's Salesforce of {company_path} to start, it ended; see its errors"
                )
            yield json.loads(line)
        finally:
            process.terminate()
            process.wait(_END_SECONDS)


if __name__ == "__main__":
    main()
