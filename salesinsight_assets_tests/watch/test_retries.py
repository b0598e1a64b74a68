"""A run that Dagster dropped instead of repeating it is looked at again, by Dagster's own reader of failures."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon

from salesinsight_assets.watch.retries import CURSOR_KEY, look_again_at_dropped_runs


class Dagster:
    """An instance and its reader of failures, for which the code of no run loads."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.reader = EventLogConsumerDaemon()
        self.tried: list[int] = []
        instance.daemon_cursor_storage.set_cursor_values({CURSOR_KEY: "0"})

    def create_request_context(self) -> None:
        self.tried.append(self.reads_from)
        raise RuntimeError("the code does not load")

    def fails(self, **tags: str) -> dg.DagsterRun:
        """A run whose process is gone, and that is to be repeated."""
        run = dg.DagsterRun("night", status=dg.DagsterRunStatus.STARTED, tags={"dagster/will_retry": "true", **tags})
        self.instance.add_run(run)
        self.instance.report_run_failed(run, "its process is gone")
        return run

    def looks(self) -> None:
        list(self.reader.run_iteration(self))

    def looks_again(self, hours: float = 0) -> int:
        """How many dropped runs the night watch finds, some hours from now."""
        return look_again_at_dropped_runs(self.instance, datetime.now(UTC) + timedelta(hours=hours))

    @property
    def reads_from(self) -> int:
        return int(self.instance.daemon_cursor_storage.get_cursor_values({CURSOR_KEY})[CURSOR_KEY])


@pytest.fixture
def dagster() -> Generator[Dagster]:
    with dg.DagsterInstance.ephemeral() as made:
        yield Dagster(made)


def test_dagster_drops_a_run_whose_code_does_not_load_and_is_made_to_try_again_each_time(dagster) -> None:
    dagster.fails()
    dagster.looks()
    dagster.looks()
    assert len(dagster.tried) == 1, "if it tries again by itself, watch.retries can go"
    for times in (2, 3):
        assert dagster.looks_again() == 1
        dagster.looks()
        assert len(dagster.tried) == times


def test_of_several_the_first_and_all_after_it_are_tried_again(dagster) -> None:
    runs = [dagster.fails() for _ in range(2)]
    dagster.looks()
    later = dagster.reads_from
    assert dagster.looks_again() == 2
    assert dagster.reads_from < later
    assert [dagster.instance.get_run_by_id(run.run_id).tags["dagster/will_retry"] for run in runs] == ["true"] * 2
    dagster.looks()
    assert len(dagster.tried) == 4


@pytest.mark.parametrize(
    "tags",
    [{"dagster/will_retry": "false"}, {"dagster/backfill": "abc"}],
    ids=["not to be repeated", "of a backfill that is gone"],
)
def test_what_dagster_did_not_try_to_repeat_is_left_alone(dagster, tags) -> None:
    dagster.fails(**tags)
    dagster.looks()
    assert dagster.tried == []
    assert dagster.looks_again() == 0


def test_what_was_dropped_of_a_backfill_is_left_to_the_person_who_watches_it(dagster) -> None:
    run = dagster.fails(**{"dagster/will_retry": "false", "dagster/backfill": "abc"})
    dagster.instance.report_engine_event("Failed to retry run", run)
    assert dagster.looks_again() == 0


def test_what_a_person_has_repeated_is_left_alone(dagster) -> None:
    run = dagster.fails()
    dagster.looks()
    dagster.instance.add_run(dg.DagsterRun("night", tags={"dagster/parent_run_id": run.run_id}))
    assert dagster.looks_again() == 0


def test_after_an_hour_it_is_left_to_a_person(dagster) -> None:
    dagster.fails()
    dagster.looks()
    assert dagster.looks_again(hours=1.1) == 0
    assert dagster.looks_again(hours=0.9) == 1


def test_before_anything_has_failed_there_is_nothing_to_do(dagster) -> None:
    assert dagster.looks_again() == 0
    assert dagster.reads_from == 0
