"""The pages behind a digest's links and Slack's buttons, on a real server: what is shown, what is done, what is refused."""

import hashlib
import hmac
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

import pytest
import requests

from salesinsight_assets.adapters.warehouse.feedback_store import FeedbackStore
from salesinsight_assets.domain.delivery.slack_blocks import SlackButtons, alert_as_blocks
from salesinsight_assets.domain.feedback.answers import ToldAlert, button_value
from salesinsight_assets.domain.feedback.asked import asked_silences
from salesinsight_assets.domain.feedback.links import Links
from salesinsight_assets.policies import Policies
from salesinsight_assets.settings import load_settings
from salesinsight_assets.web.app import create_app
from salesinsight_assets_tests.domain.test_delivery import CONTENT
from salesinsight_assets_tests.scripted_slack import scripted_slack
from salesinsight_assets_tests.served_pages import served

NOW = datetime(2024, 3, 16, 9, 0, tzinfo=UTC)
ALERT = ToldAlert("digest:2024-03-15:005A", date(2024, 3, 15), "005A", "006B", "likely_loss")
DIGEST = ToldAlert("digest:2024-03-15:005A", date(2024, 3, 15), "005A")
SECRET = "s" * 32


@dataclass
class Pages:
    url: str
    store: FeedbackStore
    links: Links
    warehouse: object
    now: datetime = NOW

    def rows(self, table: str) -> list[dict]:
        return self.warehouse.read(f"SELECT * FROM engagement.{table} ORDER BY 1, 2, 3, 4").to_dict("records")

    def silent(self) -> list[str]:
        return asked_silences(self.store.silences(self.now), self.now)["because"].tolist()

    def get(self, answer: str, alert: ToldAlert = ALERT) -> requests.Response:
        return requests.get(self.links.answer(answer, alert), timeout=10)

    def post(self, answer: str, alert: ToldAlert = ALERT) -> requests.Response:
        return requests.post(self.links.answer(answer, alert), timeout=10)

    def click(self, payload: dict, secret: str = SECRET, at: datetime | None = None) -> requests.Response:
        body, stamp = urlencode({"payload": json.dumps(payload)}), str(int((at or self.now).timestamp()))
        signed = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signed}"}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return requests.post(f"{self.url}/slack/interactivity", body, headers=headers, timeout=10)


@pytest.fixture
def pages(warehouse) -> Iterator[Pages]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        env = {"SALESINSIGHT_BASE_URL": url, "SALESINSIGHT_SECRET_KEY": "k" * 32, "SLACK_SIGNING_SECRET": SECRET}
        made = Pages(url, FeedbackStore(warehouse), Links(url, "k" * 32, 60), warehouse)
        app = create_app(warehouse, load_settings(env), Policies(), lambda: made.now)
        with served(app, listening):
            yield made


def test_a_look_at_a_link_changes_nothing(pages) -> None:
    shown = [pages.get(answer) for answer in ("helpful", "wrong", "snooze", "mute_rule")]
    assert [page.status_code for page in shown] == [200] * 4
    assert all("Was this alert helpful?" in page.text for page in shown)
    assert pages.rows("verdicts") == pages.rows("silences") == []
    assert {row["kind"] for row in pages.rows("message_events")} == {"clicked"}


def test_an_answer_is_recorded_once_and_the_latest_counts(pages) -> None:
    for answer in ("helpful", "helpful", "not_helpful"):
        assert pages.post(answer).status_code == 200
    (verdict,) = pages.rows("verdicts")
    assert (verdict["verdict"], verdict["owner_id"], verdict["opportunity_id"], verdict["rule"], verdict["channel"]) == (
        "not_helpful", "005A", "006B", "likely_loss", "email",
    )  # fmt: skip
    assert pages.silent() == []


def test_a_snooze_can_be_taken_back(pages) -> None:
    assert "Nothing is told of this deal for 7 days." in pages.post("snooze").text
    assert pages.silent() == ["snoozed by the rep on 2024-03-16, until 2024-03-23"]
    pages.now += timedelta(hours=1)
    assert pages.post("tell_me_again").status_code == 200
    assert pages.silent() == []
    assert len(pages.rows("silences")) == 1, "what was asked for stays to be read"


def test_a_second_snooze_lasts_from_then_on(pages) -> None:
    pages.post("snooze")
    pages.now += timedelta(days=3)
    pages.post("snooze")
    assert pages.silent() == ["snoozed by the rep on 2024-03-19, until 2024-03-26"]


def test_wrong_is_a_verdict_and_a_silence_of_that_rule(pages) -> None:
    pages.post("wrong")
    assert [row["verdict"] for row in pages.rows("verdicts")] == ["wrong"]
    (silence,) = pages.rows("silences")
    assert (silence["opportunity_id"], silence["rule"]) == ("006B", "likely_loss")


def test_one_click_of_a_mail_program_unsubscribes_and_the_page_takes_it_back(pages) -> None:
    address = pages.links.unsubscribe(DIGEST)
    assert "Unsubscribe from these e-mails?" in requests.get(address, timeout=10).text
    assert pages.silent() == []
    done = requests.post(address, data={"List-Unsubscribe": "One-Click"}, timeout=10)
    assert done.status_code == 200
    assert pages.silent() == ["unsubscribed from e-mails by the rep on 2024-03-16"]
    pages.post("tell_me_again")
    assert len(pages.silent()) == 1, "a deal that is told again does not bring the mails back"
    pages.now += timedelta(minutes=1)
    pages.post("subscribe", DIGEST)
    assert pages.silent() == []


def test_a_wrong_link_is_refused_in_words(pages) -> None:
    for method in (requests.get, requests.post):
        answer = method(pages.links.answer("helpful", ALERT) + "x", timeout=10)
        assert answer.status_code == 400
        assert "This link is not complete" in answer.text
    pages.now += timedelta(days=100)
    assert "no longer works" in pages.post("helpful").text
    assert pages.rows("verdicts") == []


def test_the_page_names_the_deal_and_escapes_it_once(pages) -> None:
    pages.warehouse.execute(
        "INSERT INTO insight.open_opportunities (as_of_date, opportunity_id, name) VALUES ('2024-03-15', '006B', $1)",
        ('<@U123> & "Sons" <script>\r\n\u202eSöhne',),
    )
    named = "&lt;@U123&gt; &amp; &#34;Sons&#34; &lt;script&gt; Söhne · as of 15 March 2024"
    for page in (pages.get("helpful"), pages.post("snooze")):
        assert f'<p class="note">{named}</p>' in page.text


def content(answer: requests.Response) -> str:
    """A page without the frame that all pages stand in."""
    found = re.search(r"<main.*</main>", answer.text, re.DOTALL)
    assert found
    return f"{found[0]}\n"


def test_golden_pages_are_what_a_rep_sees_behind_each_link(pages, golden) -> None:
    pages.warehouse.execute(
        "INSERT INTO insight.open_opportunities (as_of_date, opportunity_id, name)"
        " VALUES ('2024-03-15', '006B', 'Acme Corp - Enterprise License')"
    )
    golden("page_question.html", content(pages.get("helpful")))
    golden("page_thank_you.html", content(pages.post("helpful")))
    golden("page_not_helpful.html", content(pages.post("not_helpful")))
    golden("page_wrong.html", content(pages.post("wrong")))
    golden("page_snooze.html", content(pages.post("snooze")))
    golden("page_mute_deal.html", content(pages.post("mute_deal")))
    golden("page_mute_rule.html", content(pages.post("mute_rule")))
    golden("page_undone.html", content(pages.post("tell_me_again")))
    golden("page_unsubscribe.html", content(requests.get(pages.links.unsubscribe(DIGEST), timeout=10)))
    golden("page_unsubscribed.html", content(requests.post(pages.links.unsubscribe(DIGEST), timeout=10)))
    pages.now += timedelta(days=100)
    golden("page_expired.html", content(pages.get("helpful")))


def test_the_addresses_are_not_handed_on_by_the_pages(pages) -> None:
    headers = pages.get("helpful").headers
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_the_picture_of_no_size_tells_that_a_mail_was_opened(pages) -> None:
    answer = requests.get(pages.links.opened(DIGEST), timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/gif")
    assert [(row["kind"], row["message_key"]) for row in pages.rows("message_events")] == [
        ("opened", DIGEST.message_key)
    ]
    assert requests.get(f"{pages.url}/opened/nonsense.gif", timeout=10).status_code == 404


def clicked(button: str, response_url: str = "") -> dict:
    blocks = alert_as_blocks(CONTENT, None, SlackButtons(button_value(ALERT), 7))
    actions = [element for element in blocks[-1]["elements"] if element["text"]["text"] == button]
    message = {"text": "fallback", "blocks": blocks}
    return {"type": "block_actions", "actions": actions, "message": message, "response_url": response_url}


def test_a_click_in_slack_is_an_answer_and_the_message_says_so(pages, wait_for) -> None:
    with scripted_slack() as slack:
        address = slack.url + "response"
        assert pages.click(clicked("Snooze 7 days", address)).status_code == 200
        assert pages.silent() == ["snoozed by the rep on 2024-03-16, until 2024-03-23"]
        ((_, _, changed),) = wait_for(lambda: slack.calls, 10)
    assert changed["replace_original"] is True
    assert "Nothing is told of this deal for 7 days." in json.dumps(changed["blocks"])
    assert "Not helpful" not in json.dumps(changed["blocks"])
    pages.click(clicked("Not helpful"))
    assert [(row["verdict"], row["channel"]) for row in pages.rows("verdicts")] == [("not_helpful", "slack")]


def test_what_slack_did_not_sign_just_now_is_refused(pages) -> None:
    answers = [
        pages.click(clicked("Helpful"), secret="t" * 32),
        pages.click(clicked("Helpful"), at=NOW - timedelta(minutes=6)),
        requests.post(f"{pages.url}/slack/interactivity", b"payload={}", timeout=10),
        requests.post(
            f"{pages.url}/slack/interactivity", b"\xff", timeout=10,
            headers={"X-Slack-Request-Timestamp": str(int(NOW.timestamp())), "X-Slack-Signature": "v0=00"},
        ),
        requests.post(
            f"{pages.url}/slack/interactivity", b"x", timeout=10,
            headers={"X-Slack-Request-Timestamp": "soon", "X-Slack-Signature": "v0=00"},
        ),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [401] * 5
    assert pages.rows("verdicts") == []


def test_opening_salesforce_from_slack_is_no_answer(pages) -> None:
    payload = {"type": "block_actions", "actions": [{"action_id": "salesinsight_salesforce"}]}
    assert pages.click(payload).status_code == 200
    assert pages.rows("verdicts") == pages.rows("silences") == []


def test_without_settings_there_are_no_such_pages_but_it_says_that_it_lives(warehouse) -> None:
    app = create_app(warehouse, load_settings({}), Policies())
    with socket.create_server(("127.0.0.1", 0)) as listening, served(app, listening):
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        found = {
            path: requests.post(f"{url}{path}", timeout=10).status_code
            for path in ("/answer/x", "/slack/interactivity")
        }
        assert found == {"/answer/x": 404, "/slack/interactivity": 404}
        assert requests.get(f"{url}/healthz", timeout=10).json() == {"status": "ok"}
