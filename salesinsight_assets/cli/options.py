"""Options that several commands share, and the one line that bad input gets."""

import json
from collections.abc import Mapping
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


def write_json(path: Path | None, content: Mapping[str, Any]) -> None:
    """`content` into the file that `--json` names, if any."""
    if path:
        path.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")
