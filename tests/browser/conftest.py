"""The real product in a process of its own, a language model that says what a test tells it, and Chromium."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import files
from tests.browser.steps import INDEXED_MS
from tests.fake_llm import Behaviour, FakeLLM

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "test-artifacts"
START_S = 90


@dataclass(frozen=True)
class Product:
    """A running server; ``llm.behaviours`` is what its language model does next."""

    url: str
    email: str
    password: str
    llm: FakeLLM
    log: Path


def chromium() -> str | None:
    """The browser to drive: CHROMIUM, else one that is installed, else Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="package")
def product(tmp_path_factory):
    folder = tmp_path_factory.mktemp("product")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with FakeLLM("Nothing was asked of me yet.") as llm:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")},
            "DATA_DIR": str(folder),
            "PORT": str(port),
            "LLM_BASE_URL": llm.base_url,
            "LLM_MODEL": "fake",
            "LLM_API_KEY": "unused",
            "OMP_NUM_THREADS": "1",
            "TORCH_THREADS": "1",
        }
        for name in ("DATABASE_URL", "CELERY_BROKER_URL", "REDIS_URL", "QDRANT_URL", "PUBLIC_URL", "DEBUG"):
            environment[name] = ""

        def manage(*command: str) -> str:
            done = subprocess.run(
                [sys.executable, "manage.py", *command],
                cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            return done.stdout

        manage("migrate", "--verbosity", "0")
        password = re.search(
            r"password\s+(\S+)", manage("setup_demo", "--no-sample", "--email", "ada@example.com")
        )
        log = folder / "serve.log"
        with log.open("w") as output:
            server = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(port)],
                cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            wait_until_served(url, server, log)
            yield Product(url, "ada@example.com", password[1], llm, log)
        finally:
            llm.released.set()
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
            ARTIFACTS.mkdir(exist_ok=True)
            shutil.copy(log, ARTIFACTS / "serve.log")


def wait_until_served(url: str, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(url + "/accounts/login/", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"not served within {START_S} s:\n{log.read_text()}")


@pytest.fixture(scope="package")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def session(product: Product, browser: Browser):
    """The cookies of somebody who logged in through the page."""
    context = browser.new_context(base_url=product.url, locale="en")
    page = context.new_page()
    page.goto("/")
    page.locator("input[name=login]").fill(product.email)
    page.locator("input[name=password]").fill(product.password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", level=1, name="Ask your documents").wait_for()
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture(scope="package")
def library(product, browser, session):
    """The address of a knowledge base with two documents, made and filled through the pages."""
    context = browser.new_context(base_url=product.url, storage_state=session)
    page = context.new_page()
    page.goto("/knowledge-bases/new/")
    page.get_by_label("Name", exact=True).fill("Staff handbook")
    page.get_by_role("button", name="Create").click()
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "Handbook 2026.pdf", "mimeType": "application/pdf", "buffer": files.handbook()},
            {"name": "差旅制度.md", "mimeType": "text/markdown", "buffer": files.TRAVEL.encode()},
        ]
    )
    expect(page.locator("tr .badge.success")).to_have_count(2, timeout=INDEXED_MS)
    address = page.url
    context.close()
    return address


@pytest.fixture
def open_page(product: Product, browser: Browser, session, request):
    """Opens pages as the person who logged in; any error a page reports fails the test."""
    contexts, problems = [], []

    def open_one(*, width=1360, height=860, scheme="light", language="en", script=True) -> Page:
        context = browser.new_context(
            base_url=product.url,
            storage_state=session,
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            java_script_enabled=script,
            locale="zh-CN" if language == "zh-hans" else "en",
        )
        context.add_cookies([{"name": "django_language", "value": language, "url": product.url}])
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        page.on("console", lambda said: note(page, said))
        return page

    def note(page: Page, said) -> None:
        # A refusal in words (422) is an answer; browsers report it as an error all the same.
        if said.type == "error" and "422" not in said.text:
            problems.append(f"{page.url}: {said.text}")

    yield open_one
    for context in contexts:
        context.close()
    assert not problems, problems


@pytest.fixture
def shot():
    """Keeps a picture in test-artifacts/, for people to look at.

    Hiding the caret, which is the default, would put a style into the page, against its policy.
    """
    ARTIFACTS.mkdir(exist_ok=True)
    return lambda page, name: page.screenshot(path=ARTIFACTS / f"{name}.png", caret="initial")


@pytest.fixture
def says(product: Product):
    """Tells the language model what to do with the requests that come."""

    def tell(reply: str, *, first_delay_s: float = 0.0, delay_s: float = 0.0) -> None:
        product.llm.behaviours[:] = [Behaviour(reply, first_delay_s=first_delay_s, delay_s=delay_s)]

    return tell
