"""The child that reads files: it answers, it is stopped, it takes nothing with it."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from ingestion import sandbox, sniffing
from ingestion.errors import ParseFailed
from ingestion.pages import Block, Page, Region
from tests.ingestion import files

ROOT = Path(sandbox.__file__).resolve().parent.parent


@pytest.fixture
def stored(tmp_path):
    def store(data: bytes) -> Path:
        path = tmp_path / "stored"
        path.write_bytes(data)
        return path

    return store


def parse(path, mime=sniffing.PDF, on_page=lambda _done, _total: None):
    return sandbox.parse(path, name="file", mime=mime, on_page=on_page)


def failure(path, mime=sniffing.PDF) -> ParseFailed:
    with pytest.raises(ParseFailed) as failed:
        parse(path, mime)
    return failed.value


def children() -> list[psutil.Process]:
    """Readers that still run, not the servers that other tests started."""
    running = psutil.Process().children(recursive=True)
    return [
        p for p in running if p.status() != psutil.STATUS_ZOMBIE and "ingestion.parsers.child" in p.cmdline()
    ]


def test_pages_and_progress_come_back(stored):
    told = []
    pages = parse(stored(files.prose_pdf(3)), on_page=lambda done, total: told.append((done, total)))
    assert [page.number for page in pages] == [1, 2, 3]
    assert pages[1].blocks[0].text == "2 Chapter about topic 2"
    assert isinstance(pages[1].blocks[1].lines[0][1], Region)
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert not children()


def test_pages_survive_the_wire():
    region = Region(2, 0.1, 0.25, 0.5, 1.0)
    page = Page(
        2,
        (Block("table", "é\n中\U0001f600", region, ("a", "b"), (("é", region),)), Block("x", "")),
        "L",
        False,
        1,
        2,
    )
    assert sandbox.decode_page(sandbox.encode_page(page)) == page


@pytest.mark.parametrize(
    ("make", "mime", "code"),
    [
        (lambda: files.encrypted_pdf("secret"), sniffing.PDF, "password_protected"),
        (lambda: b"%PDF-1.7 nothing", sniffing.PDF, "corrupt"),
        (lambda: files.pdf(lambda _page, _number: None), sniffing.PDF, "no_text"),
        (files.zip_bomb, sniffing.DOCX, "zip_bomb"),
        (lambda: b"   \n", sniffing.TEXT, "no_text"),
        (files.blank_image, "image/png", "no_text"),
        (lambda: b"\x89PNG\r\n\x1a\nbroken", "image/png", "corrupt"),
    ],
)
def test_each_failure_has_its_own_code(stored, make, mime, code):
    assert failure(stored(make()), mime).code == code


def test_a_missing_file(tmp_path):
    assert failure(tmp_path / "gone").code == "missing_file"


def test_too_many_pages(stored, settings):
    settings.MAX_PAGES = 2
    failed = failure(stored(files.prose_pdf(3)))
    assert (failed.code, failed.detail) == ("too_many_pages", "3 > 2")


def test_what_takes_too_long_is_killed(stored, settings):
    settings.PARSE_TIMEOUT_S = 1
    started = time.monotonic()
    assert failure(stored(b"word " * 30_000_000), sniffing.TEXT).code in ("timeout", "out_of_memory")
    assert time.monotonic() - started < 10
    assert not children()


def test_what_needs_too_much_memory_is_stopped(stored, settings):
    settings.PARSE_MEMORY_MB = 60
    assert failure(stored(b"a,b\n" * 10_000_000), sniffing.CSV).code == "out_of_memory"
    assert not children()


def test_a_crash_is_told_from_the_rest(stored, monkeypatch):
    def crash(_done, _total):
        os.kill(children()[0].pid, signal.SIGSEGV)

    with pytest.raises(ParseFailed) as failed:
        parse(stored(files.prose_pdf(1500)), on_page=crash)
    assert failed.value.code == "crashed"
    assert "-11" in failed.value.detail


def test_what_progress_raises_ends_the_child(stored):
    class Gone(Exception):
        pass

    def gone(_done, _total):
        raise Gone

    with pytest.raises(Gone):
        parse(stored(files.prose_pdf(300)), on_page=gone)
    assert not children()


def test_the_child_sees_no_secrets_and_may_not_reach_out(tmp_path):
    code = textwrap.dedent(
        """
        import os, socket, subprocess, sys
        from ingestion.parsers import child
        child.restrain(timeout_s=20, memory_mb=500, parent=os.getppid())
        for act in (
            lambda: socket.create_connection(("127.0.0.1", 9)),
            lambda: socket.getaddrinfo("example.com", 80),
            lambda: subprocess.run(["true"]),
            lambda: os.system("true"),
        ):
            try:
                act()
            except PermissionError:
                print("refused")
        print("SECRET_KEY" in os.environ, "LLM_API_KEY" in os.environ)
        """
    )
    environment = sandbox._environment()
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30
    )
    assert ran.stdout.split("\n")[:5] == ["refused"] * 4 + ["False False"], ran.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_the_child_dies_with_its_parent(stored):
    path = stored(files.prose_pdf(1500))
    code = textwrap.dedent(
        f"""
        import os, sys
        os.environ["DJANGO_SETTINGS_MODULE"] = "qa_project.settings"
        from pathlib import Path
        from ingestion import sandbox
        def on_page(done, total):
            print("reading", flush=True)
            import time; time.sleep(60)
        sandbox.parse(Path({str(path)!r}), name="a", mime="application/pdf", on_page=on_page)
        """
    )
    environment = os.environ | {"DATA_DIR": str(path.parent)}
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    assert parent.stdout
    assert parent.stdout.readline() == b"reading\n"
    readers = psutil.Process(parent.pid).children()
    assert readers
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _gone, alive = psutil.wait_procs(readers, timeout=5)
    assert not alive
