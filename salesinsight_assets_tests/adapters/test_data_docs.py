"""The Data Docs: Great Expectations' pages of real results, kept within bounds, and opened by a real browser without a network."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from salesinsight_assets.adapters import data_docs
from salesinsight_assets.adapters.expectations import validated
from salesinsight_assets.domain.expectations import Expectation
from salesinsight_assets_tests.conftest import own_folder

POSITIVE = Expectation("ExpectColumnValuesToBeBetween", {"column": "amount", "min_value": 0})
NAMED = Expectation("ExpectColumnValuesToNotBeNull", {"column": "name"})
FAILING_NAME = "<img src=https://elsewhere.invalid/x.png>"


@pytest.fixture(scope="module")
def reports(postgres_url: str) -> dict[str, dict[str, Any]]:
    """One result that holds, and one that fails on a row whose name would load a picture from elsewhere."""
    rows = "SELECT * FROM (VALUES ('1', 'a', 1.0), ('2', {0}, {1})) AS t(id, name, amount)"
    named = Expectation("ExpectColumnValuesToBeInSet", {"column": "name", "value_set": ["a"]})
    return {
        "good": validated(postgres_url, rows.format("'b'", 2), "id", [POSITIVE, NAMED], "deals").report,
        "bad": validated(postgres_url, rows.format(f"'{FAILING_NAME}'", -5), "id", [POSITIVE, named], "deals").report,
    }


@pytest.fixture
def home() -> Iterator[Path]:
    with own_folder() as folder:
        yield folder


def test_each_asset_has_a_page_of_its_newest_result_and_an_index_that_begins_with_what_failed(home, reports):
    data_docs.keep_result(home, "accounts", "2026-11-27", reports["good"])
    page = data_docs.keep_result(home, "deals", "2026-11-27", reports["bad"])
    site = data_docs.build(home, kept_results=3)
    assert (site.results, site.failed, site.pages_made) == (2, 1, 2)
    index = site.index.read_text()
    assert index.index(">deals<") < index.index(">accounts<")
    assert "1 of 2 assets failed" in index
    assert 'href="deals/2026-11-27.html"' in index
    assert "values must be greater than or equal to" in page.read_text()
    assert data_docs.build(home, kept_results=3).pages_made == 0, "a page is made once"


def test_of_each_asset_the_newest_results_are_kept_and_older_pages_go_with_theirs(home, reports):
    for day in range(1, 6):
        data_docs.keep_result(home, "deals", f"2026-11-0{day}", reports["good"])
        data_docs.build(home, kept_results=2)
    left = sorted(path.name for path in (home / "data_docs").rglob("2026*"))
    assert left == ["2026-11-04.html", "2026-11-04.json", "2026-11-05.html", "2026-11-05.json"]
    assert "2026-11-04 ✓" in (home / "data_docs" / "index.html").read_text()


def test_a_result_of_the_same_day_takes_the_place_of_the_first_and_of_its_page(home, reports):
    data_docs.keep_result(home, "deals", "2026-11-27", reports["good"])
    data_docs.build(home, kept_results=2)
    data_docs.keep_result(home, "deals", "2026-11-27", reports["bad"])
    site = data_docs.build(home, kept_results=2)
    assert (site.results, site.failed, site.pages_made) == (1, 1, 1)


def test_a_browser_opens_the_pages_without_asking_anything_of_the_network(home, reports):
    page_file = data_docs.keep_result(home, "deals", "2026-11-27", reports["bad"])
    index = data_docs.build(home, kept_results=2).index
    asked, complaints = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(index.as_uri())
        page.click("text=2026-11-27")
        page.wait_for_load_state()
        said = page.inner_text("body")
        browser.close()
    assert asked == [index.as_uri(), page_file.as_uri()]
    assert complaints == []
    assert FAILING_NAME in said, "what a row holds is shown as it is"
    assert data_docs.loaded_from_elsewhere(home) == []


def test_an_address_that_a_page_would_load_is_found(home):
    page = home / "data_docs" / "deals" / "2026-11-27.html"
    page.parent.mkdir(parents=True)
    page.write_text('<link rel="stylesheet" href="https://cdn.invalid/a.css"><a href="https://fine.invalid">b</a>')
    assert data_docs.loaded_from_elsewhere(home) == ["https://cdn.invalid/a.css"]


def test_a_result_is_great_expectations_own(reports):
    assert json.loads(json.dumps(reports["bad"]))["statistics"]["unsuccessful_expectations"] == 2
