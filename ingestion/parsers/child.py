"""The child process that reads one file: ``python -m ingestion.parsers.child ORDER``.

ORDER is JSON (see `ingestion.sandbox`). The answer goes to stdout, one JSON value a line:
``{"done", "total"}``, ``{"page"}``, then ``{"end"}`` or ``{"failed", "detail"}``; an order to
paint is answered with one ``{"png"}`` in base 64.
"""

import base64
import ctypes
import json
import os
import signal
import sys
import traceback
from pathlib import Path

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

FORBIDDEN = (
    "socket.connect",
    "socket.getaddrinfo",
    "socket.bind",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.fork",
)
PR_SET_PDEATHSIG = 1
MOST_WRITTEN = 64 * 1024 * 1024


def restrain(*, timeout_s: int, memory_mb: int, parent: int) -> None:
    """Put this process under limits: time, memory, no connections, no programs, no life of its own."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    if hasattr(os, "nice"):
        os.nice(5)  # pages are served first
    if resource:
        limits = {
            "RLIMIT_CPU": timeout_s + 5,
            "RLIMIT_DATA": memory_mb * 1024 * 1024,
            "RLIMIT_FSIZE": MOST_WRITTEN,
            "RLIMIT_CORE": 0,
        }
        for name, limit in limits.items():
            _soft, hard = resource.getrlimit(getattr(resource, name))
            limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(getattr(resource, name), (limit, hard))
    sys.addaudithook(_refuse)


def _refuse(event: str, _arguments: object) -> None:
    if event.startswith(FORBIDDEN):
        raise PermissionError(f"a document's reader may not {event}")


def main() -> None:
    order = json.loads(sys.argv[1])
    # libraries print to stdout; the answer gets a descriptor of its own
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogatepass", buffering=1 << 16)
    os.dup2(2, 1)
    restrain(timeout_s=order["timeout_s"], memory_mb=order["memory_mb"], parent=order["parent"])

    from ingestion.errors import ParseFailed

    total = 0

    def say(message: dict, *, flush: bool = True) -> None:
        out.write(json.dumps(message) + "\n")
        if flush:
            out.flush()

    def pages_known(count: int) -> None:
        nonlocal total
        if count > order["max_pages"]:
            raise ParseFailed("too_many_pages", f"{count} > {order['max_pages']}")
        total = count
        say({"done": 0, "total": total})

    def page_read(done: int) -> None:
        say({"done": done, "total": max(total, done)}, flush=done % 16 == 0 or done >= total)

    def paint() -> None:
        from ingestion.parsers.painting import paint

        png = paint(Path(order["path"]), mime=order["mime"], number=order["number"], width=order["width"])
        say({"png": base64.b64encode(png).decode()})

    def parse() -> None:
        from ingestion.parsers import registry
        from ingestion.parsers.base import Source
        from ingestion.sandbox import encode_page

        source = Source(
            path=Path(order["path"]),
            name=order["name"],
            mime=order["mime"],
            ocr=order["ocr"],
            max_pages=order["max_pages"],
            pages_known=pages_known,
            page_read=page_read,
        )
        count = chars = 0
        for page in registry.parse(source):
            count += 1
            chars += sum(len(block.text) for block in page.blocks)
            if chars > source.max_chars:
                raise ParseFailed("too_much_text", f"> {source.max_chars}")
            say({"page": encode_page(page)}, flush=False)
        if not chars:
            raise ParseFailed("no_text")
        say({"end": count})

    try:
        paint() if order["task"] == "paint" else parse()
    except ParseFailed as failure:
        say({"failed": failure.code, "detail": failure.detail})
    except MemoryError:
        say({"failed": "out_of_memory", "detail": ""})
    except Exception as error:
        traceback.print_exc()
        say({"failed": "crashed", "detail": f"{type(error).__name__}: {error}"[:500]})
    out.flush()
    os._exit(0)  # no clean-up of libraries that a broken file has confused


if __name__ == "__main__":
    main()
