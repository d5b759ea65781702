"""How well and how fast a folder of documents is read: ``python benchmarks/parse_docs.py DIR``.

Each file goes the way of an upload: its type is told by its bytes, a child process reads it under
the product's limits, and the text is cut into chunks. One line a file, then totals.
"""

import argparse
import os
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qa_project.settings")

import django  # noqa: E402

django.setup()

from ingestion import chunking, sandbox, sniffing  # noqa: E402
from ingestion.errors import ParseFailed, UploadRefused, message_for  # noqa: E402

TARGET_TOKENS = 256


@dataclass
class Outcome:
    file: str
    status: str
    seconds: float
    pages: int = 0
    chunks: int = 0
    chars: int = 0
    reason: str = ""


def read(path: Path) -> Outcome:
    """Read one file as the product would."""
    started = time.perf_counter()
    try:
        if not path.stat().st_size:
            raise UploadRefused("empty")
        with path.open("rb") as file:
            mime = sniffing.mime_of(file, name=path.name)
        pages = sandbox.parse(path, name=path.name, mime=mime, on_page=lambda _done, _total: None)
        spans = chunking.split(pages, target_tokens=TARGET_TOKENS, count_tokens=chunking.estimate_tokens)
    except UploadRefused as refusal:
        return Outcome(path.name, "refused", time.perf_counter() - started, reason=refusal.code)
    except ParseFailed as failure:
        reason = f"{failure.code}  {failure.detail}"[:60].replace("\n", " ")
        return Outcome(path.name, "failed", time.perf_counter() - started, reason=reason)
    seconds = time.perf_counter() - started
    return Outcome(
        path.name, "parsed", seconds, len(pages), len(spans), sum(len(page.text) for page in pages)
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    folder: Path = arguments.parse_args().folder
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    print(f"{'file':44} {'status':8} {'seconds':>8} {'pages':>6} {'chunks':>7} {'chars':>9}  reason")
    outcomes = []
    for path in files:
        outcome = read(path)
        outcomes.append(outcome)
        start = f"{outcome.file[:44]:44} {outcome.status:8} {outcome.seconds:8.2f}"
        counted = f"{outcome.pages:6} {outcome.chunks:7} {outcome.chars:9}"
        print(f"{start} {counted}  {outcome.reason}", flush=True)
    counts = Counter(outcome.status for outcome in outcomes)
    pages, seconds = sum(o.pages for o in outcomes), sum(o.seconds for o in outcomes)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\n{len(outcomes)} files: " + ", ".join(f"{count} {status}" for status, count in counts.items()))
    chunks = sum(outcome.chunks for outcome in outcomes)
    print(f"{pages} pages, {chunks} chunks in {seconds:.0f} s; largest reader {peak:.0f} MB")
    for code in sorted({outcome.reason.split()[0] for outcome in outcomes if outcome.reason}):
        print(f"  {code}: {message_for(code)}")


if __name__ == "__main__":
    main()
