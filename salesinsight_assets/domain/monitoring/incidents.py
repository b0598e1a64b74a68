"""Which page goes out: one for each cause, at its root, and nothing for what merely follows from it.

Each look compares what is wrong now (findings) with the incidents that are open. A finding belongs to an open incident if that
explains it; what nothing explains opens one, at the first step upstream. An incident is *over* once its own cause is gone, and
*resolved* once all that followed is well again too; a page goes out when it opens, and word of it when it is resolved. A failure that
nobody repairs is *given up* after a while, and that is told instead: a later one of its step must not hide behind it.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

from salesinsight_assets.domain.monitoring.watch_policy import WatchPolicy

Symptom = Literal["outage", "failed", "lost", "slow", "late"]
_GRAVITY: tuple[Symptom, ...] = get_args(Symptom)
"""Which of several symptoms of one step is told: what says most of the cause comes first."""
Severity = Literal["critical", "warning"]
Upstream = Mapping[str, AbstractSet[str]]
"""All steps from which each step takes something, directly or through others."""


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be, at a step, from a moment on and (None: still) until another.

    `details` are lines for whoever repairs it. It is a `warning` where it heals by itself, or where somebody is there anyway.
    """

    step: str
    symptom: Symptom
    began_at: datetime
    ended_at: datetime | None = None
    partition: str | None = None
    run_id: str | None = None
    details: tuple[str, ...] = ()
    severity: Severity = "critical"

    def until(self, at: datetime) -> datetime:
        """Its end, or the moment `at` while it lasts."""
        return self.ended_at or at


@dataclass(frozen=True)
class Incident:
    """An episode: one page. `key` is the step, or the system that is out.

    `over_at` is when its cause was gone, `resolved_at` when all was well, or, with `is_given_up`, when it was watched no longer; each
    None before.
    """

    key: str
    symptom: Symptom
    began_at: datetime
    partition: str | None = None
    run_id: str | None = None
    details: tuple[str, ...] = ()
    severity: Severity = "critical"
    over_at: datetime | None = None
    resolved_at: datetime | None = None
    is_given_up: bool = False


@dataclass(frozen=True)
class Look:
    """What a look found out.

    Incidents that begin, whose cause is gone, that are resolved or given up, and those in whose place a graver one of their step
    begins.
    """

    opened: list[Incident] = field(default_factory=list[Incident])
    over: list[Incident] = field(default_factory=list[Incident])
    resolved: list[Incident] = field(default_factory=list[Incident])
    superseded: list[Incident] = field(default_factory=list[Incident])


def look(
    open_incidents: Sequence[Incident],
    findings: Sequence[Finding],
    upstream: Upstream,
    at: datetime,
    policy: WatchPolicy,
) -> Look:
    """What changed since the last look.

    Args:
        open_incidents: those that are not resolved.
        findings: everything that is wrong at the moment `at`.
        upstream: lineage, by step.
        at: the moment of the look.
        policy: how long things may take.
    """
    old = [found for found in findings if _is_old(found, at, policy)]
    findings = [found for found in findings if found not in old]
    left = [found for found in findings if not any(_explains(i, found, upstream, at, policy) for i in open_incidents)]
    opened = _roots([found for found in left if _is_settled(found, at, policy)], upstream)
    begun = {incident.key for incident in opened}
    superseded = [replace(incident, resolved_at=at) for incident in open_incidents if incident.key in begun]
    over, resolved = list[Incident](), list[Incident]()
    for incident in open_incidents:
        if incident.key in begun or _lasts(incident, findings):
            continue
        ended = replace(incident, over_at=incident.over_at or at)
        if not any(_explains(ended, found, upstream, at, policy) for found in findings):
            is_given_up = any(_told_of(incident, found, upstream, at, policy) for found in old)
            resolved.append(replace(ended, resolved_at=at, is_given_up=is_given_up))
        elif incident.over_at is None:
            over.append(ended)
    return Look(opened, over, resolved, superseded)


def _is_old(found: Finding, at: datetime, policy: WatchPolicy) -> bool:
    """Whether it was not repaired in all the time that there is for it."""
    return found.ended_at is not None and at - found.ended_at > timedelta(hours=policy.failures_last_hours)


def _told_of(incident: Incident, found: Finding, upstream: Upstream, at: datetime, policy: WatchPolicy) -> bool:
    """Whether an incident was the page of something that is old now."""
    if incident.symptom == "outage":
        return _explains(incident, found, upstream, at, policy)
    return incident.key == found.step and found.until(at) >= incident.began_at


def _lasts(incident: Incident, findings: Sequence[Finding]) -> bool:
    """Whether the cause is there still. Of an outage whoever saw it begin says so."""
    if incident.over_at is not None:
        return False
    return incident.symptom == "outage" or any(found.step == incident.key for found in findings)


def _explains(incident: Incident, found: Finding, upstream: Upstream, at: datetime, policy: WatchPolicy) -> bool:
    """Whether a finding needs no page of its own while an incident is open."""
    if incident.severity == "warning" and found.severity == "critical":
        return False
    is_in_time = incident.over_at is None or at <= incident.over_at + timedelta(minutes=policy.catch_up_minutes)
    if incident.symptom == "outage":
        overlaps = found.began_at <= (incident.over_at or at) and found.until(at) >= incident.began_at
        return overlaps and (is_in_time or found.ended_at is not None)
    if incident.key == found.step:
        return incident.over_at is None
    return found.symptom == "late" and incident.key in upstream.get(found.step, ()) and is_in_time


def _is_settled(found: Finding, at: datetime, policy: WatchPolicy) -> bool:
    """Whether whoever finds causes has had time to do so since it ended."""
    return found.ended_at is None or at - found.ended_at >= timedelta(seconds=policy.settle_seconds)


def _roots(findings: Sequence[Finding], upstream: Upstream) -> list[Incident]:
    """One incident for each step with a finding that has none upstream."""
    steps = {found.step for found in findings}
    firsts = sorted(step for step in steps if not steps & (set(upstream.get(step, ())) - {step}))
    return [_incident([found for found in findings if found.step == step]) for step in firsts]


def _incident(findings: Sequence[Finding]) -> Incident:
    """What is told of a step: what is critical, by its gravest symptom, of the latest partition."""
    told = min(findings, key=lambda f: (f.severity != "critical", _GRAVITY.index(f.symptom), _newest_first(f)))
    return Incident(told.step, told.symptom, told.began_at, told.partition, told.run_id, told.details, told.severity)


def _newest_first(found: Finding) -> float:
    return -found.began_at.timestamp()
