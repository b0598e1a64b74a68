"""Options that several commands share, and the one line that bad input gets."""

import contextlib
import json
from collections.abc import Generator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import click


class BadInputError(click.ClickException):
    """Input that cannot be taken: one line that says what was expected, what came and what to do; exit code 2."""

    exit_code = 2


class Day(click.ParamType):
    """A calendar day as YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:  # noqa: ARG002
        """The day, or a refusal that names the option."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            name = param.opts[0] if param else "date"
            raise BadInputError(f"{name}: expected a day such as 2024-03-01, got {value!r}; correct it") from None


class OutputFile(click.ParamType):
    """A file that can be written, which is tried when the command begins: its work may take an hour."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:  # noqa: ARG002
        """The file, or a refusal that names the option."""
        path = Path(value)
        is_new = not path.exists()
        try:
            path.open("ab").close()
        except OSError as error:
            name = param.opts[0] if param else "file"
            raise BadInputError(
                f"{name}: expected a file that can be written, got {value} ({error.strerror}); create its folder, or name"
                " another"
            ) from None
        if is_new:
            path.unlink()
        return path


@contextlib.contextmanager
def writing(path: Path) -> Generator[None]:
    """Say in one line why `path` could not be written after all, such as a disk that is full."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(
            f"expected to write {path}, got {error.strerror or error}; make room and run the command again"
        ) from error


def write_json(path: Path | None, content: Mapping[str, Any]) -> None:
    """`content` into the file that `--json` names, if any."""
    if path:
        with writing(path):
            path.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")
