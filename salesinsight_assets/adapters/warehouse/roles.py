"""Databases that one role alone may enter: PostgreSQL itself keeps companies apart, whatever the code above it does."""

from urllib.parse import quote, unquote, urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from salesinsight_assets.adapters.warehouse.schema import database_url, rights
from salesinsight_assets.settings import SettingsError

_ADMIN = "SALESINSIGHT_ADMIN_POSTGRES_URL"


def create_private_database(admin_url: str, name: str, password: str) -> str:
    """Create a role `name` and a database of that name, which it owns and alone may enter; returns the role's address of it.

    Raises:
        SettingsError: the administrator may not, or there is such a role or database already.
    """
    role = sql.Identifier(name)
    statements = (
        sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
            role, sql.Literal(password)
        ),
        sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role),
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(role),
    )
    connection = psycopg2.connect(admin_url)
    connection.autocommit = True
    try:
        with rights(f"to create the role and the database {name}", _ADMIN), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    except (psycopg2.errors.DuplicateObject, psycopg2.errors.DuplicateDatabase) as error:
        raise SettingsError(
            f"{_ADMIN}: expected no {name} on this server yet, got: {str(error).strip()}; drop it, or use its own address"
        ) from None
    finally:
        connection.close()
    return role_url(database_url(admin_url, name), name, password)


def role_url(url: str, role: str, password: str) -> str:
    """The same database's address for another role.

    >>> role_url("postgresql://admin:x@db:5433/acme?sslmode=require", "acme", "a/b")
    'postgresql://acme:a%2Fb@db:5433/acme?sslmode=require'
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(role)}:{quote(password, safe='')}@{host}"))


def lets_in(url: str) -> bool:
    """Whether the database of this address lets the address's role in."""
    try:
        psycopg2.connect(url, connect_timeout=10).close()
    except psycopg2.OperationalError:
        return False
    return True


def enters(url: str, other_url: str) -> bool:
    """Whether the role of one address could enter the database of another one."""
    parts = urlsplit(url)
    return lets_in(role_url(other_url, unquote(parts.username or ""), unquote(parts.password or "")))
