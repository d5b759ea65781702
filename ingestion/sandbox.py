"""Parsing in a child process that can be stopped: documents are untrusted, and libraries hang.

The child (`ingestion.parsers.child`) lives under limits of its own, sees no secrets in its
environment, may not open connections or start programs, and dies with its parent.
"""

import base64
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from django.conf import settings

from ingestion.errors import ParseFailed
from ingestion.pages import Block, Page, Region

HEARTBEAT_S = 5.0
"""How often ``on_page`` is called while a page takes long."""
KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
ROOT = Path(__file__).resolve().parent.parent


def parse(path: Path, *, name: str, mime: str, on_page: Callable[[int, int], None]) -> list[Page]:
    """Read the file at ``path`` into pages.

    ``on_page(done, total)`` is told about progress, and at least every few seconds; what it raises
    ends the child. Raises `ParseFailed`: the parser's own codes, or "timeout", "out_of_memory",
    "crashed", "missing_file".
    """
    order = {
        "task": "parse",
        "name": name,
        "mime": mime,
        "ocr": settings.OCR,
        "max_pages": settings.MAX_PAGES,
    }
    pages: list[Page] = []
    done, total = 0, 0
    for message in _run(path, order, timeout_s=settings.PARSE_TIMEOUT_S):
        match message:
            case {"page": page}:
                pages.append(decode_page(page))
            case {"done": int(done), "total": int(total)}:
                on_page(done, total)
            case None:
                on_page(done, total)
            case {"end": int(count)}:
                if count != len(pages):
                    raise ParseFailed("crashed", f"{len(pages)} of {count} pages arrived")
    return pages


def paint(path: Path, *, mime: str, number: int, width: int, timeout_s: int) -> bytes:
    """One page as PNG (see `ingestion.parsers.painting`); raises `ParseFailed`."""
    order = {"task": "paint", "mime": mime, "number": number, "width": width}
    for message in _run(path, order, timeout_s=timeout_s):
        if message and "png" in message:
            return base64.b64decode(message["png"])
    raise ParseFailed("crashed")


def _run(path: Path, order: dict, *, timeout_s: int) -> Iterator[dict | None]:
    """Give a child its order and yield its messages; None every few seconds of silence."""
    if not Path(path).exists():
        raise ParseFailed("missing_file")
    order |= {
        "path": str(Path(path).resolve()),
        "timeout_s": timeout_s,
        "memory_mb": settings.PARSE_MEMORY_MB,
        "parent": os.getpid(),
    }
    with tempfile.TemporaryFile() as stderr:
        child = subprocess.Popen(
            [sys.executable, "-m", "ingestion.parsers.child", json.dumps(order)],
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            ended = yield from _follow(child, timeout_s)
            if not ended:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(timeout=HEARTBEAT_S)
        finally:
            _kill(child)
        if not ended:
            raise _death(child.returncode, stderr)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    # one thread each: several files may be read at once, and thread pools reserve memory
    return kept | {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }


def _follow(child: subprocess.Popen[bytes], timeout_s: int) -> Generator[dict | None, None, bool]:
    """Pass on the child's messages; returns whether it came to a proper end."""
    lines: queue.Queue[bytes | None] = queue.Queue(maxsize=1000)
    stopped = threading.Event()
    threading.Thread(target=_pump, args=(child, lines, stopped), daemon=True).start()
    deadline = time.monotonic() + timeout_s
    try:
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise ParseFailed("timeout", f"{timeout_s} s")
            try:
                line = lines.get(timeout=min(HEARTBEAT_S, remaining))
            except queue.Empty:
                yield None
                continue
            if line is None:
                return False
            try:
                message = json.loads(line)
            except ValueError:
                return False  # died in the middle of a line
            if "failed" in message:
                raise ParseFailed(message["failed"], message["detail"])
            yield message
            if "end" in message or "png" in message:
                return True
    finally:
        stopped.set()


def _pump(
    child: subprocess.Popen[bytes], lines: "queue.Queue[bytes | None]", stopped: threading.Event
) -> None:
    assert child.stdout
    for line in iter(child.stdout.readline, b""):
        while not stopped.is_set():
            try:
                lines.put(line, timeout=1)
                break
            except queue.Full:
                continue
        else:
            return
    while not stopped.is_set():
        try:
            return lines.put(None, timeout=1)
        except queue.Full:
            continue


def _kill(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdout:
        child.stdout.close()


def _death(returncode: int, stderr) -> ParseFailed:
    """Why a child that said nothing ended."""
    stderr.seek(0, os.SEEK_END)
    stderr.seek(max(0, stderr.tell() - 2000))
    last_words = stderr.read().decode("utf-8", "replace").strip()
    if returncode == -signal.SIGXCPU:
        return ParseFailed("timeout", "CPU time")
    if returncode == -signal.SIGKILL or "MemoryError" in last_words or "bad_alloc" in last_words:
        return ParseFailed("out_of_memory", last_words[-300:])
    return ParseFailed("crashed", f"exit status {returncode}: {last_words[-500:]}")


def encode_page(page: Page) -> dict:
    """A page as JSON values, as `decode_page` reads them."""
    return {
        "n": page.number,
        "label": page.label,
        "paged": page.paged,
        "size": [page.width, page.height],
        "blocks": [
            [
                block.kind,
                block.text,
                _box(block.region),
                list(block.heading_path),
                [[text, _box(region)] for text, region in block.lines],
            ]
            for block in page.blocks
        ],
    }


def decode_page(value: dict) -> Page:
    """A page from what `encode_page` made."""
    number = value["n"]
    return Page(
        number=number,
        label=value["label"],
        paged=value["paged"],
        width=value["size"][0],
        height=value["size"][1],
        blocks=tuple(
            Block(
                kind=kind,
                text=text,
                region=_region(number, box),
                heading_path=tuple(path),
                lines=tuple((line, Region(number, *line_box)) for line, line_box in lines),
            )
            for kind, text, box, path, lines in value["blocks"]
        ),
    )


def _box(region: Region | None) -> list[float] | None:
    return [round(v, 4) for v in (region.x0, region.y0, region.x1, region.y1)] if region else None


def _region(number: int, box: list[float] | None) -> Region | None:
    return Region(number, *box) if box else None
