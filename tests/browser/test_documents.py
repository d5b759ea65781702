"""Documents in a real browser: many files at once, live progress, and chunks beside their pages."""

import pytest
from playwright.sync_api import expect

from tests.browser.steps import INDEXED_MS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

DROP = """texts => {
  const data = new DataTransfer();
  for (const [name, text] of Object.entries(texts)) data.items.add(new File([text], name));
  document.querySelector(".dropzone").dispatchEvent(
    new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


def new_knowledge_base(page, name: str) -> None:
    page.goto("/knowledge-bases/new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="No documents yet")).to_be_visible()


def text(name: str, words: str) -> dict:
    return {"name": name, "mimeType": "text/plain", "buffer": words.encode()}


def test_files_are_judged_one_by_one_and_watched_until_ready(open_page, product, shot):
    page = open_page()
    new_knowledge_base(page, "Uploads")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/progress/" in request.url else None)
    page.locator("#files").set_input_files(
        [
            text("first.txt", "Bicycles are repaired on Tuesdays."),
            text("empty.txt", ""),
            text("twin.txt", "Bicycles are repaired on Tuesdays."),
        ]
    )
    expect(page.locator("#upload-summary")).to_have_text("Uploaded: 1Not taken: 2")
    expect(page.get_by_role("link", name="Open the existing document")).to_be_visible()
    expect(page.locator("#uploads")).to_contain_text("The file is empty.")
    page.evaluate(DROP, {"dropped <b>.txt": "Helmets are lent at the desk.", "program.exe": "MZ\u0000\u0001"})
    expect(page.locator("#documents")).to_contain_text("dropped <b>.txt")
    expect(page.locator("tr .badge.success")).to_have_count(2, timeout=INDEXED_MS)
    shot(page, "documents-uploaded")
    seen = len(asked)
    page.wait_for_timeout(5000)
    assert len(asked) <= seen + 1, "the page goes on asking after all is done"


def test_filter_and_delete_without_leaving_the_page(open_page):
    page = open_page()
    new_knowledge_base(page, "Filters")
    page.locator("#files").set_input_files([text(f"{name}.txt", name) for name in ("alpha", "beta", "gamma")])
    rows = page.locator("#documents tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_label("Name contains").fill("bet")
    expect(rows).to_have_count(1)
    assert "q=bet" in page.url
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("link", name="Delete beta.txt").click()
    expect(rows).to_have_count(0)
    page.get_by_label("Name contains").fill("")
    expect(rows).to_have_count(2)


def test_a_chunk_and_its_place_on_the_page_light_up_together(open_page, library, shot):
    page = open_page()
    page.goto(library)
    page.get_by_role("link", name="Handbook 2026.pdf", exact=True).first.click()
    chunk = page.locator("li.chunk").first
    chunk.hover()
    expect(page.locator("svg.regions a.lit").first).to_be_attached()
    chunk.get_by_role("link").click()
    expect(page.locator("rect.region.marked").first).to_be_attached()
    expect(page.locator("li.chunk.marked")).to_have_count(1)
    expect(page.locator(".page-image img")).to_have_js_property("complete", True)
    assert page.locator(".page-image img").evaluate("image => image.naturalWidth") > 0
    shot(page, "document-marked")


def test_both_stages_of_a_search(open_page, library, shot):
    page = open_page()
    page.goto("/search/")
    page.get_by_label("Query").fill("How many days of leave are there?")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="First stage: recall")).to_be_visible(timeout=60_000)
    expect(page.locator(".found").first).to_contain_text("Handbook 2026.pdf")
    shot(page, "search")


def test_without_script(open_page):
    page = open_page(script=False)
    page.goto("/knowledge-bases/new/")
    page.get_by_label("Name", exact=True).fill("Plain forms")
    page.get_by_role("button", name="Create").click()
    page.locator("#files").set_input_files([text("one.txt", "One."), text("none.txt", "")])
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#uploads")).to_contain_text("The file is empty.")
    page.locator("#documents").get_by_role("link", name="one.txt", exact=True).click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No documents yet")).to_be_visible()
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Type its name to confirm").fill("Plain forms")
    page.get_by_role("button", name="Delete knowledge base").click()
    expect(page.get_by_role("heading", level=1, name="Knowledge bases")).to_be_visible()
    expect(page.get_by_role("link", name="Plain forms")).to_have_count(0)
