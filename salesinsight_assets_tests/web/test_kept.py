"""Answers that are given again for a minute: to the same person only, and not after that person changed something."""

import asyncio

import pytest

from salesinsight_assets.web import kept
from salesinsight_assets.web.kept import KeptAnswers
from salesinsight_assets_tests.conftest import LAST_DAY
from salesinsight_assets_tests.web.conftest import dashboard_on


class Counting:
    """An application whose answers count how often it was asked; `waits` are answered first."""

    def __init__(self, status: int = 200, may_be_kept: bool = True, length: int = 0) -> None:
        self.status, self.may_be_kept, self.padding = status, may_be_kept, b" " * length
        self.asked = 0
        self.waits: list[asyncio.Event] = []

    async def __call__(self, scope, receive, send) -> None:
        self.asked += 1
        body = b"%d" % self.asked
        scope.setdefault("state", {})["may_be_kept"] = self.may_be_kept
        for event in self.waits:
            await event.wait()
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": self.padding})


async def answer(
    app, path: str = "/deals", cookie: str = "a", method: str = "GET", query: bytes = b"", **headers: str
) -> str:
    sent: list[dict] = []
    raw = [(name.encode(), value.encode()) for name, value in {"cookie": cookie, **headers}.items() if value]

    async def send(message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": raw}
    await app(scope, None, send)
    return b"".join(message.get("body", b"") for message in sent).decode().strip()


def answers(app, *asked: dict) -> list[str]:
    async def all_of_them() -> list[str]:
        return [await answer(app, **one) for one in asked]

    return asyncio.run(all_of_them())


def test_the_same_is_given_again_to_the_same_person() -> None:
    assert answers(KeptAnswers(Counting()), {}, {}, {}) == ["1", "1", "1"]


@pytest.mark.parametrize(
    "other",
    [{"cookie": "b"}, {"path": "/today"}, {"query": b"risk=HIGH"}, {"hx-request": "true"}, {"cookie": ""}],
    ids=lambda other: next(iter(other)),
)
def test_another_person_page_or_filter_gets_its_own(other) -> None:
    assert answers(KeptAnswers(Counting()), {}, other, {}) == ["1", "2", "1"]


def test_nothing_is_kept_for_somebody_without_a_cookie() -> None:
    assert answers(KeptAnswers(Counting()), {"cookie": ""}, {"cookie": ""}) == ["1", "2"]


@pytest.mark.parametrize("app", [Counting(status=404), Counting(may_be_kept=False)], ids=["errors", "files"])
def test_what_may_not_be_kept_is_made_each_time(app) -> None:
    assert answers(KeptAnswers(app), {}, {}) == ["1", "2"]


def test_whoever_changes_something_gets_new_pages_and_others_keep_theirs() -> None:
    asked = ({}, {"cookie": "b"}, {"method": "POST", "path": "/deals/1/answers"}, {}, {"cookie": "b"})
    assert answers(KeptAnswers(Counting()), *asked) == ["1", "2", "3", "4", "2"]


def test_a_page_that_was_being_made_during_a_change_is_not_kept() -> None:
    counting = Counting()
    app = KeptAnswers(counting)

    async def meanwhile() -> list[str]:
        done = asyncio.Event()
        counting.waits = [done]
        slow = asyncio.create_task(answer(app))
        await asyncio.sleep(0)
        counting.waits = []
        await answer(app, method="POST")
        done.set()
        return [await slow, await answer(app)]

    assert asyncio.run(meanwhile()) == ["1", "3"]


def test_what_is_being_made_for_the_same_person_is_waited_for_also_where_it_fails() -> None:
    async def at_once(counting: Counting) -> list[str]:
        done = asyncio.Event()
        counting.waits = [done]
        app = KeptAnswers(counting)
        asked = [asyncio.create_task(answer(app)) for _ in range(3)]
        await asyncio.sleep(0)
        counting.waits = []
        done.set()
        return await asyncio.gather(*asked)

    assert asyncio.run(at_once(Counting())) == ["1", "1", "1"]
    assert asyncio.run(at_once(Counting(status=500))) == ["1", "2", "3"]


def test_what_is_made_anew_after_a_minute_is_waited_for_as_well(monkeypatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(kept.time, "monotonic", lambda: now[0])
    counting = Counting()
    app = KeptAnswers(counting)

    async def again() -> list[str]:
        await answer(app)
        now[0] += kept.SECONDS_KEPT + 1
        done = asyncio.Event()
        counting.waits = [done]
        asked = [asyncio.create_task(answer(app)) for _ in range(2)]
        await asyncio.sleep(0)
        done.set()
        return await asyncio.gather(*asked)

    assert asyncio.run(again()) == ["2", "2"]


def test_after_a_minute_it_is_made_anew(monkeypatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(kept.time, "monotonic", lambda: now[0])
    app = KeptAnswers(Counting())
    assert answers(app, {}) == ["1"]
    now[0] += kept.SECONDS_KEPT - 1
    assert answers(app, {}) == ["1"]
    now[0] += 2
    assert answers(app, {}) == ["2"]


def test_the_oldest_make_room() -> None:
    app = KeptAnswers(Counting(length=100), most_bytes=250)
    pages = ({"path": "/1"}, {"path": "/2"}, {"path": "/3"})
    assert answers(app, *pages, {"path": "/3"}, {"path": "/2"}, {"path": "/1"}) == ["1", "2", "3", "3", "2", "4"]


def test_an_answer_larger_than_all_the_room_is_not_kept() -> None:
    assert answers(KeptAnswers(Counting(length=300), most_bytes=250), {}, {}, {}) == ["1", "2", "3"]


@pytest.mark.slow
def test_the_dashboard_keeps_pages_until_somebody_answers_and_no_file(new_database, night_database) -> None:
    store = new_database(night_database)
    (told,) = store.read(
        "SELECT a.opportunity_id, u.email FROM insight.rep_alerts AS a JOIN crm.users AS u ON u.id = a.owner_id AND u.valid_to IS NULL"
        " WHERE a.as_of_date = $1::text::date AND a.status = 'to_send' ORDER BY a.rank LIMIT 1",
        (LAST_DAY.isoformat(),),
    ).to_dict("records")
    with dashboard_on(store, keeps_answers=True) as dashboard:
        rep, leader = dashboard.browser_of(told["email"]), dashboard.browser("leader")
        page = f"/deals/{told['opportunity_id']}"
        before = rep.get(page).text
        assert leader.get(page).text != before
        store.execute("DELETE FROM insight.rep_alerts WHERE opportunity_id <> $1", (told["opportunity_id"],))
        store.execute("UPDATE insight.open_opportunities SET name = 'Renamed meanwhile'")
        assert rep.get(page).text == before
        assert "Renamed meanwhile" in rep.get("/deals.csv").text
        form = {"answer": "helpful", "day": LAST_DAY.isoformat(), "then": "deal"}
        assert rep.post(f"{page}/answers", data=form, allow_redirects=False).status_code == 303
        assert "Renamed meanwhile" in rep.get(page).text
        assert rep.post("/sign-out", allow_redirects=False).status_code == 303
        assert "/sign-in" in rep.get(page, allow_redirects=False).headers["location"]
