"""What several browser tests do on the chat page."""

from playwright.sync_api import Locator, Page, expect

INDEXED_MS = 120_000
"""Longest wait until an uploaded document is ready, the first of which loads the embedder."""
ANSWER = "Unused leave may be carried over until 31 March of the following year [1]."


def ask(page: Page, question: str) -> None:
    page.locator("#question").fill(question)
    page.keyboard.press("Enter")


def finished(page: Page, number: int = 1) -> Locator:
    """The last answer, once there are ``number`` of them and none is being made."""
    answers = page.locator(".message.answer:not(.live)")
    expect(answers).to_have_count(number, timeout=60_000)
    return answers.last
