"""`salesinsight export`: any table, raw or derived, as CSV or Parquet."""

from datetime import date
from pathlib import Path

import click

from salesinsight_assets.adapters.csv_export import write_table
from salesinsight_assets.adapters.warehouse.warehouse import exported_names
from salesinsight_assets.cli.options import BadInputError, Day, OutputFile, writing
from salesinsight_assets.cli.runtime import running

_TABLES = "".join(f"\n\n{kind} tables: {', '.join(names)}." for kind, names in exported_names().items())


@click.command("export", epilog=_TABLES)
@click.argument("table")
@click.option("--date", "day", type=Day(), help="Only the rows of this day, for tables that have days.")
@click.option("--to", "target", required=True, type=OutputFile(), help="A file ending in .csv or .parquet.")
def command(table: str, day: date | None, target: Path) -> None:
    """Write TABLE to a file: of CRM tables the current rows, of derived ones every day, or the one of --date."""
    if target.suffix not in (".csv", ".parquet"):
        raise BadInputError(f"--to: expected a file ending in .csv or .parquet, got {target.name}; choose one of them")
    with running() as runtime:
        try:
            rows = runtime.warehouse.exported(table, day)
        except KeyError as error:
            raise BadInputError(str(error.args[0])) from None
        with writing(target):
            write_table(rows, target)
        days = runtime.warehouse.days_of(table) if day and rows.empty else None
    click.echo(f"{len(rows)} rows of {table} in {target}{_other_days(day, days) if day and rows.empty else ''}")


def _other_days(day: date, days: tuple[date, date] | None) -> str:
    there = f"there are rows from {days[0]} to {days[1]}" if days else "the table is empty"
    return f": none is of {day}, {there}"
