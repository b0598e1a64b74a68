"""The coaching cards: the numbers of the table, the same words for rep and manager, and nobody else's."""

import csv
import html
import io
import re

import pandas as pd
import pytest

from salesinsight_assets.web.formats import percent, points
from salesinsight_assets_tests.conftest import LAST_DAY

pytestmark = pytest.mark.slow
TOO_FEW = "too few closed deals to say anything"
NUMBERS = ("n_closed", "win_rate", "low", "high", "team_win_rate", "adjusted_difference", "adjusted_low", "adjusted_high",
           "open_deals", "deals_at_risk", "amount_at_risk")  # fmt: skip


def rows_of(browser, address: str) -> dict[str, dict[str, str]]:
    answer = browser.get(address)
    assert answer.status_code == 200, answer.text
    return {row["owner_id"]: row for row in csv.DictReader(io.StringIO(answer.text))}


def shown(browser, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def words_of(page: str) -> str:
    """The card as it stands on a page."""
    inside = page.split('<div class="words">')[1].split("</div>", maxsplit=1)[0]
    return "\n\n".join(part.split("</p>")[0] for part in inside.split("<p>")[1:])


@pytest.fixture(scope="module")
def cards(shown_dashboard) -> pd.DataFrame:
    found = shown_dashboard.warehouse.partition("coaching_cards", LAST_DAY)
    assert found["win_rate"].notna().any()
    assert found["win_rate"].isna().any()
    return found.set_index("owner_id", drop=False)


def test_a_head_of_sales_reads_the_numbers_of_the_cards_by_name(shown_dashboard, cards) -> None:
    browser = shown_dashboard.browser("leader")
    found, page = rows_of(browser, "/reps.csv"), shown(browser, "/reps")
    assert sorted(found) == sorted(cards.index)
    for name in NUMBERS:
        told = [None if row[name] == "" else float(row[name]) for row in found.values()]
        assert told == [None if pd.isna(cards.loc[rep, name]) else cards.loc[rep, name] for rep in found], name
    names = [row["owner_name"] for row in found.values()]
    assert names == sorted(names)
    places = [page.index(f'href="/reps/{rep}"') for rep in found]
    assert places == sorted(places)
    for card in cards.dropna(subset="win_rate").itertuples():
        row = page.split(f'href="/reps/{card.owner_id}"')[1].split("</tr>")[0]
        for part in (percent(card.win_rate), f"{percent(card.low)} to {percent(card.high)}", percent(card.team_win_rate),
                     points(card.adjusted_difference), f"{points(card.adjusted_low)} to {points(card.adjusted_high)}",
                     f">{card.open_deals:.0f}</a>", f">{card.deals_at_risk:.0f}</a>", f"${card.amount_at_risk:,.0f}"):  # fmt: skip
            assert part in row
        assert ("opportunity" in row) == card.is_opportunity


def test_of_few_closed_deals_only_their_number_is_told(shown_dashboard, cards) -> None:
    browser, few = shown_dashboard.browser("leader"), cards[cards["win_rate"].isna()].iloc[0]
    row = shown(browser, "/reps").split(f'href="/reps/{few["owner_id"]}"')[1].split("</tr>")[0]
    assert TOO_FEW in row
    assert f'data-label="Closed deals">{few["n_closed"]}</td>' in row
    page = shown(browser, f"/reps/{few['owner_id']}")
    assert TOO_FEW in page
    assert f"n = {few['n_closed']}" in page
    for text in (row, page):
        assert "%" not in text
        assert "risk=HIGH" not in text


def test_a_rep_reads_the_card_of_the_manager_word_for_word(shown_dashboard, cards) -> None:
    rep = shown_dashboard.user_id("rep")
    own, managers = (shown(shown_dashboard.browser(role), f"/reps/{rep}") for role in ("rep", "manager"))
    assert words_of(own) == words_of(managers) == cards.loc[rep, "card"]


def test_each_figure_of_a_card_has_its_interval_and_n(shown_dashboard, cards) -> None:
    rep = shown_dashboard.user_id("rep")
    card, page = cards.loc[rep], shown(shown_dashboard.browser("rep"), f"/reps/{rep}")
    table = page.split("<tbody>")[1].split("</tbody>")[0]
    rows = table.split("<tr>")[1:]
    assert len(rows) == 4
    told = (("win_rate", "low", "high", percent), ("adjusted_difference", "adjusted_low", "adjusted_high", points))
    for (value, low, high, said), row in zip(told, (rows[0], rows[2]), strict=True):
        assert f'<span class="remark">{said(card[low])} to {said(card[high])}</span>' in row
        assert f'<td class="number">{said(card[value])}</td><td class="number">{card["n_closed"]}</td>' in row
    assert f'<td class="number">{percent(card["team_win_rate"])}</td>' in rows[1]
    assert all(" to " in row for row in rows)


def test_deals_lead_to_the_list_that_holds_them(shown_dashboard, cards) -> None:
    rep = shown_dashboard.user_id("rep")
    browser = shown_dashboard.browser("manager")
    page = shown(browser, f"/reps/{rep}")
    for query, counted in (("", "open_deals"), ("&risk=HIGH", "deals_at_risk")):
        assert f'href="/deals?owner={rep}{query}"' in page
        lines = browser.get(f"/deals.csv?owner={rep}{query}").text.splitlines()[1:]
        assert len(lines) == cards.loc[rep, counted]


def test_a_rep_is_led_to_the_own_card_and_sees_no_other(shown_dashboard, cards) -> None:
    browser, rep = shown_dashboard.browser("rep"), shown_dashboard.user_id("rep")
    led = browser.get("/reps", allow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (303, f"/reps/{rep}")
    assert list(rows_of(browser, "/reps.csv")) == list(rows_of(browser, f"/reps/{rep}/card.csv")) == [rep]


def test_a_manager_sees_the_cards_of_the_team_alone(shown_dashboard, cards) -> None:
    manager = shown_dashboard.user_id("manager")
    team = shown_dashboard.warehouse.read(
        "SELECT id FROM crm.users WHERE valid_to IS NULL AND (manager_id = $1 OR id = $1)", (manager,)
    )["id"]
    found = rows_of(shown_dashboard.browser("manager"), "/reps.csv")
    assert set(found) == set(team) & set(cards.index)
    assert 1 < len(found) < len(cards)


def test_many_reps_stand_in_pages_each_once_and_are_found_by_name(dashboard) -> None:
    dashboard.warehouse.execute(
        "INSERT INTO insight.coaching_cards SELECT (jsonb_populate_record(c, jsonb_build_object('owner_id', '005MANY' || n,"
        " 'owner_name', 'Zoe_' || n || ' O''Neil'))).* FROM insight.coaching_cards AS c, generate_series(100, 159) AS n"
        " WHERE c.owner_id = $1 AND c.as_of_date = $2::text::date",
        (dashboard.user_id("rep"), LAST_DAY.isoformat()),
    )
    browser = dashboard.browser("leader")
    everyone = list(rows_of(browser, "/reps.csv"))
    seen, address = [], "/reps"
    while address:
        page = shown(browser, address)
        seen.append(re.findall(r'<td class="main"><a href="/reps/(\w+)"', page))
        address = next(iter(re.findall(r'<a href="(/reps\?[^"]+)"[^>]*>Next<', page)), None)
    assert [len(names) for names in seen[:-1]] == [25] * (len(seen) - 1)
    assert [name for names in seen for name in names] == everyone
    assert f"{len(everyone)} reps by name" in page
    found = shown(browser, "/reps?words=zoe_11")
    assert re.findall(r"Zoe_\d+", found) == [f"Zoe_{n}" for n in range(110, 120)]
    assert 'value="zoe_11"' in found
    assert 'href="/reps.csv?words=zoe_11"' in found
    assert len(rows_of(browser, "/reps.csv?words=zoe_11")) == 10
    assert "/reps?words=zoe&after=25" in shown(browser, "/reps?words=zoe")
    assert "No such rep" in shown(browser, "/reps?words=%25")
    assert rows_of(dashboard.browser("manager"), "/reps.csv?words=zoe") == {}


def test_a_short_list_has_no_pages_and_no_filter(shown_dashboard, cards) -> None:
    page = shown(shown_dashboard.browser("leader"), "/reps")
    assert 'class="pages' not in page
    assert 'name="words"' not in page


@pytest.mark.parametrize("role", ["rep", "manager"])
@pytest.mark.parametrize("whose", ["of another team", "nobody's"])
def test_a_foreign_or_unknown_card_is_not_there(shown_dashboard, cards, role, whose) -> None:
    rep = shown_dashboard.owner_of_another_team() if whose == "of another team" else "005000000000000AAA"
    assert (rep in cards.index) == (whose == "of another team")
    browser = shown_dashboard.browser(role)
    assert [browser.get(f"/reps/{rep}{file}").status_code for file in ("", "/card.csv")] == [404, 404]


def test_before_the_first_wednesday_it_is_said_when_cards_are_made(empty_dashboard) -> None:
    browser = empty_dashboard.browser("engineer")
    assert "Cards are made on Wednesdays" in shown(browser, "/reps")
    assert rows_of(browser, "/reps.csv") == {}
    assert browser.get("/reps/005000000000000AAA").status_code == 404
