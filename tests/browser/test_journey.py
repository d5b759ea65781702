"""From an empty product to a cited answer with the passage marked on its page."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import files
from tests.browser.steps import ANSWER, INDEXED_MS, ask, finished

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_an_answer_with_its_passage_marked(open_page, library, says, shot):
    says(ANSWER, delay_s=0.15)
    page = open_page()
    page.goto("/")
    shot(page, "home")
    ask(page, "Until when may unused leave be carried over?")
    streamed = page.locator(".live .stream-text")
    expect(streamed).to_contain_text("Unused leave")
    assert "following year" not in streamed.inner_text()  # words come one by one
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    shot(page, "streaming")
    answer = finished(page)
    assert re.search(r"/c/[0-9a-f-]{36}/$", page.url)
    expect(page.locator("#announcer")).to_have_text(re.compile(r"^Answer ready, \d+ sources?$"))
    expect(page.get_by_label("Your question")).to_be_focused()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    cited = answer.locator(".source.cited")
    expect(cited.first).to_contain_text("Handbook 2026.pdf")
    expect(cited.first).to_contain_text("Page 2")
    expect(cited.first.locator(".scores")).to_contain_text("Recall")
    expect(cited.first.locator(".scores")).to_contain_text("Rerank")
    shot(page, "answer")

    answer.locator("a.cite").first.click()
    viewer = page.locator("#viewer")
    expect(viewer.get_by_role("heading", name="Handbook 2026.pdf")).to_be_visible()
    expect(viewer).to_be_focused()
    assert_fact_is_marked(page)
    shot(page, "citation")
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    expect(answer.locator("a.cite").first).to_be_focused()


def assert_fact_is_marked(page):
    """The boxes over the page image lie where the words are, and not over the first lines of the page."""
    image = page.locator(".page-canvas img")
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.naturalWidth") > 0
    boxes = page.locator(".page-canvas").evaluate(
        """canvas => {
          const page = canvas.querySelector("img").getBoundingClientRect();
          return [...canvas.querySelectorAll("rect")].map((rect) => {
            const box = rect.getBoundingClientRect();
            return [(box.left - page.left) / page.width, (box.top - page.top) / page.height,
                    (box.right - page.left) / page.width, (box.bottom - page.top) / page.height];
          });
        }"""
    )
    x0, y0, x1, y1 = files.place_of_fact()
    middle = (y0 + y1) / 2
    at_fact = [box for box in boxes if box[1] <= middle <= box[3]]
    assert at_fact, (boxes, (x0, y0, x1, y1))
    assert min(box[0] for box in at_fact) <= x0 + 0.02
    assert max(box[2] for box in at_fact) >= x1 - 0.02
    assert all(box[1] > 0.1 for box in boxes), f"the chapter's title is marked too: {boxes}"


def test_on_a_phone_a_source_is_a_page_of_its_own(open_page, library, says, shot):
    says(ANSWER)
    page = open_page(width=390, height=844)
    page.goto("/")
    shot(page, "phone-home")
    ask(page, "Until when may unused leave be carried over?")
    answer = finished(page)
    shot(page, "phone-answer")
    answer.locator("a.cite").first.click()
    page.wait_for_url("**/citations/*/")
    assert_fact_is_marked(page)
    shot(page, "phone-citation")
    page.get_by_role("link", name="Back to the answer").click()
    expect(page.locator(".message.answer").first).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390


def test_a_text_is_opened_at_the_passage_in_chinese(open_page, library, says, shot):
    says("出差须提前三天在系统中提交申请，并由直属经理批准[1]。")
    page = open_page(language="zh-hans")
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    shot(page, "zh-home")
    page.locator("#question").fill("员工出差须提前几天提交申请？")
    page.keyboard.press("Enter")
    answer = finished(page)
    answer.locator("a.cite").first.click()
    mark = page.locator("#viewer mark")
    expect(mark).to_contain_text("提前三天")
    expect(mark).to_be_in_viewport()
    shot(page, "zh-citation")


def test_a_refusal_says_so_and_offers_what_comes_closest(open_page, library, says, shot):
    says("The documents do not say.")
    page = open_page()
    page.goto("/")
    ask(page, "What is the boiling point of neptunium?")
    answer = finished(page)
    expect(answer).to_contain_text("Not found in the documents")
    expect(answer.locator(".source.cited")).to_have_count(0)
    shot(page, "refused")


def test_stop_keeps_what_was_written(open_page, library, says, shot):
    says(ANSWER + " And more" * 200, delay_s=0.1)
    page = open_page()
    page.goto("/")
    ask(page, "Until when may unused leave be carried over?")
    expect(page.locator(".live .stream-text")).to_contain_text("Unused leave")
    page.get_by_role("button", name="Stop").click()
    answer = finished(page)
    expect(answer).to_contain_text("You stopped this answer.")
    expect(answer).to_contain_text("Unused leave")
    expect(answer.get_by_role("button", name="Ask again")).to_be_visible()
    expect(page.get_by_label("Your question")).to_be_focused()
    shot(page, "stopped")


def test_a_reload_in_mid_answer_goes_on(open_page, library, says, shot):
    says("First words. " + "More words follow. " * 20 + "The last words.", delay_s=0.1)
    page = open_page()
    page.goto("/")
    ask(page, "Until when may unused leave be carried over?")
    expect(page.locator(".live .stream-text")).to_contain_text("More words follow. More")
    page.reload()
    streamed = page.locator(".live .stream-text")
    expect(streamed).to_contain_text("First words.")
    shot(page, "reloaded")
    answer = finished(page)
    expect(answer).to_contain_text("The last words.")
    assert answer.locator(".answer-text").inner_text().count("First words.") == 1


def test_the_conversation_is_found_renamed_and_deleted(open_page, library, says):
    says(ANSWER)
    page = open_page()
    page.goto("/")
    ask(page, "Where do bicycles stand at night?")
    finished(page)
    page.get_by_label("Search conversations").fill("bicycles")
    items = page.locator(".conversation-item")
    expect(items).to_have_count(1)
    items.get_by_label("Options for").click()
    items.get_by_label("Title").fill("Bicycles")
    items.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", level=1, name="Bicycles")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    current = page.locator(".conversation-item.current")
    current.get_by_label("Options for").click()
    current.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The conversation is deleted.")).to_be_visible()
    expect(page.locator(".conversation-item", has_text="Bicycles")).to_have_count(0)


def test_enter_while_choosing_characters_does_not_send(open_page, library):
    page = open_page()
    page.goto("/")
    box = page.get_by_label("Your question")
    box.fill("nihao")
    box.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    page.wait_for_timeout(200)
    expect(page.locator(".message")).to_have_count(0)
    page.keyboard.press("Shift+Enter")
    assert box.input_value() == "nihao\n"


def test_a_refused_question_says_why_and_is_kept(open_page, library):
    page = open_page()
    page.goto("/")
    page.locator(".kb-picker summary").click()
    for box in page.locator(".kb-picker input").all():
        box.uncheck()
    expect(page.locator("[data-chosen]")).to_have_text("Choose a knowledge base")
    page.keyboard.press("Escape")
    ask(page, "Is this kept?")
    expect(page.locator("#messages")).to_contain_text("no knowledge base here")
    assert page.get_by_label("Your question").input_value() == "Is this kept?"


def test_copy(open_page, library, says):
    says(ANSWER)
    page = open_page()
    page.goto("/")
    ask(page, "Until when may unused leave be carried over?")
    finished(page).get_by_role("button", name="Copy").click()
    assert "31 March" in page.evaluate("navigator.clipboard.readText()")


def test_without_javascript_everything_works(open_page, library, says):
    says(ANSWER)
    page = open_page(script=False)
    page.goto("/")
    page.get_by_label("Your question").fill("Until when may unused leave be carried over?")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/c/*/**")
    answer = finished(page)
    expect(answer).to_contain_text("31 March")
    answer.locator("a.cite").first.click()
    expect(page.locator(".page-marks rect").first).to_be_attached()


def test_a_deleted_document_leaves_its_quote(open_page, product, says, shot):
    says("The boat sails at nine [1].")
    page = open_page()
    page.goto("/knowledge-bases/new/")
    page.get_by_label("Name", exact=True).fill("Timetable")
    page.get_by_role("button", name="Create").click()
    page.locator("input[type=file]").set_input_files(
        [{"name": "boats.txt", "mimeType": "text/plain", "buffer": b"The boat to the island sails at nine."}]
    )
    expect(page.locator("tr .badge.success")).to_have_count(1, timeout=INDEXED_MS)
    page.goto("/?knowledge_base=" + re.search(r"[0-9a-f-]{36}", page.url)[0])
    ask(page, "When does the boat to the island sail?")
    answer = finished(page)
    expect(answer.locator("a.cite").first).to_be_visible()
    thread = page.url
    page.goto("/knowledge-bases/")
    page.get_by_role("link", name="Timetable").first.click()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_label("Delete boats.txt").click()
    expect(page.locator("tr", has_text="boats.txt")).to_have_count(0)
    page.goto(thread)
    page.locator("a.cite").first.click()
    viewer = page.locator("#viewer")
    expect(viewer).to_contain_text("This document has been deleted")
    expect(viewer).to_contain_text("sails at nine")
    shot(page, "citation-of-deleted")
