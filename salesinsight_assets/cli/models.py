"""`salesinsight models`: what was trained and who serves, and a way back."""

import json
from datetime import timedelta
from typing import Any

import click

from salesinsight_assets.adapters.warehouse.model_registry import PREVIOUS, ModelRegistry
from salesinsight_assets.cli.jobs import say
from salesinsight_assets.cli.options import BadInputError
from salesinsight_assets.cli.runtime import running
from salesinsight_assets.settings import last_complete_day, now


@click.group("models", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List the models that were ever trained, the latest first, and who serves; or roll back."""
    if context.invoked_subcommand is not None:
        return
    with running() as runtime:
        registry = ModelRegistry(runtime.warehouse)
        rows = registry.listed().to_dict("records")
        if not rows:
            say("no model was trained yet: `salesinsight nightly` trains the first one, the rules score until then")
        for row in rows:
            say(_line(row))


def _line(row: dict[Any, Any]) -> str:
    metrics = json.loads(row["metrics"])
    is_judged = row["kind"] == "lightgbm" and "brier" in metrics
    figures = f"  Brier {metrics['brier']:.4f}, base rate {metrics['base_rate_brier']:.4f}" if is_judged else ""
    return f"{row['model_id']:<32} {row['status']:<11}{figures}\n    {row['reason']}"


@command.command("rollback")
@click.argument("model_id", default=PREVIOUS)
@click.option("--because", default="rolled back by hand", show_default=True, help="Why, for the record.")
def rollback(model_id: str, because: str) -> None:
    """Show MODEL_ID from the next night on; without one, the champion before the present one."""
    with running() as runtime:
        day = last_complete_day(now(), runtime.settings.zone) + timedelta(days=1)
        try:
            chosen = ModelRegistry(runtime.warehouse).choose(model_id, day, because, now())
        except ValueError as error:
            raise BadInputError(f"MODEL_ID: {error}") from None
        say(f"{chosen} is shown from the night of {day} on; `salesinsight nightly` scores an earlier day as it was")
