"""Where a secret lies that should lie nowhere: in the text columns of databases and in files."""

import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from salesinsight_assets.demo.salesforce_server import DemoSalesforce
from salesinsight_assets.demo.server.sessions import private_key_pem

_TABLES = """
SELECT table_schema, table_name FROM information_schema.tables
WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')
"""
_ROWS_AT_ONCE = 1000


def secrets_of(server: DemoSalesforce) -> set[str]:
    """All that only the client and the org may know; of an access token the part that nobody could guess."""
    known = server.credentials
    key_lines = private_key_pem().decode().splitlines()[1:-1]
    tokens = (token.rpartition("!")[2] for token in server.sessions.handed_out)
    return {known.client_secret, known.refresh_token, known.password, *key_lines, *tokens}


def leaks_in_database(url: str, secrets: Iterable[str]) -> Iterator[str]:
    """Each table of the database that holds a secret, in whatever column, compressed ones too."""
    wanted = [secret.encode() for secret in secrets]
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(_TABLES)
        for schema, table in cursor.fetchall():
            cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, table)))
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                if _holds(b"\n".join(_content(value) for row in rows for value in row if value is not None), wanted):
                    yield f"table {schema}.{table}"
                    break


def leaks_in_files(folder: Path, secrets: Iterable[str], may_hold: Iterable[str] = ()) -> Iterator[str]:
    """Each file below `folder` that holds a secret, but for those named in `may_hold`."""
    wanted, excused = [secret.encode() for secret in secrets], set(may_hold)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in excused and _holds(path.read_bytes(), wanted):
            yield str(path)


def _holds(content: bytes, wanted: list[bytes]) -> bool:
    return any(secret in content for secret in wanted)


def _content(value: Any) -> bytes:
    if not isinstance(value, memoryview):
        return str(value).encode()
    packed = value.tobytes()
    try:
        return packed + zlib.decompress(packed)
    except zlib.error:
        return packed
