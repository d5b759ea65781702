"""Stored files as paths on this machine."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingestion.errors import ParseFailed
from ingestion.models import Document


@contextmanager
def local_copy(document: Document) -> Iterator[Path]:
    """The path of a document's bytes: the file itself, or a copy of it from remote storage.

    Raises ParseFailed("missing_file").
    """
    try:
        path = Path(document.file.path)
    except NotImplementedError:
        path = None
    if path:
        if not path.exists():
            raise ParseFailed("missing_file")
        yield path
        return
    with tempfile.NamedTemporaryFile() as copy:
        try:
            with document.file.open("rb") as stored:
                shutil.copyfileobj(stored, copy)
        except FileNotFoundError as error:
            raise ParseFailed("missing_file") from error
        copy.flush()
        yield Path(copy.name)
