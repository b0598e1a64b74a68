"""Three hundred and sixty-five nights with a fault on every tenth: what the watch says of each, beside what was true.

The nights are a simulation: steps of varying length in their order, waiting for each other, with Dagster's repetition of lost
runs; what decides (deadlines, duration, incidents, outages) is the product's own, asked every thirty seconds as in production. The
drill beside this shows that real runs give it the same facts.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from salesinsight_assets.domain.monitoring.deadlines import Deadline, Expected, late_assets, moment
from salesinsight_assets.domain.monitoring.duration import slow_from_seconds
from salesinsight_assets.domain.monitoring.incidents import Finding, Incident, look
from salesinsight_assets.domain.monitoring.outages import Outside, Seen, after
from salesinsight_assets.domain.monitoring.watch_policy import WatchPolicy
from salesinsight_assets.watch.runs import TOLD_ANYWAY

ZONE = ZoneInfo("Europe/Berlin")
FIRST = date(2024, 1, 2)
LOOK = timedelta(seconds=30)
ORDER = {"crm_tables": "02:00", "features": "03:00", "scores": "04:00", "alerts": "05:00", "deliveries": "05:30"}
USUAL_MINUTES = {"crm_tables": 8.0, "features": 2.0, "scores": 1.5, "alerts": 1.0, "deliveries": 3.0}
SPREAD = 0.25
"""Of the logarithm of a step's duration: one night in twenty it takes half as long again."""
STEPS = list(ORDER)
UPSTREAM = {step: frozenset(STEPS[:place]) for place, step in enumerate(STEPS)}
POLICY = WatchPolicy()
FAULTS = (
    "failed",
    "lost",
    "lost for good",
    "hangs",
    "slow",
    "never starts",
    "database",
    "database for a moment",
    "daemon",
)
"""`lost` is repeated by Dagster, `lost for good` in vain; `hangs` until a person ends it; `never starts`: its sensor was switched off."""
EXPECTED = {
    "failed": ("failed", "critical"),
    "lost": ("lost", "warning"),
    "lost for good": ("lost", "critical"),
    "hangs": ("slow", "warning"),
    "slow": ("slow", "warning"),
    "never starts": ("late", "critical"),
    "database": ("outage", "critical"),
    "database for a moment": ("lost", "warning"),
    "daemon": ("outage", "critical"),
}
"""The symptom and severity that each is to be told by first. An outage so short that nobody saw it is told by the run that it ended."""


@dataclass
class Run:
    """One run of a step in a night."""

    step: str
    day: str
    began_at: datetime
    ends_at: datetime
    outcome: str = "made"
    heals: bool = False


@dataclass
class Night:
    """What is true of one night: the fault, at which step, and when a person repairs what does not heal."""

    morning: date
    fault: str | None
    step: str
    repaired_at: datetime
    pages: list[Incident] = field(default_factory=list)
    ends: int = 0
    is_hit: bool = False
    twice_as_long: set[str] = field(default_factory=set)


class Year:
    """Lives the nights one after the other; `nights` holds what was told in each."""

    def __init__(self, seed: int, nights: int = 365) -> None:
        self.chance = random.Random(seed)
        self.nights = [self._night(FIRST + timedelta(days=n), n) for n in range(nights)]
        self.made: dict[tuple[str, str], datetime] = {}
        self.last: dict[str, list[float]] = {step: [] for step in STEPS}
        self.open: dict[str, Incident] = {}
        self.outside = Outside(self._at(FIRST, "00:00"))

    def _night(self, morning: date, number: int) -> Night:
        fault = self.chance.choice(FAULTS) if number % 10 == 9 else None
        step = self.chance.choice(STEPS[:-1])
        return Night(morning, fault, step, self._at(morning, "08:00") + timedelta(minutes=self.chance.randint(0, 90)))

    @staticmethod
    def _at(morning: date, text: str) -> datetime:
        return moment(morning, time.fromisoformat(text), ZONE)

    def live(self) -> "Year":
        """All nights, each from shortly before the sync until all is made and well; until noon if it is not."""
        for night in self.nights:
            self._live(night)
        return self

    def _live(self, night: Night) -> None:
        day = (night.morning - timedelta(days=1)).isoformat()
        runs: list[Run] = []
        at, noon = self._at(night.morning, "01:55"), self._at(night.morning, "12:00")
        silent, dead = self._silences(night)
        while at < noon:
            answers = not (silent and silent[0] <= at < silent[1])
            alive = answers and not (dead and dead[0] <= at < dead[1])
            if alive:
                self._start_what_is_due(night, day, runs, at)
            self._break_and_end(night, runs, at, answers)
            self._look_from_outside(night, at, answers, alive)
            if alive:
                self._look(night, runs, at)
            at += LOOK
            if (STEPS[-1], day) in self.made and not self.open and alive:
                return

    def _silences(self, night: Night) -> tuple[tuple[datetime, datetime] | None, tuple[datetime, datetime] | None]:
        """When the database does not answer, and when the daemon is dead."""
        start = self._at(night.morning, ORDER[night.step]) + timedelta(minutes=1)
        if night.fault == "database":
            return (start, start + timedelta(minutes=self.chance.randint(5, 90))), None
        if night.fault == "database for a moment":
            return (start, start + timedelta(seconds=45)), None
        if night.fault == "daemon":
            return None, (start - timedelta(minutes=2), start + timedelta(minutes=self.chance.randint(10, 90)))
        return None, None

    # --- what Dagster does ---

    def _start_what_is_due(self, night: Night, day: str, runs: list[Run], at: datetime) -> None:
        for place, step in enumerate(STEPS):
            above = place == 0 or (STEPS[place - 1], day) in self.made
            is_due = at >= self._at(night.morning, ORDER[step])
            mine = [run for run in runs if run.step == step]
            is_repeated = bool(mine) and mine[-1].outcome == "lost" and mine[-1].heals
            is_by_hand = at >= night.repaired_at and bool(mine) and mine[-1].outcome in ("failed", "lost")
            is_off = night.fault == "never starts" and step == night.step and at < night.repaired_at
            if (
                above
                and is_due
                and not is_off
                and (step, day) not in self.made
                and (not mine or is_repeated or is_by_hand)
            ):
                runs.append(self._run(night, step, day, at, is_first=not mine))

    def _run(self, night: Night, step: str, day: str, at: datetime, *, is_first: bool) -> Run:
        minutes = USUAL_MINUTES[step] * self.chance.lognormvariate(0, SPREAD)
        run = Run(step, day, at, at + timedelta(minutes=minutes))
        if minutes > 2 * USUAL_MINUTES[step]:
            night.twice_as_long.add(step)
        if is_first and step == night.step and night.fault in ("failed", "lost", "lost for good", "hangs", "slow"):
            self._hurt(run, night)
        return run

    def _hurt(self, run: Run, night: Night) -> None:
        if night.fault == "slow":
            run.ends_at = run.began_at + timedelta(minutes=4 * USUAL_MINUTES[run.step] + 10)
        elif night.fault == "hangs":
            run.outcome, run.ends_at = "failed", night.repaired_at
        else:
            run.outcome = "failed" if night.fault == "failed" else "lost"
            run.heals = night.fault == "lost"

    def _break_and_end(self, night: Night, runs: list[Run], at: datetime, answers: bool) -> None:
        for run in runs:
            is_running = run.outcome in ("made", "failed", "lost") and run.ends_at > at
            if is_running and not answers and night.fault and night.fault.startswith("database"):
                run.outcome, run.ends_at, run.heals = "lost", at, True
                night.is_hit = True
            if run.ends_at <= at and run.outcome == "made" and (run.step, run.day) not in self.made:
                self.made[run.step, run.day] = run.ends_at
                self.last[run.step].insert(0, (run.ends_at - run.began_at).total_seconds())

    # --- what the watch does ---

    def _look_from_outside(self, night: Night, at: datetime, answers: bool, alive: bool) -> None:
        looked_at = at if alive else self._looked
        self._looked = looked_at
        seen = Seen(at, None if answers else "refused", looked_at if answers else None, 0.5)
        self.outside = after(self.outside, seen, POLICY)
        for key, incident in self.outside.out.items():
            if key not in self.open and incident.over_at is None:
                night.pages.append(incident)
            if key in self.open or incident.over_at is None:
                self.open[key] = incident

    _looked = datetime.min.replace(tzinfo=UTC)

    def _look(self, night: Night, runs: list[Run], at: datetime) -> None:
        found = look(list(self.open.values()), list(self._findings(night, runs, at)), UPSTREAM, at, POLICY)
        for incident in [*found.superseded, *found.resolved]:
            self.open.pop(incident.key)
        night.ends += len(found.resolved)
        night.pages += found.opened
        self.open |= {incident.key: incident for incident in [*found.opened, *found.over]}

    def _findings(self, night: Night, runs: list[Run], at: datetime) -> Iterator[Finding]:
        for run in runs:
            is_made = (run.step, run.day) in self.made
            told_anyway = (
                run.outcome == "lost" and at < run.ends_at + timedelta(seconds=POLICY.settle_seconds) + TOLD_ANYWAY
            )
            if run.outcome in ("failed", "lost") and run.ends_at <= at and (told_anyway or not is_made):
                severity = "warning" if run.heals else "critical"
                yield Finding(run.step, run.outcome, run.began_at, run.ends_at, run.day, "run", (), severity)
            elif run.ends_at > at:
                limit = slow_from_seconds(self.last[run.step], POLICY)
                if limit is not None and (at - run.began_at).total_seconds() > limit:
                    yield Finding(run.step, "slow", run.began_at, partition=run.day, severity="warning")
        for missing in late_assets(self._expected(at), self._at(FIRST, "00:00")):
            yield Finding(missing.step, "late", missing.starts_at, partition=missing.partition)

    def _expected(self, at: datetime) -> Iterator[Expected]:
        today = (at.astimezone(ZONE).date() - timedelta(days=1)).isoformat()
        for step, text in ORDER.items():
            if (step, today) in self.made:
                continue
            limit = Deadline(time.fromisoformat(text), POLICY.late_after_minutes)
            morning = limit.last_passed(at, ZONE)
            day = (morning - timedelta(days=1)).isoformat()
            yield Expected(step, step, moment(morning, time(), ZONE), limit.starts_at(morning, ZONE),
                           limit.due_at(morning, ZONE), day, self.made.get((step, day)))  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """Nights by what was told of them: `right` and `quiet` as it should be, the others not."""

    counts: Counter[str]
    wrong: list[tuple[Night, str]]

    @property
    def false_share(self) -> float:
        """Pages that nothing called for, of all pages."""
        false = self.counts["false pages"]
        return false / max(self.counts["pages"], 1)


def judged(year: Year) -> Verdict:
    """Each night's pages against its fault.

    The first page has to tell of the fault: its symptom, its severity, its step. A graver one of the same step may follow (a step
    that hangs is slow first and late then); so is a step said to be slow that really took twice its usual time, by chance. Everything
    else is false. Where a page was due and none came it is missing.
    """
    counts: Counter[str] = Counter()
    wrong: list[tuple[Night, str]] = []
    for night in year.nights:
        counts["pages"] += len(night.pages)
        expected = EXPECTED.get(night.fault or "")
        if night.fault == "database for a moment" and not night.is_hit:
            expected = None
        by_chance = [page for page in night.pages if page.symptom == "slow" and page.key in night.twice_as_long]
        counts["slow by chance"] += len(by_chance)
        pages = [page for page in night.pages if page not in by_chance]
        own = [page for page in pages if page.key == night.step or page.symptom == "outage"]
        false = len(pages) - len(own) if expected else len(pages)
        extra = [page for page in own[1:] if page.severity == own[0].severity]
        counts["false pages"] += false + len(extra)
        if false or extra:
            wrong.append((night, "false"))
        if expected and (not own or (own[0].symptom, own[0].severity) != expected):
            counts["missing or wrong"] += 1
            wrong.append((night, "missing or wrong"))
        counts["faults" if night.fault else "nights without"] += 1
    return Verdict(counts, wrong)
