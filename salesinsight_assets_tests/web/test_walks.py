"""A real browser walks every page as every role, on phone and desk, light and dark: readable, reachable, and all of it ours."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from salesinsight_assets.domain.access.viewer import Role
from salesinsight_assets.web.frame import PLACES
from salesinsight_assets_tests.web.conftest import Dashboard

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("walks")]
CHROMIUM = "/usr/bin/chromium"
SCREENS = {"desk": (1280, 900), "phone": (390, 844)}
LEAST_TARGET = 44
"""Pixels that a finger needs (WCAG 2.5.5)."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@dataclass
class Walk:
    """One person at one screen; `wrong` is what a page must not do."""

    page: Page
    url: str
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self._note(f"console: {said.text}") if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self._note(f"script: {error}"))
        self.page.on("request", lambda asked: self._note_request(asked.url))

    def _note(self, what: str) -> None:
        self.wrong.append(f"{self.page.url}: {what}")

    def _note_request(self, address: str) -> None:
        if not address.startswith((self.url, "data:", "blob:")):
            self._note(f"asked elsewhere: {address}")

    def look_at(self, path: str) -> None:
        """Open a page, and note what is wrong with it."""
        answer = self.page.goto(path, wait_until="networkidle")
        if answer is None or not answer.ok:
            self._note(f"answered {answer.status if answer else 'nothing'}")
        too_wide = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if too_wide > 0:
            self._note(f"{too_wide} px wider than the screen")
        for found in Axe().run(self.page).response["violations"]:
            self._note(f"axe {found['id']}: {[node['html'][:160] for node in found['nodes'][:3]]}")

    def look_for_small_targets(self) -> None:
        """Note buttons, fields and menu links that are too small for a finger."""
        sizes: list[dict[str, Any]] = self.page.evaluate(
            "[...document.querySelectorAll('button, input:not([type=hidden], [type=checkbox]), [type=checkbox] + label, select, summary, a.button, nav a')]"
            ".map(e => ({h: e.getBoundingClientRect().height, html: e.outerHTML.slice(0, 100)})).filter(e => e.h)"
        )
        for one in sizes:
            if one["h"] < LEAST_TARGET:
                self._note(f"{one['h']} px high: {one['html']}")


def signed_in(context: BrowserContext, dashboard: Dashboard, role: Role) -> Walk:
    walk = Walk(context.new_page(), dashboard.url)
    walk.look_at("/sign-in")
    person = dashboard.people[role]
    walk.page.locator(f"form:has(input[value='{person}']) button").click()
    walk.page.wait_for_load_state("networkidle")
    return walk


def addresses(dashboard: Dashboard, role: Role) -> list[str]:
    """Every page of a role's menu, a deal, and a rep."""
    owner = dashboard.user_id("rep")
    (deal, *_) = dashboard.deals_of(owner)
    return [*(place.address for place in PLACES if role in place.roles), f"/deals/{deal}", f"/reps/{owner}"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("role", ["rep", "manager", "leader"])
def test_every_page_is_readable_reachable_and_ours(
    browser: Browser, shown_dashboard: Dashboard, role: Role, screen: str, scheme: Any
) -> None:
    width, height = SCREENS[screen]
    size = {"width": width, "height": height}
    context = browser.new_context(viewport=size, color_scheme=scheme, base_url=shown_dashboard.url)
    walk = signed_in(context, shown_dashboard, role)
    for path in addresses(shown_dashboard, role):
        walk.look_at(path)
        if screen == "phone" and scheme == "light":
            walk.look_for_small_targets()
    context.close()
    assert walk.wrong == []


def test_a_choice_changes_the_list_and_the_address(browser: Browser, shown_dashboard: Dashboard) -> None:
    context = browser.new_context(base_url=shown_dashboard.url)
    walk = signed_in(context, shown_dashboard, "leader")
    walk.look_at("/deals")
    walk.page.get_by_label("Risk").select_option("HIGH")
    expect(walk.page).to_have_url(re.compile(r"/deals\?risk=HIGH&"))
    assert set(walk.page.locator("#list .mark:is(.HIGH, .MEDIUM, .LOW)").all_inner_texts()) >= {"HIGH"}
    assert "LOW" not in walk.page.locator("#list td[data-label=Risk]").all_inner_texts()
    file = walk.page.get_by_role("link", name="Download CSV")
    expect(file).to_have_attribute("href", "/deals.csv?risk=HIGH")
    context.close()
    assert walk.wrong == []


def test_the_next_page_of_a_list_comes_without_a_new_document(browser: Browser, shown_dashboard: Dashboard) -> None:
    context = browser.new_context(base_url=shown_dashboard.url)
    walk = signed_in(context, shown_dashboard, "leader")
    walk.look_at("/deals")
    walk.page.evaluate("window.isTheSame = true")
    first = walk.page.locator("#list td.main a").all_inner_texts()
    walk.page.get_by_role("link", name="Next").click()
    expect(walk.page).to_have_url(re.compile(r"/deals\?after=25$"))
    expect(walk.page.locator("#list .pages")).to_contain_text("26–")
    assert set(walk.page.locator("#list td.main a").all_inner_texts()).isdisjoint(first)
    assert walk.page.evaluate("window.isTheSame")
    assert walk.page.locator("#list").evaluate("e => e.getBoundingClientRect().top") >= 0
    context.close()
    assert walk.wrong == []


def test_without_scripts_every_page_still_works(browser: Browser, shown_dashboard: Dashboard) -> None:
    context = browser.new_context(base_url=shown_dashboard.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/sign-in")
    page.locator(f"form:has(input[value='{shown_dashboard.people['leader']}']) button").click()
    page.goto("/deals")
    page.get_by_label("Risk").select_option("HIGH")
    page.get_by_role("button", name="Show").click()
    assert set(page.locator("#list td[data-label=Risk]").all_inner_texts()) == {"HIGH"}
    context.close()


def test_a_session_that_has_ended_leads_to_sign_in_also_within_a_page(
    browser: Browser, shown_dashboard: Dashboard
) -> None:
    context = browser.new_context(base_url=shown_dashboard.url)
    walk = signed_in(context, shown_dashboard, "leader")
    walk.look_at("/deals")
    context.clear_cookies()
    walk.page.get_by_label("Risk").select_option("HIGH")
    walk.page.wait_for_url("**/sign-in?**")
    context.close()
    assert walk.wrong == []


def test_without_a_network_a_page_says_so(browser: Browser, shown_dashboard: Dashboard) -> None:
    context = browser.new_context(base_url=shown_dashboard.url)
    walk = signed_in(context, shown_dashboard, "rep")
    walk.look_at("/deals")
    walk.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    walk.page.reload(wait_until="networkidle")
    context.set_offline(True)
    walk.page.goto("/deals")
    expect(walk.page.get_by_role("heading", level=1)).to_have_text("There is no network")
    assert walk.page.evaluate("getComputedStyle(document.querySelector('.panel')).borderRadius") != "0px"
    context.close()


def test_a_phone_can_install_it(browser: Browser, shown_dashboard: Dashboard) -> None:
    context = browser.new_context(base_url=shown_dashboard.url)
    walk = signed_in(context, shown_dashboard, "rep")
    walk.look_at("/deals")
    client = context.new_cdp_session(walk.page)
    errors = client.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [error["errorId"] for error in errors] == ["in-incognito"], "a test's window is one"
    manifest = client.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"] == f"{shown_dashboard.url}/manifest.webmanifest"
    context.close()
