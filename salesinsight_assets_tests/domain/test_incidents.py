"""One page a cause, at its root, once an episode; and word of it when all is well."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from salesinsight_assets.domain.monitoring.incidents import Finding, Incident, Look, look
from salesinsight_assets.domain.monitoring.watch_policy import WatchPolicy

TWO = datetime(2025, 4, 1, 2, 0, tzinfo=UTC)
POLICY = WatchPolicy(settle_seconds=60, catch_up_minutes=60)
STEPS = ("crm_tables", "features", "scores", "alerts")
UPSTREAM = {step: frozenset(STEPS[:place]) for place, step in enumerate(STEPS)}


class Watch:
    """Looks again and again, and remembers what is open."""

    def __init__(self) -> None:
        self.open: dict[str, Incident] = {}
        self.paged: list[Incident] = []

    def looks(self, minute: float, *findings: Finding) -> Look:
        found = look(list(self.open.values()), findings, UPSTREAM, at(minute), POLICY)
        for incident in [*found.superseded, *found.resolved]:
            del self.open[incident.key]
        self.open |= {incident.key: incident for incident in [*found.opened, *found.over]}
        self.paged += found.opened
        return found

    def outage(self, key: str, minute: float, until: float | None = None) -> None:
        """What the watcher outside Dagster tells."""
        over_at = None if until is None else at(until)
        self.open[key] = Incident(key, "outage", at(minute), over_at=over_at)


def at(minute: float) -> datetime:
    return TWO + timedelta(minutes=minute)


def late(step: str, minute: float = 0) -> Finding:
    return Finding(step, "late", at(minute))


def failed(step: str, began: float, ended: float, **more: object) -> Finding:
    return replace(Finding(step, "failed", at(began), at(ended)), **more)


def keys(incidents: list[Incident]) -> list[str]:
    return [incident.key for incident in incidents]


def test_the_first_late_asset_upstream_is_told_and_not_those_behind_it() -> None:
    watch = Watch()
    watch.looks(60, late("crm_tables"))
    watch.looks(120, late("crm_tables"), late("features", 60), late("scores", 60))
    watch.looks(180, *(late(step) for step in STEPS))
    assert keys(watch.paged) == ["crm_tables"]


def test_several_late_at_once_are_one_page() -> None:
    watch = Watch()
    watch.looks(60, *(late(step) for step in reversed(STEPS)))
    assert keys(watch.paged) == ["crm_tables"]


def test_two_causes_side_by_side_are_two_pages() -> None:
    watch = Watch()
    watch.looks(60, late("crm_tables"), Finding("report", "late", TWO))
    assert sorted(keys(watch.paged)) == ["crm_tables", "report"]


def test_it_is_well_again_only_once_all_that_followed_is() -> None:
    watch = Watch()
    watch.looks(60, late("crm_tables"))
    watch.looks(120, late("crm_tables"), late("features", 60))
    over = watch.looks(130, late("features", 60))
    assert keys(over.over) == ["crm_tables"]
    assert over.opened == over.resolved == []
    resolved = watch.looks(140).resolved
    assert keys(resolved) == ["crm_tables"]
    assert resolved[0].over_at == at(130)
    assert resolved[0].resolved_at == at(140)
    assert len(watch.paged) == 1


def test_what_does_not_catch_up_is_told_by_itself() -> None:
    watch = Watch()
    watch.looks(60, late("crm_tables"))
    watch.looks(130, late("features", 60))
    assert watch.looks(190, late("features", 60)).opened == []
    last = watch.looks(191, late("features", 60))
    assert keys(last.opened) == ["features"]
    assert keys(last.resolved) == ["crm_tables"]


def test_a_failure_is_told_once_and_its_lateness_not_at_all() -> None:
    watch = Watch()
    failure = failed("features", 60, 61, partition="2025-03-31", run_id="r1", details=("no rows",))
    assert watch.looks(61.5, failure).opened == []
    (told,) = watch.looks(62, failure).opened
    assert told == Incident("features", "failed", at(60), "2025-03-31", "r1", ("no rows",))
    watch.looks(120, failure, late("features", 60), late("scores", 120))
    assert len(watch.paged) == 1
    assert keys(watch.looks(130).resolved) == ["features"]


def test_a_new_failure_after_the_repair_is_a_new_page_also_while_the_rest_catches_up() -> None:
    watch = Watch()
    watch.looks(62, failed("features", 60, 61))
    watch.looks(130, late("scores", 120))
    again = watch.looks(135, failed("features", 132, 133), late("scores", 120))
    assert keys(again.opened) == ["features"]
    assert keys(again.superseded) == ["features"]
    assert again.resolved == []


def test_many_days_of_one_step_are_one_page_which_names_the_newest() -> None:
    watch = Watch()
    watch.looks(90, *(failed("features", day, day + 1, partition=f"2025-03-{day:02}") for day in range(10, 30)))
    assert [(told.key, told.partition) for told in watch.paged] == [("features", "2025-03-29")]


def test_a_failure_downstream_of_something_late_is_a_page_of_its_own() -> None:
    watch = Watch()
    watch.looks(60, late("crm_tables"))
    watch.looks(70, late("crm_tables"), failed("scores", 65, 66))
    assert keys(watch.paged) == ["crm_tables", "scores"]


def test_a_warning_becomes_a_page_once_it_is_grave() -> None:
    watch = Watch()
    slow = Finding("crm_tables", "slow", at(20), severity="warning")
    watch.looks(20, slow)
    watch.looks(21, slow)
    assert [told.severity for told in watch.paged] == ["warning"]
    graver = watch.looks(56, slow, late("crm_tables"))
    assert [told.severity for told in graver.opened] == ["critical"]
    assert keys(graver.superseded) == ["crm_tables"]


def test_of_several_symptoms_of_a_step_a_grave_one_is_told_before_any_warning() -> None:
    watch = Watch()
    watch.looks(100, failed("scores", 60, 80, severity="warning"), late("scores", 60))
    assert [(page.symptom, page.severity) for page in watch.paged] == [("late", "critical")]


def test_a_lost_process_that_is_replaced_is_one_warning() -> None:
    watch = Watch()
    lost = replace(failed("scores", 120, 121, severity="warning"), symptom="lost")
    watch.looks(122, lost)
    watch.looks(123, lost)
    assert keys(watch.looks(124).resolved) == ["scores"]
    assert [(told.symptom, told.severity) for told in watch.paged] == [("lost", "warning")]


def test_what_an_outage_broke_is_not_told_again() -> None:
    watch = Watch()
    watch.outage("database", 62)
    watch.looks(70, failed("features", 61, 63))
    watch.outage("database", 62, until=75)
    watch.looks(76, failed("features", 61, 63), late("features", 60), late("scores", 70))
    assert watch.paged == []
    assert list(watch.open) == ["database"]
    watch.looks(80, late("scores", 70))
    assert keys(watch.looks(90).resolved) == ["database"]


def test_what_broke_before_or_after_an_outage_is_told() -> None:
    watch = Watch()
    watch.outage("database", 62, until=75)
    watch.looks(80, failed("features", 50, 55), failed("report", 77, 78))
    assert sorted(keys(watch.paged)) == ["features", "report"]


def test_an_outage_lasts_until_whoever_saw_it_begin_says_so() -> None:
    watch = Watch()
    watch.outage("database", 62)
    assert watch.looks(70) == Look()
    watch.outage("database", 62, until=75)
    assert keys(watch.looks(76).resolved) == ["database"]


def test_what_is_late_long_after_an_outage_is_told_by_itself() -> None:
    watch = Watch()
    watch.outage("sensors", 62, until=75)
    assert watch.looks(135, late("features", 60)).opened == []
    assert keys(watch.looks(136, late("features", 60)).opened) == ["features"]


def test_a_failure_that_nobody_repairs_is_given_up_and_not_called_well() -> None:
    watch, hours = Watch(), 60 * POLICY.failures_last_hours
    watch.looks(90, failed("scores", 60, 80))
    assert watch.looks(80 + hours, failed("scores", 60, 80)).resolved == []
    (ended,) = watch.looks(81 + hours, failed("scores", 60, 80)).resolved
    assert (ended.key, ended.is_given_up) == ("scores", True)
    assert watch.looks(82 + hours, failed("scores", 60, 80)) == Look()
    watch.looks(90 + hours, failed("scores", 60, 80), failed("scores", 60 + hours, 85 + hours))
    assert len(watch.paged) == 2


def test_a_failure_that_is_repaired_at_last_is_well_whatever_failed_before_it() -> None:
    watch, hours = Watch(), 60 * POLICY.failures_last_hours
    before = failed("scores", -30, -20)
    watch.looks(90 + hours, before, failed("scores", 60 + hours, 80 + hours))
    (ended,) = watch.looks(100 + hours, before).resolved
    assert not ended.is_given_up


def test_what_an_outage_broke_and_nobody_repairs_is_given_up_with_it() -> None:
    watch, hours = Watch(), 60 * POLICY.failures_last_hours
    watch.outage("database", 10, until=30)
    assert watch.looks(40, failed("scores", 5, 20)).resolved == []
    (ended,) = watch.looks(21 + hours, failed("scores", 5, 20)).resolved
    assert (ended.key, ended.is_given_up, ended.over_at) == ("database", True, at(30))
