"""`salesinsight db dump` and `db restore`: everything that is stored, as a folder of files that pg_restore reads too."""

import contextlib
import json
import shutil
from collections.abc import Generator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from salesinsight_assets.adapters.warehouse import dump as pg
from salesinsight_assets.adapters.warehouse import schema
from salesinsight_assets.cli.options import BadInputError, writing
from salesinsight_assets.cli.progress import progress
from salesinsight_assets.cli.runtime import DAGSTER_DATABASE, WAREHOUSE_DATABASE, Runtime, running
from salesinsight_assets.settings import now

CONTENTS = "dump.json"
_DAGSTER_OF_ITS_OWN = ("alembic_version", "instance_info", "secondary_indexes", "kvs", "daemon_heartbeats")
"""Tables of Dagster's that have rows as soon as it was started once."""
_MEGABYTE = 1e6


@dataclass(frozen=True)
class _Part:
    """One database of a dump: the schemas that are ours, and tables whose rows nobody would miss."""

    name: str
    url: str
    schemas: tuple[str, ...]
    but_for: tuple[str, ...]

    @property
    def file_name(self) -> str:
        return f"{self.name}.dump"


@click.command("dump")
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help="A folder that is not there yet.")
@click.option("--without-dagster", is_flag=True, help="Leave out Dagster's runs, events and schedules.")
def dump(target: Path, without_dagster: bool) -> None:
    """Write all that is stored into a folder: one file a database, as pg_restore reads it. Nothing need be stopped."""
    unfinished = _new_folder(target)
    with running(migrate=False) as runtime, _told(), writing(target):
        parts = _parts(runtime, without_dagster)
        for part in parts:
            _dump(part, unfinished / part.file_name)
        _write_contents(unfinished, schema.status(runtime.warehouse.url), parts)
        unfinished.rename(target)
    files = ", ".join(f"{part.file_name} {_megabytes(target / part.file_name)}" for part in parts)
    click.echo(f"dumped into {target}: {files}; `salesinsight db restore {target}` brings it back")


@click.command("restore")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--without-dagster", is_flag=True, help="Leave Dagster's database as it is.")
def restore(source: Path, without_dagster: bool) -> None:
    """Bring back a dump into databases that hold no rows, and to the present schema. Stop every other process before."""
    contents = _contents(source)
    with running(migrate=False) as runtime, _told():
        parts = [part for part in _parts(runtime, without_dagster) if part.file_name in contents["files"]]
        for part in parts:
            _require_empty(part)
        for part in parts:
            _restore(part, source / part.file_name)
        with progress("bringing it to the present schema"):
            schema.upgrade(runtime.warehouse.url)
    click.echo(
        f"restored {' and '.join(part.name for part in parts)} from {source}, dumped at {contents['made_at']}; `salesinsight"
        " db status` says where it stands, docs/operations.md what is in no database"
    )


def _parts(runtime: Runtime, without_dagster: bool) -> list[_Part]:
    warehouse = _Part(WAREHOUSE_DATABASE, runtime.warehouse.url, schema.SCHEMAS, ("alembic_version",))
    dagster = _Part(DAGSTER_DATABASE, runtime.dagster_url, ("public",), _DAGSTER_OF_ITS_OWN)
    return [warehouse] if without_dagster else [warehouse, dagster]


@contextlib.contextmanager
def _told() -> Generator[None]:
    """What PostgreSQL's programs complain of, in one line."""
    try:
        yield
    except pg.DumpError as error:
        raise click.ClickException(f"{error}; nothing was changed in that database") from None


def _new_folder(target: Path) -> Path:
    """The folder under which a dump is written until it is whole; an unfinished one of before is removed."""
    if target.exists():
        raise BadInputError(
            f"--to: expected a folder that is not there yet, got {target}; name another, or move it away"
        )
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)  # what is in it is for nobody else
    except OSError as error:
        raise BadInputError(
            f"--to: expected a place for a new folder, got {target} ({error.strerror}); create the one above it, or name another"
        ) from None
    return unfinished


def _dump(part: _Part, target: Path) -> None:
    def size() -> str:
        return _megabytes(target)

    with progress("dumping") as shown, shown.asking(lambda: part.name, size):
        pg.dump(part.url, part.schemas, target)


def _write_contents(folder: Path, status: schema.SchemaStatus, parts: list[_Part]) -> None:
    contents = {
        "made_at": f"{now():%Y-%m-%dT%H:%M:%SZ}",
        "salesinsight": version("salesinsight"),
        "revision": status.revision,
        "files": [part.file_name for part in parts],
    }
    (folder / CONTENTS).write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")


def _contents(source: Path) -> dict[str, Any]:
    """What a folder says that it holds; refused where it is no dump, or one of a later SalesInsight."""
    try:
        contents = json.loads((source / CONTENTS).read_text(encoding="utf-8"))
        missing = [name for name in contents["files"] if not (source / name).is_file()]
    except (OSError, ValueError, KeyError):
        missing = [CONTENTS]
        contents = {}
    if missing:
        raise BadInputError(
            f"expected a folder that `salesinsight db dump` made, got {source} without {', '.join(missing)}; name another"
        )
    if contents["revision"] is not None and not schema.is_known(contents["revision"]):
        raise BadInputError(
            f"expected a dump of revision {schema.newest()} or before, got {contents['revision']}, made by SalesInsight"
            f" {contents['salesinsight']}; install that version or a later one"
        )
    return contents


def _require_empty(part: _Part) -> None:
    table = pg.first_with_rows(part.url, part.schemas, part.but_for)
    if table:
        raise BadInputError(
            f"expected databases without rows, got rows in {table} of {part.name}; restore into a new SALESINSIGHT_HOME, or a"
            " database that is new, or drop this one first if nothing in it is needed"
        )


def _restore(part: _Part, source: Path) -> None:
    done = 0

    def note(count: int) -> None:
        nonlocal done
        done = count

    with progress("restoring") as shown, shown.asking(lambda: part.name, lambda: f"{done / _MEGABYTE:,.0f} MB"):
        pg.clear(part.url, part.schemas)
        pg.restore(part.url, source, note)


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / _MEGABYTE:,.1f} MB" if path.exists() else ""
