"""`salesinsight db prune`: what is kept no longer, shown or removed."""

import click

from salesinsight_assets.cli.progress import progress
from salesinsight_assets.cli.runtime import running
from salesinsight_assets.policies import load_policies, read_config
from salesinsight_assets.settings import now


@click.command("prune")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
def prune(dry_run: bool) -> None:
    """Remove what is older than [retention] in salesinsight.toml says: sessions, files, runs of Dagster; by default no table of yours."""
    with running() as runtime, progress("looking for what is old"):
        import dagster as dg

        from salesinsight_assets.retention import prune as pruned

        policy = load_policies(read_config(runtime.settings.config_file)).retention
        with dg.DagsterInstance.get() as instance:
            counts = pruned(runtime.warehouse, runtime.settings.home, instance, policy, now(), dry_run=dry_run)
    for kind, count in counts.items():
        click.echo(f"{'would remove' if dry_run else 'removed'} {count:,} {kind}")
