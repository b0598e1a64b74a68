"""Jobs that a command runs: what is seen of them meanwhile, and what Dagster keeps of them."""

import dagster as dg

from salesinsight_assets.cli import progress
from salesinsight_assets.cli.jobs import run_job


def test_a_job_names_its_steps_on_stderr_and_is_recorded_like_the_daemons(
    trained_platform, tmp_path, monkeypatch, capsys
) -> None:
    for name, seconds in (("LOOK_SECONDS", 0.02), ("LONG_SECONDS", 0.1)):
        monkeypatch.setattr(progress, name, seconds)
    (tmp_path / "dagster.yaml").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    outcome = run_job("night_without_sync", "night", trained_platform.last_day, {"salesinsight/send": "false"})
    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(outcome.run_id)
    assert outcome.success
    told = capsys.readouterr()
    assert told.out == ""
    assert {"night: opportunity_features", "night: opportunity_scores"} <= {
        line.split(",")[0] for line in told.err.splitlines()
    }
    assert run.remote_job_origin.repository_origin.get_label() == "__repository__@salesinsight"
    kept = {
        "dagster/partition": str(trained_platform.last_day),
        "salesinsight/send": "false",
        "dagster/max_retries": "0",
    }
    assert kept.items() <= run.tags.items()
