"""Pictures of pages, for marking a cited passage where it stands.

They are painted in a child process like all work on untrusted files, and kept in a folder whose
size is bounded.
"""

import shutil
import threading
from pathlib import Path
from uuid import UUID

from django.conf import settings

from ingestion import sandbox
from ingestion.errors import ParseFailed
from ingestion.files import local_copy
from ingestion.models import Document
from ingestion.sniffing import PDF

WIDTHS = (200, 400, 800, 1200, 1600, 2000)
"""What is asked for is rounded up to one of these, so that few sizes are kept."""
CACHE_BYTES = 512 * 1024 * 1024
PAINT_TIMEOUT_S = 20
PRUNE_EVERY = 50

_painters = threading.BoundedSemaphore(2)
_painted = 0


class PageNotRendered(Exception):
    """There is no picture of this page: no such page, no such file, or a file that cannot be painted."""


def has_image(document: Document) -> bool:
    """Whether the document's pages have a look of their own: PDF files and images."""
    return document.mime == PDF or document.mime.startswith("image/")


def page_image(document: Document, number: int, *, width: int) -> bytes:
    """Page ``number`` (from 1) as PNG, about ``width`` pixels wide; raises `PageNotRendered`."""
    if not has_image(document) or number < 1:
        raise PageNotRendered
    width = next((known for known in WIDTHS if known >= width), WIDTHS[-1])
    kept = folder(document.pk) / f"{number}-{width}.png"
    try:
        return kept.read_bytes()
    except FileNotFoundError:
        pass
    try:
        with _painters, local_copy(document) as path:
            png = sandbox.paint(
                path, mime=document.mime, number=number, width=width, timeout_s=PAINT_TIMEOUT_S
            )
    except ParseFailed as error:
        raise PageNotRendered(str(error)) from error
    _keep(kept, png)
    return png


def forget(document_id: UUID) -> None:
    """Drop the pictures of a document."""
    shutil.rmtree(folder(document_id), ignore_errors=True)


def folder(document_id: UUID) -> Path:
    return settings.DATA_DIR / "page_images" / str(document_id)


def _keep(path: Path, png: bytes) -> None:
    global _painted
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{threading.get_ident()}")
        scratch.write_bytes(png)
        scratch.replace(path)
    except OSError:
        return  # a full disk costs speed, not the page
    _painted += 1
    if _painted % PRUNE_EVERY == 0:
        prune(path.parent.parent)


def prune(root: Path, *, limit: int = CACHE_BYTES) -> None:
    """Delete the oldest pictures under ``root`` until at most ``limit`` bytes are left."""
    files = sorted(((file.stat(), file) for file in root.glob("*/*.png")), key=lambda pair: pair[0].st_mtime)
    excess = sum(stat.st_size for stat, _file in files) - limit
    for stat, file in files:
        if excess <= 0:
            break
        file.unlink(missing_ok=True)
        excess -= stat.st_size
