"""axe-core finds nothing to complain about, on every page, light and dark, on desktop and phone."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.steps import ANSWER, ask, finished

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    "knowledge-bases": "/knowledge-bases/",
    "knowledge-base-new": "/knowledge-bases/new/",
    "jobs": "/jobs/",
    "models": "/models/",
    "rerankers": "/models/rerankers/",
    "evaluation": "/evaluation/",
    "question-set-new": "/evaluation/sets/new/",
    "team": "/team/",
    "api-keys": "/api-keys/",
    "password": "/accounts/password/change/",
}
LOOKS = [
    pytest.param({"width": 1360, "height": 860, "scheme": "light"}, id="desktop-light"),
    pytest.param({"width": 1360, "height": 860, "scheme": "dark"}, id="desktop-dark"),
    pytest.param({"width": 390, "height": 844, "scheme": "light"}, id="phone-light"),
    pytest.param({"width": 390, "height": 844, "scheme": "dark"}, id="phone-dark"),
]


def violations(page) -> list[str]:
    """What axe finds; its script is run by the debugger, which the page's policy does not bind."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}}).then(found => found.violations)",
        RULES,
    )
    return [
        f"{one['id']}: {one['help']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for one in found
        for node in one["nodes"]
    ]


def check(page, name, look, shot):
    shot(page, f"{name}-{look['width']}-{look['scheme']}")
    assert violations(page) == []
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= look["width"], f"{name} scrolls sideways: {wide} px"


@pytest.mark.parametrize("look", LOOKS)
def test_pages(open_page, library, shot, look):
    page = open_page(**look)
    addresses = {
        **PAGES,
        "knowledge-base": library,
        "knowledge-base-settings": library + "settings/",
        "knowledge-base-search": library + "settings/search/",
    }
    for name, address in addresses.items():
        page.goto(address)
        check(page, name, look, shot)
    page.goto(library)
    page.get_by_role("link", name="Handbook 2026.pdf").first.click()
    page.wait_for_url("**/documents/**")
    check(page, "document", look, shot)


@pytest.fixture(scope="package")
def run_address(product, browser, session, library) -> str:
    """The address of a finished evaluation run of one question, made through the pages."""
    context = browser.new_context(base_url=product.url, storage_state=session)
    page = context.new_page()
    page.goto("/evaluation/sets/new/")
    page.locator("[name=knowledge_base]").select_option(label="Staff handbook")
    page.locator("[name=name]").fill("Golden")
    page.locator("main form button.primary").click()
    page.locator("[name=text]").fill("Until when may unused leave be carried over?")
    page.locator("[name=document]").select_option(label="Handbook 2026.pdf")
    page.locator("form[action$='/questions/'] button").click()
    page.locator("form[action$='/runs/'] button").click()
    expect(page.locator("#run .badge.success").first).to_be_visible(timeout=60_000)
    address = page.url
    context.close()
    return address


@pytest.mark.parametrize("look", LOOKS)
def test_measuring(open_page, run_address, shot, look):
    page = open_page(**look)
    page.goto(run_address)
    for summary in page.locator("#run details > summary").all():
        summary.click()
    check(page, "evaluation-run", look, shot)
    page.goto(run_address + "questions/")
    page.locator("details.card > summary").first.click()
    check(page, "evaluation-questions", look, shot)
    page.goto("/evaluation/sets/new/")
    check(page, "question-set-new", look, shot)
    page.goto("/evaluation/")
    check(page, "evaluation", look, shot)
    page.get_by_role("link", name="Golden").click()
    check(page, "question-set", look, shot)
    page.goto("/search/")
    page.locator("[name=q]").fill("unused leave")
    page.keyboard.press("Enter")
    page.locator("section[aria-labelledby=second-stage] .found").first.wait_for()
    check(page, "search", look, shot)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_chat(open_page, library, says, shot, look, language):
    says(ANSWER)
    page = open_page(**look, language=language)
    page.goto("/")
    check(page, f"chat-home-{language}", look, shot)
    ask(page, "Until when may unused leave be carried over?")
    answer = finished(page)
    check(page, f"chat-answer-{language}", look, shot)
    answer.locator("a.cite").first.click()
    expect(page.locator(".page-canvas img")).to_have_js_property("complete", True)
    check(page, f"chat-citation-{language}", look, shot)
    if look["width"] > 1000:
        page.locator(".citation-foot").wait_for()
        page.keyboard.press("Escape")
        page.locator(".kb-picker summary").click()
        check(page, f"chat-picker-{language}", look, shot)


@pytest.mark.parametrize("look", LOOKS)
def test_login(product, browser, shot, look):
    context = browser.new_context(
        base_url=product.url,
        viewport={"width": look["width"], "height": look["height"]},
        color_scheme=look["scheme"],
    )
    page = context.new_page()
    page.goto("/accounts/login/")
    assert re.search("Log in", page.title())
    check(page, "login", look, shot)
    context.close()
