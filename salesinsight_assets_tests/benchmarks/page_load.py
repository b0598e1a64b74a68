"""Asks a dashboard for pages at a steady rate, whether or not it keeps up: a process of its own, beside the server that is measured."""

import asyncio
import json
import random
import statistics
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

REQUESTS_A_SECOND, SECONDS = 200, 120
"""Two minutes: in the first one nobody has looked at anything yet."""
_CONNECTIONS = 32


@dataclass(frozen=True)
class Ask:
    """A request: its path, and the header that says who asks."""

    path: str
    header: str

    @property
    def kind(self) -> str:
        """The path without what names a deal, a person or a filter."""
        return "/".join(
            "…" if len(part) > 14 and any(map(str.isdigit, part)) else part
            for part in self.path.split("?")[0].split("/")
        )


@dataclass
class Load:
    """What came back: statuses by kind; when a request was due and the milliseconds from then; and, by kind, those since it was sent."""

    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    waited: list[tuple[float, float]] = field(default_factory=list)
    taken: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


async def load(url: str, asks: list[Ask]) -> Load:
    """Ask for two minutes; what is not answered two minutes later is given up."""
    found, due = Load(), asyncio.Queue[float]()
    askers = [asyncio.create_task(_asker(url, asks, due, found, place)) for place in range(_CONNECTIONS)]
    begin = time.perf_counter()
    for place in range(REQUESTS_A_SECOND * SECONDS):
        at = begin + place / REQUESTS_A_SECOND
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        due.put_nowait(at)
    done = asyncio.create_task(due.join())
    await asyncio.wait([done, *askers], timeout=120, return_when=asyncio.FIRST_COMPLETED)
    for asker in askers:
        if asker.done():
            asker.result()
        asker.cancel()
    return found


async def _asker(url: str, asks: list[Ask], due: "asyncio.Queue[float]", found: Load, place: int) -> None:
    """One connection that is kept, as a browser's, which asks for this and that by chance."""
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    order = random.Random(place)
    while True:
        at = await due.get()
        ask = order.choice(asks)
        sent = time.perf_counter()
        writer.write(f"GET {ask.path} HTTP/1.1\r\nHost: {where.netloc}\r\n{ask.header}\r\n\r\n".encode())
        status = await _answer(reader)
        now = time.perf_counter()
        found.statuses[ask.kind, status] += 1
        found.waited.append((at, (now - at) * 1000))
        found.taken[ask.kind].append((now - sent) * 1000)
        due.task_done()


async def _answer(reader: asyncio.StreamReader) -> str:
    """The status of an answer, which is read to its end: by its length, or by pieces."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = head.split(b" ", 2)[1].decode()
    if b"transfer-encoding: chunked" in head:
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    elif b"content-length: " in head:
        await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    return status


def told(found: Load) -> str:
    """What came of it, in words."""
    statuses = Counter[str]()
    for (_, status), n in found.statuses.items():
        statuses[status] += n
    sums = f"{len(found.waited):,} of {REQUESTS_A_SECOND * SECONDS:,} requests answered, {REQUESTS_A_SECOND} a second: {dict(statuses)}"
    begin = min(at for at, _ in found.waited)
    minutes = [_of_minute(found, begin + 60 * minute, f"minute {minute + 1}") for minute in range(SECONDS // 60)]
    kinds = [
        f"  {kind}: {len(taken):,}, median {statistics.median(taken):.0f} ms; {_of_kind(found, kind)}"
        for kind, taken in sorted(found.taken.items())
    ]
    return "\n".join([sums, *minutes, *kinds]) + "\n"


def _of_minute(found: Load, begin: float, name: str) -> str:
    taken = [ms for at, ms in found.waited if begin <= at < begin + 60]
    cuts = statistics.quantiles(taken, n=100)
    return f"  {name}, since they were due: median {cuts[49]:.0f} ms, 95 % under {cuts[94]:.0f} ms, 99 % under {cuts[98]:.0f} ms"


def _of_kind(found: Load, kind: str) -> str:
    return ", ".join(f"{status}: {n}" for (of, status), n in sorted(found.statuses.items()) if of == kind)


if __name__ == "__main__":
    asked = [Ask(**ask) for ask in json.loads(Path(sys.argv[2]).read_text())]
    sys.stdout.write(told(asyncio.run(load(sys.argv[1], asked))))
