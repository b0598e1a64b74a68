"""Rows that a viewer may see: every query says whose they are, and one that does not is refused.

The driver is psycopg2 by SQLAlchemy's pool, as pages read few rows at a time: `Warehouse` is made for many.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from salesinsight_assets.adapters.warehouse.warehouse import sqlalchemy_url
from salesinsight_assets.domain.access.viewer import Viewer

Row = Mapping[str, Any]
PAGE = 25
"""Rows of a list that a page shows at once."""
EVERYTHING = 1_000_000
"""More rows than any list has: what a file holds."""
VISIBLE = "{visible}"
"""Stands in a query for the condition that a row's owner may be seen; `{visible:a}` takes the owner of the table `a`."""
_LONGEST = timedelta(seconds=20)
"""After which a page's query is given up: a page that takes longer helps nobody."""
_POOL_SIZE = 8


class Database:
    """Queries on one warehouse, without a question of who asks; what is on pages is read by `Rows`."""

    def __init__(self, url: str) -> None:
        options = f"-c statement_timeout={int(_LONGEST.total_seconds() * 1000)} -c timezone=UTC"
        self._engine = sa.create_engine(
            sqlalchemy_url(url),
            pool_size=_POOL_SIZE,
            max_overflow=0,
            isolation_level="AUTOCOMMIT",  # every statement stands alone: a transaction around it would be two more
            pool_reset_on_return=None,
            connect_args={"options": options},
        )

    def rows(self, sql: str, **parameters: Any) -> Sequence[Row]:
        """The rows of a query with `:name` parameters; times in UTC, lists as PostgreSQL's arrays."""
        return self._done(sql, parameters)

    def row(self, sql: str, **parameters: Any) -> Row | None:
        """The first row, None where there is none."""
        found = self.rows(sql, **parameters)
        return found[0] if found else None

    def write(self, sql: str, **parameters: Any) -> Sequence[Row]:
        """One statement, done wholly or not at all; what it returns."""
        return self._done(sql, parameters)

    def _done(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Once more where the server was started anew since: the pool has then given up all its connections.

        To ask each connection beforehand whether it still works would take as long as most of our queries.
        """
        try:
            return self._done_once(sql, parameters)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return self._done_once(sql, parameters)

    def _done_once(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        with self._engine.connect() as connection:
            done = connection.execute(_statement(sql), parameters)
            return _plain(done) if done.returns_rows else []

    def close(self) -> None:
        """Give up all connections."""
        self._engine.dispose()


@lru_cache(maxsize=500)
def _statement(sql: str) -> sa.TextClause:
    return sa.text(sql)


def _plain(found: "sa.CursorResult[Any]") -> list[Row]:
    names = tuple(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found]


class Rows:
    """The rows of a database that one viewer may see."""

    def __init__(self, database: Database, viewer: Viewer) -> None:
        self._database, self._viewer = database, viewer

    @property
    def are_all(self) -> bool:
        """Whether they are those of the whole company."""
        return self._viewer.sees_all

    def rows(self, sql: str, **parameters: Any) -> Sequence[Row]:
        """The rows of a query whose `{visible}` becomes the condition on the owner.

        Raises:
            ValueError: the query does not say whose rows it reads.
        """
        if "{visible" not in sql:
            raise ValueError(f"expected a query with {VISIBLE}, got one that reads everyone's rows: {sql}")
        return self._database.rows(_with_condition(sql, self._viewer), **parameters, **self._owners())

    def row(self, sql: str, **parameters: Any) -> Row | None:
        """The first such row, None where there is none."""
        found = self.rows(sql, **parameters)
        return found[0] if found else None

    def of_company(self, sql: str, **parameters: Any) -> Sequence[Row]:
        """Rows that tell of no deal and no person: models, days, what was measured over all."""
        return self._database.rows(sql, **parameters)

    def _owners(self) -> dict[str, list[str]]:
        owners = self._viewer.owner_ids
        return {} if owners is None else {"visible_owner_ids": sorted(owners)}


def holds(words: str) -> str:
    r"""The pattern of ILIKE for texts that hold some words.

    >>> holds("50%_")
    '%50\\%\\_%'
    """
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _with_condition(sql: str, viewer: Viewer) -> str:
    """`sql` with the condition in place of its marks.

    >>> from salesinsight_assets.domain.access.viewer import Identity
    >>> _with_condition("WHERE {visible:s}", Viewer(Identity("a@b", "A", "005A"), "rep", frozenset({"005A"})))
    'WHERE s.owner_id = ANY(:visible_owner_ids)'
    >>> _with_condition("WHERE {visible}", Viewer(Identity("v@b", "V"), "leader", None))
    'WHERE true'
    """
    parts = sql.split("{visible")
    shown = [parts[0]]
    for part in parts[1:]:
        table, _, rest = part.partition("}")
        column = f"{table[1:]}.owner_id" if table else "owner_id"
        shown.append(("true" if viewer.sees_all else f"{column} = ANY(:visible_owner_ids)") + rest)
    return "".join(shown)
