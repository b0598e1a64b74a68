"""Where the files of the project's top level are: beside the package in a checkout, under share/ when installed."""

import sys
from pathlib import Path


def installed_file(name: str) -> Path:
    """A file of the project, such as `dagster.yaml` or `docs/runbook.md`.

    Raises:
        FileNotFoundError: neither place has it.
    """
    places = [Path(__file__).parents[1] / name, Path(sys.prefix) / "share" / "salesinsight" / name]
    for place in places:
        if place.is_file():
            return place
    raise FileNotFoundError(f"expected {name} at {places[0]} or {places[1]}, found neither; install the package again")
