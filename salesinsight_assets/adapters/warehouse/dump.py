"""A database as one file and back, by PostgreSQL's own pg_dump, pg_restore and psql.

Those of the embedded PostgreSQL are taken: a pg_dump reads every older server, and what this pg_restore writes for one that is
older than itself is kept from naming settings that such a server does not know.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import IO

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import make_dsn, parse_dsn

from salesinsight_assets.adapters.warehouse.embedded import shipped_programs
from salesinsight_assets.settings import child_environment

_PIECE = 2**20
_HEAD_LINES = 40
"""Of what pg_restore writes: the session's settings stand there, before any object."""
_SETTINGS_OF_LATER_SERVERS = {b"SET transaction_timeout": 17}
"""Lines that name a setting, and the first PostgreSQL that has it."""
_RELATIONS = """
SELECT n.nspname, c.relname, c.relkind FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'v', 'm', 'p') AND NOT EXISTS
    (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
ORDER BY 1, 2
"""
"""Tables and views of some schemas, but for those that belong to an extension."""


class DumpError(RuntimeError):
    """What PostgreSQL's programs said when they failed, in one line, without a password."""


def dump(url: str, schemas: Sequence[str], target: Path) -> None:
    """The schemas of a database as `target`, in pg_dump's custom format, as of one moment; others may go on writing.

    Raises:
        DumpError: pg_dump failed.
    """
    # chosen by its name, `public` would be dumped with the command to create it, which is there in every database
    chosen = [f"--schema={schema}" for schema in schemas if schema != "public"] or ["--exclude-extension=*"]
    options = ["--format=custom", "--no-owner", "--no-privileges", *chosen, f"--file={target}"]
    dsn, environment = _without_password(url)
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own program with arguments of our own
        [_program("pg_dump", _major(url)), *options, "--dbname", dsn], env=environment, capture_output=True, check=False
    )
    if done.returncode:
        raise DumpError(_said(done.stderr))


def restore(url: str, source: Path, told: Callable[[int], None] = lambda _: None) -> None:
    """Everything of a dump into a database that has nothing of it, wholly or not at all; statistics of its tables are made anew.

    Args:
        url: the database.
        source: a file of `dump`.
        told: is called with the bytes of SQL that were handed over, now and then.

    Raises:
        DumpError: pg_restore or the database failed; nothing was changed.
    """
    major, (dsn, environment) = _major(url), _without_password(url)
    read = [_program("pg_restore", major), "--no-owner", "--no-privileges", "--file=-", str(source)]
    write = [_program("psql", major), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
    with tempfile.TemporaryFile() as said:
        reader = subprocess.Popen(read, stdout=subprocess.PIPE, stderr=said)  # noqa: S603 - likewise
        writer = subprocess.Popen([*write, "--dbname", dsn], stdin=subprocess.PIPE, stderr=said, env=environment)  # noqa: S603
        assert reader.stdout  # noqa: S101 - a pipe was asked for
        assert writer.stdin  # noqa: S101 - likewise
        is_done = _handed_over(reader, reader.stdout, writer.stdin, major, told)
        if writer.wait() or not is_done:
            said.seek(0)
            raise DumpError(_said(said.read()))
    _execute(url, "ANALYZE")


def _handed_over(
    reader: "subprocess.Popen[bytes]", source: IO[bytes], target: IO[bytes], major: int, told: Callable[[int], None]
) -> bool:
    """One transaction, which is ended only once pg_restore has read its file to the end; psql undoes one that is not."""
    try:
        with target:
            target.write(b"BEGIN;\n")
            _copy(source, target, major, told)
            is_whole = reader.wait() == 0
            if is_whole:
                target.write(b"COMMIT;\n")
    except BrokenPipeError:  # psql has given up, and says why
        source.close()
        reader.wait()
        return False
    return is_whole


def _copy(source: IO[bytes], target: IO[bytes], major: int, told: Callable[[int], None]) -> None:
    for _ in range(_HEAD_LINES):
        line = source.readline()
        is_known = all(major >= first for words, first in _SETTINGS_OF_LATER_SERVERS.items() if line.startswith(words))
        target.write(line if is_known else b"")
    copied = 0
    while piece := source.read(_PIECE):
        target.write(piece)
        copied += len(piece)
        told(copied)


def first_with_rows(url: str, schemas: Sequence[str], but_for: Sequence[str]) -> str | None:
    """A table of these schemas that holds rows, by its full name; None where there is none but those named in `but_for`."""
    with _connected(url) as cursor:
        for schema, name, kind in _relations(cursor, schemas):
            if kind in "rp" and name not in but_for:
                cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(schema, name)))
                if cursor.fetchone() == (True,):
                    return f"{schema}.{name}"
    return None


def clear(url: str, schemas: Sequence[str]) -> None:
    """Remove the tables and views of these schemas, and the schemas themselves but for `public`, in one transaction."""
    with _connected(url) as cursor:
        for schema, name, kind in _relations(cursor, schemas):
            word = sql.SQL({"v": "VIEW", "m": "MATERIALIZED VIEW"}.get(kind, "TABLE"))
            cursor.execute(sql.SQL("DROP {} IF EXISTS {} CASCADE").format(word, sql.Identifier(schema, name)))
        for schema in schemas:
            if schema != "public":
                cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {}").format(sql.Identifier(schema)))


def _relations(cursor: "psycopg2.extensions.cursor", schemas: Sequence[str]) -> list[tuple[str, str, str]]:
    cursor.execute(_RELATIONS, (list(schemas),))
    return cursor.fetchall()


@contextlib.contextmanager
def _connected(url: str) -> Generator["psycopg2.extensions.cursor"]:
    """A cursor whose work is one transaction; the connection ends with it."""
    with contextlib.closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        yield cursor


def _execute(url: str, statement: str) -> None:
    with _connected(url) as cursor:
        cursor.execute(statement)


def _major(url: str) -> int:
    with contextlib.closing(psycopg2.connect(url)) as connection:
        return connection.server_version // 10_000


def _without_password(url: str) -> tuple[str, dict[str, str]]:
    """The address for a command line, which everyone on the machine may read, and the environment with its password."""
    parts = parse_dsn(url)
    password = parts.pop("password", None)
    return make_dsn(**parts), {**child_environment(), **({"PGPASSWORD": password} if password else {})}


def _program(name: str, server: int) -> str:
    """One of PostgreSQL's programs that can talk to a server of this major version.

    Raises:
        DumpError: the embedded one is older than the server, and there is no other.
    """
    shipped, folder = shipped_programs()
    found = str(folder / name) if shipped >= server else shutil.which(name)
    if found is None or not os.access(found, os.X_OK):
        raise DumpError(f"expected {name} of PostgreSQL {server} or later on the PATH, found none; install its client")
    return found


def _said(errors: bytes) -> str:
    """The lines of an error as one, without the many that follow from the first."""
    lines = errors.decode(errors="replace").split("\n")
    return re.sub(r"\s+", " ", " ".join(lines[:6])).strip() or "it ended without a word"
