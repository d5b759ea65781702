"""Reading a file in this process: what the child does, without the child."""

import pytest

from ingestion import sniffing
from ingestion.parsers import registry
from ingestion.parsers.base import Source


@pytest.fixture
def read(tmp_path):
    """Pages of bytes under a file name; the type is told as an upload's is."""

    def read(data: bytes, name: str, **options):
        path = tmp_path / "stored"
        path.write_bytes(data)
        with path.open("rb") as file:
            mime = sniffing.mime_of(file, name=name)
        return list(registry.parse(Source(path=path, name=name, mime=mime, **options)))

    return read
